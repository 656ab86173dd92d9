#pragma once

#include <span>

#include "codec/program_reader.h"
#include "codec/result.h"
#include "socket/batch.h"

namespace hawser::nftables {

/** Operations of a transaction program; src/native/nft-transaction.ts writes the same numbers. */
enum class Operation : uint8_t {
  addTable = 1,
  deleteTable = 2,
  destroyTable = 3,
  addChain = 4,
  deleteChain = 5,
  addSet = 6,
  deleteSet = 7,
  addRule = 8,
  deleteRule = 9,
  flushChain = 10,
  addElements = 11,
  deleteElements = 12,
  addVerdictElements = 13,
  deleteVerdictElements = 14,
  flushSet = 15,
  useTable = 16,
  addXtablesRule = 17,
};

struct CommitOptions {
  /** Fail with ERESTART unless the ruleset is still at `generation`. */
  bool checkGeneration = false;
  uint32_t generation = 0;
  /** Ask for the handles of new rules (NLM_F_ECHO). */
  bool echo = false;
};

/**
 * Turns a transaction program (u8 family, string table, then operations; those behind a useTable are about
 * that table) into one batch, from BATCH_BEGIN to BATCH_END. `attachments` hold
 * records that are too large to be worth copying into the program.
 */
Result<> encodeTransaction(std::span<const uint8_t> program,
                           std::span<const std::span<const uint8_t>> attachments,
                           const CommitOptions& options, Batch& batch);

}  // namespace hawser::nftables
