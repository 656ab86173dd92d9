#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/result.h"
#include "socket/counters.h"
#include "socket/descriptor.h"
#include "socket/own_ports.h"
#include "socket/receive_ring.h"

namespace hawser {

/**
 * A netlink socket for requests to the kernel, used by one thread.
 *
 * The kernel answers a request before send returns, so replies are drained without waiting; a reply that is
 * not there is waited for with a deadline, never for ever.
 */
class NetlinkSocket {
 public:
  /** Opens `protocol` (NETLINK_ROUTE, …) in the calling thread's network namespace, with large buffers and
   * extended acknowledgements. */
  static Result<NetlinkSocket> open(int protocol, std::shared_ptr<Counters> counters);

  /** Takes a connected datagram socket whose other end answers in the kernel's place: malformed and lost
   * replies cannot be had from a real one. */
  static NetlinkSocket adopt(Descriptor descriptor, std::shared_ptr<Counters> counters);

  /** A sequence number range for `count` messages, never 0. */
  uint32_t takeSequences(uint32_t count);

  /** Sends whole messages as one datagram, whatever its size: the send buffer grows to fit. */
  Result<> send(std::span<const uint8_t> datagram, size_t messages);

  /** Hands every received message to `handler` until it answers true; what else the datagrams already
   * received hold is handed over too. ENOBUFS is counted, and an error once nothing more is there. */
  using Handler = std::function<bool(const Message&)>;
  Result<> receive(const Handler& handler);

  /** Writes one whole message with the sequence number and the flags given beside its own. */
  using Build = std::function<void(MessageWriter&, uint32_t sequence, uint16_t flags)>;
  /** Answers an error to give up: the dump is then read to its end, so that the socket can be used again. */
  using OnMessage = std::function<Result<>(const Message&)>;

  /** Sends one request with NLM_F_ACK and hands over its replies. `what` names it in errors ("get
   * generation"). */
  Result<> call(std::string_view what, const Build& build, const OnMessage& onMessage);

  /** Dumps: hands over every message of a consistent dump. An interrupted dump (NLM_F_DUMP_INTR) is started
   * again up to kDumpAttempts times; `onStart` is called before each attempt and must forget what was
   * gathered. */
  Result<> dump(std::string_view what, const Build& build, const std::function<void()>& onStart,
                const OnMessage& onMessage);
  static constexpr int kDumpAttempts = 10;

  /** Sets a SOL_NETLINK option, such as NETLINK_GET_STRICT_CHK. */
  Result<> setOption(int option, int value);
  Counters& counters() { return *counters_; }
  int fd() const { return descriptor_.get(); }

 private:
  NetlinkSocket(Descriptor descriptor, std::shared_ptr<Counters> counters);
  Result<> growSendBuffer(size_t bytes);
  Result<> waitForReply();
  Result<> converse(std::string_view what, const Build& build, uint16_t flags, const OnMessage& onMessage,
                    bool& interrupted);
  Error fail(int number, std::string message);

  Descriptor descriptor_;
  OwnPort port_;
  std::shared_ptr<Counters> counters_;
  std::unique_ptr<ReceiveRing> ring_;
  MessageWriter request_;
  uint32_t nextSequence_ = 1;
  size_t sendBuffer_ = 0;
};

}  // namespace hawser
