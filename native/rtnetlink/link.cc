#include "rtnetlink/link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"

namespace hawser::rtnetlink {
namespace {

constexpr AttributePolicy kLinkTable[] = {
    {IFLA_ADDRESS, Kind::bytes, 0, 32},
    {IFLA_IFNAME, Kind::string, 2, IFNAMSIZ},
    {IFLA_MTU, Kind::u32},
    {IFLA_LINK, Kind::u32},
    {IFLA_MASTER, Kind::u32},
    {IFLA_LINKINFO, Kind::nested},
};

constexpr AttributePolicy kLinkInfoTable[] = {
    {IFLA_INFO_KIND, Kind::string},
};

constexpr std::string_view kindName(LinkKind kind) {
  switch (kind) {
    case LinkKind::dummy:
      return "dummy";
    case LinkKind::veth:
      return "veth";
    case LinkKind::bridge:
      return "bridge";
  }
  return "";
}

ifinfomsg linkHeader(std::optional<bool> up) {
  ifinfomsg header{};
  if (up) {
    header.ifi_flags = *up ? IFF_UP : 0;
    header.ifi_change = IFF_UP;
  }
  return header;
}

void writeDescriptor(MessageWriter& writer, uint16_t type, int descriptor) {
  if (descriptor >= 0) writer.u32(type, static_cast<uint32_t>(descriptor));
}

void writePeer(MessageWriter& writer, const NewLink& link) {
  writer.nest(IFLA_INFO_DATA, [&] {
    writer.nest(VETH_INFO_PEER, [&] {
      writer.header(ifinfomsg{});
      if (!link.peer.empty()) writer.string(IFLA_IFNAME, link.peer);
      writeDescriptor(writer, IFLA_NET_NS_FD, link.peerNetns);
    });
  });
}

}  // namespace

void writeNewLink(MessageWriter& writer, const NewLink& link) {
  writer.header(linkHeader(link.up ? std::optional(true) : std::nullopt));
  writer.string(IFLA_IFNAME, link.name);
  writer.nest(IFLA_LINKINFO, [&] {
    writer.string(IFLA_INFO_KIND, kindName(link.kind));
    if (link.kind == LinkKind::veth) writePeer(writer, link);
  });
}

void writeLinkChange(MessageWriter& writer, const LinkChange& change) {
  writer.header(linkHeader(change.up));
  writer.string(IFLA_IFNAME, change.name);
  if (change.mtu) writer.u32(IFLA_MTU, *change.mtu);
  if (change.master) writer.u32(IFLA_MASTER, *change.master);
  writeDescriptor(writer, IFLA_NET_NS_FD, change.netns);
}

void writeLinkName(MessageWriter& writer, std::string_view name) {
  writer.header(ifinfomsg{});
  writer.string(IFLA_IFNAME, name);
}

void writeLinkDump(MessageWriter& writer) { writer.header(ifinfomsg{}); }

Result<> packLink(const Message& message, ProgramWriter& reply) {
  ifinfomsg header;
  if (message.payload.size() < sizeof header)
    return Error{EBADMSG, "a link without its header", kMalformedReply};
  std::memcpy(&header, message.payload.data(), sizeof header);
  const Attributes link(message.payload.subspan(NLMSG_ALIGN(sizeof header)), kLinkTable);
  const Attributes info(link.bytes(IFLA_LINKINFO), kLinkInfoTable);
  if (!link || !info || header.ifi_index <= 0)
    return Error{EBADMSG, "a link with malformed attributes", kMalformedReply};
  reply.u32(static_cast<uint32_t>(header.ifi_index));
  reply.string(link.string(IFLA_IFNAME));
  reply.string(info.string(IFLA_INFO_KIND));
  reply.u32(header.ifi_flags);
  reply.u32(link[IFLA_MTU].u32());
  reply.u32(link[IFLA_MASTER].u32());
  reply.u32(link[IFLA_LINK].u32());
  reply.blob(link.bytes(IFLA_ADDRESS));
  return Unit{};
}

}  // namespace hawser::rtnetlink
