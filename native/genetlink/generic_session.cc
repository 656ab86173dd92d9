#include "genetlink/generic_session.h"

#include <linux/genetlink.h>

#include <cerrno>

#include "codec/program_reader.h"
#include "genetlink/family.h"

namespace hawser::genetlink {

Result<std::unique_ptr<Session>> GenericSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_GENERIC, std::move(counters));
  if (!socket) return socket.error();
  return std::unique_ptr<Session>(new GenericSession(std::move(*socket)));
}

Outcome GenericSession::handle(const Request& request) {
  if (request.method == families) return listFamilies();
  ProgramReader program(request.program());
  const auto name = program.string();
  if (request.method != resolve || name.empty())
    return {.reply = {},
            .error = Error{EINVAL, "unknown method of a generic socket", kMalformedProgram},
            .failures = {}};
  auto family = resolveFamily(socket_, name);
  if (!family) return {.reply = {}, .error = family.error(), .failures = {}};
  ProgramWriter reply;
  packFamily(*family, reply);
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

Outcome GenericSession::listFamilies() {
  ProgramWriter reply;
  auto dumped = socket_.dump(
      "list generic netlink families",
      [](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(GENL_ID_CTRL, flags, sequence);
        writeFamilyRequest(writer, "");
        writer.end();
      },
      [&] { reply.truncate(0); },
      [&](const Message& message) -> Result<> {
        auto family = readFamily(message);
        if (!family) return family.error();
        packFamily(*family, reply);
        return Unit{};
      });
  if (!dumped) return {.reply = {}, .error = dumped.error(), .failures = {}};
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

}  // namespace hawser::genetlink
