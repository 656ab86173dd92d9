#include "nftables_programs.h"

#include "nftables/expression_schema.h"

namespace hawser::test {
namespace {

using nftables::Operation;

uint8_t expression(std::string_view name) {
  const auto schema = nftables::expressionSchema();
  for (size_t index = 0; index < schema.size(); index++)
    if (schema[index].name == name) return static_cast<uint8_t>(index);
  return nftables::kUnknownExpression;
}

void u32Attribute(ProgramWriter& program, uint8_t number, uint32_t value) {
  program.u8(number);
  program.u32(value);
}

}  // namespace

std::vector<uint8_t> dropRule() {
  ProgramWriter program;
  program.u8(4);
  program.u8(expression("payload"));
  program.u8(4);
  u32Attribute(program, NFTA_PAYLOAD_DREG, NFT_REG_1);
  u32Attribute(program, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  u32Attribute(program, NFTA_PAYLOAD_OFFSET, 16);
  u32Attribute(program, NFTA_PAYLOAD_LEN, 4);
  program.u8(expression("cmp"));
  program.u8(3);
  u32Attribute(program, NFTA_CMP_SREG, NFT_REG_1);
  u32Attribute(program, NFTA_CMP_OP, NFT_CMP_EQ);
  program.u8(NFTA_CMP_DATA);
  program.u8(0);
  program.blob(std::vector<uint8_t>{10, 96, 0, 1});
  program.u8(expression("counter"));
  program.u8(0);
  program.u8(expression("immediate"));
  program.u8(2);
  u32Attribute(program, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  program.u8(NFTA_IMMEDIATE_DATA);
  program.u8(1);
  program.i32(0);  // NF_DROP
  program.string("");
  return program.take();
}

TransactionProgram::TransactionProgram() {
  program_.u8(2);  // NFPROTO_IPV4
  program_.string("hawser");
}

TransactionProgram& TransactionProgram::addTable() {
  begin(Operation::addTable);
  return *this;
}

TransactionProgram& TransactionProgram::deleteTable() {
  begin(Operation::deleteTable);
  return *this;
}

TransactionProgram& TransactionProgram::addChain(std::string_view name) {
  begin(Operation::addChain);
  program_.string(name);
  program_.u8(0);
  program_.blob({});
  return *this;
}

TransactionProgram& TransactionProgram::addNatChain(std::string_view name) {
  begin(Operation::addChain);
  program_.string(name);
  program_.u8(1);
  program_.string("nat");
  program_.u32(0);  // NF_INET_PRE_ROUTING
  program_.i32(-100);
  program_.u32(1);  // NF_ACCEPT
  program_.blob({});
  return *this;
}

TransactionProgram& TransactionProgram::addPortMap(std::string_view name) {
  begin(Operation::addSet);
  program_.string(name);
  for (const uint32_t value : {uint32_t{NFT_SET_MAP}, 7u, 4u, 13u, 2u, 0u}) program_.u32(value);
  program_.u8(0);
  program_.u64(0);
  program_.blob({});
  return *this;
}

TransactionProgram& TransactionProgram::addIntervalSet(std::string_view name, uint32_t size) {
  begin(Operation::addSet);
  program_.string(name);
  for (const uint32_t value : {uint32_t{NFT_SET_INTERVAL | NFT_SET_CONCAT}, 7u << 6 | 13u, 8u, 0u, 0u, size})
    program_.u32(value);
  program_.u8(2);
  program_.u8(4);
  program_.u8(2);
  program_.u64(0);
  program_.blob({});
  return *this;
}

TransactionProgram& TransactionProgram::addDropRule(std::string_view chain) {
  begin(Operation::addRule);
  program_.string(chain);
  program_.blob({});
  program_.blob(dropRule());
  return *this;
}

TransactionProgram& TransactionProgram::addXtablesRule(std::string_view chain, uint8_t flags,
                                                       uint8_t protocol) {
  begin(Operation::addXtablesRule);
  program_.u8(flags);
  program_.u8(protocol);
  program_.string(chain);
  program_.blob(dropRule());
  return *this;
}

TransactionProgram& TransactionProgram::useTable(std::string_view name) {
  begin(Operation::useTable);
  program_.string(name);
  return *this;
}

TransactionProgram& TransactionProgram::elements(Operation operation, std::string_view set,
                                                 uint16_t keyLength, bool keyEnd, uint16_t dataLength,
                                                 std::span<const uint8_t> records) {
  begin(operation);
  program_.string(set);
  program_.u16(keyLength);
  program_.u8(keyEnd ? 1 : 0);
  program_.u16(dataLength);
  program_.u32(0);
  program_.blob(records);
  return *this;
}

TransactionProgram& TransactionProgram::addVerdict(std::string_view map, std::span<const uint8_t> key,
                                                   std::string_view chain) {
  begin(Operation::addVerdictElements);
  program_.string(map);
  program_.u32(1);
  program_.blob(key);
  program_.i32(NFT_GOTO);
  program_.string(chain);
  return *this;
}

}  // namespace hawser::test
