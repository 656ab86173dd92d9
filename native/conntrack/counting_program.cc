#include "conntrack/counting_program.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <bit>
#include <cstddef>

#include "conntrack/event_instructions.h"
#include "conntrack/flow_counters.h"
#include "conntrack/search.h"

namespace hawser::conntrack {
namespace {

class Program : EventInstructions {
 public:
  Program(const CountingMaps& maps, FlowSelection selection) : maps_(maps), selection_(selection) {}

  std::vector<bpf_insn> write() {
    const auto isNew = a_.label(), typed = a_.label(), v6 = a_.label();
    a_.copy(R6, R1);
    loadPacket(0, kMessage, kEventHeader, pass_);
    a_.load(Width::u16, R1, FRAME, at(kMessage, offsetof(nlmsghdr, nlmsg_type)));
    a_.jumpIf(R1, BPF_JEQ, messageType(IPCTNL_MSG_CT_NEW), isNew);
    a_.jumpIf(R1, BPF_JNE, messageType(IPCTNL_MSG_CT_DELETE), pass_);
    a_.set(R8, 0);
    a_.jump(typed);
    a_.bind(isNew);
    a_.set(R8, 1);
    a_.bind(typed);
    for (const int16_t place : {kOriginalAt, kReplyAt, kTimesAt, kOriginalBytesValue, kReplyBytesValue,
                                kOriginalPacketsValue, kReplyPacketsValue})
      a_.store(Width::u64, FRAME, place, 0);
    for (const int16_t place : {kStatus, kZero}) a_.store(Width::u32, FRAME, place, 0);
    a_.load(Width::u8, R1, FRAME, at(kMessage + NLMSG_HDRLEN, offsetof(nfgenmsg, nfgen_family)));
    a_.jumpIf(R1, BPF_JEQ, AF_INET6, v6);
    a_.jumpIf(R1, BPF_JNE, AF_INET, pass_);
    countFamily(kIpv4);
    a_.bind(v6);
    countFamily(kIpv6);
    a_.bind(unusual_);
    if (selection_ == FlowSelection::dnat) passUnlessUntranslated();
    a_.bind(pass_);
    a_.set(R0, -1);
    a_.exit();
    a_.bind(drop_);
    a_.set(R0, 0);
    a_.exit();
    return a_.take();
  }

 private:
  void countFamily(const TupleLayout& layout) {
    const auto untranslated = a_.label(), foreign = a_.label(), found = a_.label();
    loadPacket(kEventHeader, kOriginal, layout.length(), unusual_);
    loadPacket(kEventHeader + layout.length(), kReply, layout.length(), unusual_);
    requireTuple(layout, kOriginal, CTA_TUPLE_ORIG);
    requireTuple(layout, kReply, CTA_TUPLE_REPLY);
    findAttributes(kEventHeader + 2 * layout.length());
    a_.load(Width::u32, R1, FRAME, kStatus);
    a_.fromNetwork32(R1);
    a_.store(Width::u32, FRAME, kStatus, R1);
    if (selection_ == FlowSelection::rewritten)
      jumpIfRewritten(layout, found);
    else
      a_.jumpIf(R1, BPF_JSET, IPS_DST_NAT, found);
    a_.jump(selection_ == FlowSelection::every ? untranslated : drop_);
    a_.bind(found);
    readTraffic();
    findFrontend(layout, foreign);
    countEvent();
    addRow(maps_.frontendCounters, kRow);
    countLifetime();
    countEndpoint(layout);
    a_.jump(drop_);
    a_.bind(untranslated);
    a_.bind(foreign);
    countEvent();
    addEngine(kSeenForeign);
    a_.jump(drop_);
  }

  void jumpIfRewritten(const TupleLayout& layout, BpfAssembler::Label found) {
    const auto compare = [&](Width width, int original, int reply) {
      a_.load(width, R1, FRAME, at(kOriginal, static_cast<size_t>(original)));
      a_.load(width, R2, FRAME, at(kReply, static_cast<size_t>(reply)));
      a_.jumpIf(R1, BPF_JNE, R2, found);
    };
    for (int offset = 0; offset < layout.address; offset += 4)
      compare(Width::u32, layout.destinationAt() + offset, layout.sourceAt() + offset);
    compare(Width::u16, layout.destinationPortAt(), layout.sourcePortAt());
  }

  void copyAddress(const TupleLayout& layout, int from, int to) {
    for (int offset = 0; offset < layout.address; offset += 4) {
      a_.load(Width::u32, R1, FRAME, static_cast<int16_t>(from + offset));
      a_.store(Width::u32, FRAME, static_cast<int16_t>(to + offset), R1);
    }
  }

  void clear(int16_t place, int size) {
    for (int offset = 0; offset < size; offset += 8)
      a_.store(Width::u64, FRAME, static_cast<int16_t>(place + offset), 0);
  }

  void lookUp(int map, int16_t key) {
    a_.map(R1, map);
    a_.frame(R2, key);
    a_.call(BPF_FUNC_map_lookup_elem);
  }

