#include "socket/receive_ring.h"

namespace hawser {

ReceiveRing::ReceiveRing() : memory_(std::make_unique_for_overwrite<uint8_t[]>(kSlots * kSlotSize)) {
  for (size_t slot = 0; slot < kSlots; slot++) {
    vectors_[slot] = {.iov_base = memory_.get() + slot * kSlotSize, .iov_len = kSlotSize};
    msghdr& header = headers_[slot].msg_hdr;
    header.msg_name = &senders_[slot];
    header.msg_iov = &vectors_[slot];
    header.msg_iovlen = 1;
  }
}

int ReceiveRing::receive(int fd) {
  for (mmsghdr& header : headers_) header.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
  return ::recvmmsg(fd, headers_.data(), headers_.size(), MSG_DONTWAIT, nullptr);
}

}  // namespace hawser
