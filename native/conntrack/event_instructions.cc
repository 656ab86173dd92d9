#include "conntrack/event_instructions.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include <bit>
#include <cstddef>
#include <utility>

namespace hawser::conntrack {
namespace {

/**
 * Attributes behind the tuples that are looked at. ctnetlink writes zone, ID, status, the two counters and
 * the times first (net/netfilter/nf_conntrack_netlink.c); each one more costs the verifier as much as all
 * before.
 */
constexpr int kAttributes = 7;

/** An attribute's header as one number in memory order. */
int32_t header(int length, int type) {
  return std::bit_cast<int32_t>(
      nlattr{.nla_len = static_cast<uint16_t>(length), .nla_type = static_cast<uint16_t>(type)});
}

}  // namespace

void EventInstructions::loadPacket(int32_t offset, int16_t place, int32_t length,
                                   BpfAssembler::Label absent) {
  a_.set(R2, offset);
  loadPacketAt(place, length, absent);
}

void EventInstructions::loadPacketAt(int16_t place, int32_t length, BpfAssembler::Label absent) {
  a_.copy(R1, R6);
  a_.frame(R3, place);
  a_.set(R4, length);
  a_.call(BPF_FUNC_skb_load_bytes);
  a_.jumpIf(R0, BPF_JNE, 0, absent);
}

void EventInstructions::requireWord(int16_t place, int32_t value, BpfAssembler::Label otherwise) {
  a_.load(Width::u32, R1, FRAME, place);
  // Immediate values are extended with their sign, which attribute headers with NLA_F_NESTED would have.
  a_.set64(R2, static_cast<uint32_t>(value));
  a_.jumpIf(R1, BPF_JNE, R2, otherwise);
}

void EventInstructions::requireTuple(const TupleLayout& layout, int16_t place, uint16_t type) {
  const int address = NLA_HDRLEN + layout.address;
  const auto part = [place](int offset) { return static_cast<int16_t>(place + offset); };
  requireWord(part(0), header(layout.length(), type | NLA_F_NESTED), unusual_);
  requireWord(part(4), header(NLA_HDRLEN + 2 * address, CTA_TUPLE_IP | NLA_F_NESTED), unusual_);
  requireWord(part(8), header(address, layout.sourceType), unusual_);
  requireWord(part(8 + address), header(address, layout.destinationType), unusual_);
  requireWord(part(layout.portsAt()), header(28, CTA_TUPLE_PROTO | NLA_F_NESTED), unusual_);
  requireWord(part(layout.portsAt() + 4), header(5, CTA_PROTO_NUM), unusual_);
  requireWord(part(layout.portsAt() + 12), header(6, CTA_PROTO_SRC_PORT), unusual_);
  requireWord(part(layout.portsAt() + 20), header(6, CTA_PROTO_DST_PORT), unusual_);
}

void EventInstructions::findAttributes(int32_t from) {
  const auto end = a_.label();
  a_.set(R7, from);
  for (int index = 0; index < kAttributes; index++) {
    const auto next = a_.label(), notStatus = a_.label();
    a_.copy(R2, R7);
    loadPacketAt(kAttribute, NLA_HDRLEN, end);
    a_.load(Width::u16, R9, FRAME, at(kAttribute, offsetof(nlattr, nla_len)));
    a_.jumpIf(R9, BPF_JLT, NLA_HDRLEN, unusual_);
    a_.load(Width::u16, R1, FRAME, at(kAttribute, offsetof(nlattr, nla_type)));
    a_.bitAnd(R1, NLA_TYPE_MASK);
    a_.jumpIf(R1, BPF_JNE, CTA_STATUS, notStatus);
    a_.copy(R2, R7);
    a_.add(R2, NLA_HDRLEN);
    loadPacketAt(kStatus, sizeof(uint32_t), unusual_);
    a_.jumpIf(R8, BPF_JEQ, 1, end);  // nothing behind it matters in a flow that opens
    a_.jump(next);
    a_.bind(notStatus);
    noteAttribute(CTA_COUNTERS_ORIG, kOriginalAt, next);
    noteAttribute(CTA_COUNTERS_REPLY, kReplyAt, next);
    noteAttribute(CTA_TIMESTAMP, kTimesAt, next);
    a_.bind(next);
    a_.add(R9, NLA_ALIGNTO - 1);
    a_.bitAnd(R9, ~(NLA_ALIGNTO - 1));
    a_.add(R7, R9);
  }
  a_.bind(end);
}

void EventInstructions::noteAttribute(int type, int16_t place, BpfAssembler::Label next) {
  const auto other = a_.label();
  a_.jumpIf(R1, BPF_JNE, type, other);
  a_.store(Width::u64, FRAME, place, R7);
  a_.jump(next);
  a_.bind(other);
}

void EventInstructions::readTraffic() {
  const auto opened = a_.label();
  a_.jumpIf(R8, BPF_JEQ, 1, opened);
  readPair(kOriginalAt, CTA_COUNTERS_PACKETS, kOriginalPacketsValue, CTA_COUNTERS_BYTES, kOriginalBytesValue);
  readPair(kReplyAt, CTA_COUNTERS_PACKETS, kReplyPacketsValue, CTA_COUNTERS_BYTES, kReplyBytesValue);
  a_.bind(opened);
}

void EventInstructions::readPair(int16_t notedAt, int firstType, int16_t first, int secondType,
                                 int16_t second) {
  constexpr int kWide = NLA_HDRLEN + sizeof(uint64_t);
  const auto none = a_.label();
  a_.load(Width::u64, R2, FRAME, notedAt);
  a_.jumpIf(R2, BPF_JEQ, 0, none);
  a_.add(R2, NLA_HDRLEN);
  loadPacketAt(kNest, 2 * kWide, none);
  requireWord(kNest, header(kWide, firstType), none);
  requireWord(kNest + kWide, header(kWide, secondType), none);
  for (const auto& [from, to] :
       {std::pair{kNest + NLA_HDRLEN, first}, {kNest + kWide + NLA_HDRLEN, second}}) {
    a_.load(Width::u32, R1, FRAME, static_cast<int16_t>(from));
    a_.fromNetwork32(R1);
    a_.shiftLeft(R1, 32);
    a_.load(Width::u32, R2, FRAME, static_cast<int16_t>(from + 4));
    a_.fromNetwork32(R2);
    a_.bitOr(R1, R2);
    a_.store(Width::u64, FRAME, to, R1);
  }
  a_.bind(none);
}

void EventInstructions::passUnlessUntranslated() {
  a_.set(R7, kEventHeader);
  for (int index = 0; index < kAttributes; index++) {
    const auto other = a_.label();
    a_.copy(R2, R7);
    loadPacketAt(kAttribute, NLA_HDRLEN, pass_);
    a_.load(Width::u16, R9, FRAME, at(kAttribute, offsetof(nlattr, nla_len)));
    a_.jumpIf(R9, BPF_JLT, NLA_HDRLEN, pass_);
    a_.load(Width::u16, R1, FRAME, at(kAttribute, offsetof(nlattr, nla_type)));
    a_.bitAnd(R1, NLA_TYPE_MASK);
    a_.jumpIf(R1, BPF_JNE, CTA_STATUS, other);
    a_.copy(R2, R7);
    a_.add(R2, NLA_HDRLEN);
    loadPacketAt(kStatus, sizeof(uint32_t), pass_);
    a_.load(Width::u32, R1, FRAME, kStatus);
    a_.fromNetwork32(R1);
    a_.jumpIf(R1, BPF_JSET, IPS_DST_NAT, pass_);
    a_.jump(drop_);
    a_.bind(other);
    a_.add(R9, NLA_ALIGNTO - 1);
    a_.bitAnd(R9, ~(NLA_ALIGNTO - 1));
    a_.add(R7, R9);
  }
}

}  // namespace hawser::conntrack
