// The netlink benchmark's floor: the same requests as the addon sends, in the plainest C++ that does the job.
//
// Reads one command a line on stdin and answers each with the nanoseconds it took, so that the harness can take turns
// between this process and the others. Runs in the network namespace that it was started in.
//
//   generation N     N round trips of NFT_MSG_GETGEN, one request in flight
//   routes N BATCH   adds N blackhole routes and deletes them again, BATCH requests a send, ACK on the last of each

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

class Socket {
 public:
  explicit Socket(int protocol) : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {
    if (fd_ < 0) fail("socket(AF_NETLINK)");
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(const void* data, std::size_t length) const {
    if (::send(fd_, data, length, 0) != static_cast<ssize_t>(length)) fail("send");
  }

  // Receives until the ACK of `sequence` has come. The kernel answers a request before send() returns, so this never
  // waits for long. Throws for the first error reported for any request.
  void drainUntilAck(std::uint32_t sequence) {
    for (;;) {
      const ssize_t received = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (received < 0) fail("recv");
      int left = static_cast<int>(received);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data()); NLMSG_OK(header, left);
           header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type != NLMSG_ERROR) continue;
        const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
        if (error->error != 0) fail("kernel", -error->error);
        if (header->nlmsg_seq == sequence) return;
      }
    }
  }

 private:
  [[noreturn]] static void fail(const char* what, int code = errno) {
    throw std::system_error(code, std::generic_category(), what);
  }

  int fd_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
};

struct GenerationRequest {
  nlmsghdr header;
  nfgenmsg family;
};

struct RouteRequest {
  nlmsghdr header;
  rtmsg route;
  rtattr destinationHeader;
  std::uint32_t destination;
};

void runGeneration(Socket& socket, std::uint32_t& sequence, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    GenerationRequest request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.header.nlmsg_seq = ++sequence;
    socket.send(&request, sizeof(request));
    socket.drainUntilAck(sequence);
  }
}

RouteRequest routeRequest(std::uint16_t type, std::uint32_t sequence, unsigned index) {
  RouteRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  if (type == RTM_NEWROUTE) request.header.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
  request.header.nlmsg_seq = sequence;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = 32;
  request.route.rtm_table = RT_TABLE_MAIN;
  // A deletion matches a route of any scope and of anyone's making, as the addon's does.
  request.route.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : RTPROT_UNSPEC;
  request.route.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
  request.route.rtm_type = RTN_BLACKHOLE;
  request.destinationHeader.rta_len = RTA_LENGTH(sizeof(request.destination));
  request.destinationHeader.rta_type = RTA_DST;
  request.destination = htonl((10U << 24) + index);
  return request;
}

void runRoutes(Socket& socket, std::uint32_t& sequence, unsigned count, unsigned batch) {
  std::vector<RouteRequest> requests;
  requests.reserve(batch);
  for (const std::uint16_t type : {RTM_NEWROUTE, RTM_DELROUTE}) {
    for (unsigned first = 0; first < count; first += batch) {
      requests.clear();
      for (unsigned i = first; i < std::min(first + batch, count); i++)
        requests.push_back(routeRequest(type, ++sequence, i));
      requests.back().header.nlmsg_flags |= NLM_F_ACK;
      socket.send(requests.data(), requests.size() * sizeof(RouteRequest));
      socket.drainUntilAck(sequence);
    }
  }
}

unsigned nextNumber() {
  unsigned value = 0;
  if (!(std::cin >> value) || value == 0) throw std::invalid_argument("a command needs numbers above 0");
  return value;
}

void serve() {
  Socket netfilter(NETLINK_NETFILTER);
  Socket route(NETLINK_ROUTE);
  std::uint32_t sequence = 0;
  for (std::string command; std::cin >> command;) {
    const unsigned count = nextNumber();
    const unsigned batch = command == "routes" ? nextNumber() : 0;
    const auto start = std::chrono::steady_clock::now();
    if (command == "generation") {
      runGeneration(netfilter, sequence, count);
    } else if (command == "routes") {
      runRoutes(route, sequence, count, batch);
    } else {
      throw std::invalid_argument("no such command: " + command);
    }
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
    std::printf("%lld\n", static_cast<long long>(took.count()));
    std::fflush(stdout);
  }
}

}  // namespace

int main() {
  try {
    serve();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "netlink loop: %s\n", error.what());
    return 1;
  }
  return 0;
}
