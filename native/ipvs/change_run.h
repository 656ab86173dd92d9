#pragma once

#include <vector>

#include "codec/program_reader.h"
#include "socket/batch.h"

namespace hawser::ipvs {

/** Operation codes of a change program; src/native/ipvs-transaction.ts writes them. */
enum class ChangeCode : uint8_t {
  addService = 1,
  changeService = 2,
  deleteService = 3,
  addDestination = 4,
  changeDestination = 5,
  deleteDestination = 6,
  flush = 7,
  setTimeouts = 8,
};

/**
 * Streams a program of changes to the kernel: many requests a datagram, one acknowledgement at its end, each
 * request tried whatever became of those before it.
 */
class ChangeRun {
 public:
  /** Requests per datagram. Measured: beyond 512 nothing is gained, and 512 refusals fit the receive buffer.
   */
  static constexpr size_t kBatchMessages = 512;

  /** `family` is the message type that the kernel gave the IPVS family. */
  ChangeRun(NetlinkSocket& socket, uint16_t family) : batch_(socket), family_(family) {}
  Outcome run(std::span<const uint8_t> program);

 private:
  /** Adds one operation's request to the batch; false for an unknown operation. */
  bool write(ChangeCode code, ProgramReader& program);
  void begin(uint8_t command);
  Result<> flush();

  Batch batch_;
  uint16_t family_;
  int32_t operation_ = 0;
  std::vector<Failure> failures_;
};

}  // namespace hawser::ipvs
