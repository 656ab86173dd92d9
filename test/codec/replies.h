#pragma once

#include <doctest/doctest.h>

#include "codec/message_reader.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"

namespace hawser::test {

/** The first message of a datagram. */
inline Message messageOf(std::span<const uint8_t> datagram) {
  MessageReader reader(datagram);
  Message message{};
  REQUIRE(reader.next(message));
  return message;
}

/**
 * Decodes a damaged reply: cut off at every length, and with every byte in turn set to 0 and to 255. Each
 * must be an error or an answer and stay inside its bytes, which the sanitizers watch (every attempt is a
 * heap block of its own). Returns how many of the cuts were errors; `decode` answers false for an error.
 */
template <typename Decode>
size_t decodeDamaged(const Message& whole, Decode decode) {
  const auto attempt = [&](const std::vector<uint8_t>& payload) {
    return decode(Message{.header = whole.header, .payload = payload});
  };
  size_t refusedCuts = 0;
  for (size_t at = 0; at < whole.payload.size(); at++) {
    const auto end = whole.payload.begin() + static_cast<ptrdiff_t>(at);
    if (!attempt({whole.payload.begin(), end})) refusedCuts++;
    for (const uint8_t value : {0x00, 0xff}) {
      std::vector<uint8_t> changed(whole.payload.begin(), whole.payload.end());
      changed[at] = value;
      (void)attempt(changed);
    }
  }
  return refusedCuts;
}

}  // namespace hawser::test
