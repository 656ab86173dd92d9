#pragma once

#include <span>

#include "codec/message_writer.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"
#include "codec/result.h"

namespace hawser::nftables {

/**
 * Packed expressions: u8 count, then each as u8 index into expressionSchema(), u8 number of attributes, and
 * each attribute as u8 NFTA number + value as its ValueKind says.
 */

/** Writes packed expressions as list elements (NFTA_LIST_ELEM) into the nest under way. False for a program
 * that names expressions or attributes outside the schema; running off its end sticks in `program`. */
bool encodeExpressions(ProgramReader& program, MessageWriter& writer);

/** Reads NFTA_RULE_EXPRESSIONS into packed form. Attributes outside the schema are left out, expressions
 * outside it are kept as they are. */
Result<> decodeExpressions(std::span<const uint8_t> list, ProgramWriter& program);

}  // namespace hawser::nftables
