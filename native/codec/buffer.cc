#include "codec/buffer.h"

#include <algorithm>
#include <cstring>

namespace hawser {

uint8_t* Buffer::append(size_t length) {
  if (length > capacity_ - size_) reserve(std::max(size_ + length, capacity_ * 2));
  uint8_t* here = bytes_.get() + size_;
  size_ += length;
  return here;
}

void Buffer::reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  capacity = std::max<size_t>(capacity, 4096);
  auto larger = std::make_unique_for_overwrite<uint8_t[]>(capacity);
  if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

void Buffer::clear(size_t keep) {
  size_ = 0;
  if (capacity_ <= keep) return;
  bytes_.reset();
  capacity_ = 0;
}

}  // namespace hawser
