#include "conntrack/classifier.h"

#include <sys/socket.h>

#include <bit>
#include <cstring>

namespace hawser::conntrack {
namespace {

FlowAddress addressOf(const uint8_t (&bytes)[16], uint8_t family) {
  return FlowAddress::of(std::span(bytes).first(family == AF_INET ? 4 : 16));
}

uint64_t hashOf(const FlowAddress& address, uint64_t rest) {
  return mixed(mixed(address.high, address.low), rest);
}

uint64_t frontendHash(uint8_t family, uint8_t protocol, const FlowAddress& address, uint16_t port) {
  return hashOf(address, uint64_t{family} << 24 | uint64_t{protocol} << 16 | port);
}

uint64_t endpointHash(uint32_t group, const FlowAddress& address, uint16_t port) {
  return hashOf(address, uint64_t{group} << 16 | port);
}

template <typename Record>
bool copyRecords(std::span<const uint8_t> bytes, std::vector<Record>& records) {
  if (bytes.size() % sizeof(Record) != 0 || bytes.size() / sizeof(Record) >= kNoRow) return false;
  records.resize(bytes.size() / sizeof(Record));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), bytes.size());
  for (const Record& record : records)
    if (record.family != 0 && record.family != AF_INET && record.family != AF_INET6) return false;
  return true;
}

template <typename Record, typename Hash>
std::vector<uint32_t> placesOf(const std::vector<Record>& records, const Hash& hash) {
  std::vector<uint32_t> places(std::bit_ceil(records.size() * 2 + 2), kNoRow);
  const size_t mask = places.size() - 1;
  for (uint32_t row = 0; row < records.size(); row++) {
    if (records[row].family == 0) continue;
    size_t place = hash(records[row]) & mask;
    while (places[place] != kNoRow) place = (place + 1) & mask;
    places[place] = row;
  }
  return places;
}

/** The row at which `matches` says yes, walking the places behind a hash up to the first empty one. */
template <typename Matches>
uint32_t find(const std::vector<uint32_t>& places, uint64_t hash, const Matches& matches) {
  if (places.empty()) return kNoRow;
  const size_t mask = places.size() - 1;
  for (size_t place = hash & mask; places[place] != kNoRow; place = (place + 1) & mask)
    if (matches(places[place])) return places[place];
  return kNoRow;
}

}  // namespace

std::optional<Classifier> Classifier::of(std::span<const uint8_t> frontends,
                                         std::span<const uint8_t> endpoints) {
  Classifier table;
  if (!copyRecords(frontends, table.frontends_) || !copyRecords(endpoints, table.endpoints_))
    return std::nullopt;
  table.frontendPlaces_ = placesOf(table.frontends_, [](const FrontendRecord& record) {
    return frontendHash(record.family, record.protocol, addressOf(record.address, record.family),
                        record.port);
  });
  table.endpointPlaces_ = placesOf(table.endpoints_, [](const EndpointRecord& record) {
    return endpointHash(record.group, addressOf(record.address, record.family), record.port);
  });
  return table;
}

uint32_t Classifier::findFrontend(const Flow& flow, const FlowAddress& address) const {
  const uint64_t hash = frontendHash(flow.family, flow.protocol, address, flow.destinationPort);
  return find(frontendPlaces_, hash, [&](uint32_t row) {
    const FrontendRecord& record = frontends_[row];
    return record.port == flow.destinationPort && record.protocol == flow.protocol &&
           record.family == flow.family && addressOf(record.address, record.family) == address;
  });
}

Rows Classifier::classify(const Flow& flow) const {
  Rows rows{.frontend = findFrontend(flow, flow.destination)};
  if (rows.frontend == kNoRow) rows.frontend = findFrontend(flow, FlowAddress{});
  if (rows.frontend == kNoRow) return rows;
  const uint32_t group = frontends_[rows.frontend].group;
  rows.endpoint =
      find(endpointPlaces_, endpointHash(group, flow.endpoint, flow.endpointPort), [&](uint32_t row) {
        const EndpointRecord& record = endpoints_[row];
        return record.group == group && record.port == flow.endpointPort && record.family == flow.family &&
               addressOf(record.address, record.family) == flow.endpoint;
      });
  return rows;
}

}  // namespace hawser::conntrack
