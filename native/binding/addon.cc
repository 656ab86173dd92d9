#include <napi.h>

#include "binding/schema.h"
#include "binding/socket_binding.h"

namespace hawser {
namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["Socket"] = SocketBinding::define(env);
  exports["expressionSchema"] = Napi::Function::New(env, expressionSchemaOf, "expressionSchema");
  return exports;
}

}  // namespace
}  // namespace hawser

static Napi::Object InitializeAddon(Napi::Env env, Napi::Object exports) {
  return hawser::initialize(env, exports);
}

NODE_API_MODULE(hawser, InitializeAddon)
