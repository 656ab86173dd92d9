#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <memory>
#include <span>

namespace hawser {

/** Buffers for receiving many datagrams with one recvmmsg. The kernel caps a dump's datagram at 32 KiB and
 * makes it as large as the largest buffer it has seen; twice that leaves room for single large replies. */
class ReceiveRing {
 public:
  static constexpr size_t kSlots = 32;
  static constexpr size_t kSlotSize = 64 * 1024;

  ReceiveRing();
  ReceiveRing(const ReceiveRing&) = delete;
  ReceiveRing& operator=(const ReceiveRing&) = delete;

  /** One recvmmsg with MSG_DONTWAIT: the number of datagrams read, or -1 with errno set. */
  int receive(int fd);

  std::span<const uint8_t> datagram(int slot) const {
    return {memory_.get() + static_cast<size_t>(slot) * kSlotSize, headers_[slot].msg_len};
  }
  bool truncated(int slot) const { return headers_[slot].msg_hdr.msg_flags & MSG_TRUNC; }
  /** Port 0 is the kernel; anyone else who sends to us is ignored. */
  bool fromKernel(int slot) const { return senders_[slot].nl_pid == 0; }

 private:
  /** 2 MiB of which only the pages that replies reach become resident. */
  std::unique_ptr<uint8_t[]> memory_;
  std::array<iovec, kSlots> vectors_{};
  std::array<sockaddr_nl, kSlots> senders_{};
  std::array<mmsghdr, kSlots> headers_{};
};

}  // namespace hawser
