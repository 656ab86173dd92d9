// Programs of changes that are malformed: refused as a whole, before anything of theirs is sent.
#include <doctest/doctest.h>
#include <linux/netlink.h>

#include "codec/program_writer.h"
#include "conntrack/conntrack_session.h"
#include "ipvs/change_run.h"
#include "rtnetlink/change_run.h"
#include "socket/netlink_socket.h"

using namespace hawser;

namespace {

NetlinkSocket openSocket(int protocol) {
  auto socket = NetlinkSocket::open(protocol, std::make_shared<Counters>());
  REQUIRE(socket);
  return std::move(*socket);
}

/** Cuts a program at every length; `run` answers the outcome of each. */
template <typename Run>
void checkEveryCut(const std::vector<uint8_t>& program, Run run) {
  for (size_t length = 1; length < program.size(); length++) {
    const std::vector<uint8_t> cut(program.begin(), program.begin() + static_cast<ptrdiff_t>(length));
    CHECK(run(cut).error.code == kMalformedProgram);
  }
}

}  // namespace

TEST_CASE("a change program of rtnetlink that ends early or has unknown operations sends nothing") {
  auto socket = openSocket(NETLINK_ROUTE);
  ProgramWriter program;
  program.u8(static_cast<uint8_t>(rtnetlink::ChangeCode::deleteAddress));
  program.string("hw-none");
  program.blob(std::vector<uint8_t>{192, 0, 2, 1});
  program.u8(32);
  program.u8(0);
  const auto run = [&](std::span<const uint8_t> bytes) { return rtnetlink::ChangeRun(socket).run(bytes); };
  checkEveryCut(program.take(), run);
  CHECK(run(std::vector<uint8_t>{0}).error.code == kMalformedProgram);
  CHECK(run(std::vector<uint8_t>{99}).error.code == kMalformedProgram);
  CHECK(socket.counters().messages == 0);
}

TEST_CASE("a change program of IPVS that ends early or has unknown operations sends nothing") {
  auto socket = openSocket(NETLINK_GENERIC);
  ProgramWriter program;
  program.u8(static_cast<uint8_t>(ipvs::ChangeCode::addDestination));
  program.u8(2);
  program.u8(6);
  program.blob(std::vector<uint8_t>{10, 96, 0, 1});
  program.u16(80);
  program.u32(0);
  program.blob(std::vector<uint8_t>{10, 0, 0, 2});
  program.u16(8080);
  program.u8(0);
  for (int number = 0; number < 3; number++) program.u32(1);
  const auto run = [&](std::span<const uint8_t> bytes) { return ipvs::ChangeRun(socket, 0x7fff).run(bytes); };
  checkEveryCut(program.take(), run);
  CHECK(run(std::vector<uint8_t>{99}).error.code == kMalformedProgram);
  CHECK(socket.counters().messages == 0);
}

TEST_CASE("conntrack refuses deletions without a condition, cut records and unknown methods") {
  auto counters = std::make_shared<Counters>();
  auto session = conntrack::ConntrackSession::open(counters);
  REQUIRE(session);
  const auto handle = [&](uint8_t method, std::span<const uint8_t> program) {
    const std::span<const uint8_t> buffers[] = {program};
    return (*session)->handle({.method = method, .buffers = buffers});
  };
  using conntrack::ConntrackSession;
  ProgramWriter everything;
  everything.u8(2);
  everything.u8(0);
  for (int fields = 0; fields < 2; fields++) everything.u32(0);
  for (int tuple = 0; tuple < 2; tuple++) {
    everything.blob({});
    everything.blob({});
    everything.u32(0);  // both ports
  }
  for (int number = 0; number < 4; number++) everything.u32(0);
  const auto program = everything.take();
  auto refused = handle(ConntrackSession::removeMatching, program);
  CHECK(refused.error.code == kMalformedProgram);
  CHECK(refused.error.message.find("every connection") != std::string::npos);
  checkEveryCut(program,
                [&](std::span<const uint8_t> cut) { return handle(ConntrackSession::removeMatching, cut); });
  CHECK(handle(ConntrackSession::removeMatching, {}).error.code == kMalformedProgram);
  CHECK(handle(ConntrackSession::removeEntries, std::vector<uint8_t>(91)).error.code == kMalformedProgram);
  CHECK(handle(99, {}).error.code == kMalformedProgram);
  CHECK(counters->messages == 0);
}
