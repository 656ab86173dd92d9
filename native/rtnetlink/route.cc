#include "rtnetlink/route.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"

namespace hawser::rtnetlink {
namespace {

constexpr AttributePolicy kRouteTable[] = {
    {RTA_DST, Kind::bytes, 4, 16}, {RTA_GATEWAY, Kind::bytes, 4, 16}, {RTA_PREFSRC, Kind::bytes, 4, 16},
    {RTA_OIF, Kind::u32},          {RTA_PRIORITY, Kind::u32},         {RTA_TABLE, Kind::u32},
};

/** How far away the destination is, as ip-route(8) derives it: local, on the link, or behind a gateway. */
uint8_t scopeOf(const Route& route) {
  if (route.type == RTN_LOCAL) return RT_SCOPE_HOST;
  if (route.type == RTN_UNICAST && route.gateway.empty()) return RT_SCOPE_LINK;
  return RT_SCOPE_UNIVERSE;
}

uint32_t tableOf(const Route& route) {
  if (route.table != 0) return route.table;
  return route.type == RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
}

void writeRoute(MessageWriter& writer, const Route& route, uint8_t protocol, uint8_t scope) {
  const uint32_t table = tableOf(route);
  writer.header(rtmsg{.rtm_family = route.family,
                      .rtm_dst_len = route.prefix,
                      .rtm_src_len = 0,
                      .rtm_tos = 0,
                      // The header has room for 255 tables; the attribute has the whole number.
                      .rtm_table = static_cast<uint8_t>(table > UINT8_MAX ? RT_TABLE_UNSPEC : table),
                      .rtm_protocol = protocol,
                      .rtm_scope = scope,
                      .rtm_type = route.type,
                      .rtm_flags = 0});
  if (!route.destination.empty()) writer.bytes(RTA_DST, route.destination);
  if (!route.gateway.empty()) writer.bytes(RTA_GATEWAY, route.gateway);
  if (!route.source.empty()) writer.bytes(RTA_PREFSRC, route.source);
  if (table > UINT8_MAX) writer.u32(RTA_TABLE, table);
  if (route.metric != 0) writer.u32(RTA_PRIORITY, route.metric);
  if (route.link != 0) writer.u32(RTA_OIF, route.link);
}

}  // namespace

void writeNewRoute(MessageWriter& writer, const Route& route) {
  writeRoute(writer, route, RTPROT_STATIC, scopeOf(route));
}

// RT_SCOPE_NOWHERE and RTPROT_UNSPEC match a route of any scope and of anyone's making.
void writeDeleteRoute(MessageWriter& writer, const Route& route) {
  writeRoute(writer, route, RTPROT_UNSPEC, RT_SCOPE_NOWHERE);
}

void writeRouteDump(MessageWriter& writer, uint8_t family) {
  rtmsg header{};
  header.rtm_family = family;
  writer.header(header);
}

Result<> packRoute(const Message& message, ProgramWriter& reply) {
  rtmsg header;
  if (message.payload.size() < sizeof header)
    return Error{EBADMSG, "a route without its header", kMalformedReply};
  std::memcpy(&header, message.payload.data(), sizeof header);
  // A dump of all families includes multicast routes under families of their own.
  const bool unicastFamily = header.rtm_family == AF_INET || header.rtm_family == AF_INET6;
  if (!unicastFamily || (header.rtm_flags & RTM_F_CLONED)) return Unit{};
  const Attributes route(message.payload.subspan(NLMSG_ALIGN(sizeof header)), kRouteTable);
  if (!route) return Error{EBADMSG, "a route with malformed attributes", kMalformedReply};
  reply.u8(header.rtm_family);
  reply.u8(header.rtm_dst_len);
  reply.u8(header.rtm_type);
  reply.u8(header.rtm_protocol);
  reply.u8(header.rtm_scope);
  reply.u32(route.has(RTA_TABLE) ? route[RTA_TABLE].u32() : header.rtm_table);
  reply.u32(route[RTA_PRIORITY].u32());
  reply.u32(route[RTA_OIF].u32());
  reply.blob(route.bytes(RTA_DST));
  reply.blob(route.bytes(RTA_GATEWAY));
  reply.blob(route.bytes(RTA_PREFSRC));
  return Unit{};
}

}  // namespace hawser::rtnetlink
