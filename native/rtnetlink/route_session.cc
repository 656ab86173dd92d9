#include "rtnetlink/route_session.h"

#include <linux/rtnetlink.h>

#include <cerrno>

#include "codec/program_reader.h"
#include "codec/program_writer.h"
#include "rtnetlink/address.h"
#include "rtnetlink/change_run.h"
#include "rtnetlink/link.h"
#include "rtnetlink/route.h"

namespace hawser::rtnetlink {
namespace {

using Body = std::function<void(MessageWriter&)>;
using Pack = Result<> (*)(const Message&, ProgramWriter&);

/** Dumps with requests of `request` and packs its replies, each of type `reply`, one behind the other. */
Outcome dump(NetlinkSocket& socket, std::string_view what, uint16_t request, uint16_t reply, const Body& body,
             Pack pack) {
  ProgramWriter packed;
  const auto build = [&](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
    writer.begin(request, flags, sequence);
    body(writer);
    writer.end();
  };
  auto outcome = socket.dump(
      what, build, [&] { packed.truncate(0); },
      [&](const Message& message) -> Result<> {
        if (message.header.nlmsg_type != reply) return Unit{};
        return pack(message, packed);
      });
  if (!outcome) return {.reply = {}, .error = outcome.error(), .failures = {}};
  return {.reply = packed.take(), .error = {}, .failures = {}};
}

}  // namespace

Result<std::unique_ptr<Session>> RouteSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::move(counters));
  if (!socket) return socket.error();
  // Without strict checking the kernel ignores what a dump's header asks for, and sends cached exceptions
  // with the IPv6 routes. Kernels before 4.20 lack it; the decoders skip what is too much.
  (void)socket->setOption(NETLINK_GET_STRICT_CHK, 1);
  return std::unique_ptr<Session>(new RouteSession(std::move(*socket)));
}

Outcome RouteSession::handle(const Request& request) {
  switch (request.method) {
    case links:
      return dump(socket_, "list links", RTM_GETLINK, RTM_NEWLINK, writeLinkDump, packLink);
    case addresses:
      return dump(socket_, "list addresses", RTM_GETADDR, RTM_NEWADDR, writeAddressDump, packAddress);
    case routes: {
      ProgramReader program(request.program());
      const uint8_t family = program.u8();
      return dump(
          socket_, "list routes", RTM_GETROUTE, RTM_NEWROUTE,
          [family](MessageWriter& writer) { writeRouteDump(writer, family); }, packRoute);
    }
    case apply:
      return ChangeRun(socket_).run(request.program());
    default:
      return {.reply = {},
              .error = Error{EINVAL, "unknown method of a route socket", kMalformedProgram},
              .failures = {}};
  }
}

}  // namespace hawser::rtnetlink
