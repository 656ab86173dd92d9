// IPVS requests against what ipvsadm 1.31 sends for the command in each case's name, and replies as
// Linux 6.12 sends them. Two differences to ipvsadm: addresses have the length of their family instead of 16
// bytes always, which the kernel reads the same; and what a command has no use for is not sent.
#include <doctest/doctest.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include "hex.h"
#include "ipvs/destination.h"
#include "ipvs/service.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::ipvs;
using test::bytesOf;
using test::decodeDamaged;
using test::hexOf;
using test::messageOf;

namespace {

constexpr uint16_t kFamily = 0x17;

template <typename Body>
std::string request(uint8_t command, Body body) {
  MessageWriter writer;
  writer.begin(kFamily, NLM_F_REQUEST, 1);
  writer.header(genlmsghdr{.cmd = command, .version = IPVS_GENL_VERSION, .reserved = 0});
  body(writer);
  writer.end();
  CHECK_FALSE(writer.failed());
  return hexOf(writer.view());
}

std::string golden(std::string_view text) { return hexOf(bytesOf(text)); }

const auto kVip = bytesOf("0a600001");
const auto kVip6 = bytesOf("fd000000000000000000000000000001");
const auto kBackend = bytesOf("0a000002");

const ServiceKey kWeb{.family = AF_INET, .protocol = 6, .address = kVip, .port = 80};

const char* const kServiceReply = R"(
  88000000 1700 0200 01000000 00000000
  01 01 0000                                 # IPVS_CMD_NEW_SERVICE
  7400 0100                                  # IPVS_CMD_ATTR_SERVICE
    0600 0100 0200 0000                      #   AF_INET
    0600 0200 0600 0000                      #   TCP
    1400 0300 0a600001 000000000000000000000000
    0600 0400 0050 0000                      #   port 80
    0700 0600 7272 00 00                     #   "rr"
    0c00 0700 02000000 ffffffff              #   IP_VS_SVC_F_HASHED
    0800 0800 00000000                       #   timeout
    0800 0900 ffffffff                       #   netmask
    2000 0c00                                #   IPVS_SVC_ATTR_STATS64
      0c00 0100 0700000000000000             #     connections
      0400 0b00                              #     padding
      0c00 0400 0001000000000000             #     incoming bytes
)";

const char* const kDestinationReply = R"(
  7c000000 1700 0200 01000000 00000000
  05 01 0000                                 # IPVS_CMD_NEW_DEST
  6800 0200                                  # IPVS_CMD_ATTR_DEST
    1400 0100 0a000002 000000000000000000000000
    0600 0200 1f90 0000                      #   port 8080
    0800 0300 00000000                       #   masquerading
    0800 0400 03000000                       #   weight
    0500 0d00 00 000000                      #   tunnel type
    0800 0500 64000000                       #   upper threshold
    0800 0600 32000000                       #   lower threshold
    0800 0700 01000000                       #   active
    0800 0800 02000000                       #   inactive
    0800 0900 00000000                       #   persistent
    0600 0b00 0200 0000                      #   AF_INET
)";

}  // namespace

