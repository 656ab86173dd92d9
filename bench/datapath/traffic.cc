// Both ends of new connections and requests through a node, on one processor: server and client sockets
// belong to one thread, so that it is always the kernel's turn or ours and nobody waits. Start: traffic
// CLIENT NODE SERVER CPU, the paths of three network namespaces and the processor to stay on. Reads commands
// from stdin, a line each:
//
//   tcp FIRST COUNT PORT MS   connects to random ones of COUNT addresses from FIRST (a number), accepts,
//   resets udp FIRST COUNT PORT MS   sends one request from a new port, answers it, takes the answer flush
//   deletes the node's tracked connections
//
// and answers the first two with: nanoseconds, processor nanoseconds, connections, p50 and p99 in nanoseconds
// (of connect, or of request to answer); the last one with 0. Ends with a line on stderr when anything is
// lost.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr uint16_t kServerPort = 8080;
/** Client ports are used once in a run of a command, so that every flow is new to the node. */
constexpr uint32_t kFirstPort = 2048;
constexpr uint32_t kMostFlows = 60'000;
/** A packet that is not there after so long is lost. */
constexpr timeval kPatience{.tv_sec = 2, .tv_usec = 0};
/** Flows at the beginning that are not counted: caches hold another lane's tables. */
constexpr uint32_t kWarmUp = 200;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "traffic: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int checked(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

uint64_t nanoseconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

void enter(const char* path) {
  const int netns = checked(::open(path, O_RDONLY | O_CLOEXEC), path);
  checked(::setns(netns, CLONE_NEWNET), path);
  ::close(netns);
}

/**
 * Processor time of this thread with the softirqs that run on top of it, which is where packets are
 * forwarded. The thread's own clock leaves those out on kernels with CONFIG_IRQ_TIME_ACCOUNTING; it is for
 * those without perf events.
 */
class ProcessorTime {
 public:
  ProcessorTime() {
    perf_event_attr task{};
    task.type = PERF_TYPE_SOFTWARE;
    task.size = sizeof task;
    task.config = PERF_COUNT_SW_TASK_CLOCK;
    counter_ = static_cast<int>(::syscall(SYS_perf_event_open, &task, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  uint64_t now() const {
    uint64_t value = 0;
    if (counter_ >= 0 && ::read(counter_, &value, sizeof value) == sizeof value) return value;
    return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  }

 private:
  int counter_;
};

struct Targets {
  uint32_t first, count;
  uint16_t port;
  uint32_t state = 0x9e3779b9;

  /** Marsaglia's xorshift: any order that is not the table's own will do. */
  sockaddr_in next() {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(first + state % count);
    return address;
  }
};

int serverSocket(int type) {
  const int fd = checked(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket of the server");
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(kServerPort);
  checked(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), "bind of the server");
  checked(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience), "SO_RCVTIMEO");
  if (type == SOCK_STREAM) {
    checked(::listen(fd, 128), "listen");
  } else {
    const int on = 1;
    checked(::setsockopt(fd, SOL_IP, IP_PKTINFO, &on, sizeof on), "IP_PKTINFO");
  }
  return fd;
}

class Traffic {
 public:
  Traffic(const char* client, const char* node, const char* server) {
    enter(server);
    listener_ = serverSocket(SOCK_STREAM);
    answering_ = serverSocket(SOCK_DGRAM);
    enter(node);
    netlink_ = checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), "netlink socket");
    enter(client);
    latencies_.reserve(kMostFlows);
  }

  void run(bool tcp, Targets targets, uint64_t milliseconds) {
    port_ = kFirstPort;
    for (uint32_t flow = 0; flow < kWarmUp; flow++) one(tcp, targets.next());
    latencies_.clear();
    const uint64_t processorBefore = processor_.now();
    const uint64_t begin = nanoseconds(CLOCK_MONOTONIC);
    const uint64_t end = begin + milliseconds * 1'000'000;
    uint64_t now = begin;
    while (now < end && latencies_.size() < kMostFlows) {
      latencies_.push_back(one(tcp, targets.next()));
      now = nanoseconds(CLOCK_MONOTONIC);
    }
    const uint64_t processorTime = processor_.now() - processorBefore;
    std::sort(latencies_.begin(), latencies_.end());
    std::printf("%lu %lu %zu %u %u\n", now - begin, processorTime, latencies_.size(), percentile(50),
                percentile(99));
  }

