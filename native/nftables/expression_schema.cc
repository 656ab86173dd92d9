#include "nftables/expression_schema.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

// Numbers from linux/netfilter/nf_tables.h, byte orders from the nla_policy tables in net/netfilter/nft_*.c;
// the words are nft's own where it has some. Attributes are in the order in which nft 1.0.6 (libnftnl) writes
// them.
namespace hawser::nftables {
namespace {

using enum ValueKind;
using Rows = ExpressionAttribute;

constexpr const char* kMetaKeys =
    "len protocol priority mark iif oif iifname oifname iiftype oiftype skuid skgid nftrace rtclassid "
    "secmark "
    "nfproto l4proto ibrname obrname pkttype cpu iifgroup oifgroup cgroup random secpath iifkind oifkind "
    "ibrpvid ibrvproto time day hour sdif sdifname";
constexpr const char* kCtKeys =
    "state direction status mark secmark expiration helper l3proto saddr daddr protocol proto-src proto-dst "
    "label packets bytes avgpkt zone event src-ip dst-ip src-ip6 dst-ip6 id";
constexpr const char* kNatFlags =
    "map-ips proto-specified random persistent fully-random proto-offset netmap";
constexpr const char* kFamilies = "- inet ip arp - netdev - bridge - - ip6";

constexpr Rows kPayload[] = {
    {"sreg", NFTA_PAYLOAD_SREG, u32},
    {"dreg", NFTA_PAYLOAD_DREG, u32},
    {"base", NFTA_PAYLOAD_BASE, u32, "link network transport inner"},
    {"offset", NFTA_PAYLOAD_OFFSET, u32},
    {"length", NFTA_PAYLOAD_LEN, u32},
    {"checksumType", NFTA_PAYLOAD_CSUM_TYPE, u32, "none inet sctp"},
    {"checksumOffset", NFTA_PAYLOAD_CSUM_OFFSET, u32},
    {"checksumFlags", NFTA_PAYLOAD_CSUM_FLAGS, u32, "pseudo-header", true},
};
constexpr Rows kMeta[] = {
    {"key", NFTA_META_KEY, u32, kMetaKeys},
    {"dreg", NFTA_META_DREG, u32},
    {"sreg", NFTA_META_SREG, u32},
};
constexpr Rows kCmp[] = {
    {"sreg", NFTA_CMP_SREG, u32},
    {"op", NFTA_CMP_OP, u32, "eq neq lt lte gt gte"},
    {"data", NFTA_CMP_DATA, data},
};
constexpr Rows kRange[] = {
    {"sreg", NFTA_RANGE_SREG, u32},
    {"op", NFTA_RANGE_OP, u32, "eq neq"},
    {"from", NFTA_RANGE_FROM_DATA, data},
    {"to", NFTA_RANGE_TO_DATA, data},
};
constexpr Rows kBitwise[] = {
    {"sreg", NFTA_BITWISE_SREG, u32},
    {"dreg", NFTA_BITWISE_DREG, u32},
    {"op", NFTA_BITWISE_OP, u32, "mask-xor lshift rshift"},
    {"length", NFTA_BITWISE_LEN, u32},
    {"mask", NFTA_BITWISE_MASK, data},
    {"xor", NFTA_BITWISE_XOR, data},
    {"data", NFTA_BITWISE_DATA, data},
};
constexpr Rows kByteorder[] = {
    {"sreg", NFTA_BYTEORDER_SREG, u32},          {"dreg", NFTA_BYTEORDER_DREG, u32},
    {"op", NFTA_BYTEORDER_OP, u32, "ntoh hton"}, {"length", NFTA_BYTEORDER_LEN, u32},
    {"size", NFTA_BYTEORDER_SIZE, u32},
};
constexpr Rows kImmediate[] = {
    {"dreg", NFTA_IMMEDIATE_DREG, u32},
    {"data", NFTA_IMMEDIATE_DATA, data},
};
constexpr Rows kLookup[] = {
    {"sreg", NFTA_LOOKUP_SREG, u32},
    {"dreg", NFTA_LOOKUP_DREG, u32},
    {"set", NFTA_LOOKUP_SET, string},
    {"flags", NFTA_LOOKUP_FLAGS, u32, "invert", true},
};
constexpr Rows kDynset[] = {
    {"sregKey", NFTA_DYNSET_SREG_KEY, u32},
    {"sregData", NFTA_DYNSET_SREG_DATA, u32},
    {"op", NFTA_DYNSET_OP, u32, "add update delete"},
    {"timeoutMs", NFTA_DYNSET_TIMEOUT, u64},
    {"set", NFTA_DYNSET_SET_NAME, string},
    {"flags", NFTA_DYNSET_FLAGS, u32, "invert expressions", true},
};
constexpr Rows kNumgen[] = {
    {"dreg", NFTA_NG_DREG, u32},
    {"modulus", NFTA_NG_MODULUS, u32},
    {"type", NFTA_NG_TYPE, u32, "inc random"},
    {"offset", NFTA_NG_OFFSET, u32},
};
constexpr Rows kHash[] = {
    {"sreg", NFTA_HASH_SREG, u32},
    {"dreg", NFTA_HASH_DREG, u32},
    {"length", NFTA_HASH_LEN, u32},
    {"modulus", NFTA_HASH_MODULUS, u32},
    {"seed", NFTA_HASH_SEED, u32},
    {"offset", NFTA_HASH_OFFSET, u32},
    {"type", NFTA_HASH_TYPE, u32, "jenkins symmetric"},
};
constexpr Rows kNat[] = {
    {"type", NFTA_NAT_TYPE, u32, "snat dnat"},       {"family", NFTA_NAT_FAMILY, u32, kFamilies},
    {"addressMin", NFTA_NAT_REG_ADDR_MIN, u32},      {"addressMax", NFTA_NAT_REG_ADDR_MAX, u32},
    {"protoMin", NFTA_NAT_REG_PROTO_MIN, u32},       {"protoMax", NFTA_NAT_REG_PROTO_MAX, u32},
    {"flags", NFTA_NAT_FLAGS, u32, kNatFlags, true},
};
constexpr Rows kMasq[] = {
    {"flags", NFTA_MASQ_FLAGS, u32, kNatFlags, true},
    {"protoMin", NFTA_MASQ_REG_PROTO_MIN, u32},
    {"protoMax", NFTA_MASQ_REG_PROTO_MAX, u32},
};
constexpr Rows kRedir[] = {
    {"protoMin", NFTA_REDIR_REG_PROTO_MIN, u32},
    {"protoMax", NFTA_REDIR_REG_PROTO_MAX, u32},
    {"flags", NFTA_REDIR_FLAGS, u32, kNatFlags, true},
};
constexpr Rows kReject[] = {
    {"type", NFTA_REJECT_TYPE, u32, "icmp-unreachable tcp-reset icmpx-unreachable"},
    {"code", NFTA_REJECT_ICMP_CODE, u8},
};
constexpr Rows kCt[] = {
    {"key", NFTA_CT_KEY, u32, kCtKeys},
    {"dreg", NFTA_CT_DREG, u32},
    {"direction", NFTA_CT_DIRECTION, u8, "original reply"},
    {"sreg", NFTA_CT_SREG, u32},
};
constexpr Rows kFib[] = {
    {"flags", NFTA_FIB_FLAGS, u32, "saddr daddr mark iif oif present", true},
    {"result", NFTA_FIB_RESULT, u32, "- oif oifname type"},
    {"dreg", NFTA_FIB_DREG, u32},
};
constexpr Rows kCounter[] = {
    {"bytes", NFTA_COUNTER_BYTES, u64},
    {"packets", NFTA_COUNTER_PACKETS, u64},
};
constexpr Rows kLimit[] = {
    {"rate", NFTA_LIMIT_RATE, u64},
    {"unit", NFTA_LIMIT_UNIT, u64},
    {"burst", NFTA_LIMIT_BURST, u32},
    {"type", NFTA_LIMIT_TYPE, u32, "packets bytes"},
    {"flags", NFTA_LIMIT_FLAGS, u32, "invert", true},
};
constexpr Rows kQuota[] = {
    {"bytes", NFTA_QUOTA_BYTES, u64},
    {"consumed", NFTA_QUOTA_CONSUMED, u64},
    {"flags", NFTA_QUOTA_FLAGS, u32, "invert depleted", true},
};
constexpr Rows kRoute[] = {
    {"key", NFTA_RT_KEY, u32, "classid nexthop4 nexthop6 tcpmss ipsec"},
    {"dreg", NFTA_RT_DREG, u32},
};
constexpr Rows kSocket[] = {
    {"key", NFTA_SOCKET_KEY, u32, "transparent mark wildcard cgroupv2"},
    {"dreg", NFTA_SOCKET_DREG, u32},
    {"level", NFTA_SOCKET_LEVEL, u32},
};
constexpr Rows kLog[] = {
    {"prefix", NFTA_LOG_PREFIX, string}, {"group", NFTA_LOG_GROUP, u16}, {"snaplen", NFTA_LOG_SNAPLEN, u32},
    {"level", NFTA_LOG_LEVEL, u32},      {"flags", NFTA_LOG_FLAGS, u32},
};
constexpr Rows kMatch[] = {
    {"name", NFTA_MATCH_NAME, string},
    {"revision", NFTA_MATCH_REV, u32},
    {"info", NFTA_MATCH_INFO, bytes},
};
constexpr Rows kTarget[] = {
    {"name", NFTA_TARGET_NAME, string},
    {"revision", NFTA_TARGET_REV, u32},
    {"info", NFTA_TARGET_INFO, bytes},
};

constexpr ExpressionSchema kSchema[] = {
    {"payload", kPayload},
    {"meta", kMeta},
    {"cmp", kCmp},
    {"range", kRange},
    {"bitwise", kBitwise},
    {"byteorder", kByteorder},
    {"immediate", kImmediate},
    {"lookup", kLookup},
    {"dynset", kDynset},
    {"numgen", kNumgen},
    {"hash", kHash},
    {"nat", kNat},
    {"masq", kMasq},
    {"redir", kRedir},
    {"reject", kReject},
    {"ct", kCt},
    {"fib", kFib},
    {"counter", kCounter},
    {"limit", kLimit},
    {"quota", kQuota},
    {"rt", kRoute},
    {"socket", kSocket},
    {"log", kLog},
    {"match", kMatch},
    {"target", kTarget},
};

}  // namespace

std::span<const ExpressionSchema> expressionSchema() { return kSchema; }

}  // namespace hawser::nftables
