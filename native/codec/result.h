#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hawser {

/** Why something failed: an errno value, the kernel's own words when it gave some, and what was being done.
 */
struct Error {
  int number = 0;
  std::string message;
  /** Replaces the errno's name as the stable code, for conditions that no errno describes. */
  std::string code = {};
};

/** Stable codes of conditions that have no errno of their own. */
inline constexpr const char* kMalformedReply = "ERR_NETLINK_MALFORMED";
inline constexpr const char* kMalformedProgram = "ERR_NATIVE_PROGRAM";
inline constexpr const char* kDumpInterrupted = "ERR_NETLINK_DUMP_INTERRUPTED";

struct Unit {};

/** A value or the reason why there is none: std::expected is missing from the compilers that Hawser supports.
 */
template <typename T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  T& operator*() { return std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }
  Error& error() { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

/** A request that failed as a whole rather than in one of its operations. */
inline constexpr int32_t kWholeRequest = -1;
/** A failure that no single element of a bulk operation caused, or none that the kernel named. */
inline constexpr int32_t kNoElement = -1;
/** An extended acknowledgement without an attribute offset; 0 is inside the header and never an attribute. */
inline constexpr uint32_t kNoOffset = 0;

/** One operation of a request that the kernel refused. */
struct Failure {
  /** Index of the operation as the caller counts them, or kWholeRequest. */
  int32_t operation = kWholeRequest;
  /** Index of the record inside a bulk operation, or kNoElement. */
  int32_t element = kNoElement;
  int number = 0;
  /** The kernel's extended-acknowledgement text; empty when it gave none. */
  std::string message;
  /** Bytes from the start of the refused message to the attribute at fault, or kNoOffset. */
  uint32_t attributeOffset = kNoOffset;
};

/** What a session answers to one request: a packed reply, or an error, or the operations that failed. */
struct Outcome {
  std::vector<uint8_t> reply;
  Error error;
  std::vector<Failure> failures;

  bool ok() const { return error.number == 0 && error.code.empty() && failures.empty(); }
};

}  // namespace hawser
