#include "ipvs/service.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"
#include "ipvs/statistics.h"

namespace hawser::ipvs {
namespace {

constexpr AttributePolicy kRequestTable[] = {
    {IPVS_CMD_ATTR_SERVICE, Kind::nested},
};

constexpr AttributePolicy kServiceTable[] = {
    {IPVS_SVC_ATTR_AF, Kind::u16},
    {IPVS_SVC_ATTR_PROTOCOL, Kind::u16},
    {IPVS_SVC_ATTR_ADDR, Kind::bytes, 4, 16},
    {IPVS_SVC_ATTR_PORT, Kind::be16},
    {IPVS_SVC_ATTR_FWMARK, Kind::u32},
    {IPVS_SVC_ATTR_SCHED_NAME, Kind::string, 0, IP_VS_SCHEDNAME_MAXLEN},
    {IPVS_SVC_ATTR_FLAGS, Kind::bytes, sizeof(ip_vs_flags), sizeof(ip_vs_flags)},
    {IPVS_SVC_ATTR_TIMEOUT, Kind::u32},
    {IPVS_SVC_ATTR_NETMASK, Kind::u32},
    {IPVS_SVC_ATTR_STATS64, Kind::nested},
};

/** The kernel keeps a mask for IPv4, in network order, and a number of bits for IPv6. */
uint32_t netmaskOf(uint8_t family, uint8_t prefix) {
  if (family == AF_INET6) return prefix;
  return prefix == 0 ? 0 : htonl(UINT32_MAX << (32 - prefix));
}

uint8_t prefixOf(uint8_t family, uint32_t netmask) {
  return static_cast<uint8_t>(family == AF_INET6 ? netmask : std::popcount(netmask));
}

void writeKeyAttributes(MessageWriter& writer, const ServiceKey& key) {
  writer.u16(IPVS_SVC_ATTR_AF, key.family);
  if (key.address.empty()) {
    writer.u32(IPVS_SVC_ATTR_FWMARK, key.mark);
    return;
  }
  writer.u16(IPVS_SVC_ATTR_PROTOCOL, key.protocol);
  writer.bytes(IPVS_SVC_ATTR_ADDR, key.address);
  writer.be16(IPVS_SVC_ATTR_PORT, key.port);
}

}  // namespace

ServiceKey readServiceKey(ProgramReader& program) {
  ServiceKey key{.family = program.u8(), .protocol = program.u8()};
  key.address = program.blob();
  key.port = program.u16();
  key.mark = program.u32();
  return key;
}

Service readService(ProgramReader& program) {
  Service service{.key = readServiceKey(program), .scheduler = program.string()};
  service.flags = program.u32();
  service.timeout = program.u32();
  service.clientPrefix = program.u8();
  return service;
}

void writeServiceKey(MessageWriter& writer, const ServiceKey& key) {
  writer.nest(IPVS_CMD_ATTR_SERVICE, [&] { writeKeyAttributes(writer, key); });
}

void writeService(MessageWriter& writer, const Service& service) {
  writer.nest(IPVS_CMD_ATTR_SERVICE, [&] {
    writeKeyAttributes(writer, service.key);
    writer.string(IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
    // Every bit is ours to say: the mask keeps none of an existing service's.
    const ip_vs_flags flags{.flags = service.flags, .mask = UINT32_MAX};
    writer.bytes(IPVS_SVC_ATTR_FLAGS, {reinterpret_cast<const uint8_t*>(&flags), sizeof flags});
    writer.u32(IPVS_SVC_ATTR_TIMEOUT, service.timeout);
    writer.u32(IPVS_SVC_ATTR_NETMASK, netmaskOf(service.key.family, service.clientPrefix));
  });
}

Result<> packService(const Message& message, ProgramWriter& reply) {
  const Error malformed{EBADMSG, "a virtual server with malformed attributes", kMalformedReply};
  if (message.payload.size() < GENL_HDRLEN) return malformed;
  const Attributes outer(message.payload.subspan(GENL_HDRLEN), kRequestTable);
  const Attributes service(outer.bytes(IPVS_CMD_ATTR_SERVICE), kServiceTable);
  if (!outer || !service) return malformed;
  const auto family = static_cast<uint8_t>(service[IPVS_SVC_ATTR_AF].u16());
  // The kernel always sends the 16 bytes of its union, whatever the family.
  const size_t length = family == AF_INET6 ? 16 : 4;
  auto address = service.bytes(IPVS_SVC_ATTR_ADDR);
  if (!address.empty() && address.size() < length) return malformed;
  if (!address.empty()) address = address.first(length);
  ip_vs_flags flags{};
  if (service.has(IPVS_SVC_ATTR_FLAGS))
    std::memcpy(&flags, service.bytes(IPVS_SVC_ATTR_FLAGS).data(), sizeof flags);

  reply.u8(family);
  reply.u8(static_cast<uint8_t>(service[IPVS_SVC_ATTR_PROTOCOL].u16()));
  reply.blob(address);
  reply.u16(service[IPVS_SVC_ATTR_PORT].be16());
  reply.u32(service[IPVS_SVC_ATTR_FWMARK].u32());
  reply.string(service.string(IPVS_SVC_ATTR_SCHED_NAME));
  reply.u32(flags.flags);
  reply.u32(service[IPVS_SVC_ATTR_TIMEOUT].u32());
  reply.u8(prefixOf(family, service[IPVS_SVC_ATTR_NETMASK].u32()));
  if (!packStatistics(service.bytes(IPVS_SVC_ATTR_STATS64), reply)) return malformed;
  return Unit{};
}

}  // namespace hawser::ipvs
