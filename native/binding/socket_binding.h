#pragma once

#include <napi.h>

#include <memory>

#include "binding/channel.h"

namespace hawser {

/**
 * The addon's Socket class: `new Socket(family, netnsPath | undefined)`, `request(method, buffers)`,
 * `read(block, into)`, `stats()`, `close()`. Method 0 opens it. What the buffers hold is between a family's
 * TypeScript and its session.
 */
class SocketBinding : public Napi::ObjectWrap<SocketBinding> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit SocketBinding(const Napi::CallbackInfo& info);
  ~SocketBinding() override;

 private:
  Napi::Value request(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<Channel> channel_;
};

}  // namespace hawser
