#include "conntrack/stale_flows.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "conntrack/flow_selection.h"

namespace hawser::conntrack {
namespace {

/** The first `prefix` bits of an address of `length` bytes. */
FlowAddress maskOf(size_t length, unsigned prefix) {
  std::array<uint8_t, 16> bytes{};
  for (unsigned bit = 0; bit < prefix; bit++) bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  return FlowAddress::of(std::span(bytes).first(length));
}

}  // namespace

std::optional<StaleFlows> StaleFlows::of(ProgramReader program, std::span<const uint8_t> frontends,
                                         std::span<const uint8_t> endpoints) {
  StaleFlows stale;
  auto table = Classifier::of(frontends, endpoints);
  if (!table) return std::nullopt;
  stale.table_ = std::move(*table);
  while (!program.done()) {
    const uint8_t family = program.u8();
    const auto address = program.blob();
    const uint8_t prefix = program.u8();
    const size_t length = family == AF_INET6 ? 16 : 4;
    if (program.failed() || address.size() != length || prefix > length * 8) return std::nullopt;
    stale.ranges_.push_back({family, FlowAddress::of(address), maskOf(length, prefix)});
  }
  for (uint32_t row = 0; row < stale.table_.frontendRows(); row++)
    if (stale.table_.frontendUsed(row) && (stale.table_.flags(row) & kStaleUntranslated))
      stale.needsUntranslated_ = true;
  stale.commonFamily_ = stale.findCommonFamily();
  return stale;
}

uint8_t StaleFlows::findCommonFamily() const {
  unsigned seen = 0;
  const auto note = [&seen](uint8_t family) { seen |= family == AF_INET ? 1 : family == AF_INET6 ? 2 : 0; };
  for (const FrontendRecord& record : table_.frontends()) note(record.family);
  for (const Range& range : ranges_) note(range.family);
  return seen == 1 ? AF_INET : seen == 2 ? AF_INET6 : AF_UNSPEC;
}

bool StaleFlows::contains(const Flow& flow) const {
  const bool translated = flow.status & IPS_DST_NAT;
  const Rows rows = table_.classify(flow);
  if (rows.frontend == kNoRow) return translated && inRange(flow);
  const uint32_t flags = table_.flags(rows.frontend);
  // What IPVS translates, as a proxy of before may have had it, has not passed the frontend by either.
  if (!translated) return (flags & kStaleUntranslated) && !isTranslated(flow, FlowSelection::rewritten);
  if (flags & kStaleTranslated) return true;
  return flags & (rows.endpoint == kNoRow ? kStaleUnlisted : kStaleListed);
}

bool StaleFlows::inRange(const Flow& flow) const {
  if (flow.protocol != IPPROTO_UDP && flow.protocol != IPPROTO_SCTP) return false;
  return std::any_of(ranges_.begin(), ranges_.end(), [&flow](const Range& range) {
    return range.family == flow.family && (flow.destination.high & range.mask.high) == range.address.high &&
           (flow.destination.low & range.mask.low) == range.address.low;
  });
}

}  // namespace hawser::conntrack
