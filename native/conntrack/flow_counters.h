#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "socket/session.h"

namespace hawser::conntrack {

/** A number with one writer and any readers; a double, since JavaScript reads it: exact up to 2^53. */
class Tally {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { set(get() + amount); }
  double get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

/** Eight tallies, one cache line. */
struct alignas(64) TallyRow {
  static constexpr size_t kWidth = 8;
  std::array<Tally, kWidth> values;
  void clear() {
    for (Tally& value : values) value.set(0);
  }
};

/** Rows that stay where they are while more are added, so that writer and readers need no lock. */
class TallyRows {
 public:
  static constexpr size_t kChunkRows = 1024;
  static constexpr size_t kMaxRows = 4096 * kChunkRows;

  /** Makes room for `rows` rows, all zero. Only one thread may call it; false beyond kMaxRows. */
  bool grow(size_t rows);
  size_t size() const { return size_.load(std::memory_order_acquire); }
  TallyRow& operator[](size_t row) { return (*chunks_[row / kChunkRows])[row % kChunkRows]; }
  const TallyRow& operator[](size_t row) const { return (*chunks_[row / kChunkRows])[row % kChunkRows]; }
  /** Copies whole rows from the first on, as many as there are and fit; returns the values written. */
  size_t read(std::span<double> into) const;

 private:
  using Chunk = std::array<TallyRow, kChunkRows>;
  std::array<std::unique_ptr<Chunk>, kMaxRows / kChunkRows> chunks_;
  std::atomic<size_t> size_ = 0;
};

/** Columns of a frontend's or an endpoint's row; src/native/conntrack-events.ts has the same order. */
enum FlowColumn : size_t {
  kOpened,
  kClosed,
  kActive,
  /** Closed without a single reply. */
  kUnreplied,
  kOriginalBytes,
  kReplyBytes,
  kOriginalPackets,
  kReplyPackets,
};

/** Numbers of the engine as a whole; the order is src/native/conntrack-events.ts's too. */
enum EngineColumn : size_t {
  kOpenEvents,
  kCloseEvents,
  /** Events that no frontend of the table claims. */
  kForeignEvents,
  kMalformedEvents,
  /** Events that the kernel dropped for want of room, exactly. */
  kDroppedEvents,
  kReaderNanoseconds,
  kDrains,
  kResyncs,
  kResyncEntries,
  /** Bytes of receive buffer in force, as the kernel accounts them. */
  kBufferBytes,
  /** Closings that some process asked for over netlink, ours among them. */
  kRequestedCloseEvents,
  /** 1 while the kernel counts, 0 while the reader does. */
  kCountedInKernel,
  kEngineColumns,
};

/** Upper bounds of the life-time buckets in seconds; the last bucket has none. */
inline constexpr std::array<double, TallyRow::kWidth - 1> kLifetimeBounds = {0.01, 0.1, 1, 10, 60, 600, 3600};

/** Everything that is counted: written by the reader's thread, read by any. */
struct FlowCounters final : public Readable {
  /** What `read` copies. */
  enum Block : uint32_t {
    engineBlock = 0,
    frontendBlock = 1,
    endpointBlock = 2,
    lifetimeBlock = 3,
    retiredBlock = 4
  };

  std::array<Tally, kEngineColumns> engine;
  TallyRows frontends;
  TallyRows endpoints;
  /** One row a frontend: flows closed, by life time. */
  TallyRows lifetimes;
  /** What frontends counted whose rows were freed since: totals never go back. */
  TallyRow retired;

  size_t read(uint32_t block, std::span<double> into) const override;
};

}  // namespace hawser::conntrack