  /** Row and group of the frontend, of its own address or else of a node port. */
  void findFrontend(const TupleLayout& layout, BpfAssembler::Label foreign) {
    const auto found = a_.label();
    clear(kFrontend, 24);
    a_.store(Width::u8, FRAME, at(kFrontend, offsetof(FrontendKey, family)), int32_t{layout.family});
    a_.load(Width::u8, R1, FRAME, static_cast<int16_t>(kOriginal + layout.protocolAt()));
    a_.store(Width::u8, FRAME, at(kFrontend, offsetof(FrontendKey, protocol)), R1);
    a_.load(Width::u16, R1, FRAME, static_cast<int16_t>(kOriginal + layout.destinationPortAt()));
    a_.store(Width::u16, FRAME, at(kFrontend, offsetof(FrontendKey, port)), R1);
    copyAddress(layout, kOriginal + layout.destinationAt(), at(kFrontend, offsetof(FrontendKey, address)));
    lookUp(maps_.frontends, kFrontend);
    a_.jumpIf(R0, BPF_JNE, 0, found);
    for (int offset = 0; offset < 16; offset += 4)
      a_.store(Width::u32, FRAME, at(at(kFrontend, offsetof(FrontendKey, address)), offset), 0);
    lookUp(maps_.frontends, kFrontend);
    a_.jumpIf(R0, BPF_JEQ, 0, foreign);
    a_.bind(found);
    clear(kEndpoint, sizeof(EndpointKey));
    a_.load(Width::u32, R1, R0, offsetof(FrontendPlace, row));
    a_.store(Width::u32, FRAME, kRow, R1);
    a_.load(Width::u32, R1, R0, offsetof(FrontendPlace, group));
    a_.store(Width::u32, FRAME, at(kEndpoint, offsetof(EndpointKey, group)), R1);
  }

  void countEndpoint(const TupleLayout& layout) {
    a_.store(Width::u16, FRAME, at(kEndpoint, offsetof(EndpointKey, family)), int32_t{layout.family});
    a_.load(Width::u16, R1, FRAME, static_cast<int16_t>(kReply + layout.sourcePortAt()));
    a_.store(Width::u16, FRAME, at(kEndpoint, offsetof(EndpointKey, port)), R1);
    copyAddress(layout, kReply + layout.sourceAt(), at(kEndpoint, offsetof(EndpointKey, address)));
    lookUp(maps_.endpoints, kEndpoint);
    a_.jumpIf(R0, BPF_JEQ, 0, drop_);
    a_.load(Width::u32, R1, R0, 0);
    a_.store(Width::u32, FRAME, kEndpointRow, R1);
    addRow(maps_.endpointCounters, kEndpointRow);
  }

  void countEvent() {
    const auto opened = a_.label(), done = a_.label();
    a_.jumpIf(R8, BPF_JEQ, 1, opened);
    addEngine(kSeenClose);
    a_.load(Width::u32, R1, FRAME, at(kMessage, offsetof(nlmsghdr, nlmsg_pid)));
    a_.jumpIf(R1, BPF_JEQ, 0, done);
    addEngine(kSeenRequestedClose);
    a_.jump(done);
    a_.bind(opened);
    addEngine(kSeenOpen);
    a_.bind(done);
  }

  void addEngine(ProgramColumn column) {
    const auto absent = a_.label();
    lookUp(maps_.engine, kZero);
    a_.jumpIf(R0, BPF_JEQ, 0, absent);
    addOne(column);
    a_.bind(absent);
  }

  /** Adds one to a column of the row at R0. */
  void addOne(int column) {
    a_.set(R1, 1);
    a_.addAtomically(R0, static_cast<int16_t>(column * 8), R1);
  }

  void addValue(int column, int16_t place) {
    a_.load(Width::u64, R1, FRAME, place);
    a_.addAtomically(R0, static_cast<int16_t>(column * 8), R1);
  }

  void addRow(int map, int16_t row) {
    const auto opened = a_.label(), replied = a_.label(), done = a_.label();
    lookUp(map, row);
    a_.jumpIf(R0, BPF_JEQ, 0, done);
    a_.jumpIf(R8, BPF_JEQ, 1, opened);
    a_.load(Width::u32, R1, FRAME, kStatus);
    a_.jumpIf(R1, BPF_JSET, IPS_SEEN_REPLY, replied);
    addOne(kUnreplied);
    a_.bind(replied);
    addValue(kOriginalBytes, kOriginalBytesValue);
    addValue(kReplyBytes, kReplyBytesValue);
    addValue(kOriginalPackets, kOriginalPacketsValue);
    addValue(kReplyPackets, kReplyPacketsValue);
    addOne(kClosed);  // last: who sees it sees the rest
    a_.jump(done);
    a_.bind(opened);
    addOne(kOpened);
    a_.bind(done);
  }

  /** Of a flow that ended, where the kernel keeps its times. */
  void countLifetime() {
    const auto none = a_.label(), bucket = a_.label();
    a_.jumpIf(R8, BPF_JEQ, 1, none);
    // The values of traffic are added by now, and their places are free.
    a_.store(Width::u64, FRAME, kOriginalAt, 0);
    a_.store(Width::u64, FRAME, kReplyAt, 0);
    readPair(kTimesAt, CTA_TIMESTAMP_START, kOriginalAt, CTA_TIMESTAMP_STOP, kReplyAt);
    a_.load(Width::u64, R1, FRAME, kOriginalAt);
    a_.jumpIf(R1, BPF_JEQ, 0, none);
    a_.load(Width::u64, R9, FRAME, kReplyAt);
    a_.jumpIf(R9, BPF_JLT, R1, none);
    a_.subtract(R9, R1);
    a_.set(R7, 0);
    for (const double seconds : kLifetimeBounds) {
      a_.set64(R1, static_cast<uint64_t>(seconds * 1e9));
      a_.jumpIf(R9, BPF_JLE, R1, bucket);
      a_.add(R7, 8);
    }
    a_.bind(bucket);
    lookUp(maps_.lifetimes, kRow);
    a_.jumpIf(R0, BPF_JEQ, 0, none);
    a_.add(R0, R7);
    addOne(0);
    a_.bind(none);
  }

  const CountingMaps maps_;
  const FlowSelection selection_;
};

}  // namespace

std::vector<bpf_insn> countingProgram(const CountingMaps& maps, FlowSelection selection) {
  return Program(maps, selection).write();
}

}  // namespace hawser::conntrack
