#pragma once

#include <optional>
#include <span>
#include <vector>

#include "conntrack/flow.h"

namespace hawser::conntrack {

/** No row: the flow is of no frontend, or its endpoint is none of those known. */
inline constexpr uint32_t kNoRow = UINT32_MAX;

/** One frontend as src/native/conntrack-table.ts packs it; its index in the buffer is its row. */
struct FrontendRecord {
  /** Network order, IPv4 in the first 4 bytes; all zero for a node port, which any address may have. */
  uint8_t address[16];
  uint16_t port;
  uint8_t protocol;
  /** AF_INET or AF_INET6; 0 for a row that is free. */
  uint8_t family;
  /** Frontends of one Service port share a group, and with it the endpoints' rows. */
  uint32_t group;
  /** FrontendFlag bits. */
  uint32_t flags;
};

/** One endpoint of a group; its index in the buffer is its row. */
struct EndpointRecord {
  uint8_t address[16];
  uint16_t port;
  uint8_t unused;
  /** As above. */
  uint8_t family;
  uint32_t group;
};
static_assert(sizeof(FrontendRecord) == 28 && sizeof(EndpointRecord) == 24);

/** What a flow counts for. */
struct Rows {
  uint32_t frontend = kNoRow;
  uint32_t endpoint = kNoRow;
};

/** Which frontend and which endpoint a flow belongs to: an immutable table, shared between threads. */
class Classifier {
 public:
  Classifier() = default;
  /** Nothing when the buffers are cut short or a record is of no known family. */
  static std::optional<Classifier> of(std::span<const uint8_t> frontends, std::span<const uint8_t> endpoints);

  Rows classify(const Flow& flow) const;
  /** FrontendFlag bits of a frontend's row. */
  uint32_t flags(uint32_t frontendRow) const { return frontends_[frontendRow].flags; }
  std::span<const FrontendRecord> frontends() const { return frontends_; }
  std::span<const EndpointRecord> endpoints() const { return endpoints_; }
  size_t frontendRows() const { return frontends_.size(); }
  size_t endpointRows() const { return endpoints_.size(); }
  bool frontendUsed(size_t row) const { return row < frontends_.size() && frontends_[row].family != 0; }
  bool endpointUsed(size_t row) const { return row < endpoints_.size() && endpoints_[row].family != 0; }

 private:
  uint32_t findFrontend(const Flow& flow, const FlowAddress& address) const;

  std::vector<FrontendRecord> frontends_;
  std::vector<EndpointRecord> endpoints_;
  /** Open addressing over rows, kNoRow for an empty place; powers of two, at most half full. */
  std::vector<uint32_t> frontendPlaces_;
  std::vector<uint32_t> endpointPlaces_;
};

}  // namespace hawser::conntrack
