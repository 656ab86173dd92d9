#include "hex.h"

#include <cctype>
#include <cstdio>

namespace hawser::test {

std::vector<uint8_t> bytesOf(std::string_view golden) {
  std::vector<uint8_t> bytes;
  std::string digits;
  bool comment = false;
  for (const char character : golden) {
    if (character == '#') comment = true;
    if (character == '\n') comment = false;
    if (comment || !std::isxdigit(static_cast<unsigned char>(character))) continue;
    digits += character;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

std::string hexOf(std::span<const uint8_t> bytes) {
  std::string text;
  char pair[4];
  for (size_t index = 0; index < bytes.size(); index++) {
    std::snprintf(pair, sizeof pair, "%02x%c", bytes[index], index % 4 == 3 ? '\n' : ' ');
    text += pair;
  }
  return text;
}

}  // namespace hawser::test
