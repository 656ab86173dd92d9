// Sockets and threads under the sanitizers. rtnetlink is in every kernel, and refuses message types that do
// not exist.
#include <doctest/doctest.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "socket/batch.h"
#include "socket/executor.h"

using namespace hawser;

namespace {

/** No rtnetlink message: answered with EOPNOTSUPP. */
constexpr uint16_t kNoSuchType = 0x3f00;

class EchoSession : public Session {
 public:
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<Counters>) {
    return std::unique_ptr<Session>(new EchoSession());
  }
  static Result<std::unique_ptr<Session>> refuse(std::shared_ptr<Counters>) {
    return Error{EPROTONOSUPPORT, "no such family"};
  }
  Outcome handle(const Request& request) override {
    if (request.method == 9) throw std::bad_alloc();
    const auto program = request.program();
    return {.reply = {program.begin(), program.end()}, .error = {}, .failures = {}};
  }
};

/** Collects completions as the JavaScript side does: woken once, then fetching all. */
class Collector {
 public:
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }
  std::vector<Executor::Completion> untilEnded(Executor& executor) {
    std::vector<Executor::Completion> all;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return std::exchange(woken_, false); });
      }
      for (auto& completion : executor.completions()) {
        if (completion.id == Executor::kEnded) return all;
        all.push_back(std::move(completion));
      }
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace

TEST_CASE("refusals of a batch come back with the operations that they belong to") {
  auto counters = std::make_shared<Counters>();
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, counters);
  REQUIRE(socket);
  Batch batch(*socket);
  for (int32_t operation = 0; operation < 100; operation++) {
    batch.begin(operation % 10 == 3 ? kNoSuchType : uint16_t{NLMSG_NOOP}, 0, operation);
    batch.end();
  }
  batch.acknowledgeLast();
  auto refusals = batch.exchange();
  REQUIRE(refusals);
  REQUIRE(refusals->size() == 10);
  for (size_t index = 0; index < 10; index++) {
    const Failure failure = batch.failure((*refusals)[index]);
    CHECK(failure.operation == static_cast<int32_t>(index * 10 + 3));
    CHECK(failure.number == EOPNOTSUPP);
  }
  CHECK(counters->errors[EOPNOTSUPP] == 10);
  CHECK(counters->messages == 100);
}

TEST_CASE("a batch can be exchanged again") {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE, std::make_shared<Counters>());
  REQUIRE(socket);
  Batch batch(*socket);
  batch.begin(NLMSG_NOOP, 0, 0);
  batch.end();
  batch.acknowledgeLast();
  for (int round = 0; round < 3; round++) {
    auto refusals = batch.exchange();
    REQUIRE(refusals);
    CHECK(refusals->empty());
  }
}

TEST_CASE("a namespace that is not there is an error that names it") {
  Collector collector;
  Executor executor(&EchoSession::open, "/proc/self/ns/nosuch", std::make_shared<Counters>(),
                    [&] { collector.wake(); });
  executor.submit({1, Executor::kOpen, {}});
  executor.finish();
  const auto completions = collector.untilEnded(executor);
  REQUIRE(completions.size() == 1);
  CHECK(completions[0].outcome.error.number == ENOENT);
  CHECK(completions[0].outcome.error.message.find("/proc/self/ns/nosuch") != std::string::npos);
}

TEST_CASE("an executor answers every job it took, in order, and none behind finish") {
  Collector collector;
  Executor executor(&EchoSession::open, "", std::make_shared<Counters>(), [&] { collector.wake(); });
  const uint8_t bytes[] = {1, 2, 3};
  executor.submit({1, Executor::kOpen, {}});
  for (uint64_t id = 2; id <= 200; id++) CHECK(executor.submit({id, 1, {bytes}}));
  executor.finish();
  CHECK_FALSE(executor.submit({201, 1, {bytes}}));
  const auto completions = collector.untilEnded(executor);
  REQUIRE(completions.size() == 200);
  for (size_t index = 0; index < completions.size(); index++) CHECK(completions[index].id == index + 1);
  CHECK(completions.back().outcome.reply.size() == 3);
}

TEST_CASE("requests fail one by one when there is no session or no memory") {
  Collector collector;
  Executor closed(&EchoSession::refuse, "", std::make_shared<Counters>(), [&] { collector.wake(); });
  closed.submit({1, Executor::kOpen, {}});
  closed.submit({2, 1, {}});
  closed.finish();
  const auto refused = collector.untilEnded(closed);
  CHECK(refused[0].outcome.error.number == EPROTONOSUPPORT);
  CHECK(refused[1].outcome.error.number == ENOTCONN);

  Executor starved(&EchoSession::open, "", std::make_shared<Counters>(), [&] { collector.wake(); });
  starved.submit({1, Executor::kOpen, {}});
  starved.submit({2, 9, {}});
  starved.submit({3, 1, {}});
  starved.finish();
  const auto completions = collector.untilEnded(starved);
  CHECK(completions[1].outcome.error.number == ENOMEM);
  CHECK(completions[2].outcome.ok());
}

TEST_CASE("an executor that is destroyed with jobs waiting ends at once") {
  Executor executor(&EchoSession::open, "", std::make_shared<Counters>(), [] {});
  for (uint64_t id = 1; id < 1000; id++) executor.submit({id, 1, {}});
  executor.stop();
  executor.stop();
  CHECK_FALSE(executor.submit({1000, 1, {}}));
}
