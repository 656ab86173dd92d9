#include "ipvs/destination.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <cerrno>

#include "codec/attribute_policy.h"
#include "ipvs/statistics.h"

namespace hawser::ipvs {
namespace {

constexpr AttributePolicy kRequestTable[] = {
    {IPVS_CMD_ATTR_DEST, Kind::nested},
};

constexpr AttributePolicy kDestinationTable[] = {
    {IPVS_DEST_ATTR_ADDR, Kind::bytes, 4, 16}, {IPVS_DEST_ATTR_PORT, Kind::be16},
    {IPVS_DEST_ATTR_FWD_METHOD, Kind::u32},    {IPVS_DEST_ATTR_WEIGHT, Kind::u32},
    {IPVS_DEST_ATTR_U_THRESH, Kind::u32},      {IPVS_DEST_ATTR_L_THRESH, Kind::u32},
    {IPVS_DEST_ATTR_ACTIVE_CONNS, Kind::u32},  {IPVS_DEST_ATTR_INACT_CONNS, Kind::u32},
    {IPVS_DEST_ATTR_PERSIST_CONNS, Kind::u32}, {IPVS_DEST_ATTR_ADDR_FAMILY, Kind::u16},
    {IPVS_DEST_ATTR_STATS64, Kind::nested},
};

void writeKeyAttributes(MessageWriter& writer, const Destination& destination) {
  writer.u16(IPVS_DEST_ATTR_ADDR_FAMILY, destination.address.size() == 16 ? AF_INET6 : AF_INET);
  writer.bytes(IPVS_DEST_ATTR_ADDR, destination.address);
  writer.be16(IPVS_DEST_ATTR_PORT, destination.port);
}

}  // namespace

Destination readDestinationKey(ProgramReader& program) {
  return {.address = program.blob(), .port = program.u16()};
}

Destination readDestination(ProgramReader& program) {
  Destination destination = readDestinationKey(program);
  destination.method = program.u8();
  destination.weight = program.u32();
  destination.upperThreshold = program.u32();
  destination.lowerThreshold = program.u32();
  return destination;
}

void writeDestinationKey(MessageWriter& writer, const Destination& destination) {
  writer.nest(IPVS_CMD_ATTR_DEST, [&] { writeKeyAttributes(writer, destination); });
}

void writeDestination(MessageWriter& writer, const Destination& destination) {
  writer.nest(IPVS_CMD_ATTR_DEST, [&] {
    writeKeyAttributes(writer, destination);
    writer.u32(IPVS_DEST_ATTR_FWD_METHOD, destination.method);
    writer.u32(IPVS_DEST_ATTR_WEIGHT, destination.weight);
    writer.u32(IPVS_DEST_ATTR_U_THRESH, destination.upperThreshold);
    writer.u32(IPVS_DEST_ATTR_L_THRESH, destination.lowerThreshold);
  });
}

Result<> packDestination(const Message& message, ProgramWriter& reply) {
  const Error malformed{EBADMSG, "a real server with malformed attributes", kMalformedReply};
  if (message.payload.size() < GENL_HDRLEN) return malformed;
  const Attributes outer(message.payload.subspan(GENL_HDRLEN), kRequestTable);
  const Attributes destination(outer.bytes(IPVS_CMD_ATTR_DEST), kDestinationTable);
  if (!outer || !destination) return malformed;
  const auto address = destination.bytes(IPVS_DEST_ATTR_ADDR);
  // The kernel sends the 16 bytes of its union, whatever the family.
  const size_t length = destination[IPVS_DEST_ATTR_ADDR_FAMILY].u16() == AF_INET6 ? 16 : 4;
  if (address.size() < length) return malformed;

  reply.blob(address.first(length));
  reply.u16(destination[IPVS_DEST_ATTR_PORT].be16());
  reply.u8(static_cast<uint8_t>(destination[IPVS_DEST_ATTR_FWD_METHOD].u32() & IP_VS_CONN_F_FWD_MASK));
  reply.u32(destination[IPVS_DEST_ATTR_WEIGHT].u32());
  reply.u32(destination[IPVS_DEST_ATTR_U_THRESH].u32());
  reply.u32(destination[IPVS_DEST_ATTR_L_THRESH].u32());
  reply.u32(destination[IPVS_DEST_ATTR_ACTIVE_CONNS].u32());
  reply.u32(destination[IPVS_DEST_ATTR_INACT_CONNS].u32());
  reply.u32(destination[IPVS_DEST_ATTR_PERSIST_CONNS].u32());
  if (!packStatistics(destination.bytes(IPVS_DEST_ATTR_STATS64), reply)) return malformed;
  return Unit{};
}

}  // namespace hawser::ipvs
