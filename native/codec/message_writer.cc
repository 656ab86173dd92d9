#include "codec/message_writer.h"

#include <endian.h>

namespace hawser {
namespace {

/** nla_len is 16 bits wide and counts the attribute's own header. */
constexpr size_t kMaxAttribute = UINT16_MAX;

constexpr size_t align(size_t length) { return NLMSG_ALIGN(length); }

}  // namespace

size_t MessageWriter::begin(uint16_t type, uint16_t flags, uint32_t sequence) {
  if (message_ != kNoMessage) failed_ = true;
  if (failed_) return 0;
  message_ = buffer_.size();
  const nlmsghdr header{
      .nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = sequence, .nlmsg_pid = 0};
  raw(&header, sizeof header);
  return message_;
}

void MessageWriter::end() {
  if (message_ == kNoMessage) failed_ = true;
  if (failed_) return;
  const size_t length = buffer_.size() - message_;
  if (length > UINT32_MAX) {
    failed_ = true;
    return;
  }
  const auto length32 = static_cast<uint32_t>(length);
  std::memcpy(buffer_.at(message_ + offsetof(nlmsghdr, nlmsg_len)), &length32, sizeof length32);
  message_ = kNoMessage;
  messages_++;
}

void MessageWriter::be16(uint16_t type, uint16_t value) { u16(type, htobe16(value)); }
void MessageWriter::be32(uint16_t type, uint32_t value) { u32(type, htobe32(value)); }
void MessageWriter::be64(uint16_t type, uint64_t value) { u64(type, htobe64(value)); }

void MessageWriter::string(uint16_t type, std::string_view value) {
  const size_t length = NLA_HDRLEN + value.size() + 1;
  if (length > kMaxAttribute || message_ == kNoMessage) failed_ = true;
  if (failed_) return;
  const nlattr header{.nla_len = static_cast<uint16_t>(length), .nla_type = type};
  uint8_t* here = buffer_.append(align(length));
  std::memcpy(here, &header, sizeof header);
  if (!value.empty()) std::memcpy(here + NLA_HDRLEN, value.data(), value.size());
  std::memset(here + NLA_HDRLEN + value.size(), 0, align(length) - NLA_HDRLEN - value.size());
}

size_t MessageWriter::open(uint16_t type) {
  const size_t here = buffer_.size();
  attribute(type | NLA_F_NESTED, nullptr, 0);
  return here;
}

void MessageWriter::close(size_t nest) {
  if (failed_) return;
  const size_t length = buffer_.size() - nest;
  if (length > kMaxAttribute || message_ == kNoMessage) {
    failed_ = true;
    return;
  }
  const auto length16 = static_cast<uint16_t>(length);
  std::memcpy(buffer_.at(nest + offsetof(nlattr, nla_len)), &length16, sizeof length16);
}

void MessageWriter::addFlags(size_t offset, uint16_t flags) {
  if (failed_ || offset + sizeof(nlmsghdr) > buffer_.size()) return;
  uint8_t* place = buffer_.at(offset + offsetof(nlmsghdr, nlmsg_flags));
  uint16_t now = 0;
  std::memcpy(&now, place, sizeof now);
  now |= flags;
  std::memcpy(place, &now, sizeof now);
}

void MessageWriter::setSequence(size_t offset, uint32_t sequence) {
  if (failed_ || offset + sizeof(nlmsghdr) > buffer_.size()) return;
  std::memcpy(buffer_.at(offset + offsetof(nlmsghdr, nlmsg_seq)), &sequence, sizeof sequence);
}

void MessageWriter::clear() {
  buffer_.clear();
  message_ = kNoMessage;
  messages_ = 0;
  failed_ = false;
}

void MessageWriter::raw(const void* data, size_t length) {
  if (message_ == kNoMessage) failed_ = true;
  if (failed_) return;
  uint8_t* here = buffer_.append(align(length));
  if (length > 0) std::memcpy(here, data, length);
  std::memset(here + length, 0, align(length) - length);
}

void MessageWriter::attribute(uint16_t type, const void* data, size_t length) {
  if (NLA_HDRLEN + length > kMaxAttribute) failed_ = true;
  if (failed_) return;
  const nlattr header{.nla_len = static_cast<uint16_t>(NLA_HDRLEN + length), .nla_type = type};
  raw(&header, sizeof header);
  raw(data, length);
}

}  // namespace hawser
