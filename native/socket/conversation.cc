// NetlinkSocket::call and dump: one request and everything that the kernel answers to it.
#include <cerrno>
#include <cstring>

#include "socket/netlink_socket.h"

namespace hawser {
namespace {

/** NLMSG_DONE carries the dump's errno; kernels before 4.x sent none. */
int doneNumber(const Message& message) {
  int number = 0;
  if (message.payload.size() >= sizeof number) std::memcpy(&number, message.payload.data(), sizeof number);
  return number < 0 ? -number : 0;
}

Error explain(std::string_view what, int number, const std::string& reason) {
  return Error{number, std::string(what) + (reason.empty() ? "" : ": " + reason)};
}

}  // namespace

Result<> NetlinkSocket::converse(std::string_view what, const Build& build, uint16_t flags,
                                 const OnMessage& onMessage, bool& interrupted) {
  const uint32_t sequence = takeSequences(1);
  request_.clear();
  build(request_, sequence, NLM_F_REQUEST | flags);
  if (request_.failed())
    return fail(EMSGSIZE, std::string(what) + ": a value does not fit a netlink attribute");
  if (auto sent = send(request_.view(), 1); !sent) return sent;

  Result<> outcome = Unit{};
  const auto refuse = [&](Error error) {
    counters_->countError(error.number);
    if (outcome) outcome = std::move(error);
  };
  auto received = receive([&](const Message& message) {
    if (message.header.nlmsg_seq != sequence) return false;  // left over from a request that was given up
    if (message.header.nlmsg_flags & NLM_F_DUMP_INTR) interrupted = true;
    switch (message.header.nlmsg_type) {
      case NLMSG_NOOP:
        return false;
      case NLMSG_DONE:
        if (const int number = doneNumber(message)) refuse(explain(what, number, ""));
        return true;
      case NLMSG_ERROR: {
        auto ack = readAcknowledgement(message);
        if (!ack)
          refuse(ack.error());
        else if (ack->number != 0)
          refuse(explain(what, ack->number, ack->message));
        return true;
      }
      default:
        if (outcome && !interrupted)
          if (auto taken = onMessage(message); !taken) refuse(taken.error());
        return false;
    }
  });
  if (!received) return received;
  return outcome;
}

Result<> NetlinkSocket::call(std::string_view what, const Build& build, const OnMessage& onMessage) {
  bool interrupted = false;
  return converse(what, build, NLM_F_ACK, onMessage, interrupted);
}

Result<> NetlinkSocket::dump(std::string_view what, const Build& build, const std::function<void()>& onStart,
                             const OnMessage& onMessage) {
  for (int attempt = 0; attempt < kDumpAttempts; attempt++) {
    onStart();
    bool interrupted = false;
    auto outcome = converse(what, build, NLM_F_DUMP, onMessage, interrupted);
    if (!outcome || !interrupted) return outcome;
  }
  counters_->countError(EINTR);
  return Error{EINTR, std::string(what) + ": changed under way at every attempt, try again later",
               kDumpInterrupted};
}

}  // namespace hawser
