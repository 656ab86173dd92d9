#include <doctest/doctest.h>

#include <cerrno>

#include "codec/message_reader.h"
#include "hex.h"

using namespace hawser;
using test::bytesOf;

namespace {

Result<Acknowledgement> read(std::string_view golden) {
  const auto datagram = bytesOf(golden);
  MessageReader reader(datagram);
  Message message;
  REQUIRE(reader.next(message));
  return readAcknowledgement(message);
}

}  // namespace

TEST_CASE("an acknowledgement of success has number 0") {
  auto ack = read("24000000 0200 0001 09000000 00000000  00000000  14000000 010a 0500 09000000 00000000");
  REQUIRE(ack);
  CHECK(ack->number == 0);
  CHECK(ack->sequence == 9);
  CHECK(ack->message.empty());
}

TEST_CASE("an extended acknowledgement brings the kernel's text and the offset") {
  auto ack = read(R"(
    3c000000 0200 0003 05000000 00000000       # NLM_F_CAPPED | NLM_F_ACK_TLVS
    fe ff ff ff                                # -ENOENT
    48000000 0c0a 0500 05000000 00000000       # header of the request, its payload left out
    0800 0200 14000000                         # NLMSGERR_ATTR_OFFS 20
    0d00 0100 6e6f 7375 6368 7365 00 000000    # NLMSGERR_ATTR_MSG "nosuchse"
  )");
  REQUIRE(ack);
  CHECK(ack->number == ENOENT);
  CHECK(ack->message == "nosuchse");
  CHECK(ack->attributeOffset == 20);
}

TEST_CASE("attributes stand behind the request's payload when it was not left out") {
  auto ack = read(R"(
    34000000 0200 0002 05000000 00000000       # NLM_F_ACK_TLVS alone
    ea ff ff ff                                # -EINVAL
    18000000 0c0a 0500 05000000 00000000       # the request: 24 bytes
    aabbccdd 11223344                          # its payload
    0800 0200 14000000
  )");
  REQUIRE(ack);
  CHECK(ack->number == EINVAL);
  CHECK(ack->attributeOffset == 20);
}

TEST_CASE("acknowledgements that lie about their length or errno are malformed") {
  for (
      const char* golden : {
          "14000000 0200 0000 05000000 00000000  00000000",  // cut short
          "24000000 0200 0000 05000000 00000000  01000000  14000000 010a 0500 09000000 00000000",  // positive
          "24000000 0200 0000 05000000 00000000  00000080  14000000 010a 0500 09000000 00000000",  // INT_MIN
          "24000000 0200 0002 05000000 00000000  feffffff  ff000000 010a 0500 09000000 00000000",  // payload
                                                                                                   // beyond
          "28000000 0200 0003 05000000 00000000  feffffff  14000000 010a 0500 09000000 00000000 ff000100",  // attribute
      }) {
    CAPTURE(golden);
    auto ack = read(golden);
    REQUIRE_FALSE(ack);
    CHECK(ack.error().code == kMalformedReply);
  }
}
