#include "nftables/session.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include "codec/attribute_policy.h"
#include "nftables/dump.h"
#include "nftables/elements.h"
#include "nftables/messages.h"
#include "nftables/transaction.h"

namespace hawser::nftables {
namespace {

constexpr AttributePolicy kGeneration[] = {{NFTA_GEN_ID, Kind::be32}};
constexpr AttributePolicy kRuleHandle[] = {{NFTA_RULE_HANDLE, Kind::be64}};

Outcome failed(Error error) { return {.reply = {}, .error = std::move(error), .failures = {}}; }
Outcome replied(ProgramWriter& writer) { return {.reply = writer.take(), .error = {}, .failures = {}}; }

Result<> encodeRequest(const Request& request, CommitOptions& options, Batch& batch) {
  if (request.buffers.size() < 2)
    return Error{EINVAL, "a commit takes options and a program", kMalformedProgram};
  ProgramReader header(request.buffers[0]);
  const uint8_t flags = header.u8();
  options = {.checkGeneration = (flags & 1) != 0, .generation = header.u32(), .echo = (flags & 2) != 0};
  if (header.failed()) return Error{EINVAL, "the options of a commit are cut short", kMalformedProgram};
  return encodeTransaction(request.buffers[1], request.buffers.subspan(2), options, batch);
}

/** Sequence number of the last message that asks for an acknowledgement; 0 when none does. */
uint32_t awaited(std::span<const uint8_t> batch) {
  uint32_t sequence = 0;
  MessageReader reader(batch);
  Message message;
  while (reader.next(message))
    if (message.header.nlmsg_flags & NLM_F_ACK) sequence = message.header.nlmsg_seq;
  return reader.malformed() ? 0 : sequence;
}

}  // namespace

Result<std::unique_ptr<Session>> NftablesSession::open(std::shared_ptr<Counters> counters) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER, std::move(counters));
  if (!socket) return socket.error();
  return std::unique_ptr<Session>(new NftablesSession(std::move(*socket)));
}

Outcome NftablesSession::handle(const Request& request) {
  const auto method = static_cast<Method>(request.method);
  switch (method) {
    case Method::commit:
      return commit(request);
    case Method::encode:
      return encode(request);
    case Method::replay:
      return replay(request);
    case Method::generation: {
      auto now = generation();
      if (!now) return failed(now.error());
      ProgramWriter reply;
      reply.u32(*now);
      return replied(reply);
    }
    default:
      break;
  }
  return consistentDump(method, request.program());
}

Outcome NftablesSession::consistentDump(Method method, std::span<const uint8_t> arguments) {
  for (int attempt = 0; attempt < NetlinkSocket::kDumpAttempts; attempt++) {
    ProgramWriter reply;
    ProgramReader program(arguments);
    auto before = generation();
    if (!before) return failed(before.error());
    if (auto dumped = dump(method, program, socket_, reply); !dumped) return failed(dumped.error());
    auto after = generation();
    if (!after) return failed(after.error());
    if (*after == *before) return replied(reply);
  }
  return failed({EINTR, "the ruleset changed under way at every attempt, try again later", kDumpInterrupted});
}

Outcome NftablesSession::commit(const Request& request) {
  const Counters& counters = socket_.counters();
  const uint64_t callsBefore = counters.syscalls;
  CommitOptions options;
  if (auto encoded = encodeRequest(request, options, batch_); !encoded) return failed(encoded.error());

  ProgramWriter handles;
  uint32_t handleCount = 0;
  auto refusals = batch_.exchange([&](int32_t operation, const Message& message) {
    if (message.header.nlmsg_type != messageType(NFT_MSG_NEWRULE)) return;
    const Attributes rule(attributesOf(message), kRuleHandle);
    if (!rule.has(NFTA_RULE_HANDLE)) return;
    handles.i32(operation);
    handles.u64(rule.be64(NFTA_RULE_HANDLE));
    handleCount++;
  });
  if (!refusals) return failed(refusals.error());

  Outcome outcome;
  for (const Batch::Refusal& refusal : *refusals) {
    Failure failure = batch_.failure(refusal);
    const int32_t element = elementAt(batch_.message(refusal.index), refusal.answer.attributeOffset);
    if (element != kNoElement)
      failure.element = static_cast<int32_t>(batch_.firstElement(refusal.index)) + element;
    outcome.failures.push_back(std::move(failure));
  }
  if (!outcome.failures.empty()) return outcome;

  ProgramWriter reply;
  reply.u8(options.checkGeneration ? 1 : 0);
  if (options.checkGeneration) {
    auto now = generation();
    if (!now) return failed(now.error());
    // Ours raised it by one, or by none when it changed nothing. Anything more is someone else's change,
    // which the next check must still find.
    reply.u32(*now == options.generation ? *now : options.generation + 1);
  }
  reply.u32(static_cast<uint32_t>(batch_.messages()));
  reply.u32(static_cast<uint32_t>(batch_.bytes()));
  reply.u32(static_cast<uint32_t>(counters.syscalls - callsBefore));
  reply.u32(handleCount);
  const auto packed = handles.take();
  reply.raw(packed.data(), packed.size());
  batch_.clear();
  return replied(reply);
}

Outcome NftablesSession::encode(const Request& request) {
  CommitOptions options;
  if (auto encoded = encodeRequest(request, options, batch_); !encoded) return failed(encoded.error());
  const auto bytes = batch_.view();
  return {.reply = {bytes.begin(), bytes.end()}, .error = {}, .failures = {}};
}

Outcome NftablesSession::replay(const Request& request) {
  ProgramWriter times;
  for (const auto& batch : request.buffers) {
    const uint32_t sequence = awaited(batch);
    if (sequence == 0)
      return failed({EINVAL, "a replayed batch is malformed or asks for no reply", kMalformedProgram});
    const auto begin = std::chrono::steady_clock::now();
    if (auto sent = socket_.send(batch, 1); !sent) return failed(sent.error());
    Error refused;
    auto received = socket_.receive([&](const Message& message) {
      if (message.header.nlmsg_type != NLMSG_ERROR) return false;
      auto ack = readAcknowledgement(message);
      if (!ack)
        refused = ack.error();
      else if (ack->number != 0)
        refused = Error{ack->number, "a replayed batch was refused: " + ack->message};
      else
        return ack->sequence == sequence;
      return true;
    });
    if (!received) return failed(received.error());
    if (refused.number != 0) return failed(refused);
    times.f64(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count());
  }
  return replied(times);
}

Result<uint32_t> NftablesSession::generation() {
  uint32_t now = 0;
  auto called = socket_.call(
      "get the ruleset generation",
      [](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(messageType(NFT_MSG_GETGEN), flags, sequence);
        familyHeader(writer, AF_UNSPEC);
        writer.end();
      },
      [&](const Message& message) -> Result<> {
        const Attributes attributes(attributesOf(message), kGeneration);
        if (!attributes.has(NFTA_GEN_ID))
          return Error{EBADMSG, "the kernel sent no generation", kMalformedReply};
        now = attributes.be32(NFTA_GEN_ID);
        return Unit{};
      });
  if (!called) return called.error();
  return now;
}

}  // namespace hawser::nftables
