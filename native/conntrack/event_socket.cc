#include "conntrack/event_socket.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <algorithm>
#include <cerrno>

#include "conntrack/event_filter.h"

namespace hawser::conntrack {
namespace {

constexpr int kGroups[] = {NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY};

}  // namespace

struct EventSocket::Ring {
  std::array<std::array<uint8_t, kSlotSize>, kSlots> memory;
  std::array<iovec, kSlots> vectors{};
  std::array<sockaddr_nl, kSlots> senders{};
  std::array<mmsghdr, kSlots> headers{};

  Ring() {
    for (size_t slot = 0; slot < kSlots; slot++) {
      vectors[slot] = {.iov_base = memory[slot].data(), .iov_len = kSlotSize};
      headers[slot].msg_hdr.msg_name = &senders[slot];
      headers[slot].msg_hdr.msg_iov = &vectors[slot];
      headers[slot].msg_hdr.msg_iovlen = 1;
    }
  }
};

void EventSocket::RingDeleter::operator()(Ring* ring) const { delete ring; }

EventSocket::EventSocket(Descriptor descriptor, FlowSelection selection)
    : descriptor_(std::move(descriptor)), selection_(selection), ring_(new Ring) {}

Result<EventSocket> EventSocket::open(const EventOptions& options) {
  Descriptor descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!descriptor) return Error{errno, "cannot open a netlink socket for connection tracking events"};
  EventSocket socket(std::move(descriptor), options.selection);
  const int fd = socket.fd();
  const int bytes = static_cast<int>(std::min<uint32_t>(options.bufferBytes, INT32_MAX / 2));
  // Without CAP_NET_ADMIN the polite option applies, up to net.core.rmem_max.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  constexpr int on = 1;
  if (::setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) != 0)
    return Error{errno, "cannot have lost events counted"};
  if (auto delivered = socket.deliver(); !delivered) return delivered.error();
  const sockaddr_nl own{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return Error{errno, "cannot bind a netlink socket"};
  for (const int group : kGroups)
    if (::setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return Error{errno, "cannot subscribe to connection tracking events"};
  return socket;
}

Result<> EventSocket::deliver() {
  auto program = filterProgram(selection_);
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  constexpr int none = 0;
  if (!program.empty()) {
    if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
      return Error{errno, "cannot filter connection tracking events"};
  } else if (::setsockopt(fd(), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) != 0 && errno != ENOENT) {
    return Error{errno, "cannot have connection tracking events delivered"};
  }
  return Unit{};
}

int EventSocket::receive() {
  for (mmsghdr& header : ring_->headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
  const int count = ::recvmmsg(fd(), ring_->headers.data(), kSlots, MSG_DONTWAIT, nullptr);
  return count < 0 && errno == EAGAIN ? 0 : count;
}

std::span<const uint8_t> EventSocket::datagram(int slot) const {
  const mmsghdr& header = ring_->headers[static_cast<size_t>(slot)];
  if ((header.msg_hdr.msg_flags & MSG_TRUNC) || ring_->senders[static_cast<size_t>(slot)].nl_pid != 0)
    return {};
  return std::span(ring_->memory[static_cast<size_t>(slot)]).first(header.msg_len);
}

uint32_t EventSocket::takeDropped() {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &length) != 0) return 0;
  const uint32_t dropped = info[SK_MEMINFO_DROPS] - droppedBefore_;  // wraps as the kernel's own does
  droppedBefore_ = info[SK_MEMINFO_DROPS];
  return dropped;
}

uint32_t EventSocket::bufferBytes() const {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  (void)::getsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &bytes, &length);
  return static_cast<uint32_t>(bytes);
}

}  // namespace hawser::conntrack
