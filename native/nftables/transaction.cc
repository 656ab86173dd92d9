#include "nftables/transaction.h"

#include <cerrno>

#include "nftables/elements.h"
#include "nftables/expressions.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

/** Encodes the operations of one program; `operation_` counts them as the caller does. */
class Encoder {
 public:
  Encoder(ProgramReader program, std::span<const std::span<const uint8_t>> attachments,
          const CommitOptions& options, Batch& batch)
      : program_(program),
        attachments_(attachments),
        options_(options),
        batch_(batch),
        writer_(batch.writer()) {}

  Result<> run();

 private:
  bool encode(Operation operation);
  void frame(uint16_t type);
  void begin(uint8_t message, uint16_t flags, uint32_t firstElement = 0);
  void table(uint8_t message, uint16_t flags);
  void addChain();
  void addSet();
  bool addRule();
  bool addXtablesRule();
  bool expressions();
  void deleteRule();
  void flushChain();
  bool elements(uint8_t message, uint16_t flags);
  void verdictElements(uint8_t message, uint16_t flags, bool withVerdict);
  void named(uint8_t message, uint16_t tableAttribute, uint16_t nameAttribute);

  ProgramReader program_;
  std::span<const std::span<const uint8_t>> attachments_;
  const CommitOptions& options_;
  Batch& batch_;
  MessageWriter& writer_;
  uint8_t family_ = 0;
  std::string_view table_;
  int32_t operation_ = 0;
};

void Encoder::frame(uint16_t type) {
  batch_.begin(type, 0, kWholeRequest);
  familyHeader(writer_, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  if (type == NFNL_MSG_BATCH_BEGIN && options_.checkGeneration)
    writer_.be32(NFNL_BATCH_GENID, options_.generation);
  batch_.end();
}

void Encoder::begin(uint8_t message, uint16_t flags, uint32_t firstElement) {
  batch_.begin(messageType(message), flags, operation_, firstElement);
  familyHeader(writer_, family_);
}

void Encoder::table(uint8_t message, uint16_t flags) {
  begin(message, flags);
  writer_.string(NFTA_TABLE_NAME, table_);
  batch_.end();
}

void Encoder::named(uint8_t message, uint16_t tableAttribute, uint16_t nameAttribute) {
  begin(message, 0);
  writer_.string(tableAttribute, table_);
  writer_.string(nameAttribute, program_.string());
  batch_.end();
}

void Encoder::addChain() {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  writer_.string(NFTA_CHAIN_TABLE, table_);
  writer_.string(NFTA_CHAIN_NAME, program_.string());
  if (program_.u8() != 0) {
    const auto type = program_.string();
    const uint32_t hook = program_.u32();
    const int32_t priority = program_.i32();
    writer_.string(NFTA_CHAIN_TYPE, type);
    writer_.be32(NFTA_CHAIN_POLICY, program_.u32());
    writer_.nest(NFTA_CHAIN_HOOK, [&] {
      writer_.be32(NFTA_HOOK_HOOKNUM, hook);
      writer_.be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
    });
  }
  if (const auto userData = program_.blob(); !userData.empty()) writer_.bytes(NFTA_CHAIN_USERDATA, userData);
  batch_.end();
}

void Encoder::addSet() {
  begin(NFT_MSG_NEWSET, NLM_F_CREATE);
  writer_.string(NFTA_SET_TABLE, table_);
  writer_.string(NFTA_SET_NAME, program_.string());
  const uint32_t flags = program_.u32();
  writer_.be32(NFTA_SET_FLAGS, flags);
  writer_.be32(NFTA_SET_KEY_TYPE, program_.u32());
  writer_.be32(NFTA_SET_KEY_LEN, program_.u32());
  const uint32_t dataType = program_.u32();
  const uint32_t dataLength = program_.u32();
  if (flags & NFT_SET_MAP) {
    writer_.be32(NFTA_SET_DATA_TYPE, dataType);
    writer_.be32(NFTA_SET_DATA_LEN, dataLength);
  }
  // The kernel insists on an id, by which messages of the same transaction may name the set; ours use the
  // name.
  writer_.be32(NFTA_SET_ID, static_cast<uint32_t>(operation_) + 1);
  const uint32_t size = program_.u32();
  const uint8_t fields = program_.u8();
  const auto lengths = program_.take(fields);
  if (size != 0 || fields != 0) {
    writer_.nest(NFTA_SET_DESC, [&] {
      if (size != 0) writer_.be32(NFTA_SET_DESC_SIZE, size);
      if (fields == 0) return;
      writer_.nest(NFTA_SET_DESC_CONCAT, [&] {
        for (const uint8_t length : lengths)
          writer_.nest(NFTA_LIST_ELEM, [&] { writer_.be32(NFTA_SET_FIELD_LEN, length); });
      });
    });
  }
  if (const uint64_t timeout = program_.u64(); timeout != 0) writer_.be64(NFTA_SET_TIMEOUT, timeout);
  if (const auto userData = program_.blob(); !userData.empty()) writer_.bytes(NFTA_SET_USERDATA, userData);
  batch_.end();
}

bool Encoder::addRule() {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | (options_.echo ? NLM_F_ECHO : 0));
  writer_.string(NFTA_RULE_TABLE, table_);
  writer_.string(NFTA_RULE_CHAIN, program_.string());
  if (const auto userData = program_.blob(); !userData.empty()) writer_.bytes(NFTA_RULE_USERDATA, userData);
  if (!expressions()) return false;
  batch_.end();
  return true;
}

