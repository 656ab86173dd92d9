#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "codec/result.h"
#include "socket/counters.h"

namespace hawser {

/** One call from JavaScript: a method of the family and its packed program; bulk records travel beside it,
 * uncopied, as further buffers that the program refers to by index from 1. */
struct Request {
  uint8_t method;
  std::span<const std::span<const uint8_t>> buffers;

  std::span<const uint8_t> program() const {
    return buffers.empty() ? std::span<const uint8_t>{} : buffers[0];
  }
};

/** Numbers that any thread may read while the session works: `block` says which, by the family's own count.
 */
class Readable {
 public:
  virtual ~Readable() = default;
  /** Copies as many as fit, and returns how many that were. */
  virtual size_t read(uint32_t block, std::span<double> into) const = 0;
};

/** A family's conversation with the kernel: made, used and destroyed on one thread, which owns its socket. */
class Session {
 public:
  virtual ~Session() = default;
  virtual Outcome handle(const Request& request) = 0;
  virtual std::shared_ptr<const Readable> readable() { return nullptr; }
  /** Makes a handle() that waits for the kernel's news, now or later, return at once. The only method that
   * another thread calls; sessions that never wait for long have no use for it. */
  virtual void interrupt() {}
};

/** Opens a session in the calling thread's network namespace. */
using SessionFactory = Result<std::unique_ptr<Session>> (*)(std::shared_ptr<Counters> counters);

}  // namespace hawser
