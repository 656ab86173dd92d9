// Flows out of events, whatever the bytes; the tables that they are looked up in; what is stale.
#include <doctest/doctest.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <random>

#include "conntrack/flow_counters.h"
#include "conntrack/stale_flows.h"
#include "hex.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::bytesOf;
using test::decodeDamaged;
using test::messageOf;

namespace {

/** A DESTROY event as Linux 6.18 sends it, with accounting and timestamps: 192.0.2.1:4000 to 10.96.0.10:53 by
 * UDP, answered by 10.0.0.2:5353. */
const char* const kDestroyed = R"(
  e0000000 0201 0000 00000000 00000000
  02 00 0000                                 # nfgenmsg: AF_INET
  3400 0180                                  # CTA_TUPLE_ORIG
    1400 0180 0800 0100 c0000201 0800 0200 0a60000a
    1c00 0280 0500 0100 11 000000 0600 0200 0fa0 0000 0600 0300 0035 0000
  3400 0280                                  # CTA_TUPLE_REPLY
    1400 0180 0800 0100 0a000002 0800 0200 c0000201
    1c00 0280 0500 0100 11 000000 0600 0200 14e9 0000 0600 0300 0fa0 0000
  0800 0c00 01ccd416                         # CTA_ID
  0800 0300 000001aa                         # CTA_STATUS: DST_NAT, SEEN_REPLY
  1c00 0980 0c00 0100 0000000000000003 0c00 0200 0000000000000100   # CTA_COUNTERS_ORIG
  1c00 0a80 0c00 0100 0000000000000002 0c00 0200 0000000000000080   # CTA_COUNTERS_REPLY
  1c00 1480 0c00 0100 0000000000001000 0c00 0200 0000000000003000   # CTA_TIMESTAMP
)";

Flow flowOf(std::string_view event) {
  const auto datagram = bytesOf(event);
  Flow flow;
  REQUIRE(readFlow(messageOf(datagram), flow));
  return flow;
}

template <typename Record>
std::vector<uint8_t> packed(std::initializer_list<Record> records) {
  std::vector<uint8_t> bytes(records.size() * sizeof(Record));
  if (!bytes.empty()) std::memcpy(bytes.data(), std::data(records), bytes.size());
  return bytes;
}

FrontendRecord frontend(uint32_t flags = 0, uint8_t lastByte = 10) {
  return {.address = {10, 96, 0, lastByte},
          .port = 53,
          .protocol = 17,
          .family = AF_INET,
          .group = 4,
          .flags = flags};
}

EndpointRecord endpoint(uint8_t lastByte = 2) {
  return {.address = {10, 0, 0, lastByte}, .port = 5353, .unused = 0, .family = AF_INET, .group = 4};
}

bool isStale(const Flow& flow, std::initializer_list<FrontendRecord> frontends,
             std::initializer_list<EndpointRecord> endpoints, std::span<const uint8_t> ranges = {}) {
  const auto stale = StaleFlows::of(ProgramReader(ranges), packed(frontends), packed(endpoints));
  REQUIRE(stale);
  return stale->contains(flow);
}

}  // namespace

TEST_CASE("a flow is read with traffic and times, in both directions") {
  const Flow flow = flowOf(kDestroyed);
  CHECK(flow.family == AF_INET);
  CHECK(flow.protocol == 17);
  CHECK(flow.clientPort == 4000);
  CHECK(flow.destination == FlowAddress::of(bytesOf("0a60000a")));
  CHECK(flow.destinationPort == 53);
  CHECK(flow.endpoint == FlowAddress::of(bytesOf("0a000002")));
  CHECK(flow.endpointPort == 5353);
  CHECK((flow.status & IPS_DST_NAT));
  CHECK((flow.status & IPS_SEEN_REPLY));
  CHECK(flow.original.packets == 3);
  CHECK(flow.original.bytes == 256);
  CHECK(flow.reply.packets == 2);
  CHECK(flow.reply.bytes == 128);
  CHECK(flow.stop - flow.start == 0x2000);
}

TEST_CASE("flows that differ in anything that tells them apart have other keys") {
  const Flow flow = flowOf(kDestroyed);
  const auto changed = [&](auto change) {
    Flow other = flow;
    change(other);
    return other.key() != flow.key();
  };
  CHECK(changed([](Flow& other) { other.id++; }));
  CHECK(changed([](Flow& other) { other.clientPort++; }));
  CHECK(changed([](Flow& other) { other.destinationPort++; }));
  CHECK(changed([](Flow& other) { other.client.low++; }));
  CHECK(changed([](Flow& other) { std::swap(other.client, other.destination); }));
  CHECK(changed([](Flow& other) { other.zone++; }));
  CHECK(changed([](Flow& other) { other.protocol = 6; }));
  CHECK_FALSE(changed([](Flow& other) { other.status = 0; }));
}

TEST_CASE("events damaged anywhere are refused or read, never read beyond") {
  const auto datagram = bytesOf(kDestroyed);
  Flow flow;
  const size_t refused =
      decodeDamaged(messageOf(datagram), [&](const Message& event) { return readFlow(event, flow); });
  CHECK(refused > datagram.size() / 2);
}

TEST_CASE("mutated events are read to the same flow twice, whatever they have become") {
  const auto seed = bytesOf(kDestroyed);
  std::mt19937 random(20261101);
  int understood = 0;
  for (int round = 0; round < 20000; round++) {
    CAPTURE(round);
    std::vector<uint8_t> event = seed;
    for (size_t changes = random() % 6; changes > 0; changes--)
      event[random() % event.size()] = uint8_t(random());
    event.resize(event.size() - random() % 3 * (random() % event.size()) / 4);
    MessageReader messages(event);
    Message message;
    while (messages.next(message)) {
      Flow once, twice;
      const bool sound = readFlow(message, once);
      REQUIRE(readFlow(message, twice) == sound);
      if (!sound) continue;
      understood++;
      REQUIRE(once.key() == twice.key());
    }
  }
  CHECK(understood > 200);
  CHECK(understood < 20000);
}

