#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "socket/netlink_socket.h"

namespace hawser::conntrack {

/** How full the table of the socket's network namespace is. */
struct TableSize {
  uint32_t entries = 0;
  /** nf_conntrack_max; 0 where the kernel is too old to say. */
  uint32_t limit = 0;
};

/** What one processor counted since the namespace was made. The kernel's counters have 32 bits and wrap. */
struct ProcessorStatistics {
  /** In the order of src/native/conntrack-statistics.ts. */
  static constexpr size_t kCounters = 10;

  uint32_t processor = 0;
  std::array<uint32_t, kCounters> counters{};
};

Result<TableSize> readTableSize(NetlinkSocket& socket);

/** One of each processor that the kernel may ever have. Counters that an older kernel lacks are 0. */
Result<std::vector<ProcessorStatistics>> readProcessorStatistics(NetlinkSocket& socket);

/** Reads the kernel's answer about one processor. */
Result<ProcessorStatistics> readProcessor(const Message& message);

}  // namespace hawser::conntrack
