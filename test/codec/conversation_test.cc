// What the kernel never does, but a socket must survive: replies that are malformed, cut, lost, stale or
// interrupted.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

#include "hex.h"
#include "scripted_kernel.h"
#include "socket/batch.h"
#include "socket/netlink_socket.h"

using namespace hawser;
using test::bytesOf;
using test::ScriptedKernel;

namespace {

constexpr uint16_t kReply = 0x100;

struct Conversation {
  ScriptedKernel kernel;
  std::shared_ptr<Counters> counters = std::make_shared<Counters>();
  NetlinkSocket socket;

  explicit Conversation(std::vector<ScriptedKernel::Datagrams> script)
      : kernel(std::move(script)), socket(NetlinkSocket::adopt(kernel.takeSocket(), counters)) {}

  /** Dumps u32 payloads; what is gathered when the dump ends. */
  Result<> dump(std::vector<uint32_t>& payloads) {
    return socket.dump(
        "list things",
        [](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
          writer.begin(1, flags, sequence);
          writer.end();
        },
        [&] { payloads.clear(); },
        [&](const Message& message) -> Result<> {
          if (message.payload.size() < 4) return Error{EBADMSG, "too short", kMalformedReply};
          uint32_t payload = 0;
          std::memcpy(&payload, message.payload.data(), sizeof payload);
          payloads.push_back(payload);
          return Unit{};
        });
  }
};

/** One message with a u32 payload. */
std::vector<uint8_t> reply(uint16_t type, uint16_t flags, uint32_t sequence, uint32_t payload) {
  MessageWriter writer;
  writer.begin(type, flags, sequence);
  writer.header(payload);
  writer.end();
  return {writer.view().begin(), writer.view().end()};
}

std::vector<uint8_t> thing(uint32_t sequence, uint32_t payload, uint16_t flags = 0) {
  return reply(kReply, NLM_F_MULTI | flags, sequence, payload);
}

std::vector<uint8_t> done(uint32_t sequence, int error = 0, uint16_t flags = 0) {
  return reply(NLMSG_DONE, NLM_F_MULTI | flags, sequence, static_cast<uint32_t>(error));
}

}  // namespace

TEST_CASE("a dump gathers its messages until it is done") {
  Conversation conversation({{thing(1, 11), thing(1, 12), done(1)}});
  std::vector<uint32_t> payloads;
  REQUIRE(conversation.dump(payloads));
  CHECK(payloads == std::vector<uint32_t>{11, 12});
}

TEST_CASE("a dump that was interrupted starts again and forgets what it had") {
  Conversation conversation({
      {thing(1, 11), thing(1, 12, NLM_F_DUMP_INTR), thing(1, 13), done(1)},
      {thing(2, 21), done(2)},
  });
  std::vector<uint32_t> payloads;
  REQUIRE(conversation.dump(payloads));
  CHECK(payloads == std::vector<uint32_t>{21});
}

TEST_CASE("an interruption that only the end of the dump tells of counts too") {
  Conversation conversation({
      {thing(1, 11), done(1, 0, NLM_F_DUMP_INTR)},
      {thing(2, 21), done(2)},
  });
  std::vector<uint32_t> payloads;
  REQUIRE(conversation.dump(payloads));
  CHECK(payloads == std::vector<uint32_t>{21});
}

TEST_CASE("a dump that is interrupted every time gives up with a code of its own") {
  std::vector<ScriptedKernel::Datagrams> script;
  for (uint32_t sequence = 1; sequence <= NetlinkSocket::kDumpAttempts; sequence++)
    script.push_back({thing(sequence, 1, NLM_F_DUMP_INTR), done(sequence)});
  Conversation conversation(std::move(script));
  std::vector<uint32_t> payloads;
  auto outcome = conversation.dump(payloads);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == kDumpInterrupted);
  CHECK(outcome.error().message.find("list things") == 0);
}

TEST_CASE("a dump's own error stands in its end") {
  Conversation conversation({{thing(1, 11), done(1, -ENOENT)}});
  std::vector<uint32_t> payloads;
  auto outcome = conversation.dump(payloads);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().number == ENOENT);
  CHECK(conversation.counters->errors[ENOENT] == 1);
}

TEST_CASE("replies to an earlier request are passed over") {
  Conversation conversation({{thing(77, 11), done(77, -EINVAL), thing(1, 12), done(1)}});
  std::vector<uint32_t> payloads;
  REQUIRE(conversation.dump(payloads));
  CHECK(payloads == std::vector<uint32_t>{12});
}

TEST_CASE("bytes that are no messages are an error, and the socket goes on") {
  Conversation conversation({
      {bytesOf("ff000000 0001 0200 01000000 00000000 0b000000")},
      {thing(2, 21), done(2)},
  });
  std::vector<uint32_t> payloads;
  auto outcome = conversation.dump(payloads);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == kMalformedReply);
  REQUIRE(conversation.dump(payloads));
  CHECK(payloads == std::vector<uint32_t>{21});
}

TEST_CASE("a reply that the decoder refuses fails the dump, which is read to its end") {
  Conversation conversation({{bytesOf("10000000 0001 0200 01000000 00000000"), thing(1, 12), done(1)}});
  std::vector<uint32_t> payloads;
  auto outcome = conversation.dump(payloads);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message == "too short");
  CHECK(payloads.empty());
}

TEST_CASE("a datagram that was cut is an error, not a shorter list") {
  Conversation conversation({{std::vector<uint8_t>(ReceiveRing::kSlotSize + 4)}});
  std::vector<uint32_t> payloads;
  auto outcome = conversation.dump(payloads);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().number == EMSGSIZE);
}

TEST_CASE("a refused frame ends a batch at once") {
  Conversation conversation({{bytesOf(R"(
    24000000 0200 0001 01000000 00000000   # NLMSG_ERROR for the first message
    abffffff                               # -ERESTART
    14000000 0100 0100 01000000 00000000
  )")}});
  Batch batch(conversation.socket);
  batch.begin(1, 0, kWholeRequest);
  batch.end();
  batch.begin(2, 0, 0);
  batch.end();
  batch.acknowledgeLast();
  auto refusals = batch.exchange();
  REQUIRE(refusals);
  REQUIRE(refusals->size() == 1);
  CHECK(batch.failure(refusals->front()).operation == kWholeRequest);
  CHECK(batch.failure(refusals->front()).number == ERESTART);
}

TEST_CASE("replies that the kernel dropped are an error, and counted") {
  auto counters = std::make_shared<Counters>();
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, counters);
  REQUIRE(socket);
  const int least = 1;
  REQUIRE(::setsockopt(socket->fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least) == 0);
  Batch batch(*socket);
  for (int32_t operation = 0; operation < 200; operation++) {
    batch.begin(0x3f00, 0, operation);
    batch.end();
  }
  batch.acknowledgeLast();
  auto refusals = batch.exchange();
  REQUIRE_FALSE(refusals);
  CHECK(refusals.error().number == ENOBUFS);
  CHECK(counters->overruns > 0);
}
