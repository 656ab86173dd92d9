// What the kernel says of its connection tracking, processor by processor.
#include <doctest/doctest.h>

#include "conntrack/table_statistics.h"
#include "hex.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::bytesOf;
using test::decodeDamaged;
using test::messageOf;

namespace {

/** Of processor 3, each counter with the number of its attribute. */
const char* const kProcessor = R"(
  64000000 0401 0200 01000000 00000000
  00 00 0003                                 # nfgenmsg: the processor, in network order
  0800 0200 00000002 0800 0400 00000004 0800 0800 00000008 0800 0900 00000009 0800 0a00 0000000a
  0800 0b00 0000000b 0800 0c00 0000000c 0800 0d00 0000000d 0800 0e00 0000000e 0800 0f00 0000000f
)";

}  // namespace

TEST_CASE("a processor's counters are in the order that JavaScript names them") {
  const auto datagram = bytesOf(kProcessor);
  auto statistics = readProcessor(messageOf(datagram));
  REQUIRE(statistics);
  CHECK(statistics->processor == 3);
  const std::array<uint32_t, ProcessorStatistics::kCounters> counters{2, 4, 8, 9, 10, 11, 12, 13, 14, 15};
  CHECK(statistics->counters == counters);
}

TEST_CASE("counters that an older kernel lacks are 0") {
  const auto datagram = bytesOf("1c000000 0401 0200 01000000 00000000 00 00 0000 0800 0200 00000007");
  auto statistics = readProcessor(messageOf(datagram));
  REQUIRE(statistics);
  const std::array<uint32_t, ProcessorStatistics::kCounters> counters{7};
  CHECK(statistics->counters == counters);
}

TEST_CASE("damaged statistics are refused or read, never read beyond") {
  const auto datagram = bytesOf(kProcessor);
  const size_t refused = decodeDamaged(
      messageOf(datagram), [](const Message& message) { return static_cast<bool>(readProcessor(message)); });
  CHECK(refused > datagram.size() / 2);
}
