#pragma once

#include <vector>

#include "codec/program_reader.h"
#include "conntrack/entry.h"
#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::conntrack {

/** The connection tracking table of a network namespace. */
class ConntrackSession final : public Session {
 public:
  /**
   * Methods, as src/native/conntrack.ts numbers them.
   *
   * `dump` takes a u8 family and filters back to back, and answers entries that match any (all of the family
   * without a filter), as packed Entry records. `removeMatching` takes at least one filter, none of them
   * empty, and answers u32 entries removed. `removeEntries` takes packed Entry records, and answers the same.
   * `count` answers u32 entries in the table, both families together. `removeStale` takes what
   * StaleFlows::of reads, in three buffers, and answers as the other deletions do. `removeFiltered` takes one
   * filter that names something of the original tuple and leaves the deletion to the kernel where it can:
   * it then answers kUncounted, else as the other deletions do. `statistics` answers u32 entries, u32 limit
   * and for each processor u32 number and the u32 counters of ProcessorStatistics.
   * `dumpSome` takes a u32 limit and what `dump` takes, and answers the first so many packed Entry records
   * and u32 how many there are: in memory of the answer's size, however large the table.
   */
  enum Method : uint8_t {
    dump = 1,
    removeMatching = 2,
    removeEntries = 3,
    count = 4,
    removeStale = 5,
    removeFiltered = 6,
    statistics = 7,
    dumpSome = 8,
  };
  static constexpr uint32_t kUncounted = UINT32_MAX;

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;

 private:
  explicit ConntrackSession(NetlinkSocket socket) : socket_(std::move(socket)) {}

  Outcome dumpEntries(ProgramReader program);
  Outcome dumpSomeEntries(ProgramReader program);
  Outcome removeByFilters(ProgramReader program);
  Outcome removeInKernel(ProgramReader program);
  Outcome removeStaleFlows(const Request& request);
  Outcome removeRecords(std::span<const uint8_t> records);
  Outcome remove(std::span<const Entry> entries);
  Outcome countEntries();
  Outcome readStatistics();

  NetlinkSocket socket_;
};

}  // namespace hawser::conntrack
