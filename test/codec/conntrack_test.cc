// Connection tracking: a reply as Linux 6.18 sends it, deletions, and what filters ask of the kernel.
#include <doctest/doctest.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "conntrack/entry.h"
#include "conntrack/filter.h"
#include "hex.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::bytesOf;
using test::decodeDamaged;
using test::hexOf;
using test::messageOf;

namespace {

/** conntrack -I -p udp -t 600 -m 5 -s 192.0.2.1 -d 10.96.0.10 --sport 4000 --dport 53 -g 10.0.0.2:5353 */
const char* const kReply = R"(
  c0000000 0001 0200 01000000 00000000
  02 00 0000                                 # nfgenmsg: AF_INET
  3400 0180                                  # CTA_TUPLE_ORIG
    1400 0180 0800 0100 c0000201 0800 0200 0a60000a
    1c00 0280 0500 0100 11 000000 0600 0200 0fa0 0000 0600 0300 0035 0000
  3400 0280                                  # CTA_TUPLE_REPLY
    1400 0180 0800 0100 0a000002 0800 0200 c0000201
    1c00 0280 0500 0100 11 000000 0600 0200 14e9 0000 0600 0300 0fa0 0000
  0800 0300 000001a8                         # CTA_STATUS
  0800 0800 00000005                         # CTA_MARK
  0800 0c00 01ccd416                         # CTA_ID
  0800 0b00 00000001                         # CTA_USE
  0800 0700 00000257                         # CTA_TIMEOUT 599
  1c00 1880 0800 0100 00000000 0800 0200 00000000 0800 0300 00000000
)";

Entry entryOf(std::string_view reply) {
  const auto datagram = bytesOf(reply);
  auto entry = readEntry(messageOf(datagram));
  REQUIRE(entry);
  return *entry;
}

template <typename Body>
std::string bodyOf(Body body) {
  MessageWriter writer;
  writer.begin(0x0101, 0, 1);
  body(writer);
  writer.end();
  CHECK_FALSE(writer.failed());
  return hexOf(writer.view().subspan(NLMSG_HDRLEN));
}

/** Packs a filter as src/native/conntrack-filter.ts does. */
struct PackedFilter {
  uint8_t family = AF_INET;
  uint8_t protocol = 0;
  uint32_t originalFields = 0;
  uint32_t replyFields = 0;
  std::vector<uint8_t> destination = {};
  uint16_t destinationPort = 0;
  std::vector<uint8_t> replySource = {};
  uint32_t mark = 0, markMask = 0, status = 0, statusMask = 0;

  bool read(Filter& filter) const {
    ProgramWriter program;
    program.u8(family);
    program.u8(protocol);
    program.u32(originalFields);
    program.u32(replyFields);
    program.blob({});
    program.blob(destination);
    program.u16(0);
    program.u16(destinationPort);
    program.blob(replySource);
    program.blob({});
    program.u16(0);
    program.u16(0);
    for (const uint32_t number : {mark, markMask, status, statusMask}) program.u32(number);
    const auto bytes = program.take();
    ProgramReader reader(bytes);
    return readFilter(reader, filter) && reader.done();
  }
};

}  // namespace

TEST_CASE("an entry is read with both tuples, mark, status and time-out") {
  const Entry entry = entryOf(kReply);
  CHECK(entry.family == AF_INET);
  CHECK(entry.protocol == 17);
  CHECK(entry.zone == 0);
  CHECK(entry.id == 0x01ccd416);
  CHECK(entry.status == 0x1a8);
  CHECK(entry.mark == 5);
  CHECK(entry.timeout == 599);
  CHECK(hexOf(entry.original.destination) == hexOf(bytesOf("0a60000a 00000000 00000000 00000000")));
  CHECK(entry.original.sourcePort == 4000);
  CHECK(entry.original.destinationPort == 53);
  CHECK(hexOf(std::span(entry.reply.source).first(4)) == hexOf(bytesOf("0a000002")));
  CHECK(entry.reply.sourcePort == 5353);
  CHECK(entry.reply.destinationPort == 4000);
}

