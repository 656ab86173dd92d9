#include "binding/channel.h"

#include <cerrno>

#include "binding/outcome.h"

namespace hawser {

std::shared_ptr<Channel> Channel::open(Napi::Env env, SessionFactory factory, std::string networkNamespace) {
  std::shared_ptr<Channel> channel(new Channel(env));
  auto context = std::make_unique<SharedChannel>(channel);
  // The thread-safe function owns `context` until its finalizer, which runs once no call can reach it any
  // more.
  channel->wake_ = Wake::New(
      env, "hawser netlink", 0, 1, context.release(),
      [](Napi::Env, void*, SharedChannel* owned) { delete owned; }, static_cast<void*>(nullptr));
  channel->wake_.Unref(env);
  // Hooks run last in, first out: registered behind the thread-safe function's own, this one still finds it
  // alive.
  napi_add_env_cleanup_hook(env, &Channel::onEnvironmentEnd, channel.get());
  channel->executor_ = std::make_unique<Executor>(factory, std::move(networkNamespace), channel->counters_,
                                                  [wake = channel->wake_] { wake.NonBlockingCall(); });
  return channel;
}

Channel::~Channel() = default;

Napi::Promise Channel::request(Napi::Env env, uint8_t method, Napi::Array buffers) {
  auto deferred = Napi::Promise::Deferred::New(env);
  Executor::Job job{.id = nextId_++, .method = method, .buffers = {}};
  job.buffers.reserve(buffers.Length());
  for (uint32_t index = 0; index < buffers.Length(); index++) {
    const Napi::Value value = buffers[index];
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      deferred.Reject(Napi::TypeError::New(env, "a request takes an array of Uint8Array").Value());
      return deferred.Promise();
    }
    auto bytes = value.As<Napi::Uint8Array>();
    job.buffers.emplace_back(bytes.Data(), bytes.ByteLength());
  }
  const uint64_t id = job.id;
  if (!executor_->submit(std::move(job))) {
    Outcome closed{
        .reply = {}, .error = {EBADF, "the socket is closed", "ERR_SOCKET_CLOSED"}, .failures = {}};
    deferred.Reject(errorOf(env, closed));
    return deferred.Promise();
  }
  if (pending_.empty()) wake_.Ref(env);
  pending_.emplace(id, Pending{deferred, Napi::Persistent(buffers.As<Napi::Object>())});
  return deferred.Promise();
}

Napi::Promise Channel::close(Napi::Env env) {
  auto deferred = Napi::Promise::Deferred::New(env);
  if (ended_) {
    deferred.Resolve(env.Undefined());
    return deferred.Promise();
  }
  if (pending_.empty()) wake_.Ref(env);
  closing_.push_back(deferred);
  executor_->finish();
  return deferred.Promise();
}

void Channel::onWake(Napi::Env env, Napi::Function, SharedChannel* channel, void*) {
  // Without an environment the function is being torn down: the clean-up hook has seen to the rest.
  if (static_cast<napi_env>(env) == nullptr) return;
  const SharedChannel alive = *channel;
  alive->settle(env);
}

void Channel::settle(Napi::Env env) {
  const Napi::HandleScope scope(env);
  for (auto& [id, outcome] : executor_->completions()) {
    if (id == Executor::kEnded) {
      ended(env);
      continue;
    }
    const auto found = pending_.find(id);
    if (found == pending_.end()) continue;
    const auto deferred = found->second.deferred;
    pending_.erase(found);
    if (outcome.ok())
      deferred.Resolve(replyOf(env, outcome));
    else
      deferred.Reject(errorOf(env, outcome));
  }
  if (pending_.empty() && closing_.empty() && !ended_) wake_.Unref(env);
}

void Channel::ended(Napi::Env env) {
  if (std::exchange(ended_, true)) return;
  executor_->stop();
  napi_remove_env_cleanup_hook(env_, &Channel::onEnvironmentEnd, this);
  for (const auto& deferred : std::exchange(closing_, {})) deferred.Resolve(env.Undefined());
  wake_.Release();
}

void Channel::onEnvironmentEnd(void* data) {
  auto& channel = *static_cast<Channel*>(data);
  channel.executor_->stop();
  channel.pending_.clear();
  if (!std::exchange(channel.ended_, true)) channel.wake_.Release();
}

}  // namespace hawser
