#include "nftables/data.h"

#include <linux/netfilter/nf_tables.h>

#include "codec/attribute_policy.h"

namespace hawser::nftables {
namespace {

constexpr AttributePolicy kData[] = {
    {NFTA_DATA_VALUE, Kind::bytes, 0, NFT_DATA_VALUE_MAXLEN},
    {NFTA_DATA_VERDICT, Kind::nested},
};
constexpr AttributePolicy kVerdict[] = {
    {NFTA_VERDICT_CODE, Kind::be32},
    {NFTA_VERDICT_CHAIN, Kind::string, 1, NFT_CHAIN_MAXNAMELEN},
};

}  // namespace

std::optional<Data> readData(std::span<const uint8_t> nest) {
  const Attributes data(nest, kData);
  if (!data) return std::nullopt;
  if (data.has(NFTA_DATA_VALUE)) return Data{.value = data.bytes(NFTA_DATA_VALUE), .chain = {}};
  const Attributes verdict(data.bytes(NFTA_DATA_VERDICT), kVerdict);
  if (!verdict || !verdict.has(NFTA_VERDICT_CODE)) return std::nullopt;
  return Data{.verdict = true,
              .value = {},
              .code = static_cast<int32_t>(verdict.be32(NFTA_VERDICT_CODE)),
              .chain = verdict.string(NFTA_VERDICT_CHAIN)};
}

void packData(const Data& data, ProgramWriter& program) {
  program.u8(data.verdict ? 1 : 0);
  if (!data.verdict) return program.blob(data.value);
  program.i32(data.code);
  program.string(data.chain);
}

}  // namespace hawser::nftables
