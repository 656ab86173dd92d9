#include "codec/attribute_reader.h"

#include <endian.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

namespace hawser {
namespace {

template <typename T>
T load(std::span<const uint8_t> payload) {
  T value = 0;
  if (payload.size() >= sizeof value) std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace

uint8_t Attribute::u8() const { return load<uint8_t>(payload); }
uint16_t Attribute::u16() const { return load<uint16_t>(payload); }
uint32_t Attribute::u32() const { return load<uint32_t>(payload); }
uint64_t Attribute::u64() const { return load<uint64_t>(payload); }
uint16_t Attribute::be16() const { return be16toh(u16()); }
uint32_t Attribute::be32() const { return be32toh(u32()); }
uint64_t Attribute::be64() const { return be64toh(u64()); }

std::string_view Attribute::string() const {
  const auto end = std::find(payload.begin(), payload.end(), uint8_t{0});
  return {reinterpret_cast<const char*>(payload.data()), static_cast<size_t>(end - payload.begin())};
}

bool AttributeReader::next(Attribute& attribute) {
  if (rest_.empty() || malformed_) return false;
  if (rest_.size() < NLA_HDRLEN) return !(malformed_ = true);
  nlattr header;
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nla_len < NLA_HDRLEN || header.nla_len > rest_.size()) return !(malformed_ = true);
  attribute.type = header.nla_type & NLA_TYPE_MASK;
  attribute.payload = rest_.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN);
  rest_ = rest_.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), rest_.size()));
  return true;
}

}  // namespace hawser
