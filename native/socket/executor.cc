#include "socket/executor.h"

#include <pthread.h>

#include <cerrno>
#include <exception>

#include "socket/network_namespace.h"
#include "socket/quiet_thread.h"

namespace hawser {
namespace {

Outcome failed(Error error) { return {.reply = {}, .error = std::move(error), .failures = {}}; }

}  // namespace

Executor::Executor(SessionFactory open, std::string networkNamespace, std::shared_ptr<Counters> counters,
                   std::function<void()> wake)
    : open_(open),
      networkNamespace_(std::move(networkNamespace)),
      counters_(std::move(counters)),
      wake_(std::move(wake)),
      thread_(startQuietThread([this] { run(); })) {}

bool Executor::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (finishing_) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void Executor::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    if (session_) session_->interrupt();
  }
  changed_.notify_one();
}

void Executor::stop() {
  {
    const std::lock_guard lock(mutex_);
    jobs_.clear();
  }
  finish();
  if (thread_.joinable()) thread_.join();
}

std::vector<Executor::Completion> Executor::completions() {
  const std::lock_guard lock(mutex_);
  return std::exchange(completions_, {});
}

std::shared_ptr<const Readable> Executor::readable() {
  const std::lock_guard lock(mutex_);
  return readable_;
}

void Executor::run() {
  pthread_setname_np(pthread_self(), "hawser-netlink");
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !jobs_.empty() || finishing_; });
    if (jobs_.empty()) break;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    complete({job.id, perform(job)});
  }
  {
    const std::lock_guard lock(mutex_);
    session_.reset();
  }
  complete({kEnded, {}});
}

Outcome Executor::perform(const Job& job) {
  // Allocation is all that throws in here: a request that is too large fails, the process lives on.
  try {
    if (job.method == kOpen) return open();
    if (!session_) return failed({ENOTCONN, "the socket was never opened"});
    return session_->handle({job.method, job.buffers});
  } catch (const std::exception& exception) {
    return failed({ENOMEM, std::string("out of memory in a native request: ") + exception.what()});
  }
}

Outcome Executor::open() {
  if (session_) return {};
  if (!networkNamespace_.empty())
    if (auto entered = enterNetworkNamespace(networkNamespace_); !entered) return failed(entered.error());
  auto session = open_(counters_);
  if (!session) return failed(session.error());
  const std::lock_guard lock(mutex_);
  session_ = std::move(*session);
  readable_ = session_->readable();
  if (finishing_) session_->interrupt();
  return {};
}

void Executor::complete(Completion completion) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = completions_.empty();
    completions_.push_back(std::move(completion));
  }
  if (first) wake_();
}

}  // namespace hawser
