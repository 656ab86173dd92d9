#include "conntrack/event_reader.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "conntrack/search.h"
#include "socket/quiet_thread.h"

namespace hawser::conntrack {
namespace {

/** How long events gather before they are drained. */
constexpr timespec kGather{.tv_sec = 0, .tv_nsec = 1'000'000};
/** Datagrams drained before tasks and the drop count get a turn, at rates that never let the socket run dry.
 */
constexpr size_t kMaxDrain = 32768;
/** How often counters are collected from the kernel: a pass over 60,000 rows takes half a millisecond. */
constexpr std::chrono::milliseconds kCollectInterval{50};

double threadNanoseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

void addTraffic(TallyRow& row, const Flow& flow) {
  row.values[kOriginalBytes].add(static_cast<double>(flow.original.bytes));
  row.values[kReplyBytes].add(static_cast<double>(flow.reply.bytes));
  row.values[kOriginalPackets].add(static_cast<double>(flow.original.packets));
  row.values[kReplyPackets].add(static_cast<double>(flow.reply.packets));
}

size_t lifetimeBucket(const Flow& flow) {
  const double seconds = static_cast<double>(flow.stop - flow.start) / 1e9;
  const auto bound = std::lower_bound(kLifetimeBounds.begin(), kLifetimeBounds.end(), seconds);
  return static_cast<size_t>(bound - kLifetimeBounds.begin());
}

void countOpened(TallyRow& row) {
  row.values[kOpened].add(1);
  row.values[kActive].add(1);
}

/** Adds what a row counted to the totals of rows gone; what is active there is nobody's any more. */
void retire(const TallyRow& row, TallyRow& retired) {
  for (size_t column = 0; column < TallyRow::kWidth; column++)
    if (column != kActive) retired.values[column].add(row.values[column].get());
}

void clearRows(TallyRows& rows, const std::vector<uint32_t>& which) {
  for (const uint32_t row : which)
    if (row < rows.size()) rows[row].clear();
}

}  // namespace

EventReader::EventReader(EventSocket socket, FlowSelection selection, std::shared_ptr<FlowCounters> counters)
    : socket_(std::move(socket)),
      selection_(selection),
      counters_(std::move(counters)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_(startQuietThread([this] { run(); })) {
  counters_->engine[kBufferBytes].set(socket_.bufferBytes());
}

EventReader::~EventReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void EventReader::perform(const std::function<void()>& task) {
  std::unique_lock lock(mutex_);
  task_ = &task;
  ::eventfd_write(wake_.get(), 1);
  done_.wait(lock, [this] { return task_ == nullptr; });
}

void EventReader::adopt(std::shared_ptr<const Classifier> table, std::unique_ptr<KernelCounter> larger,
                        std::vector<uint32_t> freedFrontends, std::vector<uint32_t> freedEndpoints) {
  perform([&] {
    // What the kernel counted by the table of before must be collected before its rows mean something else;
    // events that come meanwhile are delivered, and read by the new table.
    auto kernel = changeCounting(nullptr);
    drain();
    table_ = std::move(table);
    for (const uint32_t row : freedFrontends) retire(counters_->frontends[row], counters_->retired);
    clearRows(counters_->frontends, freedFrontends);
    clearRows(counters_->lifetimes, freedFrontends);
    clearRows(counters_->endpoints, freedEndpoints);
    if (larger != nullptr)
      kernel = std::move(larger);
    else if (kernel != nullptr && !kernel->update(table_))
      kernel.reset();
    (void)changeCounting(std::move(kernel));
  });
}

std::unique_ptr<KernelCounter> EventReader::changeCounting(std::unique_ptr<KernelCounter> next) {
  // A program that cannot be attached leaves its events to this thread, as one does that is not there.
  if (next != nullptr && !next->attach(socket_.fd())) next.reset();
  if (next == nullptr && kernel_ != nullptr) (void)socket_.deliver();
  auto before = std::exchange(kernel_, std::move(next));
  if (before != nullptr) {
    awaitDetachedPrograms();
    before->fold(*counters_);
  }
  counters_->engine[kCountedInKernel].set(kernel_ != nullptr ? 1 : 0);
  return before;
}

void EventReader::collect() {
  if (kernel_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - collectedAt_ < kCollectInterval) return;
  collectedAt_ = now;
  kernel_->foldNews(*counters_);
}

void EventReader::beginResync() {
  perform([this] {
    noteLoss();
    idleKernel_ = changeCounting(nullptr);
    kept_.clear();
    keptAll_ = true;
    keeping_ = true;
  });
}

bool EventReader::endResync(const std::vector<SeenFlow>& dumped) {
  bool valid = false;
  perform([&] {
    // What the dump has seen happen must not be counted once more: everything sent before its end is read
    // first.
    drain();
    noteLoss();
    keeping_ = false;
    valid = keptAll_;
    if (valid) recomputeActive(dumped);
    std::vector<SeenFlow>().swap(kept_);
    if (idleKernel_ != nullptr) (void)changeCounting(std::move(idleKernel_));
  });
  return valid;
}

void EventReader::run() {
  pthread_setname_np(pthread_self(), "hawser-flows");
  for (;;) {
    waitForWork();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    drain();
    collect();
    noteLoss();
    runTasks();
    counters_->engine[kDrains].add(1);
    counters_->engine[kReaderNanoseconds].set(threadNanoseconds());
  }
}

void EventReader::waitForWork() {
  pollfd fds[] = {{.fd = socket_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  if (::poll(fds, 2, kernel_ == nullptr ? -1 : static_cast<int>(kCollectInterval.count())) <= 0) return;
  if (fds[1].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
  } else {
    ::nanosleep(&kGather, nullptr);
  }
}

void EventReader::runTasks() {
  const std::lock_guard lock(mutex_);
  if (task_ == nullptr) return;
  (*task_)();
  task_ = nullptr;
  done_.notify_one();
}

size_t EventReader::drain() {
  size_t drained = 0;
  while (drained < kMaxDrain) {
    const int count = socket_.receive();
    if (count <= 0) break;
    for (int slot = 0; slot < count; slot++) take(socket_.datagram(slot));
    drained += static_cast<size_t>(count);
  }
  return drained;
}

void EventReader::take(std::span<const uint8_t> datagram) {
  auto& engine = counters_->engine;
  MessageReader messages(datagram);
  Message message;
  Flow flow;
  bool understood = false;
  while (messages.next(message)) {
    const bool opened = message.header.nlmsg_type == messageType(IPCTNL_MSG_CT_NEW);
    if (!opened && message.header.nlmsg_type != messageType(IPCTNL_MSG_CT_DELETE)) continue;
    if (!readFlow(message, flow)) break;
    understood = true;
    engine[opened ? kOpenEvents : kCloseEvents].add(1);
    if (!opened && message.header.nlmsg_pid != 0) engine[kRequestedCloseEvents].add(1);
    count(flow, opened);
  }
  if (!understood) engine[kMalformedEvents].add(1);
}

void EventReader::count(const Flow& flow, bool opened) {
  const Rows rows = isTranslated(flow, selection_) ? table_->classify(flow) : Rows{};
  if (rows.frontend == kNoRow) {
    counters_->engine[kForeignEvents].add(1);
    return;
  }
  TallyRow& frontend = counters_->frontends[rows.frontend];
  TallyRow* endpoint = rows.endpoint == kNoRow ? nullptr : &counters_->endpoints[rows.endpoint];
  if (opened) {
    countOpened(frontend);
    if (endpoint != nullptr) countOpened(*endpoint);
  } else {
    countClosed(flow, frontend);
    if (endpoint != nullptr) countClosed(flow, *endpoint);
    if (flow.start != 0 && flow.stop >= flow.start)
      counters_->lifetimes[rows.frontend].values[lifetimeBucket(flow)].add(1);
  }
  if (!keeping_) return;
  if (kept_.size() < kMaxKept)
    kept_.push_back({.key = flow.key(), .rows = rows, .alive = opened});
  else
    keptAll_ = false;
}

void EventReader::countClosed(const Flow& flow, TallyRow& row) {
  row.values[kClosed].add(1);
  if (!(flow.status & IPS_SEEN_REPLY)) row.values[kUnreplied].add(1);
  addTraffic(row, flow);
  // A flow that was opened before its row was known, or whose opening was lost, was never counted as active.
  if (row.values[kActive].get() > 0) row.values[kActive].add(-1);
}

void EventReader::noteLoss() {
  const uint32_t dropped = socket_.takeDropped();
  if (dropped == 0) return;
  counters_->engine[kDroppedEvents].add(dropped);
  keptAll_ = false;
}

void EventReader::recomputeActive(const std::vector<SeenFlow>& dumped) {
  auto& [engine, frontends, endpoints, lifetimes, retired] = *counters_;
  for (size_t row = 0; row < frontends.size(); row++) frontends[row].values[kActive].set(0);
  for (size_t row = 0; row < endpoints.size(); row++) endpoints[row].values[kActive].set(0);
  const auto addActive = [&](const Rows& rows) {
    frontends[rows.frontend].values[kActive].add(1);
    if (rows.endpoint != kNoRow) endpoints[rows.endpoint].values[kActive].add(1);
  };
  // Of a flow with events the last one decides, whether or not the dump came by before; of others, the dump.
  std::unordered_map<uint64_t, const SeenFlow*> last;
  last.reserve(kept_.size());
  for (const SeenFlow& flow : kept_) last[flow.key] = &flow;
  for (const auto& [key, flow] : last)
    if (flow->alive) addActive(flow->rows);
  for (const SeenFlow& flow : dumped)
    if (!last.contains(flow.key)) addActive(flow.rows);
  engine[kResyncs].add(1);
  engine[kResyncEntries].set(static_cast<double>(dumped.size()));
}

}  // namespace hawser::conntrack
