#include "nftables/elements.h"

#include <cstring>

#include "codec/attribute_reader.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

constexpr size_t kMaxElements = UINT16_MAX - NLA_HDRLEN;

size_t valueSize(size_t length) { return 2 * NLA_HDRLEN + NLA_ALIGN(length); }

size_t elementSize(const ElementLayout& layout) {
  return NLA_HDRLEN + valueSize(layout.keyLength) + (layout.keyEnd ? valueSize(layout.keyLength) : 0) +
         (layout.dataLength ? valueSize(layout.dataLength) : 0);
}

/** Writes attribute headers of a nested value at `place` and returns where its bytes go. */
uint8_t* placeValue(uint8_t*& place, uint16_t type, size_t length) {
  const nlattr headers[] = {
      {.nla_len = static_cast<uint16_t>(valueSize(length)),
       .nla_type = static_cast<uint16_t>(type | NLA_F_NESTED)},
      {.nla_len = static_cast<uint16_t>(NLA_HDRLEN + length), .nla_type = NFTA_DATA_VALUE},
  };
  std::memcpy(place, headers, sizeof headers);
  uint8_t* value = place + sizeof headers;
  std::memset(value + length, 0, NLA_ALIGN(length) - length);
  place += valueSize(length);
  return value;
}

}  // namespace

bool ElementLayout::valid() const {
  return keyLength > 0 && keyLength <= NFT_DATA_VALUE_MAXLEN && dataLength <= NFT_DATA_VALUE_MAXLEN;
}

ElementLayout readLayout(ProgramReader& program) {
  ElementLayout layout;
  layout.keyLength = program.u16();
  layout.keyEnd = program.u8() != 0;
  layout.dataLength = program.u16();
  return layout;
}

size_t recordsPerMessage(const ElementLayout& layout) { return kMaxElements / elementSize(layout); }

void writeElements(MessageWriter& writer, std::string_view table, std::string_view set,
                   const ElementLayout& layout, std::span<const uint8_t> records) {
  writer.string(NFTA_SET_ELEM_LIST_TABLE, table);
  writer.string(NFTA_SET_ELEM_LIST_SET, set);
  const size_t list = writer.open(NFTA_SET_ELEM_LIST_ELEMENTS);
  const size_t count = records.size() / layout.width();
  const size_t size = elementSize(layout);
  // All elements look alike but for their bytes, so headers are written straight into place.
  uint8_t* place = writer.rawAttributes(count * size);
  if (place == nullptr) return;
  const uint8_t* record = records.data();
  for (size_t index = 0; index < count; index++) {
    const nlattr element{.nla_len = static_cast<uint16_t>(size), .nla_type = NFTA_LIST_ELEM | NLA_F_NESTED};
    std::memcpy(place, &element, sizeof element);
    place += NLA_HDRLEN;
    const auto part = [&](uint16_t type, size_t length) {
      std::memcpy(placeValue(place, type, length), record, length);
      record += length;
    };
    part(NFTA_SET_ELEM_KEY, layout.keyLength);
    if (layout.keyEnd) part(NFTA_SET_ELEM_KEY_END, layout.keyLength);
    if (layout.dataLength) part(NFTA_SET_ELEM_DATA, layout.dataLength);
  }
  writer.close(list);
}

void writeVerdictElement(MessageWriter& writer, const VerdictElement& element) {
  writer.nest(NFTA_LIST_ELEM, [&] {
    writeValue(writer, NFTA_SET_ELEM_KEY, element.key);
    if (element.code) writeVerdict(writer, NFTA_SET_ELEM_DATA, *element.code, element.chain);
  });
}

int32_t elementAt(std::span<const uint8_t> message, uint32_t offset) {
  constexpr size_t kHeaders = sizeof(nlmsghdr) + NLMSG_ALIGN(sizeof(nfgenmsg));
  if (offset < kHeaders || message.size() < kHeaders || offset >= message.size()) return kNoElement;
  const uint8_t* fault = message.data() + offset;
  AttributeReader attributes(message.subspan(kHeaders));
  Attribute attribute;
  while (attributes.next(attribute)) {
    if (attribute.type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    AttributeReader elements(attribute.payload);
    Attribute element;
    for (int32_t index = 0; elements.next(element); index++) {
      const uint8_t* begin = element.payload.data() - NLA_HDRLEN;
      if (fault >= begin && fault < element.payload.data() + element.payload.size()) return index;
    }
  }
  return kNoElement;
}

}  // namespace hawser::nftables
