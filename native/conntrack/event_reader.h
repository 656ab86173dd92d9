#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "conntrack/classifier.h"
#include "conntrack/event_socket.h"
#include "conntrack/flow_counters.h"
#include "conntrack/kernel_counter.h"

namespace hawser::conntrack {

/** A flow that a dump showed, or that an event told of while the dump ran. */
struct SeenFlow {
  uint64_t key;
  Rows rows;
  bool alive;
};

/**
 * One thread that turns events into counters. Where a KernelCounter comes with the table, the kernel counts
 * and the thread only collects from it, but for the time of a resync, when it needs to see every flow. Else
 * it sleeps until an event comes, lets a millisecond's worth gather and drains them at once: half the work
 * per event of waking for each, and kinder to the traffic itself.
 */
class EventReader {
 public:
  EventReader(EventSocket socket, FlowSelection selection, std::shared_ptr<FlowCounters> counters);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /**
   * Events are counted by this table from now on; returns when they are. The rows listed are zeroed. The
   * kernel counts by `larger` when there is one, which has the table already, else by what it counted by
   * before.
   */
  void adopt(std::shared_ptr<const Classifier> table, std::unique_ptr<KernelCounter> larger,
             std::vector<uint32_t> freedFrontends, std::vector<uint32_t> freedEndpoints);

  /** From here on the flows of events are kept, for endResync() to set beside a dump. */
  void beginResync();
  /**
   * Recomputes the active flows of every row out of a dump that ran since beginResync(). False when events
   * were lost meanwhile, or more came than are kept: the counters are then left as they are.
   */
  bool endResync(const std::vector<SeenFlow>& dumped);

  /** Events kept during one dump: 48 MiB. */
  static constexpr size_t kMaxKept = 2 << 20;

 private:
  void run();
  /** Runs `task` on the thread and returns when it is done. */
  void perform(const std::function<void()>& task);
  void waitForWork();
  void runTasks();
  /** Has the events counted by `next`, or delivered, and returns who counted before, collected for the last
   * time. */
  std::unique_ptr<KernelCounter> changeCounting(std::unique_ptr<KernelCounter> next);
  void collect();
  size_t drain();
  void take(std::span<const uint8_t> datagram);
  void count(const Flow& flow, bool opened);
  void countClosed(const Flow& flow, TallyRow& row);
  void noteLoss();
  void recomputeActive(const std::vector<SeenFlow>& dumped);

  EventSocket socket_;
  const FlowSelection selection_;
  const std::shared_ptr<FlowCounters> counters_;
  Descriptor wake_;

  // The thread's own.
  std::shared_ptr<const Classifier> table_ = std::make_shared<Classifier>();
  /** Attached to the socket while there is one. */
  std::unique_ptr<KernelCounter> kernel_;
  /** Set aside while a resync runs. */
  std::unique_ptr<KernelCounter> idleKernel_;
  std::vector<SeenFlow> kept_;
  bool keeping_ = false;
  bool keptAll_ = true;
  std::chrono::steady_clock::time_point collectedAt_;

  std::mutex mutex_;
  std::condition_variable done_;
  const std::function<void()>* task_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace hawser::conntrack
