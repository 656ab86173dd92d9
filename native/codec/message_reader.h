#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <span>

#include "codec/result.h"

namespace hawser {

/** One netlink message inside a received datagram. */
struct Message {
  nlmsghdr header;
  /** Everything behind the header, the family's fixed header included. */
  std::span<const uint8_t> payload;
};

/** Walks the messages of a datagram; stops for good at the first header that does not fit. */
class MessageReader {
 public:
  explicit MessageReader(std::span<const uint8_t> datagram) : rest_(datagram) {}
  bool next(Message& message);
  /** True when the walk ended at bytes that are no message. */
  bool malformed() const { return malformed_; }

 private:
  std::span<const uint8_t> rest_;
  bool malformed_ = false;
};

/** What NLMSG_ERROR says: number 0 is the acknowledgement of a success. */
struct Acknowledgement {
  /** Sequence number of the request; the one of the answer is the same. */
  uint32_t sequence = 0;
  /** A positive errno value, 0 for success. */
  int number = 0;
  std::string message;
  uint32_t attributeOffset = kNoOffset;
};

/** Reads an NLMSG_ERROR message with its extended-acknowledgement attributes (NLM_F_ACK_TLVS). */
Result<Acknowledgement> readAcknowledgement(const Message& message);

}  // namespace hawser