TEST_CASE("ipvsadm -A -t 10.96.0.1:80 -s rr") {
  const Service service{.key = kWeb, .scheduler = "rr", .clientPrefix = 32};
  CHECK(request(IPVS_CMD_NEW_SERVICE, [&](MessageWriter& writer) { writeService(writer, service); }) ==
        golden(R"(
    5c000000 1700 0100 01000000 00000000
    01 01 0000
    4800 0180
      0600 0100 0200 0000
      0600 0200 0600 0000
      0800 0300 0a600001
      0600 0400 0050 0000
      0700 0600 7272 00 00
      0c00 0700 00000000 ffffffff
      0800 0800 00000000
      0800 0900 ffffffff
  )"));
}

TEST_CASE("ipvsadm -A -u [fd00::1]:53 -s wlc -p 600") {
  const Service service{.key = {.family = AF_INET6, .protocol = 17, .address = kVip6, .port = 53},
                        .scheduler = "wlc",
                        .flags = IP_VS_SVC_F_PERSISTENT,
                        .timeout = 600,
                        .clientPrefix = 128};
  CHECK(request(IPVS_CMD_NEW_SERVICE, [&](MessageWriter& writer) { writeService(writer, service); }) ==
        golden(R"(
    68000000 1700 0100 01000000 00000000
    01 01 0000
    5400 0180
      0600 0100 0a00 0000
      0600 0200 1100 0000
      1400 0300 fd000000000000000000000000000001
      0600 0400 0035 0000
      0800 0600 776c63 00
      0c00 0700 01000000 ffffffff
      0800 0800 58020000
      0800 0900 80000000                     # IPv6: a number of bits
  )"));
}

TEST_CASE("ipvsadm -A -f 7 -s sh") {
  const Service service{.key = {.family = AF_INET, .mark = 7}, .scheduler = "sh", .clientPrefix = 32};
  CHECK(request(IPVS_CMD_NEW_SERVICE, [&](MessageWriter& writer) { writeService(writer, service); }) ==
        golden(R"(
    4c000000 1700 0100 01000000 00000000
    01 01 0000
    3800 0180
      0600 0100 0200 0000
      0800 0500 07000000
      0700 0600 7368 00 00
      0c00 0700 00000000 ffffffff
      0800 0800 00000000
      0800 0900 ffffffff
  )"));
}

TEST_CASE("a client prefix becomes an IPv4 netmask in network order") {
  Service service{.key = kWeb, .scheduler = "rr"};
  const auto netmaskFor = [&](uint8_t prefix) {
    service.clientPrefix = prefix;
    MessageWriter writer;
    writer.begin(kFamily, 0, 1);
    writeService(writer, service);
    writer.end();
    return hexOf(writer.view().last(4));
  };
  CHECK(netmaskFor(24) == hexOf(bytesOf("ffffff00")));
  CHECK(netmaskFor(1) == hexOf(bytesOf("80000000")));
  CHECK(netmaskFor(0) == hexOf(bytesOf("00000000")));
}

TEST_CASE("ipvsadm -a -t 10.96.0.1:80 -r 10.0.0.2:8080 -m -w 3 -x 100 -y 50") {
  const Destination destination{.address = kBackend,
                                .port = 8080,
                                .method = IP_VS_CONN_F_MASQ,
                                .weight = 3,
                                .upperThreshold = 100,
                                .lowerThreshold = 50};
  CHECK(request(IPVS_CMD_NEW_DEST, [&](MessageWriter& writer) {
          writeServiceKey(writer, kWeb);
          writeDestination(writer, destination);
        }) == golden(R"(
    74000000 1700 0100 01000000 00000000
    05 01 0000
    2400 0180                                # the service, by its key alone
      0600 0100 0200 0000
      0600 0200 0600 0000
      0800 0300 0a600001
      0600 0400 0050 0000
    3c00 0280
      0600 0b00 0200 0000                    # address family
      0800 0100 0a000002
      0600 0200 1f90 0000
      0800 0300 00000000                     # masquerading
      0800 0400 03000000
      0800 0500 64000000
      0800 0600 32000000
  )"));
}

TEST_CASE("ipvsadm -d -t 10.96.0.1:80 -r 10.0.0.2:8080") {
  CHECK(request(IPVS_CMD_DEL_DEST, [&](MessageWriter& writer) {
          writeServiceKey(writer, kWeb);
          writeDestinationKey(writer, {.address = kBackend, .port = 8080});
        }) == golden(R"(
    54000000 1700 0100 01000000 00000000
    07 01 0000
    2400 0180
      0600 0100 0200 0000
      0600 0200 0600 0000
      0800 0300 0a600001
      0600 0400 0050 0000
    1c00 0280
      0600 0b00 0200 0000
      0800 0100 0a000002
      0600 0200 1f90 0000
  )"));
}

TEST_CASE("a virtual server is packed as it is read, with the address cut to its family") {
  const auto datagram = bytesOf(kServiceReply);
  ProgramWriter packed;
  REQUIRE(packService(messageOf(datagram), packed));
  const auto bytes = packed.take();
  ProgramReader reader(bytes);
  const Service service = readService(reader);
  CHECK(service.key.family == AF_INET);
  CHECK(service.key.protocol == 6);
  CHECK(hexOf(service.key.address) == hexOf(kVip));
  CHECK(service.key.port == 80);
  CHECK(service.scheduler == "rr");
  CHECK(service.flags == IP_VS_SVC_F_HASHED);
  CHECK(service.clientPrefix == 32);
  for (const uint64_t expected : {7, 0, 0, 256, 0}) CHECK(reader.u64() == expected);
  CHECK(reader.done());
}

TEST_CASE("a real server is packed as it is read, then its connections") {
  const auto datagram = bytesOf(kDestinationReply);
  ProgramWriter packed;
  REQUIRE(packDestination(messageOf(datagram), packed));
  const auto bytes = packed.take();
  ProgramReader reader(bytes);
  const Destination destination = readDestination(reader);
  CHECK(hexOf(destination.address) == hexOf(kBackend));
  CHECK(destination.port == 8080);
  CHECK(destination.weight == 3);
  CHECK(destination.upperThreshold == 100);
  CHECK(destination.lowerThreshold == 50);
  for (const uint32_t expected : {1, 2, 0}) CHECK(reader.u32() == expected);
  for (int counter = 0; counter < 5; counter++) CHECK(reader.u64() == 0);
  CHECK(reader.done());
}

TEST_CASE("replies of IPVS damaged anywhere are errors or answers, never reads beyond") {
  ProgramWriter packed;
  for (const auto& [golden, pack] :
       {std::pair{kServiceReply, &packService}, std::pair{kDestinationReply, &packDestination}}) {
    const auto datagram = bytesOf(golden);
    const size_t refusedCuts =
        decodeDamaged(messageOf(datagram), [&](const Message& reply) { return bool(pack(reply, packed)); });
    CHECK(refusedCuts > datagram.size() / 2);
  }
}
