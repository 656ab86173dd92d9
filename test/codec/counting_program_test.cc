// The eBPF program that counts events, on a pair of local sockets in the kernel's place, beside the reader of
// events.
#include <doctest/doctest.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <random>

#include "../fuzz/conntrack_seeds.h"
#include "conntrack/kernel_counter.h"
#include "conntrack/search.h"
#include "replies.h"

using namespace hawser;
using namespace hawser::conntrack;
using test::messageOf;

namespace {

using Bytes = std::vector<uint8_t>;

template <typename Record>
Bytes packed(std::initializer_list<Record> records) {
  Bytes bytes(records.size() * sizeof(Record));
  std::memcpy(bytes.data(), std::data(records), bytes.size());
  return bytes;
}

/** The frontends and the endpoint that the seeds' flows are of; row 0 is free. */
std::shared_ptr<const Classifier> table() {
  const FrontendRecord udp{
      .address = {10, 96, 0, 10}, .port = 53, .protocol = 17, .family = AF_INET, .group = 4, .flags = 0};
  const FrontendRecord tcp6{
      .address = {0xfd, 0, 0, 0x96}, .port = 443, .protocol = 6, .family = AF_INET6, .group = 5, .flags = 0};
  const EndpointRecord endpoint{
      .address = {10, 0, 0, 2}, .port = 5353, .unused = 0, .family = AF_INET, .group = 4};
  auto made = Classifier::of(packed({FrontendRecord{}, udp, tcp6}), packed({EndpointRecord{}, endpoint}));
  REQUIRE(made);
  return std::make_shared<Classifier>(std::move(*made));
}

/** Where things are in an event of an IPv4 flow with ports: the two tuples behind the headers, then
 * CTA_STATUS. */
constexpr size_t kIpv4Original = 16 + 4;
constexpr size_t kIpv4Reply = kIpv4Original + 52;
/** The lowest byte, which has IPS_DST_NAT. */
constexpr size_t kStatusAt = kIpv4Reply + 52 + 4 + 3;

/** A program that counts what is sent to it. */
class Counted {
 public:
  explicit Counted(FlowSelection selection = FlowSelection::dnat) {
    auto made = KernelCounter::of(CounterCapacity::of(*table()), selection);
    if (!made) {
      WARN_MESSAGE(false, "no programs may be loaded here: " << made.error().message);
      return;
    }
    counter_ = std::move(*made);
    REQUIRE(counter_->update(table()));
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    to_ = Descriptor(ends[0]);
    from_ = Descriptor(ends[1]);
    REQUIRE(counter_->attach(from_.get()));
    REQUIRE(counters.frontends.grow(3));
    REQUIRE(counters.lifetimes.grow(3));
    REQUIRE(counters.endpoints.grow(2));
  }
  explicit operator bool() const { return counter_ != nullptr; }

  /** Whether the event is let through to a reader, after what was counted of it. */
  bool passes(const Bytes& event) {
    REQUIRE(::send(to_.get(), event.data(), event.size(), 0) == static_cast<ssize_t>(event.size()));
    uint8_t byte;
    const bool passed = ::recv(from_.get(), &byte, 1, MSG_DONTWAIT) == 1;
    counter_->fold(counters);
    return passed;
  }
  double frontend(size_t row, FlowColumn column) { return counters.frontends[row].values[column].get(); }
  double endpoint(size_t row, FlowColumn column) { return counters.endpoints[row].values[column].get(); }

  FlowCounters counters;

 private:
  std::unique_ptr<KernelCounter> counter_;
  Descriptor to_, from_;
};

Bytes seed(const std::string& name) {
  for (auto& [known, bytes] : fuzz::conntrackSeeds())
    if (known == name) return bytes;
  FAIL("no seed of this name: " << name);
  return {};
}

}  // namespace

TEST_CASE("a program counts a flow that opens and ends, with traffic and life time, and drops its events") {
  Counted counted;
  if (!counted) return;
  CHECK_FALSE(counted.passes(seed("new-udp")));
  CHECK(counted.frontend(1, kOpened) == 1);
  CHECK(counted.frontend(1, kActive) == 1);
  CHECK(counted.endpoint(1, kActive) == 1);
  CHECK_FALSE(counted.passes(seed("destroy-udp-accounted")));
  CHECK(counted.frontend(1, kClosed) == 1);
  CHECK(counted.frontend(1, kActive) == 0);
  CHECK(counted.frontend(1, kUnreplied) == 0);
  CHECK(counted.frontend(1, kOriginalBytes) == 256);
  CHECK(counted.frontend(1, kReplyPackets) == 3);
  CHECK(counted.endpoint(1, kReplyBytes) == 256);
  CHECK(counted.counters.lifetimes[1].values[0].get() == 1);
  CHECK(counted.counters.engine[kOpenEvents].get() == 1);
  CHECK(counted.counters.engine[kCloseEvents].get() == 1);
}

