// Requests to rtnetlink against what iproute2 6.1 sends for the command in each case's name (strace -e
// write=3), with two differences: nests carry NLA_F_NESTED (0x80), and strings are NUL-terminated everywhere.
// Both are what newer policies of the kernel ask for.
#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "hex.h"
#include "rtnetlink/address.h"
#include "rtnetlink/link.h"
#include "rtnetlink/route.h"

using namespace hawser;
using namespace hawser::rtnetlink;
using test::bytesOf;
using test::hexOf;

namespace {

/** A whole request as hex. */
template <typename Body>
std::string request(uint16_t type, uint16_t flags, Body body) {
  MessageWriter writer;
  writer.begin(type, NLM_F_REQUEST | flags, 1);
  body(writer);
  writer.end();
  CHECK_FALSE(writer.failed());
  return hexOf(writer.view());
}

std::string golden(std::string_view text) { return hexOf(bytesOf(text)); }

constexpr uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

}  // namespace

TEST_CASE("ip link add veth-a up type veth peer name veth-b") {
  const auto link = [](MessageWriter& writer) {
    writeNewLink(writer, {.name = "veth-a", .kind = LinkKind::veth, .up = true, .peer = "veth-b"});
  };
  CHECK(request(RTM_NEWLINK, kCreate, link) == golden(R"(
    60000000 1000 0106 01000000 00000000
    00 00 0000 00000000 01000000 01000000    # ifinfomsg: IFF_UP set and meant
    0b00 0300 766574682d61 00 00             # IFLA_IFNAME
    3400 1280                                # IFLA_LINKINFO
      0900 0100 76657468 00 000000           #   IFLA_INFO_KIND "veth"
      2400 0280                              #   IFLA_INFO_DATA
        2000 0180                            #     VETH_INFO_PEER
          00 00 0000 00000000 00000000 00000000
          0b00 0300 766574682d62 00 00       #       IFLA_IFNAME of the peer
  )"));
}

TEST_CASE("ip link add veth-a type veth peer name veth-b netns FD") {
  const auto link = [](MessageWriter& writer) {
    writeNewLink(writer, {.name = "veth-a", .kind = LinkKind::veth, .peer = "veth-b", .peerNetns = 9});
  };
  CHECK(request(RTM_NEWLINK, kCreate, link) == golden(R"(
    68000000 1000 0106 01000000 00000000
    00 00 0000 00000000 00000000 00000000
    0b00 0300 766574682d61 00 00
    3c00 1280
      0900 0100 76657468 00 000000
      2c00 0280
        2800 0180
          00 00 0000 00000000 00000000 00000000
          0b00 0300 766574682d62 00 00
          0800 1c00 09000000                 # IFLA_NET_NS_FD
  )"));
}

TEST_CASE("ip link add d0 type dummy") {
  const auto link = [](MessageWriter& writer) {
    writeNewLink(writer, {.name = "d0", .kind = LinkKind::dummy});
  };
  CHECK(request(RTM_NEWLINK, kCreate, link) == golden(R"(
    38000000 1000 0106 01000000 00000000
    00 00 0000 00000000 00000000 00000000
    0700 0300 6430 00 00
    1000 1280
      0a00 0100 64756d6d79 00 0000           # IFLA_INFO_KIND "dummy"
  )"));
}

TEST_CASE("ip link set veth-a down mtu 1400 master INDEX netns FD") {
  const auto change = [](MessageWriter& writer) {
    writeLinkChange(writer, {.name = "veth-a", .up = false, .mtu = 1400, .master = 3, .netns = 9});
  };
  CHECK(request(RTM_NEWLINK, 0, change) == golden(R"(
    44000000 1000 0100 01000000 00000000
    00 00 0000 00000000 00000000 01000000    # ifinfomsg: IFF_UP meant and not set
    0b00 0300 766574682d61 00 00
    0800 0400 78050000                       # IFLA_MTU 1400
    0800 0a00 03000000                       # IFLA_MASTER
    0800 1c00 09000000                       # IFLA_NET_NS_FD
  )"));
}

TEST_CASE("a change of an interface without any field changes nothing") {
  const auto change = [](MessageWriter& writer) { writeLinkChange(writer, {.name = "lo"}); };
  CHECK(request(RTM_NEWLINK, 0, change) == golden(R"(
    28000000 1000 0100 01000000 00000000
    00 00 0000 00000000 00000000 00000000
    0700 0300 6c6f 00 00
  )"));
}

TEST_CASE("ip address add 10.1.2.3/24 dev INDEX") {
  const auto address = bytesOf("0a010203");
  const auto body = [&](MessageWriter& writer) {
    writeAddress(writer, {.link = 3, .address = address, .prefix = 24});
  };
  CHECK(request(RTM_NEWADDR, kCreate, body) == golden(R"(
    28000000 1400 0106 01000000 00000000
    02 18 00 00 03000000                     # ifaddrmsg: AF_INET, /24, interface 3
    0800 0200 0a010203                       # IFA_LOCAL
    0800 0100 0a010203                       # IFA_ADDRESS
  )"));
}

TEST_CASE("ip address add fd00::1/64 dev INDEX nodad") {
  const auto address = bytesOf("fd000000000000000000000000000001");
  const auto body = [&](MessageWriter& writer) {
    writeAddress(writer, {.link = 3, .address = address, .prefix = 64, .withoutDetection = true});
  };
  // iproute2 puts the flag into the header, which has room for the low eight.
  CHECK(request(RTM_NEWADDR, kCreate, body) == golden(R"(
    48000000 1400 0106 01000000 00000000
    0a 40 00 00 03000000
    1400 0200 fd000000000000000000000000000001
    1400 0100 fd000000000000000000000000000001
    0800 0800 02000000                       # IFA_FLAGS: IFA_F_NODAD
  )"));
}

TEST_CASE("ip route add 10.9.0.0/16 via 10.1.2.4 dev INDEX table 1000 metric 5 proto static") {
  const auto destination = bytesOf("0a090000");
  const auto gateway = bytesOf("0a010204");
  const Route route{.family = AF_INET,
                    .destination = destination,
                    .prefix = 16,
                    .gateway = gateway,
                    .link = 3,
                    .table = 1000,
                    .metric = 5,
                    .type = RTN_UNICAST};
  CHECK(request(RTM_NEWROUTE, kCreate, [&](MessageWriter& writer) { writeNewRoute(writer, route); }) ==
        golden(R"(
    44000000 1800 0106 01000000 00000000
    02 10 00 00 00 04 00 01 00000000         # rtmsg: table in RTA_TABLE, static, universe, unicast
    0800 0100 0a090000                       # RTA_DST
    0800 0500 0a010204                       # RTA_GATEWAY
    0800 0f00 e8030000                       # RTA_TABLE 1000
    0800 0600 05000000                       # RTA_PRIORITY
    0800 0400 03000000                       # RTA_OIF
  )"));
}

TEST_CASE("ip route add local 10.96.0.0/12 dev INDEX proto static") {
  const auto destination = bytesOf("0a600000");
  const Route route{
      .family = AF_INET, .destination = destination, .prefix = 12, .link = 1, .type = RTN_LOCAL};
  CHECK(request(RTM_NEWROUTE, kCreate, [&](MessageWriter& writer) { writeNewRoute(writer, route); }) ==
        golden(R"(
    2c000000 1800 0106 01000000 00000000
    02 0c 00 00 ff 04 fe 02 00000000         # table local, scope host, RTN_LOCAL
    0800 0100 0a600000
    0800 0400 01000000
  )"));
}

TEST_CASE("ip route add default dev INDEX src 10.1.2.3 proto static") {
  const auto source = bytesOf("0a010203");
  const Route route{.family = AF_INET, .link = 3, .source = source, .type = RTN_UNICAST};
  CHECK(request(RTM_NEWROUTE, kCreate, [&](MessageWriter& writer) { writeNewRoute(writer, route); }) ==
        golden(R"(
    2c000000 1800 0106 01000000 00000000
    02 00 00 00 fe 04 fd 01 00000000         # table main, scope link
    0800 0700 0a010203                       # RTA_PREFSRC
    0800 0400 03000000
  )"));
}

TEST_CASE("ip route del 10.9.0.0/16 table 1000") {
  const auto destination = bytesOf("0a090000");
  const Route route{.family = AF_INET, .destination = destination, .prefix = 16, .table = 1000};
  CHECK(request(RTM_DELROUTE, 0, [&](MessageWriter& writer) { writeDeleteRoute(writer, route); }) ==
        golden(R"(
    2c000000 1900 0100 01000000 00000000
    02 10 00 00 00 00 ff 00 00000000         # scope nowhere and type 0: any
    0800 0100 0a090000
    0800 0f00 e8030000
  )"));
}
