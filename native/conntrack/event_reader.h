#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "conntrack/classifier.h"
#include "conntrack/event_socket.h"
#include "conntrack/flow_counters.h"

namespace hawser::conntrack {

/** A flow that a dump showed, or that an event told of while the dump ran. */
struct SeenFlow {
  uint64_t key;
  Rows rows;
  bool alive;
};

/**
 * One thread that turns events into counters. It sleeps until an event comes, lets a millisecond's worth
 * gather and drains them at once: half the work per event of waking for each, and kinder to the traffic
 * itself.
 */
class EventReader {
 public:
  EventReader(EventSocket socket, std::shared_ptr<FlowCounters> counters);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /** Events are counted by this table from now on; returns when they are. The rows listed are zeroed. */
  void adopt(std::shared_ptr<const Classifier> table, std::vector<uint32_t> freedFrontends,
             std::vector<uint32_t> freedEndpoints);

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
  size_t drain();
  void take(std::span<const uint8_t> datagram);
  void count(const Flow& flow, bool opened);
  void countClosed(const Flow& flow, TallyRow& row);
  void noteLoss();
  void recomputeActive(const std::vector<SeenFlow>& dumped);

  EventSocket socket_;
  const std::shared_ptr<FlowCounters> counters_;
  Descriptor wake_;

  // The thread's own.
  std::shared_ptr<const Classifier> table_ = std::make_shared<Classifier>();
  std::vector<SeenFlow> kept_;
  bool keeping_ = false;
  bool keptAll_ = true;

  std::mutex mutex_;
  std::condition_variable done_;
  const std::function<void()>* task_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace hawser::conntrack
