#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "codec/attribute_reader.h"

namespace hawser {

/** How the payload of an attribute is read; `be` kinds are in network byte order. */
enum class Kind : uint8_t { u8, u16, u32, u64, be16, be32, be64, string, bytes, nested, flag };

/** One line of an attribute table: what the kernel's policy promises about one attribute of a message. */
struct AttributePolicy {
  uint16_t type;
  Kind kind;
  /** Bounds of the payload in bytes; 0 for `max` means that the kind alone decides. */
  uint16_t min = 0;
  uint16_t max = 0;
};

/** The attributes of a message or nest, checked against a table. Attributes outside the table are skipped:
 * newer kernels add some. A repeated attribute counts once, the last one. */
class Attributes {
 public:
  static constexpr size_t kMaxTable = 48;

  template <size_t Rows>
  Attributes(std::span<const uint8_t> attributes, const AttributePolicy (&table)[Rows])
      : Attributes(attributes, std::span<const AttributePolicy>(table)) {
    static_assert(Rows <= kMaxTable);
  }
  /** Rows beyond kMaxTable are ignored. */
  Attributes(std::span<const uint8_t> attributes, std::span<const AttributePolicy> table);

  /** False when the bytes are no attributes or one of them breaks the table; every getter then answers empty.
   */
  explicit operator bool() const { return !malformed_; }
  bool has(uint16_t type) const { return find(type) != nullptr; }

  /** The attribute, or one without payload. */
  Attribute operator[](uint16_t type) const;
  uint32_t be32(uint16_t type) const { return (*this)[type].be32(); }
  uint64_t be64(uint16_t type) const { return (*this)[type].be64(); }
  std::string_view string(uint16_t type) const { return (*this)[type].string(); }
  std::span<const uint8_t> bytes(uint16_t type) const { return (*this)[type].payload; }

 private:
  const std::span<const uint8_t>* find(uint16_t type) const;

  std::span<const AttributePolicy> table_;
  std::array<std::span<const uint8_t>, kMaxTable> values_;
  uint64_t present_ = 0;
  bool malformed_ = false;
};

}  // namespace hawser
