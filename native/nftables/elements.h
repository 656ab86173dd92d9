#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "codec/message_writer.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"
#include "codec/result.h"

namespace hawser::nftables {

/** Fixed-width records, back to back: key[, key end][, data]. A length is 0 where the part is missing. */
struct ElementLayout {
  uint16_t keyLength = 0;
  bool keyEnd = false;
  uint16_t dataLength = 0;

  size_t width() const { return keyLength * (keyEnd ? 2u : 1u) + dataLength; }
  bool valid() const;
};

/** Reads a layout from a program: u16 key length, u8 key end, u16 data length. */
ElementLayout readLayout(ProgramReader& program);

/** How many records fit one NFTA_SET_ELEM_LIST_ELEMENTS (64 KiB). */
size_t recordsPerMessage(const ElementLayout& layout);

/** Writes the set's name and `records` as one list of elements; at most recordsPerMessage() of them. */
void writeElements(MessageWriter& writer, std::string_view table, std::string_view set,
                   const ElementLayout& layout, std::span<const uint8_t> records);

/** One element of a verdict map; without a verdict it names an element to delete. */
struct VerdictElement {
  std::span<const uint8_t> key;
  std::optional<int32_t> code;
  std::string_view chain;
};
void writeVerdictElement(MessageWriter& writer, const VerdictElement& element);

/** Which element of an element message holds the attribute at `offset` (from the start of `message`)? */
int32_t elementAt(std::span<const uint8_t> message, uint32_t offset);

/** Appends the records of a dumped element message; an error when the set's widths are not the layout's. */
Result<> decodeElements(std::span<const uint8_t> attributes, const ElementLayout& layout,
                        ProgramWriter& records);

/** Appends the verdict elements of a dumped message, each as blob key, i32 code, string chain; returns how
 * many. */
Result<uint32_t> decodeVerdictElements(std::span<const uint8_t> attributes, ProgramWriter& program);

}  // namespace hawser::nftables
