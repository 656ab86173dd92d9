#include "genetlink/family.h"

#include <linux/genetlink.h>

#include <cerrno>

#include "codec/attribute_policy.h"

namespace hawser::genetlink {
namespace {

constexpr AttributePolicy kFamilyTable[] = {
    {CTRL_ATTR_FAMILY_ID, Kind::u16},
    {CTRL_ATTR_FAMILY_NAME, Kind::string, 2, GENL_NAMSIZ},
    {CTRL_ATTR_VERSION, Kind::u32},
};

}  // namespace

void writeFamilyRequest(MessageWriter& writer, std::string_view name) {
  writer.header(genlmsghdr{.cmd = CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0});
  if (!name.empty()) writer.string(CTRL_ATTR_FAMILY_NAME, name);
}

Result<Family> readFamily(const Message& message) {
  if (message.payload.size() < GENL_HDRLEN)
    return Error{EBADMSG, "a generic netlink family without its header", kMalformedReply};
  const Attributes family(message.payload.subspan(GENL_HDRLEN), kFamilyTable);
  if (!family || family[CTRL_ATTR_FAMILY_ID].u16() == 0)
    return Error{EBADMSG, "a generic netlink family with malformed attributes", kMalformedReply};
  return Family{.id = family[CTRL_ATTR_FAMILY_ID].u16(),
                .name = std::string(family.string(CTRL_ATTR_FAMILY_NAME)),
                .version = family[CTRL_ATTR_VERSION].u32()};
}

Result<Family> resolveFamily(NetlinkSocket& socket, std::string_view name) {
  Result<Family> found = Error{ENOENT, "the kernel answered nothing about the family " + std::string(name)};
  auto called = socket.call(
      "resolve generic netlink family " + std::string(name),
      [name](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(GENL_ID_CTRL, flags, sequence);
        writeFamilyRequest(writer, name);
        writer.end();
      },
      [&](const Message& message) -> Result<> {
        found = readFamily(message);
        return Unit{};
      });
  if (!called) return called.error();
  return found;
}

void packFamily(const Family& family, ProgramWriter& reply) {
  reply.u16(family.id);
  reply.string(family.name);
  reply.u32(family.version);
}

}  // namespace hawser::genetlink
