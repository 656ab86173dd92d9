#include "codec/program_reader.h"

#include <cstring>

namespace hawser {

std::span<const uint8_t> ProgramReader::take(size_t length) {
  if (failed_ || length > rest_.size()) {
    failed_ = true;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.first(length);
  rest_ = rest_.subspan(length);
  return taken;
}

template <typename T>
T ProgramReader::load() {
  T value = 0;
  const auto bytes = take(sizeof value);
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
template uint8_t ProgramReader::load();
template uint16_t ProgramReader::load();
template uint32_t ProgramReader::load();
template uint64_t ProgramReader::load();

std::string_view ProgramReader::string() {
  const auto bytes = take(u16());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace hawser
