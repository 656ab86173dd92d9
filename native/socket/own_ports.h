#pragma once

#include <cstdint>
#include <utility>

namespace hawser {

/** Whether an open socket of this process has that netlink port id. Port ids are those of one namespace, but
 * the kernel gives a process's second and later sockets random ones, so that a clash between two is no
 * concern. */
bool isOwnPort(uint32_t portId);

/** Holds a port id among this process's own for as long as its socket is open. */
class OwnPort {
 public:
  OwnPort() = default;
  explicit OwnPort(uint32_t portId);
  OwnPort(OwnPort&& other) noexcept : portId_(std::exchange(other.portId_, 0)) {}
  OwnPort& operator=(OwnPort&& other) noexcept {
    std::swap(portId_, other.portId_);
    return *this;
  }
  ~OwnPort();

 private:
  /** 0 is the kernel, and none of ours. */
  uint32_t portId_ = 0;
};

}  // namespace hawser
