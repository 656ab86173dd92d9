#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "codec/program_writer.h"

namespace hawser::nftables {

/** nft_data: plain bytes, or a verdict. */
struct Data {
  bool verdict = false;
  std::span<const uint8_t> value;
  /** NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, … */
  int32_t code = 0;
  std::string_view chain;
};

/** Reads the content of a nested nft_data; nothing when it is malformed or empty. */
std::optional<Data> readData(std::span<const uint8_t> nest);

/** u8 0 + blob, or u8 1 + i32 code + string chain. */
void packData(const Data& data, ProgramWriter& program);

}  // namespace hawser::nftables
