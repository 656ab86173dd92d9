#include "conntrack/entry.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"

namespace hawser::conntrack {
namespace {

constexpr AttributePolicy kEntryTable[] = {
    {CTA_TUPLE_ORIG, Kind::nested}, {CTA_TUPLE_REPLY, Kind::nested}, {CTA_STATUS, Kind::be32},
    {CTA_TIMEOUT, Kind::be32},      {CTA_MARK, Kind::be32},          {CTA_ID, Kind::be32},
    {CTA_ZONE, Kind::be16},
};

constexpr AttributePolicy kTupleTable[] = {
    {CTA_TUPLE_IP, Kind::nested},
    {CTA_TUPLE_PROTO, Kind::nested},
};

constexpr AttributePolicy kAddressTable[] = {
    {CTA_IP_V4_SRC, Kind::bytes, 4, 4},
    {CTA_IP_V4_DST, Kind::bytes, 4, 4},
    {CTA_IP_V6_SRC, Kind::bytes, 16, 16},
    {CTA_IP_V6_DST, Kind::bytes, 16, 16},
};

constexpr AttributePolicy kProtocolTable[] = {
    {CTA_PROTO_NUM, Kind::u8},         {CTA_PROTO_SRC_PORT, Kind::be16},  {CTA_PROTO_DST_PORT, Kind::be16},
    {CTA_PROTO_ICMP_ID, Kind::be16},   {CTA_PROTO_ICMP_TYPE, Kind::u8},   {CTA_PROTO_ICMP_CODE, Kind::u8},
    {CTA_PROTO_ICMPV6_ID, Kind::be16}, {CTA_PROTO_ICMPV6_TYPE, Kind::u8}, {CTA_PROTO_ICMPV6_CODE, Kind::u8},
};

/** Where a protocol's identifier, type and code are; the two ICMPs differ in nothing else. */
struct IcmpAttributes {
  uint16_t id, type, code;
};

std::optional<IcmpAttributes> icmpAttributes(uint8_t protocol) {
  if (protocol == IPPROTO_ICMP)
    return IcmpAttributes{CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE};
  if (protocol == IPPROTO_ICMPV6)
    return IcmpAttributes{CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE};
  return std::nullopt;
}

bool readTuple(std::span<const uint8_t> nest, uint8_t family, Tuple& tuple, uint8_t& protocol) {
  const Attributes parts(nest, kTupleTable);
  const Attributes addresses(parts.bytes(CTA_TUPLE_IP), kAddressTable);
  const Attributes ports(parts.bytes(CTA_TUPLE_PROTO), kProtocolTable);
  const bool v6 = family == AF_INET6;
  const auto source = addresses.bytes(v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC);
  const auto destination = addresses.bytes(v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST);
  if (!parts || !addresses || !ports || source.empty() || destination.empty()) return false;
  std::copy(source.begin(), source.end(), tuple.source.begin());
  std::copy(destination.begin(), destination.end(), tuple.destination.begin());
  protocol = ports[CTA_PROTO_NUM].u8();
  if (const auto icmp = icmpAttributes(protocol)) {
    tuple.sourcePort = ports[icmp->id].be16();
    tuple.destinationPort = static_cast<uint16_t>(ports[icmp->type].u8() << 8 | ports[icmp->code].u8());
  } else {
    tuple.sourcePort = ports[CTA_PROTO_SRC_PORT].be16();
    tuple.destinationPort = ports[CTA_PROTO_DST_PORT].be16();
  }
  return true;
}

}  // namespace

Result<Entry> readEntry(const Message& message) {
  const Error malformed{EBADMSG, "a connection tracking entry with malformed attributes", kMalformedReply};
  nfgenmsg header;
  if (message.payload.size() < sizeof header) return malformed;
  std::memcpy(&header, message.payload.data(), sizeof header);
  if (header.nfgen_family != AF_INET && header.nfgen_family != AF_INET6) return malformed;
  const Attributes attributes(message.payload.subspan(NLMSG_ALIGN(sizeof header)), kEntryTable);
  Entry entry{};
  entry.family = header.nfgen_family;
  uint8_t replyProtocol = 0;
  if (!attributes ||
      !readTuple(attributes.bytes(CTA_TUPLE_ORIG), entry.family, entry.original, entry.protocol) ||
      !readTuple(attributes.bytes(CTA_TUPLE_REPLY), entry.family, entry.reply, replyProtocol))
    return malformed;
  entry.zone = attributes[CTA_ZONE].be16();
  entry.id = attributes.be32(CTA_ID);
  entry.status = attributes.be32(CTA_STATUS);
  entry.mark = attributes.be32(CTA_MARK);
  entry.timeout = attributes.be32(CTA_TIMEOUT);
  return entry;
}

void writeTuple(MessageWriter& writer, uint16_t type, const Entry& entry, const Tuple& tuple) {
  const bool v6 = entry.family == AF_INET6;
  const size_t length = v6 ? 16 : 4;
  writer.nest(type, [&] {
    writer.nest(CTA_TUPLE_IP, [&] {
      writer.bytes(v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, std::span(tuple.source).first(length));
      writer.bytes(v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, std::span(tuple.destination).first(length));
    });
    writer.nest(CTA_TUPLE_PROTO, [&] {
      writer.u8(CTA_PROTO_NUM, entry.protocol);
      if (const auto icmp = icmpAttributes(entry.protocol)) {
        writer.be16(icmp->id, tuple.sourcePort);
        writer.u8(icmp->type, static_cast<uint8_t>(tuple.destinationPort >> 8));
        writer.u8(icmp->code, static_cast<uint8_t>(tuple.destinationPort & 0xff));
      } else {
        writer.be16(CTA_PROTO_SRC_PORT, tuple.sourcePort);
        writer.be16(CTA_PROTO_DST_PORT, tuple.destinationPort);
      }
    });
  });
}

void writeDeletion(MessageWriter& writer, const Entry& entry) {
  writer.header(nfgenmsg{.nfgen_family = entry.family, .version = NFNETLINK_V0, .res_id = 0});
  writeTuple(writer, CTA_TUPLE_ORIG, entry, entry.original);
  if (entry.zone != 0) writer.be16(CTA_ZONE, entry.zone);
  writer.be32(CTA_ID, entry.id);
}

}  // namespace hawser::conntrack
