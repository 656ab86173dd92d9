// Dump replies of rtnetlink, shortened from real ones, and what becomes of them when they are cut or wrong.
#include <doctest/doctest.h>

#include "hex.h"
#include "replies.h"
#include "rtnetlink/address.h"
#include "rtnetlink/link.h"
#include "rtnetlink/route.h"

using namespace hawser;
using namespace hawser::rtnetlink;
using test::bytesOf;
using test::decodeDamaged;
using test::hexOf;
using test::messageOf;

namespace {

const char* const kVeth = R"(
  68000000 1000 0200 01000000 00000000
  00 00 0100 09000000 43100100 00000000      # ifinfomsg: index 9, up
  0b00 0300 766574682d61 00 00               # IFLA_IFNAME "veth-a"
  0800 0d00 e8030000                         # IFLA_TXQLEN, which nobody asked for
  0800 0400 dc050000                         # IFLA_MTU 1500
  0800 0a00 04000000                         # IFLA_MASTER
  0800 0500 08000000                         # IFLA_LINK: the peer
  0a00 0100 02abcdef0123 0000                # IFLA_ADDRESS
  1000 1200                                  # IFLA_LINKINFO, without NLA_F_NESTED as the kernel sends it
    0900 0100 76657468 00 000000             #   IFLA_INFO_KIND "veth"
)";

const char* const kAddress = R"(
  48000000 1400 0200 01000000 00000000
  02 20 80 00 09000000                       # ifaddrmsg: AF_INET /32, IFA_F_PERMANENT
  0800 0100 0a010203                         # IFA_ADDRESS: the other end
  0800 0200 0a010204                         # IFA_LOCAL
  0b00 0300 766574682d61 00 00               # IFA_LABEL
  0800 0800 80020000                         # IFA_FLAGS: permanent, no prefix route
  0c00 0600 ffffffffffffffff                 # part of IFA_CACHEINFO
)";

const char* const kRoute = R"(
  4c000000 1800 0200 01000000 00000000
  02 10 00 00 fc 04 00 01 00000000           # rtmsg: 10.9.0.0/16, static, universe, unicast
  0800 0f00 e8030000                         # RTA_TABLE 1000
  0800 0100 0a090000                         # RTA_DST
  0800 0600 05000000                         # RTA_PRIORITY
  0800 0500 0a010204                         # RTA_GATEWAY
  0800 0700 0a010203                         # RTA_PREFSRC
  0800 0400 09000000                         # RTA_OIF
)";

}  // namespace

TEST_CASE("an interface is packed with its kind, master, peer and hardware address") {
  const auto datagram = bytesOf(kVeth);
  ProgramWriter packed;
  REQUIRE(packLink(messageOf(datagram), packed));
  const auto bytes = packed.take();
  ProgramReader reader(bytes);
  CHECK(reader.u32() == 9);
  CHECK(reader.string() == "veth-a");
  CHECK(reader.string() == "veth");
  CHECK((reader.u32() & 1) == 1);
  CHECK(reader.u32() == 1500);
  CHECK(reader.u32() == 4);
  CHECK(reader.u32() == 8);
  CHECK(hexOf(reader.blob()) == hexOf(bytesOf("02abcdef0123")));
  CHECK(reader.done());
  CHECK_FALSE(reader.failed());
}

TEST_CASE("an address of a point-to-point interface is the own one, with its long flags") {
  const auto datagram = bytesOf(kAddress);
  ProgramWriter packed;
  REQUIRE(packAddress(messageOf(datagram), packed));
  const auto bytes = packed.take();
  ProgramReader reader(bytes);
  CHECK(reader.u32() == 9);
  CHECK(reader.u8() == 32);
  CHECK(reader.u8() == 0);
  CHECK(reader.u32() == 0x280);
  CHECK(hexOf(reader.blob()) == hexOf(bytesOf("0a010204")));
  CHECK(reader.done());
}

TEST_CASE("a route is packed with its whole table number") {
  const auto datagram = bytesOf(kRoute);
  ProgramWriter packed;
  REQUIRE(packRoute(messageOf(datagram), packed));
  const auto bytes = packed.take();
  ProgramReader reader(bytes);
  for (const uint8_t expected : {2, 16, 1, 4, 0}) CHECK(reader.u8() == expected);
  for (const uint32_t expected : {1000, 5, 9}) CHECK(reader.u32() == expected);
  CHECK(hexOf(reader.blob()) == hexOf(bytesOf("0a090000")));
  CHECK(hexOf(reader.blob()) == hexOf(bytesOf("0a010204")));
  CHECK(hexOf(reader.blob()) == hexOf(bytesOf("0a010203")));
  CHECK(reader.done());
}

TEST_CASE("cached exceptions and multicast entries are no routes") {
  auto cached = bytesOf(kRoute);
  cached[16 + 9] = 0x02;  // rtm_flags: RTM_F_CLONED
  auto multicast = bytesOf(kRoute);
  multicast[16] = 128;  // RTNL_FAMILY_IPMR
  for (const auto& datagram : {cached, multicast}) {
    ProgramWriter packed;
    REQUIRE(packRoute(messageOf(datagram), packed));
    CHECK(packed.size() == 0);
  }
}

TEST_CASE("an address whose length contradicts its family is malformed") {
  auto datagram = bytesOf(kAddress);
  datagram[16] = 10;  // AF_INET6 with four bytes
  ProgramWriter packed;
  auto result = packAddress(messageOf(datagram), packed);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == kMalformedReply);
}

TEST_CASE("an interface index of zero is malformed") {
  auto datagram = bytesOf(kVeth);
  datagram[16 + 4] = 0;
  ProgramWriter packed;
  CHECK_FALSE(packLink(messageOf(datagram), packed));
}

TEST_CASE("replies of rtnetlink damaged anywhere are errors or answers, never reads beyond") {
  ProgramWriter packed;
  for (const auto& [golden, pack] :
       {std::pair{kVeth, &packLink}, std::pair{kAddress, &packAddress}, std::pair{kRoute, &packRoute}}) {
    const auto datagram = bytesOf(golden);
    const size_t refusedCuts =
        decodeDamaged(messageOf(datagram), [&](const Message& reply) { return bool(pack(reply, packed)); });
    CHECK(refusedCuts > datagram.size() / 2);
  }
}
