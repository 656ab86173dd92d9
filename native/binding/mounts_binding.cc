#include "binding/mounts_binding.h"

#include <functional>
#include <string>
#include <utility>

#include "sys/mounts.h"

namespace hawser {
namespace {

/** Runs one system call beside the event loop, as libuv does those of files. */
class SystemCall : public Napi::AsyncWorker {
 public:
  static Napi::Promise run(Napi::Env env, std::function<int()> call) {
    // Deletes itself once it has answered.
    auto* worker = new SystemCall(env, std::move(call));
    worker->Queue();
    return worker->answer_.Promise();
  }

 protected:
  void Execute() override { errno_ = call_(); }
  void OnOK() override { answer_.Resolve(Napi::Number::New(Env(), errno_)); }
  void OnError(const Napi::Error& error) override { answer_.Reject(error.Value()); }

 private:
  SystemCall(Napi::Env env, std::function<int()> call)
      : Napi::AsyncWorker(env), call_(std::move(call)), answer_(Napi::Promise::Deferred::New(env)) {}

  std::function<int()> call_;
  Napi::Promise::Deferred answer_;
  int errno_ = 0;
};

/** The arguments as text; throws into JavaScript and returns false where one is none. */
template <typename... Texts>
bool readTexts(const Napi::CallbackInfo& info, Texts&... texts) {
  size_t index = 0;
  const auto read = [&](std::string& text) {
    if (!info[index].IsString()) return false;
    text = info[index++].As<Napi::String>().Utf8Value();
    return true;
  };
  if ((read(texts) && ...)) return true;
  Napi::TypeError::New(info.Env(), "mounts are made of strings").ThrowAsJavaScriptException();
  return false;
}

}  // namespace

Napi::Value mountOf(const Napi::CallbackInfo& info) {
  sys::Mount what;
  if (!readTexts(info, what.source, what.target, what.fileSystem, what.options)) return info.Env().Undefined();
  return SystemCall::run(info.Env(), [what] { return sys::mount(what); });
}

Napi::Value unmountOf(const Napi::CallbackInfo& info) {
  std::string target;
  if (!readTexts(info, target)) return info.Env().Undefined();
  return SystemCall::run(info.Env(), [target] { return sys::unmount(target); });
}

}  // namespace hawser
