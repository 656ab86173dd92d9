#include <doctest/doctest.h>

#include "codec/attribute_policy.h"
#include "hex.h"

using namespace hawser;
using test::bytesOf;

namespace {

constexpr AttributePolicy kTable[] = {
    {1, Kind::be32},
    {2, Kind::string, 1, 8},
    {3, Kind::bytes, 2, 4},
    {4, Kind::be64},
};

}  // namespace

TEST_CASE("attributes are found whatever their order, and unknown ones are skipped") {
  const auto good = bytesOf(R"(
    0700 0200 6162 00 00          # string "ab"
    0800 6300 ffffffff            # type 99, in no table
    0800 0180 00000102            # be32, NLA_F_NESTED is no part of the type
  )");
  const Attributes attributes(good, kTable);
  REQUIRE(attributes);
  CHECK(attributes.be32(1) == 0x102);
  CHECK(attributes.string(2) == "ab");
  CHECK_FALSE(attributes.has(3));
  CHECK(attributes.bytes(3).empty());
  CHECK(attributes.be64(4) == 0);
}

TEST_CASE("an attribute outside of its bounds spoils the whole message") {
  for (const char* golden : {
           "0600 0100 0000 0000",                   // be32 of 2 bytes
           "0a00 0400 00000000 0000 0000",          // be64 of 6 bytes
           "0400 0200",                             // string below its minimum
           "0d00 0200 6162636465666768 00 000000",  // string above its maximum
           "0500 0300 00 000000",                   // bytes below
           "0900 0300 0102030405 000000",           // bytes above
           "0300 0100",                             // shorter than its own header
           "0c00 0100 00000000",                    // longer than what is there
           "0800",                                  // half a header
       }) {
    CAPTURE(golden);
    const auto bytes = bytesOf(golden);
    const Attributes attributes(bytes, kTable);
    CHECK_FALSE(attributes);
    CHECK_FALSE(attributes.has(1));
  }
}

TEST_CASE("the last of a repeated attribute counts") {
  const auto bytes = bytesOf("0800 0100 00000001  0800 0100 00000002");
  CHECK(Attributes(bytes, kTable).be32(1) == 2);
}

TEST_CASE("a string ends at its NUL or with its attribute") {
  const auto bytes = bytesOf("61 62 63");
  CHECK(Attribute{1, bytes}.string() == "abc");
  const auto ended = bytesOf("61 00 63");
  CHECK(Attribute{1, ended}.string() == "a");
}

TEST_CASE("getters of a payload that is too short answer zero") {
  const auto bytes = bytesOf("ff ff");
  const Attribute attribute{1, bytes};
  CHECK(attribute.u32() == 0);
  CHECK(attribute.be64() == 0);
  CHECK(attribute.u16() == 0xffff);
}
