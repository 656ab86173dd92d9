#include "conntrack/kernel_counter.h"

#include <arpa/inet.h>
#include <linux/membarrier.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "conntrack/counting_program.h"

namespace hawser::conntrack {
namespace {

constexpr size_t kLeastRows = 256;

FrontendKey keyOf(const FrontendRecord& record) {
  FrontendKey key{
      .family = record.family, .protocol = record.protocol, .port = htons(record.port), .address = {}};
  std::memcpy(key.address, record.address, sizeof key.address);
  return key;
}

EndpointKey keyOf(const EndpointRecord& record) {
  EndpointKey key{.group = record.group, .port = htons(record.port), .family = record.family, .address = {}};
  std::memcpy(key.address, record.address, sizeof key.address);
  return key;
}

template <typename Record>
bool same(const Record& a, const Record& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

/** Brings a hash map from the rows of before to those of now: first what goes, since a key may change its
 * row. */
template <typename Record, typename Value>
Result<> updateHash(BpfHash& hash, std::span<const Record> before, std::span<const Record> now,
                    const Value& valueOf) {
  for (size_t row = 0; row < before.size(); row++) {
    if (before[row].family == 0 || (row < now.size() && same(before[row], now[row]))) continue;
    const auto key = keyOf(before[row]);
    hash.remove(&key);
  }
  for (size_t row = 0; row < now.size(); row++) {
    if (now[row].family == 0 || (row < before.size() && same(before[row], now[row]))) continue;
    const auto key = keyOf(now[row]);
    const auto value = valueOf(static_cast<uint32_t>(row));
    if (auto put = hash.put(&key, &value); !put) return put;
  }
  return Unit{};
}

void foldRow(BpfCounters& from, size_t row, TallyRow& into) {
  // In this order: the opening of any flow that is seen to close is there by then.
  const auto closed = static_cast<double>(from.take(row, kClosed));
  const auto opened = static_cast<double>(from.take(row, kOpened));
  auto& values = into.values;
  if (opened != 0 || closed != 0) {
    values[kOpened].add(opened);
    values[kClosed].add(closed);
    // As EventReader does: a flow whose opening nobody saw was never counted as active.
    values[kActive].set(std::max(0.0, values[kActive].get() + opened - closed));
  }
  if (closed == 0) return;
  for (const FlowColumn column : {kUnreplied, kOriginalBytes, kReplyBytes, kOriginalPackets, kReplyPackets})
    values[column].add(static_cast<double>(from.take(row, column)));
}

void addRows(BpfCounters& from, TallyRows& into) {
  for (size_t row = 0; row < from.rows() && row < into.size(); row++) foldRow(from, row, into[row]);
}

}  // namespace

CounterCapacity CounterCapacity::of(const Classifier& table) {
  return {.frontends = std::bit_ceil(std::max(kLeastRows, table.frontendRows())),
          .endpoints = std::bit_ceil(std::max(kLeastRows, table.endpointRows()))};
}

Result<std::unique_ptr<KernelCounter>> KernelCounter::of(CounterCapacity capacity, FlowSelection selection) {
  auto frontends = BpfHash::of(sizeof(FrontendKey), sizeof(FrontendPlace), capacity.frontends);
  if (!frontends) return frontends.error();
  auto endpoints = BpfHash::of(sizeof(EndpointKey), sizeof(uint32_t), capacity.endpoints);
  if (!endpoints) return endpoints.error();
  auto frontendCounters = BpfCounters::of(capacity.frontends);
  if (!frontendCounters) return frontendCounters.error();
  auto endpointCounters = BpfCounters::of(capacity.endpoints);
  if (!endpointCounters) return endpointCounters.error();
  auto lifetimes = BpfCounters::of(capacity.frontends);
  if (!lifetimes) return lifetimes.error();
  auto engine = BpfCounters::of(1);
  if (!engine) return engine.error();
  std::unique_ptr<KernelCounter> counter(
      new KernelCounter(std::move(*frontends), std::move(*endpoints), std::move(*frontendCounters),
                        std::move(*endpointCounters), std::move(*lifetimes), std::move(*engine)));
  if (auto loaded = counter->loadProgram(selection); !loaded) return loaded.error();
  return counter;
}

Result<> KernelCounter::loadProgram(FlowSelection selection) {
  const auto program = countingProgram({.frontends = frontends_.fd(),
                                        .endpoints = endpoints_.fd(),
                                        .frontendCounters = frontendCounters_.fd(),
                                        .endpointCounters = endpointCounters_.fd(),
                                        .lifetimes = lifetimes_.fd(),
                                        .engine = engine_.fd()},
                                       selection);
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = reinterpret_cast<uintptr_t>(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = reinterpret_cast<uintptr_t>("Apache-2.0");
  program_ = Descriptor(static_cast<int>(callBpf(BPF_PROG_LOAD, attributes)));
  if (program_) return Unit{};
  const int refusal = errno;
  // The verifier's reasons, of which the last line says why.
  std::vector<char> log(256 << 10);
  attributes.log_level = 1;
  attributes.log_size = static_cast<uint32_t>(log.size());
  attributes.log_buf = reinterpret_cast<uintptr_t>(log.data());
  (void)callBpf(BPF_PROG_LOAD, attributes);
  const std::string text(log.data());
  const size_t from = text.size() > 400 ? text.size() - 400 : 0;
  return Error{refusal, "the kernel refuses a counting program: " + text.substr(from)};
}

Result<> KernelCounter::update(std::shared_ptr<const Classifier> table) {
  if (table->frontendRows() > frontendCounters_.rows() || table->endpointRows() > endpointCounters_.rows())
    return Error{E2BIG, "a table does not fit the counters of a BPF program"};
  const auto placeOf = [&](uint32_t row) {
    return FrontendPlace{.row = row, .group = table->frontends()[row].group};
  };
  if (auto done = updateHash(frontends_, table_->frontends(), table->frontends(), placeOf); !done)
    return done;
  const auto rowOf = [](uint32_t row) { return row; };
  if (auto done = updateHash(endpoints_, table_->endpoints(), table->endpoints(), rowOf); !done) return done;
  table_ = std::move(table);
  return Unit{};
}

Result<> KernelCounter::attach(int socket) const {
  const int program = program_.get();
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) != 0)
    return Error{errno, "cannot attach a counting program"};
  return Unit{};
}

void KernelCounter::fold(FlowCounters& counters) {
  foldRows(counters);
  hadNews_ = foldEngine(counters);
}

void KernelCounter::foldNews(FlowCounters& counters) {
  // An event is noted here a moment before or after its rows are: whichever it is, one pass more finds them.
  const bool hadNews = std::exchange(hadNews_, foldEngine(counters));
  if (hadNews || hadNews_) foldRows(counters);
}

void KernelCounter::foldRows(FlowCounters& counters) {
  addRows(frontendCounters_, counters.frontends);
  addRows(endpointCounters_, counters.endpoints);
  for (size_t row = 0; row < lifetimes_.rows() && row < counters.lifetimes.size(); row++)
    for (size_t column = 0; column < TallyRow::kWidth; column++)
      if (const uint64_t value = lifetimes_.take(row, column))
        counters.lifetimes[row].values[column].add(static_cast<double>(value));
}

bool KernelCounter::foldEngine(FlowCounters& counters) {
  constexpr std::pair<ProgramColumn, EngineColumn> kColumns[] = {
      {kSeenOpen, kOpenEvents},
      {kSeenClose, kCloseEvents},
      {kSeenForeign, kForeignEvents},
      {kSeenRequestedClose, kRequestedCloseEvents}};
  bool hasNews = false;
  for (const auto& [from, to] : kColumns) {
    const uint64_t seen = engine_.take(0, from);
    counters.engine[to].add(static_cast<double>(seen));
    hasNews = hasNews || (seen != 0 && from != kSeenForeign);
  }
  return hasNews;
}

void awaitDetachedPrograms() {
  // The kernel's own wait for all that run now (membarrier(2)); where it is not to be had, time does the
  // same.
  constexpr timespec kLongEnough{.tv_sec = 0, .tv_nsec = 50'000'000};
  if (::syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) ::nanosleep(&kLongEnough, nullptr);
}

}  // namespace hawser::conntrack
