#pragma once

#include <linux/netlink.h>

#include <cstring>
#include <span>
#include <string_view>

#include "codec/buffer.h"

namespace hawser {

/**
 * Writes netlink messages one behind the other into one buffer.
 *
 * Errors stick: a write that cannot be expressed (an attribute beyond 64 KiB, a nest without a message) sets
 * failed() and later writes are ignored, so callers check once, at the end.
 */
class MessageWriter {
 public:
  /** Starts a message and returns the offset of its header. The previous message must be ended. */
  size_t begin(uint16_t type, uint16_t flags, uint32_t sequence);
  /** Fills in the length of the message under way and pads it to NLMSG_ALIGNTO. */
  void end();

  /** Appends a fixed header such as nfgenmsg, padded to NLMSG_ALIGNTO, right behind begin(). */
  template <typename Header>
  void header(const Header& value) {
    raw(&value, sizeof value);
  }

  void u8(uint16_t type, uint8_t value) { attribute(type, &value, sizeof value); }
  void u16(uint16_t type, uint16_t value) { attribute(type, &value, sizeof value); }
  void u32(uint16_t type, uint32_t value) { attribute(type, &value, sizeof value); }
  void u64(uint16_t type, uint64_t value) { attribute(type, &value, sizeof value); }
  void be16(uint16_t type, uint16_t value);
  void be32(uint16_t type, uint32_t value);
  void be64(uint16_t type, uint64_t value);
  /** NUL-terminated, as NLA_STRING and NLA_NUL_STRING policies both accept. */
  void string(uint16_t type, std::string_view value);
  void bytes(uint16_t type, std::span<const uint8_t> value) { attribute(type, value.data(), value.size()); }
  void flag(uint16_t type) { attribute(type, nullptr, 0); }

  /** Opens a nested attribute (NLA_F_NESTED set) and returns its offset for close(). */
  size_t open(uint16_t type);
  void close(size_t nest);
  /** Writes what `body` writes as the content of a nested attribute. */
  template <typename Body>
  void nest(uint16_t type, Body&& body) {
    const size_t opened = open(type);
    body();
    close(opened);
  }

  /** Appends bytes that already are whole, aligned attributes: the bulk path of set elements. */
  uint8_t* rawAttributes(size_t length) { return failed_ ? nullptr : buffer_.append(length); }

  /** Sets or clears header flags of the message at `offset`, such as NLM_F_ACK on the last of a batch. */
  void addFlags(size_t offset, uint16_t flags);

  void setSequence(size_t offset, uint32_t sequence);

  bool failed() const { return failed_; }
  size_t size() const { return buffer_.size(); }
  size_t messages() const { return messages_; }
  std::span<const uint8_t> view() const { return buffer_.view(); }
  /** Forgets everything written, the sticky failure included, to use the memory again. */
  void clear();
  void reserve(size_t bytes) { buffer_.reserve(bytes); }

 private:
  void raw(const void* data, size_t length);
  void attribute(uint16_t type, const void* data, size_t length);

  static constexpr size_t kNoMessage = SIZE_MAX;
  Buffer buffer_;
  size_t message_ = kNoMessage;
  size_t messages_ = 0;
  bool failed_ = false;
};

}  // namespace hawser
