#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/result.h"
#include "socket/descriptor.h"

namespace hawser::conntrack {

/** bpf(2), which the C library has no wrapper for. */
long callBpf(int command, bpf_attr& attributes);

/** A hash map from fixed-width keys to fixed-width values. */
class BpfHash {
 public:
  static Result<BpfHash> of(uint32_t keySize, uint32_t valueSize, size_t entries);

  /** Both are as wide as the map was made for. */
  Result<> put(const void* key, const void* value);
  /** That there is none is no error. */
  void remove(const void* key);
  int fd() const { return descriptor_.get(); }

 private:
  explicit BpfHash(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

/** An array of rows of 64-bit numbers, which programs add to and this process sees as its own memory. */
class BpfCounters {
 public:
  static constexpr size_t kWidth = 8;

  /** At least one row; Linux 5.5 and later. */
  static Result<BpfCounters> of(size_t rows);
  BpfCounters(BpfCounters&& other) noexcept;
  BpfCounters& operator=(BpfCounters&&) = delete;
  ~BpfCounters();

  int fd() const { return descriptor_.get(); }
  size_t rows() const { return rows_; }
  /** What a column has gathered since it was taken last. */
  uint64_t take(size_t row, size_t column) {
    uint64_t& value = memory_[row * kWidth + column];
    // Most rows are still most of the time, and reading is cheaper than taking.
    if (__atomic_load_n(&value, __ATOMIC_RELAXED) == 0) return 0;
    return __atomic_exchange_n(&value, 0, __ATOMIC_RELAXED);
  }

 private:
  BpfCounters(Descriptor descriptor, uint64_t* memory, size_t rows)
      : descriptor_(std::move(descriptor)), memory_(memory), rows_(rows) {}
  size_t bytes() const { return rows_ * kWidth * sizeof(uint64_t); }

  Descriptor descriptor_;
  uint64_t* memory_;
  size_t rows_;
};

}  // namespace hawser::conntrack
