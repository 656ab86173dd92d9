#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hawser {

/**
 * A growing run of bytes that, unlike std::vector, does not clear what is about to be overwritten: a commit
 * of 200,000 elements appends 15 MB.
 */
class Buffer {
 public:
  /** Appends `length` uninitialised bytes; the pointer is good until the next append. */
  uint8_t* append(size_t length);
  void reserve(size_t capacity);
  /** Forgets the content; memory beyond `keep` bytes is given back so that one bulk load does not stay
   * resident. */
  void clear(size_t keep = 1 << 20);

  uint8_t* at(size_t offset) { return bytes_.get() + offset; }
  size_t size() const { return size_; }
  std::span<const uint8_t> view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace hawser
