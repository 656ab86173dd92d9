#include "nftables/monitor_session.h"

#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::nftables {
namespace {

Outcome failed(Error error) { return {.reply = {}, .error = std::move(error), .failures = {}}; }

}  // namespace

Result<std::unique_ptr<Session>> MonitorSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER, std::move(counters));
  if (!socket) return socket.error();
  if (auto joined = socket->setOption(NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES); !joined)
    return Error{joined.error().number, "cannot listen to the notifications of nf_tables"};
  Descriptor interruption(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!interruption) return Error{errno, "cannot make an eventfd"};
  return std::unique_ptr<Session>(new MonitorSession(std::move(*socket), std::move(interruption)));
}

void MonitorSession::interrupt() {
  const uint64_t one = 1;
  (void)!::write(interruption_.get(), &one, sizeof one);
}

Outcome MonitorSession::handle(const Request& request) {
  if (request.method != wait || !changes_.configure(ProgramReader(request.program())))
    return failed({EINVAL, "a wait takes the tables to watch", kMalformedProgram});
  pollfd waits[] = {{.fd = socket_.fd(), .events = POLLIN, .revents = 0},
                    {.fd = interruption_.get(), .events = POLLIN, .revents = 0}};
  for (;;) {
    if (auto drained = drain(); !drained) return failed(drained.error());
    if (changes_.ready()) return {.reply = changes_.report(), .error = {}, .failures = {}};
    Counters::add(socket_.counters().syscalls, 1);
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return failed({errno, "cannot wait for notifications"});
    if (waits[1].revents != 0) return failed({ECANCELED, "the socket is being closed", "ERR_SOCKET_CLOSED"});
  }
}

Result<> MonitorSession::drain() {
  Counters& counters = socket_.counters();
  for (;;) {
    Counters::add(counters.syscalls, 1);
    const int count = ring_.receive(socket_.fd());
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Unit{};
      if (errno != ENOBUFS) return Error{errno, "cannot receive notifications"};
      Counters::add(counters.overruns, 1);
      changes_.lose();
      continue;
    }
    for (int slot = 0; slot < count; slot++) {
      if (!ring_.fromKernel(slot)) continue;
      const auto datagram = ring_.datagram(slot);
      Counters::add(counters.received, datagram.size());
      MessageReader messages(datagram);
      Message message;
      while (messages.next(message)) changes_.take(message);
      if (ring_.truncated(slot) || messages.malformed()) changes_.lose();
    }
  }
}

}  // namespace hawser::nftables
