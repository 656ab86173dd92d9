#include <doctest/doctest.h>

#include "nftables/foreign_changes.h"
#include "nftables/messages.h"

using namespace hawser;
using namespace hawser::nftables;

namespace {

constexpr uint8_t kIp = 2;
constexpr uint32_t kOurs = 77;
constexpr uint32_t kTheirs = 1234;

bool isOurs(uint32_t portId) { return portId == kOurs; }

std::vector<uint8_t> watching(std::initializer_list<const char*> tables) {
  ProgramWriter program;
  program.u32(static_cast<uint32_t>(tables.size()));
  for (const char* table : tables) {
    program.u8(kIp);
    program.string(table);
  }
  return program.take();
}

/** Hands over a notification as the kernel multicasts it. */
template <typename Body>
void notify(ForeignChanges& changes, uint8_t type, uint32_t portId, Body&& body) {
  MessageWriter writer;
  writer.begin(messageType(type), 0, 1);
  familyHeader(writer, type == NFT_MSG_NEWGEN ? uint8_t{0} : kIp);
  body(writer);
  writer.end();
  MessageReader reader(writer.view());
  Message message;
  REQUIRE(reader.next(message));
  message.header.nlmsg_pid = portId;
  changes.take(message);
}

void element(ForeignChanges& changes, uint32_t portId, const char* table) {
  notify(changes, NFT_MSG_DELSETELEM, portId,
         [&](MessageWriter& writer) { writer.string(NFTA_SET_ELEM_LIST_TABLE, table); });
}

void generation(ForeignChanges& changes, uint32_t portId) {
  notify(changes, NFT_MSG_NEWGEN, portId, [](MessageWriter& writer) {
    writer.be32(NFTA_GEN_ID, 9);
    writer.be32(NFTA_GEN_PROC_PID, 42);
    writer.string(NFTA_GEN_PROC_NAME, "nft");
  });
}

}  // namespace

TEST_CASE("a transaction of somebody else is told once, at its end, with who it was") {
  ForeignChanges changes(isOurs);
  REQUIRE(changes.configure(ProgramReader(watching({"hawser"}))));
  element(changes, kTheirs, "hawser");
  element(changes, kTheirs, "hawser");
  CHECK_FALSE(changes.ready());
  generation(changes, kTheirs);
  REQUIRE(changes.ready());

  const auto bytes = changes.report();
  ProgramReader report(bytes);
  CHECK(report.u8() == 0);
  CHECK(report.u32() == 9);
  REQUIRE(report.u32() == 1);
  CHECK(report.u8() == kIp);
  CHECK(report.string() == "hawser");
  CHECK(report.u32() == kTheirs);
  CHECK(report.u32() == 42);
  CHECK(report.string() == "nft");
  CHECK(report.done());
  CHECK_FALSE(changes.ready());
}

TEST_CASE("our own transactions and other tables are nobody's business") {
  ForeignChanges changes(isOurs);
  REQUIRE(changes.configure(ProgramReader(watching({"hawser"}))));
  element(changes, kOurs, "hawser");
  generation(changes, kOurs);
  element(changes, kTheirs, "cni");
  generation(changes, kTheirs);
  CHECK_FALSE(changes.ready());
}

TEST_CASE("without tables to watch every table counts") {
  ForeignChanges changes(isOurs);
  REQUIRE(changes.configure(ProgramReader(watching({}))));
  element(changes, kTheirs, "cni");
  generation(changes, kTheirs);
  CHECK(changes.ready());
}

TEST_CASE("lost notifications are told at once, and only once") {
  ForeignChanges changes(isOurs);
  REQUIRE(changes.configure(ProgramReader(watching({"hawser"}))));
  changes.lose();
  REQUIRE(changes.ready());
  const auto bytes = changes.report();
  CHECK(bytes[0] == 1);
  CHECK_FALSE(changes.ready());
}

TEST_CASE("a wait that is cut short is refused") {
  ForeignChanges changes(isOurs);
  const auto program = watching({"hawser"});
  CHECK_FALSE(changes.configure(ProgramReader(std::span(program).first(program.size() - 1))));
}
