#pragma once

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "conntrack/bpf_assembler.h"

namespace hawser::conntrack {

/** Places in the program's frame. Where an attribute was found is 0 when it was not. */
enum Frame : int16_t {
  kMessage = -24,
  kOriginal = -104,
  kReply = -184,
  kAttribute = -192,
  kStatus = -196,
  kNest = -224,
  kFrontend = -248,
  kEndpoint = -272,
  kRow = -276,
  kZero = -280,
  kOriginalAt = -288,
  kReplyAt = -296,
  kTimesAt = -304,
  kOriginalBytesValue = -312,
  kReplyBytesValue = -320,
  kOriginalPacketsValue = -328,
  kReplyPacketsValue = -336,
  kEndpointRow = -340,
};

inline constexpr int16_t kEventHeader = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));

/** A place in the frame behind another one. */
constexpr int16_t at(int place, size_t offset) {
  return static_cast<int16_t>(place + static_cast<int>(offset));
}

/** Where things are in a tuple that ctnetlink writes for a protocol with ports. */
struct TupleLayout {
  uint8_t family;
  int16_t address;
  uint8_t sourceType, destinationType;

  int16_t sourceAt() const { return 12; }
  int16_t destinationAt() const { return static_cast<int16_t>(16 + address); }
  int16_t portsAt() const { return static_cast<int16_t>(16 + 2 * address); }
  int16_t protocolAt() const { return static_cast<int16_t>(portsAt() + 8); }
  int16_t sourcePortAt() const { return static_cast<int16_t>(portsAt() + 16); }
  int16_t destinationPortAt() const { return static_cast<int16_t>(portsAt() + 24); }
  int16_t length() const { return static_cast<int16_t>(portsAt() + 28); }
};

inline constexpr TupleLayout kIpv4{AF_INET, 4, CTA_IP_V4_SRC, CTA_IP_V4_DST};
inline constexpr TupleLayout kIpv6{AF_INET6, 16, CTA_IP_V6_SRC, CTA_IP_V6_DST};

/**
 * Instructions that read an event of the kernel's conntrack into the frame. R6 is the packet and R8 whether
 * the flow opened throughout; R7 and R9 are passing.
 */
class EventInstructions {
 protected:
  /** Bytes of the packet into the frame, or to `absent` when it is too short. */
  void loadPacket(int32_t offset, int16_t place, int32_t length, BpfAssembler::Label absent);
  /** The same from the offset in R2. */
  void loadPacketAt(int16_t place, int32_t length, BpfAssembler::Label absent);
  void requireWord(int16_t place, int32_t value, BpfAssembler::Label otherwise);
  void requireTuple(const TupleLayout& layout, int16_t place, uint16_t type);
  /** Notes where the attributes behind the tuples are that matter. */
  void findAttributes(int32_t from);
  void noteAttribute(int type, int16_t place, BpfAssembler::Label next);
  void readTraffic();
  /** Two 64-bit attributes of the nest whose place is noted; they stay as they are when it is none. */
  void readPair(int16_t notedAt, int firstType, int16_t first, int secondType, int16_t second);
  /** Of an event that is not shaped as expected: what nobody translated needs no reader. */
  void passUnlessUntranslated();

  BpfAssembler a_;
  /** To let the event through, to drop it, and what to do about one that is not shaped as expected. */
  BpfAssembler::Label pass_ = a_.label(), drop_ = a_.label(), unusual_ = a_.label();
};

}  // namespace hawser::conntrack
