#include "binding/outcome.h"

#include <cstring>
#include <memory>

namespace hawser {
namespace {

/** Below this a copy into V8's own memory is cheaper than tracking a foreign buffer. */
constexpr size_t kCopyLimit = 64 * 1024;

Napi::Object failureOf(Napi::Env env, const Failure& failure) {
  auto object = Napi::Object::New(env);
  object["op"] = Napi::Number::New(env, failure.operation);
  if (failure.element != kNoElement) object["element"] = Napi::Number::New(env, failure.element);
  object["errno"] = Napi::Number::New(env, failure.number);
  object["code"] = Napi::String::New(env, errorName(failure.number));
  object["message"] =
      Napi::String::New(env, failure.message.empty() ? std::strerror(failure.number) : failure.message);
  if (failure.attributeOffset != kNoOffset)
    object["attributeOffset"] = Napi::Number::New(env, failure.attributeOffset);
  return object;
}

}  // namespace

std::string errorName(int number) {
  // ENOTSUPP is the kernel's own and has no name in the C library.
  if (number == 524) return "ENOTSUPP";
  const char* name = ::strerrorname_np(number);
  return name != nullptr ? name : "ERRNO_" + std::to_string(number);
}

Napi::Value errorOf(Napi::Env env, const Outcome& outcome) {
  const bool refused = !outcome.failures.empty();
  const int number = refused ? outcome.failures.front().number : outcome.error.number;
  std::string text = refused ? outcome.failures.front().message : outcome.error.message;
  if (text.empty()) text = std::strerror(number);
  auto error = Napi::Error::New(env, text).Value();
  error["errno"] = Napi::Number::New(env, number);
  error["code"] = Napi::String::New(env, outcome.error.code.empty() ? errorName(number) : outcome.error.code);
  auto failures = Napi::Array::New(env, outcome.failures.size());
  for (uint32_t index = 0; index < outcome.failures.size(); index++)
    failures[index] = failureOf(env, outcome.failures[index]);
  error["failures"] = failures;
  return error;
}

Napi::Value replyOf(Napi::Env env, Outcome& outcome) {
  const size_t length = outcome.reply.size();
  if (length <= kCopyLimit) {
    auto array = Napi::Uint8Array::New(env, length);
    if (length > 0 && !array.IsEmpty()) std::memcpy(array.Data(), outcome.reply.data(), length);
    return array;
  }
  auto owned = std::make_unique<std::vector<uint8_t>>(std::move(outcome.reply));
  uint8_t* data = owned->data();
  // V8 owns the vector from here on and gives it back to the finalizer.
  auto memory = Napi::ArrayBuffer::New(
      env, data, length, [](Napi::Env, void*, std::vector<uint8_t>* vector) { delete vector; },
      owned.release());
  if (memory.IsEmpty()) return {};
  return Napi::Uint8Array::New(env, length, memory, 0);
}

}  // namespace hawser
