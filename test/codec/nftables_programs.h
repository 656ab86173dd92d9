#pragma once

#include <linux/netfilter/nf_tables.h>

#include <string_view>
#include <vector>

#include "codec/program_writer.h"
#include "nftables/transaction.h"

namespace hawser::test {

/** Transaction programs as TypeScript writes them, for table `hawser` of family ip. */
class TransactionProgram {
 public:
  TransactionProgram();
  TransactionProgram& addTable();
  TransactionProgram& deleteTable();
  TransactionProgram& addChain(std::string_view name);
  TransactionProgram& addNatChain(std::string_view name);
  /** Map from IPv4 address to port, `size` 0: none. */
  TransactionProgram& addPortMap(std::string_view name);
  /** Interval set of address and port. */
  TransactionProgram& addIntervalSet(std::string_view name, uint32_t size);
  /** `ip daddr 10.96.0.1 counter drop`. */
  TransactionProgram& addDropRule(std::string_view chain);
  /** The same rule with the flags of addXtablesRule, for one protocol (0: any). */
  TransactionProgram& addXtablesRule(std::string_view chain, uint8_t flags, uint8_t protocol);
  TransactionProgram& useTable(std::string_view name);
  TransactionProgram& elements(nftables::Operation operation, std::string_view set, uint16_t keyLength,
                               bool keyEnd, uint16_t dataLength, std::span<const uint8_t> records);
  TransactionProgram& addVerdict(std::string_view map, std::span<const uint8_t> key, std::string_view chain);

  std::vector<uint8_t> take() { return program_.take(); }

 private:
  void begin(nftables::Operation operation) { program_.u8(static_cast<uint8_t>(operation)); }
  ProgramWriter program_;
};

/** `ip daddr 10.96.0.1 counter drop` as packed expressions. */
std::vector<uint8_t> dropRule();

}  // namespace hawser::test
