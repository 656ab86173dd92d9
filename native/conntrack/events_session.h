#pragma once

#include <memory>

#include "codec/program_reader.h"
#include "conntrack/event_reader.h"
#include "conntrack/events_setting.h"
#include "socket/netlink_socket.h"
#include "socket/session.h"

namespace hawser::conntrack {

/** Code of a resync that lost events on the way: what it counted is not used. */
inline constexpr const char* kResyncOverrun = "ERR_CONNTRACK_RESYNC_OVERRUN";

/**
 * Counts the flows of Services in a network namespace. Requests prepare tables and dump on the session's own
 * thread, beside the reader's.
 */
class EventsSession final : public Session {
 public:
  /**
   * Methods, as src/native/conntrack-events.ts numbers them.
   *
   * `start` takes u32 receive buffer bytes, u8 FlowSelection and u8 Counting, and fails where events cannot
   * come, or the kernel cannot count and must.
   * `setTable` takes no program but two buffers, FrontendRecord and EndpointRecord back to back, and returns
   * when events are counted by them. `resync` recomputes active flows from a dump; it fails with
   * ERR_CONNTRACK_RESYNC_OVERRUN when events were lost while it ran.
   */
  enum Method : uint8_t { start = 1, setTable = 2, resync = 3 };

  /** Who counts: the kernel where it can (ERR_CONNTRACK_EBPF says that it must), or the reader. */
  enum Counting : uint8_t { kernelOrReader = 0, kernelOnly = 1, readerOnly = 2 };

  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters> counters);
  Outcome handle(const Request& request) override;
  std::shared_ptr<const Readable> readable() override { return flows_; }

 private:
  explicit EventsSession(NetlinkSocket socket) : socket_(std::move(socket)) {}

  Outcome startReading(ProgramReader program);
  Outcome replaceTable(const Request& request);
  Outcome recount();
  Result<> probe();
  Result<> probeKernelCounting(uint8_t counting);
  /** A larger one for the table, when there was none or it does not fit. */
  std::unique_ptr<KernelCounter> largerCounter();
  Result<> dumpFlows(std::vector<SeenFlow>& flows);

  NetlinkSocket socket_;
  std::shared_ptr<FlowCounters> flows_ = std::make_shared<FlowCounters>();
  std::shared_ptr<const Classifier> table_ = std::make_shared<Classifier>();
  EventsSetting setting_;
  std::unique_ptr<EventReader> reader_;
  FlowSelection selection_ = FlowSelection::dnat;
  bool countInKernel_ = false;
  CounterCapacity capacity_{};
  /** Made to see whether that can be done, for the first table that fits. */
  std::unique_ptr<KernelCounter> firstCounter_;
};

}  // namespace hawser::conntrack