/** u8 flags (1: at the head of its chain, else at its end; 2: echo), u8 protocol, string chain, blob
 * expressions. */
bool Encoder::addXtablesRule() {
  const uint8_t flags = program_.u8();
  const uint8_t protocol = program_.u8();
  const bool echo = options_.echo || (flags & 2) != 0;
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | ((flags & 1) != 0 ? 0 : NLM_F_APPEND) | (echo ? NLM_F_ECHO : 0));
  writer_.string(NFTA_RULE_TABLE, table_);
  writer_.string(NFTA_RULE_CHAIN, program_.string());
  if (!expressions()) return false;
  if (protocol != 0)
    // What an xtables extension that is for one protocol only (tcp, sctp, …) is checked against.
    writer_.nest(NFTA_RULE_COMPAT, [&] {
      writer_.be32(NFTA_RULE_COMPAT_PROTO, protocol);
      writer_.be32(NFTA_RULE_COMPAT_FLAGS, 0);
    });
  batch_.end();
  return true;
}

bool Encoder::expressions() {
  const size_t list = writer_.open(NFTA_RULE_EXPRESSIONS);
  ProgramReader expressions(program_.blob());
  if (!encodeExpressions(expressions, writer_)) return false;
  writer_.close(list);
  return true;
}

void Encoder::deleteRule() {
  begin(NFT_MSG_DELRULE, 0);
  writer_.string(NFTA_RULE_TABLE, table_);
  writer_.string(NFTA_RULE_CHAIN, program_.string());
  writer_.be64(NFTA_RULE_HANDLE, program_.u64());
  batch_.end();
}

void Encoder::flushChain() { named(NFT_MSG_DELRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN); }

bool Encoder::elements(uint8_t message, uint16_t flags) {
  const auto set = program_.string();
  const ElementLayout layout = readLayout(program_);
  const uint32_t attachment = program_.u32();
  if (program_.failed() || !layout.valid() || attachment > attachments_.size()) return false;
  auto records = attachment == 0 ? program_.blob() : attachments_[attachment - 1];
  if (records.size() % layout.width() != 0) return false;
  const size_t chunk = recordsPerMessage(layout) * layout.width();
  // Headers about triple the usual record; growing by doubling would copy a bulk load several times.
  if (records.size() > chunk) writer_.reserve(writer_.size() + records.size() * 3);
  for (uint32_t first = 0; !records.empty();) {
    const auto part = records.first(std::min(chunk, records.size()));
    begin(message, flags, first);
    writeElements(writer_, table_, set, layout, part);
    batch_.end();
    first += static_cast<uint32_t>(part.size() / layout.width());
    records = records.subspan(part.size());
  }
  return true;
}

