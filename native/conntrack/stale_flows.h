#pragma once

#include <optional>
#include <span>
#include <vector>

#include "codec/program_reader.h"
#include "conntrack/classifier.h"

namespace hawser::conntrack {

/** What of a frontend is stale; src/native/conntrack-stale.ts has the same bits. */
enum StaleFlag : uint32_t {
  /** Every translated flow: the frontend is gone. */
  kStaleTranslated = 1 << 0,
  /** Flows that pass untranslated: they began before the frontend was there. */
  kStaleUntranslated = 1 << 1,
  /** Translated flows to the endpoints listed: these are gone. */
  kStaleListed = 1 << 2,
  /** Translated flows to any but the endpoints listed: these are all that are left. */
  kStaleUnlisted = 1 << 3,
};

/** Says of any flow whether it leads to something that is gone. Flows of frontends not named are never stale,
 * but for those of the ranges. */
class StaleFlows {
 public:
  /**
   * Reads the ranges from `program`: u8 family, blob of an address, u8 prefix each; translated UDP and SCTP
   * flows to an address in them are stale when it is no frontend's. Nothing when anything is malformed.
   */
  static std::optional<StaleFlows> of(ProgramReader program, std::span<const uint8_t> frontends,
                                      std::span<const uint8_t> endpoints);

  bool contains(const Flow& flow) const;
  /** Whether untranslated flows can be stale: else the kernel need not show them. */
  bool needsUntranslated() const { return needsUntranslated_; }
  /** Of all flows that can be stale: the kernel need not show others. AF_UNSPEC when it is not the same. */
  uint8_t commonFamily() const { return commonFamily_; }

 private:
  struct Range {
    uint8_t family;
    FlowAddress address;
    FlowAddress mask;
  };
  bool inRange(const Flow& flow) const;
  uint8_t findCommonFamily() const;

  Classifier table_;
  std::vector<Range> ranges_;
  bool needsUntranslated_ = false;
  uint8_t commonFamily_ = 0;
};

}  // namespace hawser::conntrack
