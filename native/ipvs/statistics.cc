#include "ipvs/statistics.h"

#include <linux/ip_vs.h>

#include "codec/attribute_policy.h"

namespace hawser::ipvs {
namespace {

constexpr AttributePolicy kStatisticsTable[] = {
    {IPVS_STATS_ATTR_CONNS, Kind::u64},    {IPVS_STATS_ATTR_INPKTS, Kind::u64},
    {IPVS_STATS_ATTR_OUTPKTS, Kind::u64},  {IPVS_STATS_ATTR_INBYTES, Kind::u64},
    {IPVS_STATS_ATTR_OUTBYTES, Kind::u64},
};

}  // namespace

bool packStatistics(std::span<const uint8_t> statistics, ProgramWriter& reply) {
  const Attributes counters(statistics, kStatisticsTable);
  for (const auto& line : kStatisticsTable) reply.u64(counters[line.type].u64());
  return static_cast<bool>(counters);
}

}  // namespace hawser::ipvs
