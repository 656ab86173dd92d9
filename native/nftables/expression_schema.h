#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::nftables {

/** How a value of an expression travels: in the attribute (network byte order) and in packed programs. */
enum class ValueKind : uint8_t {
  u8,      // packed as u8
  u16,     // be16, packed as u32
  u32,     // be32, packed as u32
  u64,     // be64, packed as u64
  string,  // NUL-terminated, packed as string
  bytes,   // as is, packed as blob
  data,    // nested nft_data: packed as u8 0 + blob for a value, u8 1 + i32 code + string chain for a verdict
};

/** One attribute of an expression. */
struct ExpressionAttribute {
  /** The name of the property in TypeScript. */
  const char* name;
  uint16_t number;
  ValueKind kind;
  /** Words for the values 0, 1, 2, … ("-" where there is none), empty for a plain number. */
  const char* words = "";
  /** The words name bits instead of values. */
  bool bits = false;
};

struct ExpressionSchema {
  /** NFTA_EXPR_NAME. */
  const char* name;
  std::span<const ExpressionAttribute> attributes;
};

/** Every expression that Hawser can write and read; packed programs name them by their index here. */
std::span<const ExpressionSchema> expressionSchema();

/** The packed index of an expression that is not in the schema: string name and blob of NFTA_EXPR_DATA
 * follow. */
inline constexpr uint8_t kUnknownExpression = 255;

}  // namespace hawser::nftables
