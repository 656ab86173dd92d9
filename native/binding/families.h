#pragma once

#include <string_view>

#include "socket/session.h"

namespace hawser {

/** The family of that name, or nullptr: the one place that lists what the addon can talk to. */
SessionFactory findFamily(std::string_view name);

}  // namespace hawser