void Encoder::verdictElements(uint8_t message, uint16_t flags, bool withVerdict) {
  const auto set = program_.string();
  const uint32_t count = program_.u32();
  // A chain name and a key of the largest size make an element of 400 bytes: 128 of them fit a list.
  constexpr uint32_t kChunk = 128;
  for (uint32_t index = 0; index < count && !program_.failed();) {
    begin(message, flags, index);
    writer_.string(NFTA_SET_ELEM_LIST_TABLE, table_);
    writer_.string(NFTA_SET_ELEM_LIST_SET, set);
    writer_.nest(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      for (uint32_t end = std::min(count, index + kChunk); index < end; index++) {
        VerdictElement element{.key = program_.blob(), .code = {}, .chain = {}};
        if (withVerdict) {
          element.code = program_.i32();
          element.chain = program_.string();
        }
        if (program_.failed()) return;
        writeVerdictElement(writer_, element);
      }
    });
    batch_.end();
  }
}

bool Encoder::encode(Operation operation) {
  switch (operation) {
    case Operation::addTable:
      table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
      return true;
    case Operation::deleteTable:
      table(NFT_MSG_DELTABLE, 0);
      return true;
    case Operation::destroyTable:
      // NFT_MSG_DESTROYTABLE needs Linux 6.3; creating it first makes the deletion succeed anywhere.
      table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
      table(NFT_MSG_DELTABLE, 0);
      return true;
    case Operation::addChain:
      addChain();
      return true;
    case Operation::deleteChain:
      named(NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME);
      return true;
    case Operation::addSet:
      addSet();
      return true;
    case Operation::deleteSet:
      named(NFT_MSG_DELSET, NFTA_SET_TABLE, NFTA_SET_NAME);
      return true;
    case Operation::addRule:
      return addRule();
    case Operation::deleteRule:
      deleteRule();
      return true;
    case Operation::flushChain:
      flushChain();
      return true;
    case Operation::addElements:
      return elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    case Operation::deleteElements:
      return elements(NFT_MSG_DELSETELEM, 0);
    case Operation::addVerdictElements:
      verdictElements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, true);
      return true;
    case Operation::deleteVerdictElements:
      verdictElements(NFT_MSG_DELSETELEM, 0, false);
      return true;
    case Operation::flushSet:
      named(NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET);
      return true;
    case Operation::useTable:
      table_ = program_.string();
      return true;
    case Operation::addXtablesRule:
      return addXtablesRule();
  }
  return false;
}

Result<> Encoder::run() {
  family_ = program_.u8();
  table_ = program_.string();
  frame(NFNL_MSG_BATCH_BEGIN);
  for (; !program_.done(); operation_++) {
    const auto operation = static_cast<Operation>(program_.u8());
    if (!encode(operation) || program_.failed())
      return Error{EINVAL,
                   "operation " + std::to_string(operation_) + " of the transaction program is malformed",
                   kMalformedProgram};
  }
  if (program_.failed()) return Error{EINVAL, "the transaction program is cut short", kMalformedProgram};
  if (batch_.messages() == 1) {
    batch_.clear();
    return Unit{};
  }
  batch_.acknowledgeLast();
  frame(NFNL_MSG_BATCH_END);
  if (writer_.failed())
    return Error{EMSGSIZE, "a value of the transaction does not fit a netlink attribute (64 KiB)"};
  return Unit{};
}

}  // namespace

Result<> encodeTransaction(std::span<const uint8_t> program,
                           std::span<const std::span<const uint8_t>> attachments,
                           const CommitOptions& options, Batch& batch) {
  batch.clear();
  return Encoder(ProgramReader(program), attachments, options, batch).run();
}

}  // namespace hawser::nftables
