#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser {

/**
 * Reads a packed program or reply: fields back to back without padding, integers host-endian, strings as u16
 * length + bytes, blobs as u32 length + bytes. Running off the end sticks: every later read answers 0 or
 * empty.
 */
class ProgramReader {
 public:
  explicit ProgramReader(std::span<const uint8_t> program) : rest_(program) {}

  uint8_t u8() { return load<uint8_t>(); }
  uint16_t u16() { return load<uint16_t>(); }
  uint32_t u32() { return load<uint32_t>(); }
  uint64_t u64() { return load<uint64_t>(); }
  int32_t i32() { return static_cast<int32_t>(u32()); }
  std::string_view string();
  std::span<const uint8_t> blob() { return take(u32()); }
  std::span<const uint8_t> take(size_t length);

  bool done() const { return rest_.empty(); }
  bool failed() const { return failed_; }
  size_t remaining() const { return rest_.size(); }

 private:
  template <typename T>
  T load();

  std::span<const uint8_t> rest_;
  bool failed_ = false;
};

}  // namespace hawser
