#include "binding/socket_binding.h"

#include "binding/families.h"
#include "binding/outcome.h"

namespace hawser {

Napi::Function SocketBinding::define(Napi::Env env) {
  return DefineClass(env, "Socket",
                     {
                         InstanceMethod<&SocketBinding::request>("request"),
                         InstanceMethod<&SocketBinding::read>("read"),
                         InstanceMethod<&SocketBinding::stats>("stats"),
                         InstanceMethod<&SocketBinding::close>("close"),
                     });
}

SocketBinding::SocketBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto env = info.Env();
  const SessionFactory family =
      info[0].IsString() ? findFamily(info[0].As<Napi::String>().Utf8Value()) : nullptr;
  if (family == nullptr) {
    Napi::TypeError::New(env, "Socket: unknown netlink family").ThrowAsJavaScriptException();
    return;
  }
  channel_ = Channel::open(env, family, info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "");
}

SocketBinding::~SocketBinding() {
  if (channel_) channel_->abandon();
}

Napi::Value SocketBinding::request(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsArray()) {
    Napi::TypeError::New(info.Env(), "request(method, buffers)").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const auto method = static_cast<uint8_t>(info[0].As<Napi::Number>().Uint32Value());
  return channel_->request(info.Env(), method, info[1].As<Napi::Array>());
}

Napi::Value SocketBinding::read(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  if (!info[0].IsNumber() || !info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    Napi::TypeError::New(env, "read(block, Float64Array)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto into = info[1].As<Napi::Float64Array>();
  const auto readable = channel_->readable();
  const size_t count = readable ? readable->read(info[0].As<Napi::Number>().Uint32Value(),
                                                 std::span<double>(into.Data(), into.ElementLength()))
                                : 0;
  return Napi::Number::New(env, static_cast<double>(count));
}

Napi::Value SocketBinding::stats(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const Counters& counters = channel_->counters();
  const auto number = [&](const Counters::Counter& counter) {
    return Napi::Number::New(env, static_cast<double>(counter.load(std::memory_order_relaxed)));
  };
  auto stats = Napi::Object::New(env);
  stats["messages"] = number(counters.messages);
  stats["bytes"] = number(counters.bytes);
  stats["syscalls"] = number(counters.syscalls);
  stats["received"] = number(counters.received);
  stats["overruns"] = number(counters.overruns);
  auto errors = Napi::Object::New(env);
  for (int index = 1; index < Counters::kErrors; index++) {
    const auto& counter = counters.errors[static_cast<size_t>(index)];
    if (counter.load(std::memory_order_relaxed) == 0) continue;
    errors[index == Counters::kErrors - 1 ? "other" : errorName(index)] = number(counter);
  }
  stats["errors"] = errors;
  return stats;
}

Napi::Value SocketBinding::close(const Napi::CallbackInfo& info) { return channel_->close(info.Env()); }

}  // namespace hawser
