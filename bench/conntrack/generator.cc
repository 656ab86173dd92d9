// Makes and ends synthetic translated UDP flows at a pace, in the network namespace that it is started in.
// Reads commands from stdin, a line each, and answers each with one line of numbers:
//
//   insert FROM COUNT SERVICES      flows FROM … FROM+COUNT-1          -> nanoseconds refusals
//   churn RATE SECONDS SERVICES     RATE events a second, 0: no pause, and then the end of every flow
//                                   -> nanoseconds, events in that time, events in all, refusals
//   sweep COUNT STALE SERVICES      dump all, then delete the flows of the first STALE Services among the
//   first
//                                   COUNT, each with an acknowledgement -> nanoseconds deletions
//   dump                            what a dump of translated flows costs without reading it -> nanoseconds
//   flush                           every entry of the namespace       -> nanoseconds
//
// Flow i is of Service i % SERVICES, and every twentieth of Service 0, at 10.96.0.0 + 1 + Service, port 80,
// and leads to one of its five endpoints at 10.128.0.0 + 1 + 5 x Service, port 8080.
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "codec/message_writer.h"

namespace {

using hawser::MessageWriter;

/** Messages a datagram: more gain nothing, and fewer cost a system call each. */
constexpr uint64_t kBatch = 256;
/** Batches that a churned flow lives for. */
constexpr uint64_t kChurnDepth = 16;
constexpr uint32_t kEndpointsPerService = 5;
constexpr uint32_t kClientPorts = 60000;
/** One flow in so many is of the first Service, whatever their number. */
constexpr uint64_t kStaleShare = 20;

uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Direction {
  uint32_t source, destination;
  uint16_t sourcePort, destinationPort;
};

uint32_t serviceOf(uint64_t index, uint32_t services) {
  return index % kStaleShare == 0 ? 0 : static_cast<uint32_t>(index % services);
}

Direction flowOf(uint64_t index, uint32_t services) {
  return {.source = 0xc6120000 + static_cast<uint32_t>(index / kClientPorts),
          .destination = 0x0a600001 + serviceOf(index, services),
          .sourcePort = static_cast<uint16_t>(1024 + index % kClientPorts),
          .destinationPort = 80};
}

void writeTuple(MessageWriter& writer, uint16_t type, const Direction& direction) {
  writer.nest(type, [&] {
    writer.nest(CTA_TUPLE_IP, [&] {
      writer.be32(CTA_IP_V4_SRC, direction.source);
      writer.be32(CTA_IP_V4_DST, direction.destination);
    });
    writer.nest(CTA_TUPLE_PROTO, [&] {
      writer.u8(CTA_PROTO_NUM, IPPROTO_UDP);
      writer.be16(CTA_PROTO_SRC_PORT, direction.sourcePort);
      writer.be16(CTA_PROTO_DST_PORT, direction.destinationPort);
    });
  });
}

void begin(MessageWriter& writer, uint16_t message, uint16_t flags) {
  writer.begin(NFNL_SUBSYS_CTNETLINK << 8 | message, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1);
  writer.header(nfgenmsg{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0});
}

void writeInsertion(MessageWriter& writer, uint64_t index, uint32_t services) {
  const Direction flow = flowOf(index, services);
  const uint32_t service = serviceOf(index, services);
  const auto slot = static_cast<uint32_t>(index / services % kEndpointsPerService);
  begin(writer, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL);
  writeTuple(writer, CTA_TUPLE_ORIG, flow);
  writeTuple(writer, CTA_TUPLE_REPLY, {flow.destination, flow.source, flow.destinationPort, flow.sourcePort});
  writer.be32(CTA_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
  writer.be32(CTA_TIMEOUT, 3600);
  writer.nest(CTA_NAT_DST, [&] {
    writer.be32(CTA_NAT_V4_MINIP, 0x0a800001 + service * kEndpointsPerService + slot);
    writer.nest(CTA_NAT_PROTO, [&] {
      writer.be16(CTA_PROTONAT_PORT_MIN, 8080);
      writer.be16(CTA_PROTONAT_PORT_MAX, 8080);
    });
  });
  writer.end();
}

void writeDeletion(MessageWriter& writer, uint64_t index, uint32_t services, uint16_t flags) {
  begin(writer, IPCTNL_MSG_CT_DELETE, flags);
  writeTuple(writer, CTA_TUPLE_ORIG, flowOf(index, services));
  writer.end();
}

class Kernel {
 public:
  Kernel() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)), reply_(64 << 10) {
    const int bytes = 8 << 20;
    if (fd_ < 0) fail("socket");
    (void)::setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  }
  ~Kernel() { ::close(fd_); }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  void send(const MessageWriter& writer) {
    if (::send(fd_, writer.view().data(), writer.size(), 0) < 0) fail("send");
  }
  /** Errors come back whether or not an acknowledgement was asked for. */
  uint64_t refusals() {
    uint64_t count = 0;
    while (::recv(fd_, reply_.data(), reply_.size(), MSG_DONTWAIT) > 0) count++;
    return count;
  }
  void awaitReply() {
    if (::recv(fd_, reply_.data(), reply_.size(), 0) < 0) fail("recv");
  }
  /** NLMSG_DONE comes in a datagram of its own: ctnetlink has nothing more to dump when it says so. */
  void discardDump() {
    for (;;) {
      const ssize_t length = ::recv(fd_, reply_.data(), reply_.size(), 0);
      if (length < 0) fail("recv");
      const auto* header = reinterpret_cast<const nlmsghdr*>(reply_.data());
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return;
    }
  }
  void awaitDumpEnd() {
    for (;;) {
      const ssize_t length = ::recv(fd_, reply_.data(), reply_.size(), 0);
      if (length < 0) fail("recv");
      auto left = static_cast<unsigned>(length);
      for (auto* header = reinterpret_cast<nlmsghdr*>(reply_.data()); NLMSG_OK(header, left);
           header = NLMSG_NEXT(header, left))
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return;
    }
  }

