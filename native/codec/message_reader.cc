#include "codec/message_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/attribute_reader.h"

namespace hawser {

bool MessageReader::next(Message& message) {
  if (rest_.empty() || malformed_) return false;
  if (rest_.size() < sizeof(nlmsghdr)) return !(malformed_ = true);
  std::memcpy(&message.header, rest_.data(), sizeof(nlmsghdr));
  const size_t length = message.header.nlmsg_len;
  if (length < sizeof(nlmsghdr) || length > rest_.size()) return !(malformed_ = true);
  message.payload = rest_.subspan(sizeof(nlmsghdr), length - sizeof(nlmsghdr));
  rest_ = rest_.subspan(std::min<size_t>(NLMSG_ALIGN(length), rest_.size()));
  return true;
}

Result<Acknowledgement> readAcknowledgement(const Message& message) {
  // struct nlmsgerr: int error, then the header of the request, then its payload unless NLM_F_CAPPED.
  constexpr size_t kFixed = sizeof(int) + sizeof(nlmsghdr);
  if (message.payload.size() < kFixed)
    return Error{EBADMSG, "acknowledgement shorter than nlmsgerr", kMalformedReply};
  int number = 0;
  nlmsghdr request;
  std::memcpy(&number, message.payload.data(), sizeof number);
  std::memcpy(&request, message.payload.data() + sizeof number, sizeof request);
  // Errors are small negative numbers; anything else would overflow the negation below.
  if (number > 0 || number < -4095)
    return Error{EBADMSG, "acknowledgement with an impossible errno", kMalformedReply};

  Acknowledgement ack{.sequence = message.header.nlmsg_seq, .number = -number, .message = {}};
  if (!(message.header.nlmsg_flags & NLM_F_ACK_TLVS)) return ack;
  size_t skip = kFixed;
  if (!(message.header.nlmsg_flags & NLM_F_CAPPED) && request.nlmsg_len >= sizeof(nlmsghdr))
    skip += NLMSG_ALIGN(request.nlmsg_len - sizeof(nlmsghdr));
  if (skip > message.payload.size()) return Error{EBADMSG, "acknowledgement cut short", kMalformedReply};

  AttributeReader attributes(message.payload.subspan(skip));
  Attribute attribute;
  while (attributes.next(attribute)) {
    if (attribute.type == NLMSGERR_ATTR_MSG) ack.message = attribute.string();
    if (attribute.type == NLMSGERR_ATTR_OFFS) ack.attributeOffset = attribute.u32();
  }
  if (attributes.malformed()) return Error{EBADMSG, "malformed extended acknowledgement", kMalformedReply};
  return ack;
}

}  // namespace hawser
