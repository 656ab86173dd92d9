// The controller of generic netlink: the request that `genl ctrl get name IPVS` sends, and a reply shortened
// from Linux 6.12.
#include <doctest/doctest.h>
#include <linux/genetlink.h>

#include "genetlink/family.h"
#include "hex.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::genetlink;
using test::bytesOf;
using test::decodeDamaged;
using test::hexOf;
using test::messageOf;

namespace {

const char* const kReply = R"(
  50000000 1000 0000 01000000 00000000
  01 02 0000                                 # CTRL_CMD_NEWFAMILY
  0900 0200 49505653 00 000000               # CTRL_ATTR_FAMILY_NAME "IPVS"
  0600 0100 1700 0000                        # CTRL_ATTR_FAMILY_ID 0x17
  0800 0300 01000000                         # CTRL_ATTR_VERSION
  0800 0400 00000000                         # CTRL_ATTR_HDRSIZE
  1800 0600 1400 0100 0800 0100 01000000 0800 0200 0b000000
)";

}  // namespace

TEST_CASE("genl ctrl get name IPVS") {
  MessageWriter writer;
  writer.begin(GENL_ID_CTRL, NLM_F_REQUEST, 1);
  writeFamilyRequest(writer, "IPVS");
  writer.end();
  CHECK(hexOf(writer.view()) == hexOf(bytesOf(R"(
    20000000 1000 0100 01000000 00000000
    03 01 0000
    0900 0200 49505653 00 000000
  )")));
}

TEST_CASE("a family is read with its message type") {
  const auto datagram = bytesOf(kReply);
  auto family = readFamily(messageOf(datagram));
  REQUIRE(family);
  CHECK(family->id == 0x17);
  CHECK(family->name == "IPVS");
  CHECK(family->version == 1);
}

TEST_CASE("a family without a message type is malformed") {
  auto datagram = bytesOf(kReply);
  datagram[16 + 4 + 12 + 4] = 0;
  CHECK_FALSE(readFamily(messageOf(datagram)));
}

TEST_CASE("families damaged anywhere are errors or answers, never reads beyond") {
  const auto datagram = bytesOf(kReply);
  const size_t refusedCuts =
      decodeDamaged(messageOf(datagram), [&](const Message& reply) { return bool(readFamily(reply)); });
  CHECK(refusedCuts > datagram.size() / 3);
}
