#include "socket/batch.h"

#include <cerrno>
#include <cstring>

namespace hawser {

void Batch::clear() {
  writer_.clear();
  entries_.clear();
  acknowledged_ = SIZE_MAX;
}

void Batch::begin(uint16_t type, uint16_t flags, int32_t operation, uint32_t firstElement) {
  const auto sequence = static_cast<uint32_t>(entries_.size() + 1);
  const size_t offset = writer_.begin(type, flags | NLM_F_REQUEST, sequence);
  entries_.push_back({offset, operation, firstElement});
}

void Batch::acknowledgeLast() {
  if (entries_.empty()) return;
  acknowledged_ = entries_.size() - 1;
  writer_.addFlags(entries_.back().offset, NLM_F_ACK);
}

Result<std::vector<Batch::Refusal>> Batch::exchange(const OnReply& onReply) {
  std::vector<Refusal> refusals;
  if (writer_.failed()) return Error{EMSGSIZE, "a value does not fit a netlink attribute (64 KiB)"};
  if (entries_.empty()) return refusals;
  const auto count = static_cast<uint32_t>(entries_.size());
  const uint32_t first = socket_.takeSequences(count);
  numberFrom(first);
  if (auto sent = socket_.send(writer_.view(), count); !sent) return sent.error();

  Error broken;
  auto received = socket_.receive([&](const Message& message) {
    const uint32_t index = message.header.nlmsg_seq - first;
    if (index >= count) return false;  // left over from a request that was given up
    if (message.header.nlmsg_type != NLMSG_ERROR) {
      if (onReply) onReply(entries_[index].operation, message);
      return false;
    }
    auto ack = readAcknowledgement(message);
    if (!ack) {
      broken = ack.error();
      return true;
    }
    if (ack->number != 0) {
      socket_.counters().countError(ack->number);
      refusals.push_back({index, *ack});
      // A refused frame (no permission, another generation) ends the batch without further answers.
      if (entries_[index].operation == kWholeRequest) return true;
    }
    return index == acknowledged_;
  });
  if (!received) return received.error();
  if (broken.number != 0) return broken;
  return refusals;
}

Failure Batch::failure(const Refusal& refusal) const {
  return {.operation = entries_[refusal.index].operation,
          .element = kNoElement,
          .number = refusal.answer.number,
          .message = refusal.answer.message,
          .attributeOffset = refusal.answer.attributeOffset};
}

std::span<const uint8_t> Batch::message(size_t index) const {
  const size_t end = index + 1 < entries_.size() ? entries_[index + 1].offset : writer_.size();
  return writer_.view().subspan(entries_[index].offset, end - entries_[index].offset);
}

void Batch::numberFrom(uint32_t first) {
  for (size_t index = 0; index < entries_.size(); index++)
    writer_.setSequence(entries_[index].offset, first + static_cast<uint32_t>(index));
}

}  // namespace hawser
