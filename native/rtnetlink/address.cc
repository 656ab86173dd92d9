#include "rtnetlink/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"

namespace hawser::rtnetlink {
namespace {

constexpr AttributePolicy kAddressTable[] = {
    {IFA_ADDRESS, Kind::bytes, 4, 16},
    {IFA_LOCAL, Kind::bytes, 4, 16},
    {IFA_FLAGS, Kind::u32},
};

/** 127.0.0.0/8 and ::1 are reachable from this host alone, as iproute2 marks them. */
uint8_t scopeOf(std::span<const uint8_t> address) {
  return address.size() == 4 && address[0] == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
}

}  // namespace

uint8_t familyOf(std::span<const uint8_t> address) {
  if (address.size() == 4) return AF_INET;
  return address.size() == 16 ? AF_INET6 : AF_UNSPEC;
}

void writeAddress(MessageWriter& writer, const InterfaceAddress& address) {
  writer.header(ifaddrmsg{.ifa_family = familyOf(address.address),
                          .ifa_prefixlen = address.prefix,
                          .ifa_flags = 0,
                          .ifa_scope = scopeOf(address.address),
                          .ifa_index = address.link});
  writer.bytes(IFA_LOCAL, address.address);
  writer.bytes(IFA_ADDRESS, address.address);
  if (address.withoutDetection) writer.u32(IFA_FLAGS, IFA_F_NODAD);
}

void writeAddressDump(MessageWriter& writer) { writer.header(ifaddrmsg{}); }

Result<> packAddress(const Message& message, ProgramWriter& reply) {
  ifaddrmsg header;
  if (message.payload.size() < sizeof header)
    return Error{EBADMSG, "an address without its header", kMalformedReply};
  std::memcpy(&header, message.payload.data(), sizeof header);
  const Attributes attributes(message.payload.subspan(NLMSG_ALIGN(sizeof header)), kAddressTable);
  // IPv4 has both, and they differ on point-to-point interfaces, where IFA_ADDRESS is the other end. IPv6 has
  // IFA_LOCAL only there.
  const auto own = attributes.has(IFA_LOCAL) ? attributes.bytes(IFA_LOCAL) : attributes.bytes(IFA_ADDRESS);
  if (!attributes || familyOf(own) != header.ifa_family)
    return Error{EBADMSG, "an address with malformed attributes", kMalformedReply};
  reply.u32(header.ifa_index);
  reply.u8(header.ifa_prefixlen);
  reply.u8(header.ifa_scope);
  // The header has room for the low eight flags only.
  reply.u32(attributes.has(IFA_FLAGS) ? attributes[IFA_FLAGS].u32() : header.ifa_flags);
  reply.blob(own);
  return Unit{};
}

}  // namespace hawser::rtnetlink
