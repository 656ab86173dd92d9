// Decode, encode, decode: whatever bytes arrive, nothing reads out of bounds (the sanitizers watch), and what
// was understood once is understood the same again. Seeds are whole messages; each round flips, cuts and
// splices them.
#include <doctest/doctest.h>

#include <random>

#include "codec/attribute_policy.h"
#include "hex.h"
#include "nftables/elements.h"
#include "nftables/expressions.h"
#include "nftables/messages.h"
#include "nftables_programs.h"
#include "socket/netlink_socket.h"

using namespace hawser;
using namespace hawser::nftables;
using test::TransactionProgram;

namespace {

constexpr int kRounds = 20000;

using Bytes = std::vector<uint8_t>;

/** The same sequence at every run: a failure names its round, and the round can be repeated. */
class Mutator {
 public:
  Bytes operator()(const Bytes& seed) {
    Bytes bytes = seed;
    for (int changes = pick(8); changes >= 0; changes--) {
      if (bytes.empty()) break;
      const size_t at = pick(bytes.size());
      switch (pick(5)) {
        case 0:
          bytes[at] = static_cast<uint8_t>(random_());
          break;
        case 1:
          bytes[at] ^= static_cast<uint8_t>(1u << pick(8));
          break;
        case 2:
          bytes.resize(at);
          break;
        case 3:
          bytes.insert(bytes.begin() + static_cast<long>(at), bytes.begin(),
                       bytes.begin() + static_cast<long>(pick(at + 1)));
          break;
        case 4:
          bytes[at] = pick(2) ? 0xff : 0;
          break;
      }
    }
    return bytes;
  }

 private:
  size_t pick(size_t below) { return random_() % below; }
  std::mt19937 random_{20260101};
};

Bytes transaction() {
  const Bytes records(48, 7);
  return TransactionProgram()
      .addTable()
      .addChain("c")
      .addNatChain("pre")
      .addPortMap("eps")
      .addIntervalSet("lbsrc", 64)
      .addDropRule("c")
      .elements(Operation::addElements, "eps", 4, false, 2, records)
      .elements(Operation::deleteElements, "lbsrc", 8, true, 0, records)
      .addVerdict("classes", records, "c")
      .take();
}

/** What a datagram's expressions and elements decode to, for comparison. */
Bytes decoded(std::span<const uint8_t> datagram) {
  ProgramWriter all;
  MessageReader reader(datagram);
  Message message;
  while (reader.next(message)) {
    if (message.header.nlmsg_type == NLMSG_ERROR) (void)readAcknowledgement(message);
    AttributeReader attributes(attributesOf(message));
    Attribute attribute;
    while (attributes.next(attribute)) (void)decodeExpressions(attribute.payload, all);
    (void)decodeElements(attributesOf(message), {4, false, 2}, all);
    (void)decodeVerdictElements(attributesOf(message), all);
    for (uint32_t offset = 0; offset < datagram.size(); offset += 64) (void)elementAt(datagram, offset);
  }
  return all.take();
}

}  // namespace

TEST_CASE("mutated transaction programs are encoded or refused, never misread") {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  REQUIRE(socket);
  Batch batch(*socket);
  Mutator mutate;
  const Bytes seed = transaction();
  int accepted = 0;
  for (int round = 0; round < kRounds; round++) {
    CAPTURE(round);
    if (!encodeTransaction(mutate(seed), {}, {}, batch)) continue;
    accepted++;
    // What was accepted is a chain of whole messages that ends where the batch ends.
    MessageReader reader(batch.view());
    Message message;
    size_t messages = 0;
    while (reader.next(message)) messages++;
    REQUIRE_FALSE(reader.malformed());
    REQUIRE(messages == batch.messages());
  }
  CHECK(accepted > kRounds / 100);
  CHECK(accepted < kRounds);
}

TEST_CASE("mutated datagrams decode to the same twice") {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  REQUIRE(socket);
  Batch batch(*socket);
  REQUIRE(encodeTransaction(transaction(), {}, {}, batch));
  const Bytes seed(batch.view().begin(), batch.view().end());
  Mutator mutate;
  for (int round = 0; round < kRounds; round++) {
    CAPTURE(round);
    const Bytes datagram = mutate(seed);
    REQUIRE(decoded(datagram) == decoded(datagram));
  }
}

TEST_CASE("mutated expression lists survive decode, encode, decode") {
  MessageWriter writer;
  const Bytes packed = test::dropRule();
  writer.begin(1, 0, 1);
  ProgramReader rule(packed);
  REQUIRE(encodeExpressions(rule, writer));
  writer.end();
  const auto list = writer.view().subspan(sizeof(nlmsghdr));
  const Bytes seed(list.begin(), list.end());
  Mutator mutate;
  int compared = 0;
  for (int round = 0; round < kRounds; round++) {
    CAPTURE(round);
    const Bytes mutated = mutate(seed);
    ProgramWriter first;
    if (!decodeExpressions(mutated, first)) continue;
    const Bytes once = first.take();
    ProgramReader program(once);
    writer.clear();
    writer.begin(1, 0, 1);
    // Expressions outside the schema are shown, but cannot be written.
    if (!encodeExpressions(program, writer)) continue;
    writer.end();
    if (writer.failed()) continue;
    ProgramWriter second;
    REQUIRE(decodeExpressions(writer.view().subspan(sizeof(nlmsghdr)), second));
    REQUIRE(second.take() == once);
    compared++;
  }
  CHECK(compared > kRounds / 100);
}
