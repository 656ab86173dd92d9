#pragma once

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "codec/message_reader.h"
#include "codec/message_writer.h"

namespace hawser::nftables {

constexpr uint16_t messageType(uint8_t message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

inline void familyHeader(MessageWriter& writer, uint8_t family, uint16_t resource = 0) {
  writer.header(nfgenmsg{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)});
}

/** The attributes behind nfgenmsg; empty when the message is too short for one. */
inline std::span<const uint8_t> attributesOf(const Message& message) {
  return message.payload.size() < sizeof(nfgenmsg) ? std::span<const uint8_t>{}
                                                   : message.payload.subspan(sizeof(nfgenmsg));
}

/** Nested nft_data with a plain value. */
inline void writeValue(MessageWriter& writer, uint16_t type, std::span<const uint8_t> value) {
  writer.nest(type, [&] { writer.bytes(NFTA_DATA_VALUE, value); });
}

/** Nested nft_data with a verdict; `chain` is empty but for jump and goto. */
inline void writeVerdict(MessageWriter& writer, uint16_t type, int32_t code, std::string_view chain) {
  writer.nest(type, [&] {
    writer.nest(NFTA_DATA_VERDICT, [&] {
      writer.be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
      if (!chain.empty()) writer.string(NFTA_VERDICT_CHAIN, chain);
    });
  });
}

}  // namespace hawser::nftables
