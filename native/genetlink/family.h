#pragma once

#include <cstdint>
#include <string_view>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_writer.h"
#include "codec/result.h"
#include "socket/netlink_socket.h"

namespace hawser::genetlink {

/** A generic netlink family as the kernel's controller (GENL_ID_CTRL) describes it. */
struct Family {
  /** The message type of its requests, given out anew at every boot. */
  uint16_t id = 0;
  std::string name;
  uint32_t version = 0;
};

/** Body of a CTRL_CMD_GETFAMILY request; an empty name asks for all of them (a dump). */
void writeFamilyRequest(MessageWriter& writer, std::string_view name);
Result<Family> readFamily(const Message& message);

/** Asks for a family by name, which makes the kernel load its module where it can. ENOENT when there is none.
 */
Result<Family> resolveFamily(NetlinkSocket& socket, std::string_view name);

/** Packs a family: u16 id, string name, u32 version. */
void packFamily(const Family& family, ProgramWriter& reply);

}  // namespace hawser::genetlink
