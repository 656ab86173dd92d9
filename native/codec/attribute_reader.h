#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser {

/** One attribute. The getters answer 0 or "" when the payload is shorter than asked for: policies check
 * lengths. */
struct Attribute {
  /** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  uint16_t type = 0;
  std::span<const uint8_t> payload;

  uint8_t u8() const;
  uint16_t u16() const;
  uint32_t u32() const;
  uint64_t u64() const;
  uint16_t be16() const;
  uint32_t be32() const;
  uint64_t be64() const;
  /** Up to the first NUL or the end of the payload. */
  std::string_view string() const;
};

/** Walks the attributes of a message or nest; stops for good at the first that does not fit. */
class AttributeReader {
 public:
  explicit AttributeReader(std::span<const uint8_t> attributes) : rest_(attributes) {}
  bool next(Attribute& attribute);
  bool malformed() const { return malformed_; }

 private:
  std::span<const uint8_t> rest_;
  bool malformed_ = false;
};

}  // namespace hawser
