#pragma once

#include <napi.h>

namespace hawser {

/** `[{name, attributes: [{name, number, kind, words?, bits?}]}]`, in the order in which packed programs
 * count. */
Napi::Value expressionSchemaOf(const Napi::CallbackInfo& info);

}  // namespace hawser
