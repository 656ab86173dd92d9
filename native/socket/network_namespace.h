#pragma once

#include <string>

#include "codec/result.h"

namespace hawser {

/**
 * Moves the calling thread into the network namespace at `path` (/var/run/netns/NAME, /proc/PID/ns/net), for
 * good: a socket belongs to the namespace in which it was made. Only for threads of our own.
 */
Result<> enterNetworkNamespace(const std::string& path);

}  // namespace hawser
