#include <doctest/doctest.h>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "hex.h"

using namespace hawser;
using test::bytesOf;
using test::hexOf;

TEST_CASE("a message is written with its length, padding and nested attributes") {
  MessageWriter writer;
  writer.begin(0x0a09, NLM_F_REQUEST, 7);
  writer.u32(1, 0x01020304);
  writer.be32(2, 0x01020304);
  writer.nest(3, [&] { writer.string(4, "abcd"); });
  writer.u8(5, 0xff);
  writer.end();
  CHECK(hexOf(writer.view()) == hexOf(bytesOf(R"(
    38000000 090a 0100 07000000 00000000   # length 56, type 0x0a09, NLM_F_REQUEST, sequence 7
    0800 0100 04030201                     # u32 in host order
    0800 0200 01020304                     # u32 in network order
    1000 0380                              # nested
      0900 0400 61626364 00 000000         # "abcd", NUL, padding
    0500 0500 ff 000000                    # u8, padding
  )")));
  CHECK(writer.messages() == 1);
}

TEST_CASE("an attribute of 64 KiB is written, one byte more sticks as a failure") {
  const std::vector<uint8_t> largest(UINT16_MAX - NLA_HDRLEN);
  MessageWriter writer;
  writer.begin(1, 0, 1);
  writer.bytes(1, largest);
  CHECK_FALSE(writer.failed());
  const std::vector<uint8_t> larger(largest.size() + 1);
  writer.bytes(1, larger);
  CHECK(writer.failed());
  const size_t size = writer.size();
  writer.u32(2, 1);
  writer.string(3, "ignored");
  CHECK(writer.size() == size);
}

TEST_CASE("a nest beyond 64 KiB sticks as a failure") {
  MessageWriter writer;
  writer.begin(1, 0, 1);
  writer.nest(1, [&] {
    for (int count = 0; count < 5; count++) writer.bytes(2, std::vector<uint8_t>(16 * 1024));
  });
  CHECK(writer.failed());
}

TEST_CASE("attributes outside of a message are failures") {
  MessageWriter writer;
  writer.u32(1, 1);
  CHECK(writer.failed());
  writer.clear();
  CHECK_FALSE(writer.failed());
  writer.begin(1, 0, 1);
  writer.begin(1, 0, 2);
  CHECK(writer.failed());
}

TEST_CASE("messages of a datagram are walked up to the first that does not fit") {
  const auto datagram = bytesOf(R"(
    14000000 0200 0000 01000000 00000000  00000000   # 20 bytes
    12000000 0300 0000 02000000 00000000  0102 0000  # 18 bytes, padded to 20
    10000000 0400 0000 03000000 00000000             # header alone
    ff000000 0500 0000 04000000 00000000             # claims 255 bytes
  )");
  MessageReader reader(datagram);
  Message message;
  REQUIRE(reader.next(message));
  CHECK(message.header.nlmsg_seq == 1);
  REQUIRE(reader.next(message));
  CHECK(message.payload.size() == 2);
  REQUIRE(reader.next(message));
  CHECK(message.payload.empty());
  CHECK_FALSE(reader.malformed());
  CHECK_FALSE(reader.next(message));
  CHECK(reader.malformed());
  CHECK_FALSE(reader.next(message));
}

TEST_CASE("a header that claims less than its own size ends the walk") {
  const auto datagram = bytesOf("0f000000 0200 0000 01000000 00000000");
  MessageReader reader(datagram);
  Message message;
  CHECK_FALSE(reader.next(message));
  CHECK(reader.malformed());
}