  void flush() {
    struct {
      nlmsghdr header;
      nfgenmsg family;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.family.nfgen_family = AF_INET;
    if (::send(netlink_, &request, sizeof request, 0) < 0) fail("flush");
    char answer[256];
    if (::recv(netlink_, answer, sizeof answer, 0) < 0) fail("flush");
    std::puts("0");
  }

 private:
  uint32_t percentile(size_t share) const {
    return latencies_.empty() ? 0 : latencies_[(latencies_.size() * share - 1) / 100];
  }

  uint32_t one(bool tcp, const sockaddr_in& target) { return tcp ? connection(target) : request(target); }

  /** SYN, SYN + ACK and ACK have all been forwarded when connect returns; closing sends the RST. */
  uint32_t connection(const sockaddr_in& target) {
    const int client = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    const uint64_t begin = nanoseconds(CLOCK_MONOTONIC);
    checked(::connect(client, reinterpret_cast<const sockaddr*>(&target), sizeof target), "connect");
    const uint64_t end = nanoseconds(CLOCK_MONOTONIC);
    const int server = checked(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), "accept");
    ::close(client);
    ::close(server);
    return static_cast<uint32_t>(end - begin);
  }

  uint32_t request(const sockaddr_in& target) {
    const int client = checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(static_cast<uint16_t>(port_++));
    checked(::bind(client, reinterpret_cast<sockaddr*>(&own), sizeof own), "bind");
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    checked(::connect(client, reinterpret_cast<const sockaddr*>(&target), sizeof target), "connect");
    char data[64] = {};
    const uint64_t begin = nanoseconds(CLOCK_MONOTONIC);
    if (::send(client, data, sizeof data, 0) < 0) fail("send");
    answer();
    if (::recv(client, data, sizeof data, 0) < 0) fail("receive the answer");
    const uint64_t end = nanoseconds(CLOCK_MONOTONIC);
    ::close(client);
    return static_cast<uint32_t>(end - begin);
  }

  /** From the address that was asked: the server has all of them. */
  void answer() {
    char data[64];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in_pktinfo))];
    sockaddr_in peer{};
    iovec part{.iov_base = data, .iov_len = sizeof data};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(answering_, &message, 0) < 0) fail("receive the request");
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != IP_PKTINFO) {
      errno = EBADMSG;
      fail("address of the request");
    }
    in_pktinfo asked{};
    std::memcpy(&asked, CMSG_DATA(header), sizeof asked);
    asked.ipi_spec_dst = asked.ipi_addr;
    asked.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &asked, sizeof asked);
    if (::sendmsg(answering_, &message, 0) < 0) fail("answer");
  }

  int listener_, answering_, netlink_;
  uint32_t port_ = kFirstPort;
  ProcessorTime processor_;
  std::vector<uint32_t> latencies_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fputs("traffic CLIENT NODE SERVER CPU\n", stderr);
    return 2;
  }
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(std::atoi(arguments[4]), &processors);
  checked(::sched_setaffinity(0, sizeof processors, &processors), "stay on one processor");
  Traffic traffic(arguments[1], arguments[2], arguments[3]);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  char line[128];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    char command[8] = {};
    unsigned first = 0, addresses = 0, port = 0, milliseconds = 0;
    const int fields =
        std::sscanf(line, "%7s %u %u %u %u", command, &first, &addresses, &port, &milliseconds);
    const bool tcp = std::strcmp(command, "tcp") == 0;
    if (fields == 1 && std::strcmp(command, "flush") == 0)
      traffic.flush();
    else if (fields == 5 && addresses > 0 && (tcp || std::strcmp(command, "udp") == 0))
      traffic.run(tcp, {.first = first, .count = addresses, .port = static_cast<uint16_t>(port)},
                  milliseconds);
    else
      return 2;
  }
  return 0;
}
