#include "conntrack/table_statistics.h"

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "codec/attribute_policy.h"
#include "conntrack/search.h"

namespace hawser::conntrack {
namespace {

constexpr AttributePolicy kSizeTable[] = {
    {CTA_STATS_GLOBAL_ENTRIES, Kind::be32},
    {CTA_STATS_GLOBAL_MAX_ENTRIES, Kind::be32},
};

/** Those that kernels still count, in the order of ProcessorStatistics::counters. */
constexpr AttributePolicy kProcessorTable[] = {
    {CTA_STATS_FOUND, Kind::be32},         {CTA_STATS_INVALID, Kind::be32},
    {CTA_STATS_INSERT, Kind::be32},        {CTA_STATS_INSERT_FAILED, Kind::be32},
    {CTA_STATS_DROP, Kind::be32},          {CTA_STATS_EARLY_DROP, Kind::be32},
    {CTA_STATS_ERROR, Kind::be32},         {CTA_STATS_SEARCH_RESTART, Kind::be32},
    {CTA_STATS_CLASH_RESOLVE, Kind::be32}, {CTA_STATS_CHAIN_TOOLONG, Kind::be32},
};
static_assert(std::size(kProcessorTable) == ProcessorStatistics::kCounters);

NetlinkSocket::Build question(uint16_t type) {
  return [type](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
    writer.begin(messageType(type), flags, sequence);
    writer.header(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0});
    writer.end();
  };
}

}  // namespace

Result<TableSize> readTableSize(NetlinkSocket& socket) {
  Result<TableSize> size = Error{EBADMSG, "the kernel's conntrack statistics have no count", kMalformedReply};
  auto called = socket.call("count connection tracking entries", question(IPCTNL_MSG_CT_GET_STATS),
                            [&](const Message& message) -> Result<> {
                              if (message.payload.size() < sizeof(nfgenmsg)) return Unit{};
                              const Attributes counts(message.payload.subspan(NLMSG_ALIGN(sizeof(nfgenmsg))),
                                                      kSizeTable);
                              if (counts.has(CTA_STATS_GLOBAL_ENTRIES))
                                size = TableSize{.entries = counts.be32(CTA_STATS_GLOBAL_ENTRIES),
                                                 .limit = counts.be32(CTA_STATS_GLOBAL_MAX_ENTRIES)};
                              return Unit{};
                            });
  if (!called) return called.error();
  return size;
}

Result<ProcessorStatistics> readProcessor(const Message& message) {
  const Error malformed{EBADMSG, "conntrack statistics with malformed attributes", kMalformedReply};
  nfgenmsg header;
  if (message.payload.size() < sizeof header) return malformed;
  std::memcpy(&header, message.payload.data(), sizeof header);
  const Attributes attributes(message.payload.subspan(NLMSG_ALIGN(sizeof header)), kProcessorTable);
  if (!attributes) return malformed;
  ProcessorStatistics statistics{.processor = be16toh(header.res_id), .counters = {}};
  for (size_t index = 0; index < ProcessorStatistics::kCounters; index++)
    statistics.counters[index] = attributes.be32(kProcessorTable[index].type);
  return statistics;
}

Result<std::vector<ProcessorStatistics>> readProcessorStatistics(NetlinkSocket& socket) {
  std::vector<ProcessorStatistics> all;
  auto dumped = socket.dump(
      "read connection tracking statistics", question(IPCTNL_MSG_CT_GET_STATS_CPU), [&] { all.clear(); },
      [&](const Message& message) -> Result<> {
        auto statistics = readProcessor(message);
        if (!statistics) return statistics.error();
        all.push_back(*statistics);
        return Unit{};
      });
  if (!dumped) return dumped.error();
  return all;
}

}  // namespace hawser::conntrack
