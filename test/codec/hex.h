#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::test {

/** Bytes from readable hex: pairs of digits, anything behind a `#` is a comment until the end of the line. */
std::vector<uint8_t> bytesOf(std::string_view golden);

/** Lower-case hex, four bytes a line, so that a failed comparison shows where. */
std::string hexOf(std::span<const uint8_t> bytes);

}  // namespace hawser::test
