#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace hawser {

/** What a socket did since it was opened: written by its thread, read at any time by any other. */
struct Counters {
  using Counter = std::atomic<uint64_t>;
  /** Errno values of Linux end at 133; everything beyond (ENOTSUPP, 524) shares the last place. */
  static constexpr int kErrors = 135;

  Counter messages = 0;
  /** Bytes sent. */
  Counter bytes = 0;
  Counter syscalls = 0;
  /** Bytes received. */
  Counter received = 0;
  /** Times that the kernel dropped messages for want of receive buffer (ENOBUFS). */
  Counter overruns = 0;
  /** Errors by errno, refused operations and failed system calls alike. */
  std::array<Counter, kErrors> errors = {};

  static void add(Counter& counter, uint64_t amount) { counter.fetch_add(amount, std::memory_order_relaxed); }
  void countError(int number) {
    add(errors[static_cast<size_t>(number > 0 && number < kErrors - 1 ? number : kErrors - 1)], 1);
  }
};

}  // namespace hawser
