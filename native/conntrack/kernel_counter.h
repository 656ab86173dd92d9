#pragma once

#include <memory>

#include "codec/result.h"
#include "conntrack/bpf_map.h"
#include "conntrack/classifier.h"
#include "conntrack/flow_counters.h"
#include "conntrack/flow_selection.h"

namespace hawser::conntrack {

/** Code of a kernel, or of permissions, that counting inside of the kernel cannot be had from. */
inline constexpr const char* kKernelCountingUnavailable = "ERR_CONNTRACK_EBPF";

/** Rows that a KernelCounter has room for. */
struct CounterCapacity {
  size_t frontends;
  size_t endpoints;

  /** Room for a table, and for some more. */
  static CounterCapacity of(const Classifier& table);
  bool fits(const Classifier& table) const {
    return table.frontendRows() <= frontends && table.endpointRows() <= endpoints;
  }
};

/** Counts by a table inside of the kernel, on the socket that it is attached to. */
class KernelCounter {
 public:
  /**
   * Makes empty maps and the program, which the kernel takes some hundred milliseconds to check. Takes
   * CAP_BPF and Linux 5.5.
   */
  static Result<std::unique_ptr<KernelCounter>> of(CounterCapacity capacity, FlowSelection selection);

  /** Counts by this table from now on; must not be attached meanwhile. An error when it does not fit. */
  Result<> update(std::shared_ptr<const Classifier> table);

  /** From here on the socket's events are counted, in place of any filter that it had. */
  Result<> attach(int socket) const;
  /** Adds what was counted since the last time. */
  void fold(FlowCounters& counters);
  /**
   * As fold, but looks at the rows only while connections come and go: on a quiet node tens of thousands of
   * them, many times a second, would be most of what this process does. What it passes over comes with the
   * next event, or with fold.
   */
  void foldNews(FlowCounters& counters);

 private:
  KernelCounter(BpfHash frontends, BpfHash endpoints, BpfCounters frontendCounters,
                BpfCounters endpointCounters, BpfCounters lifetimes, BpfCounters engine)
      : frontends_(std::move(frontends)),
        endpoints_(std::move(endpoints)),
        frontendCounters_(std::move(frontendCounters)),
        endpointCounters_(std::move(endpointCounters)),
        lifetimes_(std::move(lifetimes)),
        engine_(std::move(engine)) {}
  Result<> loadProgram(FlowSelection selection);
  /** Whether connections were seen to open or close. */
  bool foldEngine(FlowCounters& counters);
  void foldRows(FlowCounters& counters);

  BpfHash frontends_, endpoints_;
  BpfCounters frontendCounters_, endpointCounters_, lifetimes_, engine_;
  Descriptor program_;
  bool hadNews_ = false;
  std::shared_ptr<const Classifier> table_ = std::make_shared<Classifier>();
};

/** Returns when no program that was detached before is running any more: what it counted is then all there.
 */
void awaitDetachedPrograms();

}  // namespace hawser::conntrack