TEST_CASE("a deletion names the whole original tuple, the zone and the ID") {
  Entry entry = entryOf(kReply);
  entry.zone = 3;
  CHECK(bodyOf([&](MessageWriter& writer) { writeDeletion(writer, entry); }) == hexOf(bytesOf(R"(
    02 00 0000
    3400 0180
      1400 0180 0800 0100 c0000201 0800 0200 0a60000a
      1c00 0280 0500 0100 11 000000 0600 0200 0fa0 0000 0600 0300 0035 0000
    0600 1200 0003 0000                      # CTA_ZONE
    0800 0c00 01ccd416                       # CTA_ID
  )")));
}

TEST_CASE("a deletion of an ICMP entry names identifier, type and code") {
  Entry entry = entryOf(kReply);
  entry.protocol = 1;
  entry.original.sourcePort = 77;
  entry.original.destinationPort = 0x0800;
  CHECK(bodyOf([&](MessageWriter& writer) { writeDeletion(writer, entry); }) == hexOf(bytesOf(R"(
    02 00 0000
    3c00 0180
      1400 0180 0800 0100 c0000201 0800 0200 0a60000a
      2400 0280 0500 0100 01 000000
        0600 0400 004d 0000                  # CTA_PROTO_ICMP_ID
        0500 0500 08 000000                  # CTA_PROTO_ICMP_TYPE
        0500 0600 00 000000                  # CTA_PROTO_ICMP_CODE
    0800 0c00 01ccd416
  )")));
}

TEST_CASE("a filter asks the kernel for a destination, its protocol and its port") {
  Filter filter;
  REQUIRE(PackedFilter{.protocol = 17,
                       .originalFields = kDestination | kProtocol | kDestinationPort,
                       .destination = bytesOf("0a60000a"),
                       .destinationPort = 53}
              .read(filter));
  CHECK(bodyOf([&](MessageWriter& writer) { filter.write(writer); }) == hexOf(bytesOf(R"(
    02 00 0000
    3400 0180
      1400 0180 0800 0100 00000000 0800 0200 0a60000a
      1c00 0280 0500 0100 11 000000 0600 0200 0000 0000 0600 0300 0035 0000
    0c00 1980                                # CTA_FILTER
      0800 0100 2a000000                     #   CTA_FILTER_ORIG_FLAGS, in host order
  )")));
  CHECK(filter.matches(entryOf(kReply)));
  Entry other = entryOf(kReply);
  other.original.destinationPort = 54;
  CHECK_FALSE(filter.matches(other));
}

TEST_CASE("a filter of mark and status needs no tuple") {
  Filter filter;
  REQUIRE(
      PackedFilter{.family = AF_UNSPEC, .mark = 5, .markMask = 0xf, .status = 0x20, .statusMask = 0x20}.read(
          filter));
  CHECK(bodyOf([&](MessageWriter& writer) { filter.write(writer); }) == hexOf(bytesOf(R"(
    00 00 0000
    0800 0800 00000005                       # CTA_MARK
    0800 1500 0000000f                       # CTA_MARK_MASK
    0800 0300 00000020                       # CTA_STATUS
    0800 1a00 00000020                       # CTA_STATUS_MASK
  )")));
  CHECK(filter.matches(entryOf(kReply)));
  CHECK_FALSE(filter.matchesEverything());
}

TEST_CASE("a filter that names nothing beside the family matches everything") {
  Filter filter;
  REQUIRE(PackedFilter{}.read(filter));
  CHECK(filter.matchesEverything());
}

TEST_CASE("filters that contradict themselves are refused") {
  Filter filter;
  SUBCASE("a field that nobody knows") { CHECK_FALSE(PackedFilter{.originalFields = 0x80}.read(filter)); }
  SUBCASE("a port without its protocol") {
    CHECK_FALSE(PackedFilter{.originalFields = kDestinationPort, .destinationPort = 53}.read(filter));
  }
  SUBCASE("an address of the other family") {
    CHECK_FALSE(
        PackedFilter{.family = AF_INET6, .originalFields = kDestination, .destination = bytesOf("0a60000a")}
            .read(filter));
  }
  SUBCASE("an address that is not meant") {
    CHECK_FALSE(PackedFilter{.destination = bytesOf("0a60000a")}.read(filter));
  }
  SUBCASE("a tuple of both families") {
    CHECK_FALSE(PackedFilter{.family = AF_UNSPEC, .protocol = 6, .originalFields = kProtocol}.read(filter));
  }
}

TEST_CASE("entries damaged anywhere are errors or answers, never reads beyond") {
  const auto datagram = bytesOf(kReply);
  const size_t refusedCuts =
      decodeDamaged(messageOf(datagram), [&](const Message& reply) { return bool(readEntry(reply)); });
  CHECK(refusedCuts > datagram.size() / 2);
}

TEST_CASE("an entry without one of its tuples is malformed") {
  auto datagram = bytesOf(kReply);
  datagram[16 + 4 + 2] = 0x3f;  // CTA_TUPLE_ORIG becomes an attribute that nobody knows
  CHECK_FALSE(readEntry(messageOf(datagram)));
}
