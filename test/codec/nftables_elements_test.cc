#include <doctest/doctest.h>

#include <set>

#include "codec/attribute_reader.h"
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

std::vector<uint8_t> records(size_t count, size_t width) {
  std::vector<uint8_t> bytes(count * width);
  for (size_t index = 0; index < bytes.size(); index++)
    bytes[index] = static_cast<uint8_t>(index * 31 + index / width);
  return bytes;
}

struct Encoded {
  Result<NetlinkSocket> socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  Batch batch{*socket};
  explicit Encoded(const std::vector<uint8_t>& program) {
    REQUIRE(encodeTransaction(program, {}, {}, batch));
  }
};

}  // namespace

TEST_CASE("bulk records are split into lists below 64 KiB, in order and without loss") {
  for (const auto& [key, keyEnd, data] :
       {std::tuple{4, false, 0}, {16, false, 8}, {40, true, 0}, {28, false, 20}, {64, true, 64}}) {
    const ElementLayout layout{static_cast<uint16_t>(key), keyEnd, static_cast<uint16_t>(data)};
    CAPTURE(layout.width());
    const auto sent = records(5000, layout.width());
    Encoded encoded(
        TransactionProgram()
            .elements(Operation::addElements, "set", layout.keyLength, keyEnd, layout.dataLength, sent)
            .take());
    ProgramWriter received;
    for (size_t index = 1; index + 1 < encoded.batch.messages(); index++) {
      const auto bytes = encoded.batch.message(index);
      CHECK(bytes.size() <= UINT16_MAX + 64);
      CHECK(encoded.batch.firstElement(index) * layout.width() == received.size());
      MessageReader reader(bytes);
      Message message;
      REQUIRE(reader.next(message));
      REQUIRE(decodeElements(attributesOf(message), layout, received));
    }
    CHECK(received.take() == sent);
  }
}

TEST_CASE("an attribute offset names the element that holds it") {
  Encoded encoded(
      TransactionProgram().elements(Operation::addElements, "eps", 16, false, 8, records(10, 24)).take());
  const auto message = encoded.batch.message(1);
  std::set<int32_t> named;
  for (uint32_t offset = 0; offset < message.size() + 100; offset++) named.insert(elementAt(message, offset));
  CHECK(named == std::set<int32_t>{kNoElement, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(elementAt(message, static_cast<uint32_t>(message.size() - 1)) == 9);
  CHECK(elementAt(message, 20) == kNoElement);  // the table's name
  CHECK(elementAt(message, UINT32_MAX) == kNoElement);
}

TEST_CASE("elements of another width than the layout's are an error, not a misreading") {
  Encoded encoded(
      TransactionProgram().elements(Operation::addElements, "eps", 16, false, 8, records(3, 24)).take());
  MessageReader reader(encoded.batch.message(1));
  Message message;
  REQUIRE(reader.next(message));
  ProgramWriter received;
  CHECK_FALSE(decodeElements(attributesOf(message), {12, false, 8}, received));
  CHECK_FALSE(decodeElements(attributesOf(message), {16, false, 4}, received));
  CHECK_FALSE(decodeVerdictElements(attributesOf(message), received));
}

TEST_CASE("records that do not fill the layout are a malformed program") {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  Batch batch(*socket);
  for (const auto& [key, data, bytes] : {std::tuple{16, 8, 23}, {0, 0, 0}, {65, 0, 65}, {4, 65, 69}}) {
    const auto program = TransactionProgram()
                             .elements(Operation::addElements, "eps", static_cast<uint16_t>(key), false,
                                       static_cast<uint16_t>(data), records(1, static_cast<size_t>(bytes)))
                             .take();
    auto encoded = encodeTransaction(program, {}, {}, batch);
    REQUIRE_FALSE(encoded);
    CHECK(encoded.error().code == kMalformedProgram);
  }
}

TEST_CASE("a rule's expressions come back from the message as they were packed") {
  const auto packed = test::dropRule();
  MessageWriter writer;
  writer.begin(1, 0, 1);
  const size_t list = writer.open(NFTA_RULE_EXPRESSIONS);
  ProgramReader program(packed);
  REQUIRE(encodeExpressions(program, writer));
  writer.close(list);
  writer.end();
  AttributeReader attributes(writer.view().subspan(sizeof(nlmsghdr)));
  Attribute attribute;
  REQUIRE(attributes.next(attribute));
  ProgramWriter decoded;
  REQUIRE(decodeExpressions(attribute.payload, decoded));
  CHECK(decoded.take() == packed);
}

TEST_CASE("expressions that the schema does not know are kept as they are") {
  const auto list = test::bytesOf("1800 0180  0900 0100 77656972 64000000  0800 0280 01020304");
  ProgramWriter decoded;
  REQUIRE(decodeExpressions(list, decoded));
  CHECK(test::hexOf(decoded.take()) ==
        test::hexOf(test::bytesOf("01  ff  0500 7765697264  04000000 01020304")));
}

TEST_CASE("programs that name what the schema does not have are refused") {
  for (const char* golden : {"01 fe 00", "01 00 01 63 00000000", "02 00 00", "01", ""}) {
    CAPTURE(golden);
    const auto packed = test::bytesOf(golden);
    ProgramReader program(packed);
    MessageWriter writer;
    writer.begin(1, 0, 1);
    const bool encoded = encodeExpressions(program, writer);
    CHECK_FALSE((encoded && !program.failed()));
  }
}
