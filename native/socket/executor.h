#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "socket/session.h"

namespace hawser {

/**
 * One thread that opens a session in its network namespace, runs requests on it one after the other, and
 * keeps what they came to until it is fetched.
 */
class Executor {
 public:
  struct Job {
    uint64_t id;
    uint8_t method;
    /** Owned by the submitter until the completion with this id has been fetched. */
    std::vector<std::span<const uint8_t>> buffers;
  };
  struct Completion {
    uint64_t id;
    Outcome outcome;
  };
  /** The id of the completion that follows all others, when the thread is about to end. */
  static constexpr uint64_t kEnded = 0;
  /** The method that opens the session; every family's own methods start at 1. */
  static constexpr uint8_t kOpen = 0;

  /** `wake` is called on the thread when completions await fetching, once until they are fetched. */
  Executor(SessionFactory open, std::string networkNamespace, std::shared_ptr<Counters> counters,
           std::function<void()> wake);
  ~Executor() { stop(); }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /** False once finish() was called: the job was not taken. */
  bool submit(Job job);
  /** Takes no more jobs; the thread ends behind those it has, and one that waits for news is interrupted. */
  void finish();
  /** Forgets the jobs that wait, and waits for the one that runs. Idempotent. */
  void stop();
  std::vector<Completion> completions();
  /** What the session lets others read meanwhile; nothing before it is open, or when it has none. */
  std::shared_ptr<const Readable> readable();

 private:
  void run();
  Outcome perform(const Job& job);
  Outcome open();
  void complete(Completion completion);

  const SessionFactory open_;
  const std::string networkNamespace_;
  const std::shared_ptr<Counters> counters_;
  const std::function<void()> wake_;

  std::mutex mutex_;
  std::unique_ptr<Session> session_;  // the thread's own; set and reset under the lock, for finish()
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<Completion> completions_;
  std::shared_ptr<const Readable> readable_;
  bool finishing_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace hawser
