#include "codec/attribute_policy.h"

namespace hawser {
namespace {

size_t widthOf(Kind kind) {
  switch (kind) {
    case Kind::u8:
      return 1;
    case Kind::u16:
    case Kind::be16:
      return 2;
    case Kind::u32:
    case Kind::be32:
      return 4;
    case Kind::u64:
    case Kind::be64:
      return 8;
    default:
      return 0;
  }
}

bool allowed(const AttributePolicy& policy, size_t length) {
  if (length < widthOf(policy.kind) || length < policy.min) return false;
  return policy.max == 0 || length <= policy.max;
}

}  // namespace

Attributes::Attributes(std::span<const uint8_t> attributes, std::span<const AttributePolicy> table)
    : table_(table.first(std::min(table.size(), kMaxTable))) {
  AttributeReader reader(attributes);
  Attribute attribute;
  size_t guess = 0;  // the kernel writes attributes mostly in table order
  while (!malformed_ && reader.next(attribute)) {
    for (size_t tried = 0; tried < table_.size(); tried++) {
      const size_t row = (guess + tried) % table_.size();
      if (table_[row].type != attribute.type) continue;
      malformed_ = !allowed(table_[row], attribute.payload.size());
      values_[row] = attribute.payload;
      present_ |= uint64_t{1} << row;
      guess = row + 1;
      break;
    }
  }
  malformed_ = malformed_ || reader.malformed();
  if (malformed_) present_ = 0;
}

const std::span<const uint8_t>* Attributes::find(uint16_t type) const {
  for (size_t row = 0; row < table_.size(); row++)
    if (table_[row].type == type) return present_ >> row & 1 ? &values_[row] : nullptr;
  return nullptr;
}

Attribute Attributes::operator[](uint16_t type) const {
  const auto* payload = find(type);
  return {type, payload ? *payload : std::span<const uint8_t>{}};
}

}  // namespace hawser
