#include "conntrack/event_filter.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

#include <bit>
#include <cstddef>

#include "conntrack/event_instructions.h"

namespace hawser::conntrack {
namespace {

constexpr sock_filter kPass = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
constexpr sock_filter kDrop = BPF_STMT(BPF_RET | BPF_K, 0);

/** By CTA_STATUS, which NEW and DESTROY events both carry. */
std::vector<sock_filter> byStatus() {
  constexpr uint32_t ancillary = static_cast<uint32_t>(SKF_AD_OFF);
  return {
      BPF_STMT(BPF_LD | BPF_IMM, kEventHeader),
      BPF_STMT(BPF_LDX | BPF_IMM, CTA_STATUS),
      // A: offset of the attribute X from offset A on, 0 when there is none.
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ancillary + SKF_AD_NLATTR),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IPS_DST_NAT, 1, 0),
      kDrop,
      kPass,
  };
}

/** By the tuples, which are the first attributes of any event. */
class RewrittenFilter {
 public:
  std::vector<sock_filter> write() {
    const size_t v4 = writeFamily(kIpv4);
    program_[v4].jf = static_cast<uint8_t>(program_.size() - v4 - 1);
    differing_.push_back(writeFamily(kIpv6));
    for (const size_t jump : differing_) program_[jump].jf = static_cast<uint8_t>(program_.size() - jump - 1);
    program_.push_back(kPass);
    return std::move(program_);
  }

 private:
  /** Returns the jump whose `jf` is taken by other families. */
  size_t writeFamily(const TupleLayout& layout) {
    const int original = kEventHeader;
    const int reply = kEventHeader + layout.length();
    load(BPF_B, NLMSG_HDRLEN + offsetof(nfgenmsg, nfgen_family));
    const size_t family = jumpUnlessEqual(BPF_K, layout.family);
    requireTuple(original, layout.length(), CTA_TUPLE_ORIG);
    requireTuple(reply, layout.length(), CTA_TUPLE_REPLY);
    for (int offset = 0; offset < layout.address; offset += 4)
      compare(BPF_W, original + layout.destinationAt() + offset, reply + layout.sourceAt() + offset);
    compare(BPF_H, original + layout.destinationPortAt(), reply + layout.sourcePortAt());
    program_.push_back(kDrop);
    return family;
  }

  /** A tuple of another length is of a protocol without ports. */
  void requireTuple(int at, int16_t length, uint16_t type) {
    const nlattr header{.nla_len = static_cast<uint16_t>(length),
                        .nla_type = static_cast<uint16_t>(type | NLA_F_NESTED)};
    load(BPF_W, at);
    // Loads are in network order, headers in the host's.
    differing_.push_back(jumpUnlessEqual(BPF_K, ntohl(std::bit_cast<uint32_t>(header))));
  }

  void compare(uint16_t width, int one, int other) {
    load(width, one);
    program_.push_back(BPF_STMT(BPF_MISC | BPF_TAX, 0));
    load(width, other);
    differing_.push_back(jumpUnlessEqual(BPF_X, 0));
  }

  void load(uint16_t width, size_t at) {
    program_.push_back({static_cast<uint16_t>(BPF_LD | width | BPF_ABS), 0, 0, static_cast<uint32_t>(at)});
  }

  size_t jumpUnlessEqual(uint16_t source, uint32_t value) {
    program_.push_back({static_cast<uint16_t>(BPF_JMP | BPF_JEQ | source), 0, 0, value});
    return program_.size() - 1;
  }

  std::vector<sock_filter> program_;
  /** Jumps that let the event pass. */
  std::vector<size_t> differing_;
};

}  // namespace

std::vector<sock_filter> filterProgram(FlowSelection selection) {
  switch (selection) {
    case FlowSelection::dnat:
      return byStatus();
    case FlowSelection::rewritten:
      return RewrittenFilter().write();
    default:
      return {};
  }
}

}  // namespace hawser::conntrack
