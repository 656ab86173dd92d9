#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "codec/result.h"
#include "conntrack/flow_selection.h"
#include "socket/descriptor.h"

namespace hawser::conntrack {

/** Which events come, and how many may wait. */
struct EventOptions {
  /** What setsockopt is asked for; the kernel doubles it and holds about 819 events in each MiB of that. */
  uint32_t bufferBytes = 64 << 20;
  FlowSelection selection = FlowSelection::dnat;
};

/**
 * A netlink socket that receives NEW and DESTROY events of the calling thread's network namespace. What it
 * has no room for is dropped and counted, and the socket goes on (NETLINK_NO_ENOBUFS): with ENOBUFS it would
 * drop everything until it was drained.
 */
class EventSocket {
 public:
  static Result<EventSocket> open(const EventOptions& options);

  /** One recvmmsg without waiting: datagrams read, 0 when none waits, -1 with errno set. */
  int receive();
  /** Empty for a datagram that was not the kernel's or did not fit. */
  std::span<const uint8_t> datagram(int slot) const;
  /** Lets events through to be received, in place of a program that counts them. */
  Result<> deliver();
  /** Events dropped since the last call. */
  uint32_t takeDropped();
  /** Bytes of receive buffer in force. */
  uint32_t bufferBytes() const;
  int fd() const { return descriptor_.get(); }

  static constexpr size_t kSlots = 64;
  /** An event with accounting and timestamps is under 400 bytes. */
  static constexpr size_t kSlotSize = 512;

 private:
  EventSocket(Descriptor descriptor, FlowSelection selection);

  struct Ring;
  struct RingDeleter {
    void operator()(Ring* ring) const;
  };
  Descriptor descriptor_;
  FlowSelection selection_;
  /** Behind a pointer: its parts point at each other, and the socket moves. */
  std::unique_ptr<Ring, RingDeleter> ring_;
  uint32_t droppedBefore_ = 0;
};

}  // namespace hawser::conntrack