TEST_CASE("a flow belongs to the frontend of its destination and the endpoint of its replies") {
  const Flow flow = flowOf(kDestroyed);
  const auto table = Classifier::of(packed({FrontendRecord{}, frontend(0, 11), frontend()}),
                                    packed({endpoint(3), EndpointRecord{}, endpoint()}));
  REQUIRE(table);
  CHECK(table->classify(flow).frontend == 2);
  CHECK(table->classify(flow).endpoint == 2);
  Flow other = flow;
  SUBCASE("another port is no frontend") {
    other.destinationPort = 54;
    CHECK(table->classify(other).frontend == kNoRow);
  }
  SUBCASE("another protocol is no frontend") {
    other.protocol = 132;
    CHECK(table->classify(other).frontend == kNoRow);
  }
  SUBCASE("the same bytes in the other family are no frontend") {
    other.family = AF_INET6;
    CHECK(table->classify(other).frontend == kNoRow);
  }
  SUBCASE("an unknown endpoint has no row") {
    other.endpointPort = 1;
    CHECK(table->classify(other).frontend == 2);
    CHECK(table->classify(other).endpoint == kNoRow);
  }
}

TEST_CASE("a node port is any address's that is no frontend of its own") {
  FrontendRecord nodePort = frontend();
  std::memset(nodePort.address, 0, sizeof nodePort.address);
  Flow flow = flowOf(kDestroyed);
  const auto table = Classifier::of(packed({nodePort, frontend()}), {});
  REQUIRE(table);
  CHECK(table->classify(flow).frontend == 1);
  flow.destination.low++;
  CHECK(table->classify(flow).frontend == 0);
}

TEST_CASE("an empty table knows no flow, and malformed ones are refused") {
  CHECK(Classifier().classify(flowOf(kDestroyed)).frontend == kNoRow);
  CHECK_FALSE(Classifier::of(std::vector<uint8_t>(27), {}));
  CHECK_FALSE(Classifier::of({}, std::vector<uint8_t>(25)));
  FrontendRecord unknown = frontend();
  unknown.family = 3;
  CHECK_FALSE(Classifier::of(packed({unknown}), {}));
}

TEST_CASE("what is stale about a frontend is what its flags say") {
  const Flow flow = flowOf(kDestroyed);
  Flow ofIpvs = flow;
  ofIpvs.status = 0;
  Flow plain = ofIpvs;
  plain.endpoint = plain.destination;
  plain.endpointPort = plain.destinationPort;
  CHECK_FALSE(isStale(flow, {frontend(0)}, {endpoint()}));
  CHECK(isStale(flow, {frontend(kStaleTranslated)}, {}));
  CHECK_FALSE(isStale(plain, {frontend(kStaleTranslated)}, {}));
  CHECK(isStale(plain, {frontend(kStaleUntranslated)}, {}));
  CHECK_FALSE(isStale(flow, {frontend(kStaleUntranslated)}, {}));
  CHECK_FALSE(isStale(ofIpvs, {frontend(15)}, {}));
  CHECK(isStale(flow, {frontend(kStaleListed)}, {endpoint()}));
  CHECK_FALSE(isStale(flow, {frontend(kStaleListed)}, {endpoint(3)}));
  CHECK(isStale(flow, {frontend(kStaleUnlisted)}, {endpoint(3)}));
  CHECK_FALSE(isStale(flow, {frontend(kStaleUnlisted)}, {endpoint()}));
  CHECK_FALSE(isStale(flow, {frontend(15, 11)}, {endpoint()}));
}

TEST_CASE("in a range of frontends, translated UDP flows to an address that is none are stale") {
  const auto range = bytesOf("02 04000000 0a600000 10");
  Flow flow = flowOf(kDestroyed);
  CHECK(isStale(flow, {}, {}, range));
  CHECK_FALSE(isStale(flow, {frontend(0)}, {}, range));
  SUBCASE("not those of TCP") {
    flow.protocol = 6;
    CHECK_FALSE(isStale(flow, {}, {}, range));
  }
  SUBCASE("not untranslated ones") {
    flow.status = 0;
    CHECK_FALSE(isStale(flow, {}, {}, range));
  }
  SUBCASE("not those of another range") {
    CHECK_FALSE(isStale(flow, {}, {}, bytesOf("02 04000000 0a610000 10")));
  }
}

TEST_CASE("ranges that make no sense are refused") {
  for (const char* range : {"02 04000000 0a600000", "02 04000000 0a600000 21", "02 03000000 0a6000 10"}) {
    CAPTURE(range);
    const auto bytes = bytesOf(range);
    CHECK_FALSE(StaleFlows::of(ProgramReader(bytes), {}, {}));
  }
}

TEST_CASE("rows stay where they are while more are added") {
  TallyRows rows;
  REQUIRE(rows.grow(1));
  rows[0].values[kOpened].add(3);
  const TallyRow* first = &rows[0];
  REQUIRE(rows.grow(5000));
  CHECK(&rows[0] == first);
  rows[4999].values[kReplyPackets].set(7);
  std::vector<double> numbers(5000 * TallyRow::kWidth);
  CHECK(rows.read(numbers) == numbers.size());
  CHECK(numbers.front() == 3);
  CHECK(numbers.back() == 7);
  CHECK(rows.read(std::span(numbers).first(20)) == 2 * TallyRow::kWidth);
  CHECK_FALSE(rows.grow(TallyRows::kMaxRows + 1));
}
