#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hawser::fuzz {

/** Datagrams as the kernel sends them, made by our own encoder, with the names of their files in the corpus.
 */
std::vector<std::pair<std::string, std::vector<uint8_t>>> conntrackSeeds();

}  // namespace hawser::fuzz
