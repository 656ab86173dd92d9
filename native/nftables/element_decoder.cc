#include <cerrno>

#include "codec/attribute_policy.h"
#include "nftables/data.h"
#include "nftables/elements.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

constexpr AttributePolicy kElement[] = {
    {NFTA_SET_ELEM_KEY, Kind::nested},     {NFTA_SET_ELEM_KEY_END, Kind::nested},
    {NFTA_SET_ELEM_DATA, Kind::nested},    {NFTA_SET_ELEM_FLAGS, Kind::be32},
    {NFTA_SET_ELEM_TIMEOUT, Kind::be64},   {NFTA_SET_ELEM_EXPIRATION, Kind::be64},
    {NFTA_SET_ELEM_USERDATA, Kind::bytes},
};

Error malformed() { return Error{EBADMSG, "the kernel sent a malformed set element", kMalformedReply}; }

/** Calls `visit` for every element of a dumped message, with its parsed attributes. */
template <typename Visit>
Result<> eachElement(std::span<const uint8_t> attributes, Visit&& visit) {
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    AttributeReader elements(attribute.payload);
    Attribute element;
    while (elements.next(element)) {
      const Attributes parsed(element.payload, kElement);
      if (!parsed) return malformed();
      // The catch-all element has no key and never is one of ours.
      if (!parsed.has(NFTA_SET_ELEM_KEY)) continue;
      if (auto visited = visit(parsed); !visited) return visited;
    }
    if (elements.malformed()) return malformed();
  }
  if (reader.malformed()) return malformed();
  return Unit{};
}

Result<> appendPart(const Attributes& element, uint16_t type, size_t length, ProgramWriter& records) {
  const auto data = readData(element.bytes(type));
  if (!data) return malformed();
  if (data->verdict || data->value.size() != length)
    return Error{EINVAL, "an element has " + std::to_string(data->value.size()) +
                             " bytes where the layout asks for " + std::to_string(length)};
  records.raw(data->value.data(), length);
  return Unit{};
}

}  // namespace

Result<> decodeElements(std::span<const uint8_t> attributes, const ElementLayout& layout,
                        ProgramWriter& records) {
  return eachElement(attributes, [&](const Attributes& element) -> Result<> {
    auto key = appendPart(element, NFTA_SET_ELEM_KEY, layout.keyLength, records);
    if (!key) return key;
    // A single value in an interval set comes back without an end: it is its own.
    const uint16_t end = element.has(NFTA_SET_ELEM_KEY_END) ? NFTA_SET_ELEM_KEY_END : NFTA_SET_ELEM_KEY;
    if (layout.keyEnd)
      if (auto part = appendPart(element, end, layout.keyLength, records); !part) return part;
    if (layout.dataLength)
      if (auto part = appendPart(element, NFTA_SET_ELEM_DATA, layout.dataLength, records); !part) return part;
    return Unit{};
  });
}

Result<uint32_t> decodeVerdictElements(std::span<const uint8_t> attributes, ProgramWriter& program) {
  uint32_t count = 0;
  auto walked = eachElement(attributes, [&](const Attributes& element) -> Result<> {
    const auto key = readData(element.bytes(NFTA_SET_ELEM_KEY));
    const auto data = readData(element.bytes(NFTA_SET_ELEM_DATA));
    if (!key || key->verdict) return malformed();
    if (!data || !data->verdict) return Error{EINVAL, "the set is not a map of verdicts"};
    program.blob(key->value);
    program.i32(data->code);
    program.string(data->chain);
    count++;
    return Unit{};
  });
  if (!walked) return walked.error();
  return count;
}

}  // namespace hawser::nftables
