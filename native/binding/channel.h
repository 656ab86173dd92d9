#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "socket/executor.h"

namespace hawser {

/**
 * Joins an executor's thread to the JavaScript thread that made it: requests become promises. All methods
 * belong to the JavaScript thread.
 *
 * Lifetime: the thread-safe function owns a reference, so a channel outlives its JavaScript object until the
 * thread has ended. While requests are under way it keeps the event loop alive, else not. When the
 * environment ends (also a worker's), a clean-up hook joins the thread before anything that it uses goes
 * away.
 */
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  static std::shared_ptr<Channel> open(Napi::Env env, SessionFactory factory, std::string networkNamespace);
  ~Channel();

  /** `buffers` is an array of Uint8Array that must not change until the promise settles. */
  Napi::Promise request(Napi::Env env, uint8_t method, Napi::Array buffers);
  /** Resolves when the requests under way are done and the thread has ended. Idempotent. */
  Napi::Promise close(Napi::Env env);
  /** close() for an object that was collected: nobody waits. */
  void abandon() { executor_->finish(); }
  const Counters& counters() const { return *counters_; }
  std::shared_ptr<const Readable> readable() const { return executor_->readable(); }

 private:
  struct Pending {
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference buffers;
  };
  using SharedChannel = std::shared_ptr<Channel>;
  static void onWake(Napi::Env env, Napi::Function callback, SharedChannel* channel, void* data);
  using Wake = Napi::TypedThreadSafeFunction<SharedChannel, void, &Channel::onWake>;
  static void onEnvironmentEnd(void* channel);

  explicit Channel(Napi::Env env) : env_(env), counters_(std::make_shared<Counters>()) {}
  void settle(Napi::Env env);
  void ended(Napi::Env env);

  Napi::Env env_;
  std::shared_ptr<Counters> counters_;
  std::map<uint64_t, Pending> pending_;
  std::vector<Napi::Promise::Deferred> closing_;
  uint64_t nextId_ = 1;
  bool ended_ = false;
  Wake wake_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace hawser
