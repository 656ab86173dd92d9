#pragma once

#include <napi.h>

namespace hawser {

/** `mount(source, target, fileSystem, options)` and `unmount(target)`: promises of 0 or an errno, on libuv's pool. */
Napi::Value mountOf(const Napi::CallbackInfo& info);
Napi::Value unmountOf(const Napi::CallbackInfo& info);

}  // namespace hawser
