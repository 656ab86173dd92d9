#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace hawser {

/** Writes a packed reply; the layout is what ProgramReader reads. */
class ProgramWriter {
 public:
  void u8(uint8_t value) { raw(&value, sizeof value); }
  void u16(uint16_t value) { raw(&value, sizeof value); }
  void u32(uint32_t value) { raw(&value, sizeof value); }
  void u64(uint64_t value) { raw(&value, sizeof value); }
  void i32(int32_t value) { raw(&value, sizeof value); }
  void f64(double value) { raw(&value, sizeof value); }
  /** Kernel names are at most 256 bytes; anything beyond 65,535 is cut. */
  void string(std::string_view value) {
    u16(static_cast<uint16_t>(std::min<size_t>(value.size(), UINT16_MAX)));
    raw(value.data(), std::min<size_t>(value.size(), UINT16_MAX));
  }
  void blob(std::span<const uint8_t> value) {
    u32(static_cast<uint32_t>(value.size()));
    raw(value.data(), value.size());
  }
  void raw(const void* data, size_t length) {
    const auto* from = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), from, from + length);
  }

  /** Overwrites the u32 at `offset`, such as a count that is known only at the end. */
  void patchU32(size_t offset, uint32_t value) { std::memcpy(bytes_.data() + offset, &value, sizeof value); }
  void patchU8(size_t offset, uint8_t value) { bytes_[offset] = value; }
  size_t size() const { return bytes_.size(); }
  void truncate(size_t size) { bytes_.resize(size); }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace hawser
