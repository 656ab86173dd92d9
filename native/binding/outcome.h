#pragma once

#include <napi.h>

#include "codec/result.h"

namespace hawser {

/** The errno's name ("ENOENT"), as errors and counters spell it. */
std::string errorName(int number);

/** An Error with `code`, `errno` and `failures` ({op, element?, errno, code, message, attributeOffset?}). */
Napi::Value errorOf(Napi::Env env, const Outcome& outcome);

/** The reply as a Uint8Array; large ones are handed over without a copy. Empty when the environment is ending
 * and makes no more objects. */
Napi::Value replyOf(Napi::Env env, Outcome& outcome);

}  // namespace hawser
