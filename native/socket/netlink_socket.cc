#include "socket/netlink_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace hawser {
namespace {

/** Room for the replies of one batch: refusals cost about 1 KiB of socket memory each. */
constexpr int kReceiveBuffer = 8 << 20;
constexpr size_t kSendBuffer = 256 << 10;
/** How long an answer that the kernel owes us may take before it counts as lost. */
constexpr int kReplyDeadlineMs = 5000;

void setBuffer(int fd, int forced, int polite, int bytes) {
  // Without CAP_NET_ADMIN the polite option applies, up to net.core.{r,w}mem_max.
  if (::setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
    (void)::setsockopt(fd, SOL_SOCKET, polite, &bytes, sizeof bytes);
}

uint32_t portIdOf(int fd) {
  sockaddr_nl own{};
  socklen_t length = sizeof own;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0 ? own.nl_pid : 0;
}

}  // namespace

NetlinkSocket::NetlinkSocket(Descriptor descriptor, std::shared_ptr<Counters> counters)
    : descriptor_(std::move(descriptor)),
      counters_(std::move(counters)),
      ring_(std::make_unique<ReceiveRing>()) {}

Result<NetlinkSocket> NetlinkSocket::open(int protocol, std::shared_ptr<Counters> counters) {
  Descriptor descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!descriptor)
    return Error{errno, "cannot open a netlink socket of protocol " + std::to_string(protocol)};
  const sockaddr_nl own{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return Error{errno, "cannot bind a netlink socket"};
  // Connected to port 0, the kernel: nobody else can send to this socket any more.
  if (::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return Error{errno, "cannot connect a netlink socket to the kernel"};
  NetlinkSocket socket(std::move(descriptor), std::move(counters));
  socket.port_ = OwnPort(portIdOf(socket.fd()));
  setBuffer(socket.fd(), SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBuffer);
  if (auto grown = socket.growSendBuffer(kSendBuffer); !grown) return grown.error();
  // Both are refinements: kernels before 4.12 answer without text and offset.
  (void)socket.setOption(NETLINK_EXT_ACK, 1);
  (void)socket.setOption(NETLINK_CAP_ACK, 1);
  return socket;
}

NetlinkSocket NetlinkSocket::adopt(Descriptor descriptor, std::shared_ptr<Counters> counters) {
  NetlinkSocket socket(std::move(descriptor), std::move(counters));
  socket.sendBuffer_ = kSendBuffer;
  return socket;
}

uint32_t NetlinkSocket::takeSequences(uint32_t count) {
  if (nextSequence_ > UINT32_MAX - count) nextSequence_ = 1;
  const uint32_t first = nextSequence_;
  nextSequence_ += count;
  return first;
}

Result<> NetlinkSocket::send(std::span<const uint8_t> datagram, size_t messages) {
  if (datagram.size() + 1024 > sendBuffer_)
    if (auto grown = growSendBuffer(datagram.size() + 1024); !grown) return grown;
  ssize_t sent = 0;
  do {
    Counters::add(counters_->syscalls, 1);
    sent = ::send(fd(), datagram.data(), datagram.size(), 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno == EMSGSIZE)
      return fail(EMSGSIZE, "a request of " + std::to_string(datagram.size()) +
                                " bytes is beyond the socket's send buffer: run with CAP_NET_ADMIN or raise "
                                "net.core.wmem_max");
    return fail(errno, "cannot send to the kernel");
  }
  Counters::add(counters_->messages, messages);
  Counters::add(counters_->bytes, datagram.size());
  return Unit{};
}

Result<> NetlinkSocket::receive(const Handler& handler) {
  bool lost = false;
  for (bool done = false; !done;) {
    Counters::add(counters_->syscalls, 1);
    const int count = ring_->receive(fd());
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOBUFS) {
        Counters::add(counters_->overruns, 1);
        lost = true;
        continue;
      }
      if (errno != EAGAIN) return fail(errno, "cannot receive from the kernel");
      if (lost)
        return fail(ENOBUFS, "the kernel dropped replies: the outcome is unknown, list the state again");
      if (auto waited = waitForReply(); !waited) return waited;
      continue;
    }
    for (int slot = 0; slot < count; slot++) {
      if (!ring_->fromKernel(slot)) continue;
      const auto datagram = ring_->datagram(slot);
      Counters::add(counters_->received, datagram.size());
      if (ring_->truncated(slot)) return fail(EMSGSIZE, "a reply of the kernel is larger than 64 KiB");
      MessageReader messages(datagram);
      Message message;
      while (messages.next(message)) done = handler(message) || done;
      if (messages.malformed()) {
        counters_->countError(EBADMSG);
        return Error{EBADMSG, "the kernel's reply is no netlink message", kMalformedReply};
      }
    }
  }
  return Unit{};
}

Result<> NetlinkSocket::waitForReply() {
  pollfd wait{.fd = fd(), .events = POLLIN, .revents = 0};
  Counters::add(counters_->syscalls, 1);
  const int ready = ::poll(&wait, 1, kReplyDeadlineMs);
  if (ready > 0 || (ready < 0 && errno == EINTR)) return Unit{};
  if (ready < 0) return fail(errno, "cannot wait for the kernel's reply");
  return fail(ETIMEDOUT, "the kernel sent no reply within 5 s");
}

Result<> NetlinkSocket::setOption(int option, int value) {
  if (::setsockopt(fd(), SOL_NETLINK, option, &value, sizeof value) == 0) return Unit{};
  return Error{errno, "cannot set netlink option " + std::to_string(option)};
}

Result<> NetlinkSocket::growSendBuffer(size_t bytes) {
  constexpr size_t kLimit = size_t{1} << 29;  // the kernel doubles the value and keeps it in an int
  if (bytes > kLimit) return fail(EMSGSIZE, "a request of more than 512 MiB: split it");
  sendBuffer_ = std::bit_ceil(bytes);
  setBuffer(fd(), SO_SNDBUFFORCE, SO_SNDBUF, static_cast<int>(sendBuffer_));
  return Unit{};
}

Error NetlinkSocket::fail(int number, std::string message) {
  counters_->countError(number);
  return Error{number, std::move(message)};
}

}  // namespace hawser
