#include "conntrack/flow_counters.h"

#include <algorithm>

namespace hawser::conntrack {

bool TallyRows::grow(size_t rows) {
  if (rows > kMaxRows) return false;
  const size_t before = size();
  if (rows <= before) return true;
  for (size_t chunk = 0; chunk * kChunkRows < rows; chunk++)
    if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<Chunk>();
  size_.store(rows, std::memory_order_release);
  return true;
}

size_t TallyRows::read(std::span<double> into) const {
  const size_t rows = std::min(size(), into.size() / TallyRow::kWidth);
  double* to = into.data();
  for (size_t row = 0; row < rows; row++)
    for (const Tally& value : (*this)[row].values) *to++ = value.get();
  return rows * TallyRow::kWidth;
}

size_t FlowCounters::read(uint32_t block, std::span<double> into) const {
  switch (block) {
    case engineBlock: {
      const size_t count = std::min(into.size(), engine.size());
      for (size_t index = 0; index < count; index++) into[index] = engine[index].get();
      return count;
    }
    case frontendBlock:
      return frontends.read(into);
    case endpointBlock:
      return endpoints.read(into);
    case lifetimeBlock:
      return lifetimes.read(into);
    case retiredBlock: {
      const size_t count = std::min(into.size(), TallyRow::kWidth);
      for (size_t column = 0; column < count; column++) into[column] = retired.values[column].get();
      return count;
    }
    default:
      return 0;
  }
}

}  // namespace hawser::conntrack
