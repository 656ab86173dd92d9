#pragma once

#include <functional>
#include <vector>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "socket/netlink_socket.h"

namespace hawser {

/**
 * Requests that travel in one datagram, each remembered with the caller's operation that it belongs to, so
 * that the kernel's answers find their way back by sequence number.
 *
 * An error comes back for every refused message, whether or not it asked for an acknowledgement; so only the
 * last one asks, and its answer means that all others are in.
 */
class Batch {
 public:
  explicit Batch(NetlinkSocket& socket) : socket_(socket) {}

  /** Forgets the messages and keeps the memory. */
  void clear();

  /** Starts a message of `operation` (kWholeRequest for frames such as a batch begin). NLM_F_REQUEST is
   * added. */
  void begin(uint16_t type, uint16_t flags, int32_t operation, uint32_t firstElement = 0);
  void end() { writer_.end(); }
  MessageWriter& writer() { return writer_; }
  size_t messages() const { return entries_.size(); }
  size_t bytes() const { return writer_.size(); }

  /** Makes the last message begun ask for an acknowledgement: call it once, behind the last operation. */
  void acknowledgeLast();

  struct Refusal {
    /** Of the message in the batch. */
    size_t index;
    Acknowledgement answer;
  };
  /** A reply that is no acknowledgement (NLM_F_ECHO) and the operation that it answers. */
  using OnReply = std::function<void(int32_t operation, const Message&)>;

  /** Sends everything and drains the answers; refusals are in the order of the messages. */
  Result<std::vector<Refusal>> exchange(const OnReply& onReply = {});

  /** A refusal in the caller's terms; the element is the message's first, which bulk operations refine. */
  Failure failure(const Refusal& refusal) const;
  /** The bytes of message `index`, header included. */
  std::span<const uint8_t> message(size_t index) const;
  uint32_t firstElement(size_t index) const { return entries_[index].firstElement; }
  /** What exchange() would send, with sequence numbers from 1. */
  std::span<const uint8_t> view() const { return writer_.view(); }

 private:
  struct Entry {
    size_t offset;
    int32_t operation;
    uint32_t firstElement;
  };
  void numberFrom(uint32_t first);

  NetlinkSocket& socket_;
  MessageWriter writer_;
  std::vector<Entry> entries_;
  size_t acknowledged_ = SIZE_MAX;
};

}  // namespace hawser