TEST_CASE("a program counts IPv6, and what is of no endpoint for its frontend alone") {
  Counted counted;
  if (!counted) return;
  CHECK_FALSE(counted.passes(seed("new-tcp6-zone")));
  CHECK_FALSE(counted.passes(seed("destroy-tcp6-accounted")));
  CHECK(counted.frontend(2, kOpened) == 1);
  CHECK(counted.frontend(2, kOriginalPackets) == 3);
  CHECK(counted.endpoint(1, kOpened) == 0);
  CHECK(counted.counters.engine[kForeignEvents].get() == 0);
}

TEST_CASE("a program lets a reader have what is shaped otherwise, and drops what nobody translated") {
  Counted counted;
  if (!counted) return;
  CHECK(counted.passes(seed("new-icmp")));
  CHECK(counted.passes(seed("new-icmpv6")));
  CHECK(counted.passes(seed("statistics")));
  CHECK(counted.passes(Bytes(7)));
  Bytes untranslated = seed("new-udp");
  uint8_t& status = untranslated[kStatusAt];
  REQUIRE((status & IPS_DST_NAT));
  status = static_cast<uint8_t>(status & ~IPS_DST_NAT);
  CHECK_FALSE(counted.passes(untranslated));
  CHECK(counted.counters.engine[kOpenEvents].get() == 0);
  Counted all(FlowSelection::every);
  CHECK_FALSE(all.passes(untranslated));
  CHECK(all.counters.engine[kOpenEvents].get() == 1);
  CHECK(all.counters.engine[kForeignEvents].get() == 1);
}

TEST_CASE("a program that goes by the tuples counts what is translated, whatever its status says") {
  Counted counted(FlowSelection::rewritten);
  if (!counted) return;
  // As IPVS leaves it: a reply tuple with the endpoint, and no IPS_DST_NAT.
  Bytes rewritten = seed("new-udp");
  uint8_t& status = rewritten[kStatusAt];
  status = static_cast<uint8_t>(status & ~IPS_DST_NAT);
  CHECK_FALSE(counted.passes(rewritten));
  CHECK(counted.frontend(1, kOpened) == 1);
  CHECK(counted.endpoint(1, kOpened) == 1);
  // Source of the reply, which is the endpoint, in the place of the destination.
  Bytes untranslated = rewritten;
  std::copy_n(&rewritten[kIpv4Original + 20], 4, &untranslated[kIpv4Reply + 12]);
  std::copy_n(&rewritten[kIpv4Original + 48], 2, &untranslated[kIpv4Reply + 40]);
  CHECK_FALSE(counted.passes(untranslated));
  CHECK(counted.counters.engine[kOpenEvents].get() == 1);
  CHECK(counted.passes(seed("new-icmp")));
}

TEST_CASE("whatever an event has become, a program counts it as a reader would, or leaves it to one") {
  Counted counted;
  if (!counted) return;
  const auto classifier = table();
  std::mt19937 random(20261122);
  const std::string names[] = {"new-udp", "destroy-udp-accounted", "new-tcp6-zone", "destroy-tcp6-accounted"};
  int counts = 0, passes = 0;
  for (int round = 0; round < 20000; round++) {
    CAPTURE(round);
    Bytes event = seed(names[random() % 4]);
    for (size_t changes = random() % 4; changes > 0; changes--)
      event[16 + random() % (event.size() - 16)] = static_cast<uint8_t>(random());
    if (random() % 8 == 0) event.resize(16 + random() % (event.size() - 16));
    const double seen =
        counted.counters.engine[kOpenEvents].get() + counted.counters.engine[kCloseEvents].get();
    std::map<uint32_t, double> before;
    for (uint32_t row = 0; row < 3; row++)
      before[row] = counted.frontend(row, kOpened) + counted.frontend(row, kClosed);
    if (counted.passes(event)) {
      passes++;
      continue;
    }
    if (counted.counters.engine[kOpenEvents].get() + counted.counters.engine[kCloseEvents].get() == seen)
      continue;  // untranslated
    counts++;
    Bytes whole = event;
    // A program looks at the bytes alone, and a reader at the length that the header says as well.
    const auto length = static_cast<uint32_t>(whole.size());
    std::memcpy(whole.data(), &length, sizeof length);
    Flow flow;
    if (!readFlow(messageOf(whole), flow)) continue;  // malformed behind what counts
    const Rows rows = classifier->classify(flow);
    for (uint32_t row = 0; row < 3; row++)
      CHECK(counted.frontend(row, kOpened) + counted.frontend(row, kClosed) - before[row] ==
            (row == rows.frontend ? 1 : 0));
  }
  CHECK(counts > 5000);
  CHECK(passes > 1000);
}
