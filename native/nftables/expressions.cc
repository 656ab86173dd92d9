#include "nftables/expressions.h"

#include <cerrno>

#include "codec/attribute_policy.h"
#include "nftables/data.h"
#include "nftables/expression_schema.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

constexpr AttributePolicy kExpression[] = {
    {NFTA_EXPR_NAME, Kind::string, 1, 128},
    {NFTA_EXPR_DATA, Kind::nested},
};

const ExpressionAttribute* findAttribute(const ExpressionSchema& schema, uint16_t number) {
  for (const auto& attribute : schema.attributes)
    if (attribute.number == number) return &attribute;
  return nullptr;
}

void encodeData(ProgramReader& program, MessageWriter& writer, uint16_t number) {
  if (program.u8() == 0) return writeValue(writer, number, program.blob());
  const int32_t code = program.i32();
  writeVerdict(writer, number, code, program.string());
}

void encodeAttribute(const ExpressionAttribute& attribute, ProgramReader& program, MessageWriter& writer) {
  switch (attribute.kind) {
    case ValueKind::u8:
      return writer.u8(attribute.number, program.u8());
    case ValueKind::u16:
      return writer.be16(attribute.number, static_cast<uint16_t>(program.u32()));
    case ValueKind::u32:
      return writer.be32(attribute.number, program.u32());
    case ValueKind::u64:
      return writer.be64(attribute.number, program.u64());
    case ValueKind::string:
      return writer.string(attribute.number, program.string());
    case ValueKind::bytes:
      return writer.bytes(attribute.number, program.blob());
    case ValueKind::data:
      return encodeData(program, writer, attribute.number);
  }
}

bool decodeAttribute(const ExpressionAttribute& schema, const Attribute& attribute, ProgramWriter& program) {
  const size_t length = attribute.payload.size();
  switch (schema.kind) {
    case ValueKind::u8:
      program.u8(attribute.u8());
      return length >= 1;
    case ValueKind::u16:
      program.u32(attribute.be16());
      return length >= 2;
    case ValueKind::u32:
      program.u32(attribute.be32());
      return length >= 4;
    case ValueKind::u64:
      program.u64(attribute.be64());
      return length >= 8;
    case ValueKind::string:
      program.string(attribute.string());
      return true;
    case ValueKind::bytes:
      program.blob(attribute.payload);
      return true;
    case ValueKind::data:
      break;
  }
  const auto data = readData(attribute.payload);
  if (!data) return false;
  packData(*data, program);
  return true;
}

Error malformed(const char* what) { return Error{EBADMSG, what, kMalformedReply}; }

Result<> decodeExpression(const Attributes& expression, ProgramWriter& program) {
  const auto schemas = expressionSchema();
  const auto name = expression.string(NFTA_EXPR_NAME);
  size_t index = 0;
  while (index < schemas.size() && schemas[index].name != name) index++;
  if (index == schemas.size()) {
    program.u8(kUnknownExpression);
    program.string(name);
    program.blob(expression.bytes(NFTA_EXPR_DATA));
    return Unit{};
  }
  program.u8(static_cast<uint8_t>(index));
  const size_t countAt = program.size();
  program.u8(0);
  uint8_t count = 0;
  AttributeReader attributes(expression.bytes(NFTA_EXPR_DATA));
  Attribute attribute;
  while (attributes.next(attribute)) {
    const auto* schema = findAttribute(schemas[index], attribute.type);
    if (schema == nullptr) continue;
    if (++count == 0) return malformed("an expression with more than 255 attributes");
    program.u8(static_cast<uint8_t>(attribute.type));
    if (!decodeAttribute(*schema, attribute, program))
      return malformed("an expression's attribute is too short");
  }
  if (attributes.malformed()) return malformed("an expression's attributes are malformed");
  program.patchU8(countAt, count);
  return Unit{};
}

}  // namespace

bool encodeExpressions(ProgramReader& program, MessageWriter& writer) {
  const auto schemas = expressionSchema();
  for (int left = program.u8(); left > 0; left--) {
    const uint8_t index = program.u8();
    if (index >= schemas.size() || program.failed()) return false;
    const ExpressionSchema& schema = schemas[index];
    const size_t element = writer.open(NFTA_LIST_ELEM);
    writer.string(NFTA_EXPR_NAME, schema.name);
    const size_t body = writer.open(NFTA_EXPR_DATA);
    for (int attributes = program.u8(); attributes > 0; attributes--) {
      const auto* attribute = findAttribute(schema, program.u8());
      if (attribute == nullptr) return false;
      encodeAttribute(*attribute, program, writer);
    }
    writer.close(body);
    writer.close(element);
  }
  return !program.failed();
}

Result<> decodeExpressions(std::span<const uint8_t> list, ProgramWriter& program) {
  const size_t countAt = program.size();
  program.u8(0);
  uint8_t count = 0;
  AttributeReader elements(list);
  Attribute element;
  while (elements.next(element)) {
    if (element.type != NFTA_LIST_ELEM) continue;
    const Attributes expression(element.payload, kExpression);
    if (!expression || !expression.has(NFTA_EXPR_NAME)) return malformed("a rule's expression has no name");
    if (++count == 0) return malformed("a rule with more than 255 expressions");
    if (auto decoded = decodeExpression(expression, program); !decoded) return decoded;
  }
  if (elements.malformed()) return malformed("a rule's expression list is malformed");
  program.patchU8(countAt, count);
  return Unit{};
}

}  // namespace hawser::nftables