 private:
  int fd_;
  std::vector<uint8_t> reply_;
};

void insert(Kernel& kernel, uint64_t from, uint64_t count, uint32_t services) {
  const uint64_t start = now();
  uint64_t refusals = 0;
  MessageWriter writer;
  for (uint64_t done = 0; done < count; done += kBatch) {
    writer.clear();
    for (uint64_t index = done; index < std::min(done + kBatch, count); index++)
      writeInsertion(writer, from + index, services);
    kernel.send(writer);
    refusals += kernel.refusals();
  }
  std::printf("%llu %llu\n", static_cast<unsigned long long>(now() - start),
              static_cast<unsigned long long>(refusals));
}

void churn(Kernel& kernel, uint64_t rate, uint64_t seconds, uint32_t services) {
  const uint64_t start = now();
  const uint64_t end = start + seconds * 1'000'000'000;
  // About a thousand steps a second, as traffic comes: bursts would overrun small buffers at any rate.
  const uint64_t size = rate == 0 ? kBatch : std::clamp<uint64_t>(rate / 2000, 1, kBatch);
  uint64_t events = 0, refusals = 0, batch = 0;
  MessageWriter writer;
  const auto step = [&](bool inserting, bool deleting) {
    writer.clear();
    for (uint64_t index = batch * size; inserting && index < (batch + 1) * size; index++)
      writeInsertion(writer, index, services);
    if (deleting)
      for (uint64_t index = (batch - kChurnDepth) * size; index < (batch - kChurnDepth + 1) * size; index++)
        writeDeletion(writer, index, services, 0);
    batch++;
    events += writer.messages();
    kernel.send(writer);
    refusals += kernel.refusals();
  };
  while (now() < end) {
    step(true, batch >= kChurnDepth);
    if (rate == 0) continue;
    const uint64_t due =
        start + static_cast<uint64_t>(static_cast<double>(events) * 1e9 / static_cast<double>(rate));
    const uint64_t at = now();
    if (due <= at) continue;
    const timespec pause{.tv_sec = static_cast<time_t>((due - at) / 1'000'000'000),
                         .tv_nsec = static_cast<long>((due - at) % 1'000'000'000)};
    ::nanosleep(&pause, nullptr);
  }
  const uint64_t took = now() - start;
  const uint64_t paced = events;
  for (uint64_t rest = std::min(batch, kChurnDepth); rest > 0; rest--) {
    if (batch < kChurnDepth) batch = kChurnDepth;
    step(false, true);
  }
  std::printf("%llu %llu %llu %llu\n", static_cast<unsigned long long>(took),
              static_cast<unsigned long long>(paced), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(refusals));
}

void sweep(Kernel& kernel, uint64_t count, uint32_t stale, uint32_t services) {
  const uint64_t start = now();
  MessageWriter writer;
  begin(writer, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  writer.end();
  kernel.send(writer);
  kernel.awaitDumpEnd();
  uint64_t deleted = 0;
  for (uint64_t index = 0; index < count; index++) {
    if (serviceOf(index, services) >= stale) continue;
    writer.clear();
    writeDeletion(writer, index, services, NLM_F_ACK);
    kernel.send(writer);
    kernel.awaitReply();
    deleted++;
  }
  std::printf("%llu %llu\n", static_cast<unsigned long long>(now() - start),
              static_cast<unsigned long long>(deleted));
}

/** What the addon's dump asks for, received and thrown away: what is left is the kernel's part. */
void dump(Kernel& kernel) {
  const uint64_t start = now();
  MessageWriter writer;
  begin(writer, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  writer.be32(CTA_STATUS, IPS_DST_NAT);
  writer.be32(CTA_STATUS_MASK, IPS_DST_NAT);
  writer.end();
  kernel.send(writer);
  kernel.discardDump();
  std::printf("%llu\n", static_cast<unsigned long long>(now() - start));
}

void flush(Kernel& kernel) {
  const uint64_t start = now();
  MessageWriter writer;
  begin(writer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
  writer.end();
  kernel.send(writer);
  kernel.awaitReply();
  std::printf("%llu\n", static_cast<unsigned long long>(now() - start));
}

}  // namespace

int main() {
  Kernel kernel;
  char line[256];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    unsigned long long a = 0, b = 0;
    unsigned services = 0, stale = 0;
    if (std::sscanf(line, "insert %llu %llu %u", &a, &b, &services) == 3 && services > 0)
      insert(kernel, a, b, services);
    else if (std::sscanf(line, "churn %llu %llu %u", &a, &b, &services) == 3 && services > 0)
      churn(kernel, a, b, services);
    else if (std::sscanf(line, "sweep %llu %u %u", &a, &stale, &services) == 3 && services > 0)
      sweep(kernel, a, stale, services);
    else if (std::strcmp(line, "dump\n") == 0)
      dump(kernel);
    else if (std::strcmp(line, "flush\n") == 0)
      flush(kernel);
    else
      return 2;
    std::fflush(stdout);
  }
  return 0;
}
