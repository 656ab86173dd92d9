#include "ipvs/ipvs_session.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include <cerrno>

#include "codec/attribute_policy.h"
#include "genetlink/family.h"
#include "ipvs/change_run.h"
#include "ipvs/destination.h"
#include "ipvs/service.h"

namespace hawser::ipvs {
namespace {

constexpr AttributePolicy kInfoTable[] = {
    {IPVS_INFO_ATTR_VERSION, Kind::u32},
    {IPVS_INFO_ATTR_CONN_TAB_SIZE, Kind::u32},
};

constexpr AttributePolicy kTimeoutTable[] = {
    {IPVS_CMD_ATTR_TIMEOUT_TCP, Kind::u32},
    {IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, Kind::u32},
    {IPVS_CMD_ATTR_TIMEOUT_UDP, Kind::u32},
};

/** Packs the u32 attributes that `table` lists, in its order. */
Result<> packNumbers(const Message& message, std::span<const AttributePolicy> table, ProgramWriter& reply) {
  const Error malformed{EBADMSG, "an IPVS reply with malformed attributes", kMalformedReply};
  if (message.payload.size() < GENL_HDRLEN) return malformed;
  const Attributes numbers(message.payload.subspan(GENL_HDRLEN), table);
  if (!numbers) return malformed;
  for (const auto& line : table) reply.u32(numbers[line.type].u32());
  return Unit{};
}

}  // namespace

Result<std::unique_ptr<Session>> IpvsSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_GENERIC, std::move(counters));
  if (!socket) return socket.error();
  auto family = genetlink::resolveFamily(*socket, IPVS_GENL_NAME);
  if (!family && family.error().number == ENOENT)
    return Error{ENOENT, "this kernel has no IPVS: load the module ip_vs, or choose another backend",
                 kIpvsUnavailable};
  if (!family) return family.error();
  return std::unique_ptr<Session>(new IpvsSession(std::move(*socket), family->id));
}

Outcome IpvsSession::handle(const Request& request) {
  ProgramWriter reply;
  Result<> done = Unit{};
  switch (request.method) {
    case services:
      done = listServices(reply);
      break;
    case destinations:
      done = listDestinations(request.program(), reply);
      break;
    case info:
      done = readInfo(reply);
      break;
    case apply:
      return ChangeRun(socket_, family_).run(request.program());
    default:
      done = Error{EINVAL, "unknown method of an IPVS socket", kMalformedProgram};
  }
  if (!done) return {.reply = {}, .error = done.error(), .failures = {}};
  return {.reply = reply.take(), .error = {}, .failures = {}};
}

Result<> IpvsSession::listServices(ProgramWriter& reply) {
  return socket_.dump(
      "list virtual servers", request(IPVS_CMD_GET_SERVICE), [&] { reply.truncate(0); },
      [&](const Message& message) { return packService(message, reply); });
}

Result<> IpvsSession::listDestinations(std::span<const uint8_t> keys, ProgramWriter& reply) {
  ProgramReader program(keys);
  while (!program.done()) {
    const ServiceKey key = readServiceKey(program);
    if (program.failed()) return Error{EINVAL, "the list of virtual servers ends early", kMalformedProgram};
    const size_t start = reply.size();
    uint32_t count = 0;
    auto dumped = socket_.dump(
        "list real servers",
        request(IPVS_CMD_GET_DEST, [&](MessageWriter& writer) { writeServiceKey(writer, key); }),
        [&] {
          reply.truncate(start);
          reply.u32(count = 0);
        },
        [&](const Message& message) {
          count++;
          return packDestination(message, reply);
        });
    if (!dumped) return dumped;
    reply.patchU32(start, count);
  }
  return Unit{};
}

Result<> IpvsSession::readInfo(ProgramWriter& reply) {
  auto version = socket_.call("get IPVS version", request(IPVS_CMD_GET_INFO), [&](const Message& message) {
    return packNumbers(message, kInfoTable, reply);
  });
  if (!version) return version;
  return socket_.call("get IPVS timeouts", request(IPVS_CMD_GET_CONFIG),
                      [&](const Message& message) { return packNumbers(message, kTimeoutTable, reply); });
}

NetlinkSocket::Build IpvsSession::request(uint8_t command, std::function<void(MessageWriter&)> body) const {
  return [family = family_, command, body = std::move(body)](MessageWriter& writer, uint32_t sequence,
                                                             uint16_t flags) {
    writer.begin(family, flags, sequence);
    writer.header(genlmsghdr{.cmd = command, .version = IPVS_GENL_VERSION, .reserved = 0});
    if (body) body(writer);
    writer.end();
  };
}

}  // namespace hawser::ipvs
