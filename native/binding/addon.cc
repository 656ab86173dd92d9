#include <napi.h>

#include "binding/mounts_binding.h"
#include "binding/schema.h"
#include "binding/socket_binding.h"

namespace hawser {
namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["Socket"] = SocketBinding::define(env);
  exports["expressionSchema"] = Napi::Function::New(env, expressionSchemaOf, "expressionSchema");
  exports["mount"] = Napi::Function::New(env, mountOf, "mount");
  exports["unmount"] = Napi::Function::New(env, unmountOf, "unmount");
  return exports;
}

}  // namespace
}  // namespace hawser

static Napi::Object InitializeAddon(Napi::Env env, Napi::Object exports) {
  return hawser::initialize(env, exports);
}

NODE_API_MODULE(hawser, InitializeAddon)
