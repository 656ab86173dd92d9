#include "binding/schema.h"

#include <sstream>

#include "nftables/expression_schema.h"

namespace hawser {
namespace {

const char* kindName(nftables::ValueKind kind) {
  using enum nftables::ValueKind;
  switch (kind) {
    case u8:
      return "u8";
    case u16:
      return "u16";
    case u32:
      return "u32";
    case u64:
      return "u64";
    case string:
      return "string";
    case bytes:
      return "bytes";
    case data:
      return "data";
  }
  return "";
}

Napi::Array wordsOf(Napi::Env env, const char* words) {
  auto array = Napi::Array::New(env);
  std::istringstream stream(words);
  uint32_t count = 0;
  for (std::string word; stream >> word;) array[count++] = Napi::String::New(env, word);
  return array;
}

}  // namespace

Napi::Value expressionSchemaOf(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto expressions = Napi::Array::New(env);
  uint32_t count = 0;
  for (const auto& schema : nftables::expressionSchema()) {
    auto attributes = Napi::Array::New(env);
    uint32_t rows = 0;
    for (const auto& attribute : schema.attributes) {
      auto row = Napi::Object::New(env);
      row["name"] = Napi::String::New(env, attribute.name);
      row["number"] = Napi::Number::New(env, attribute.number);
      row["kind"] = Napi::String::New(env, kindName(attribute.kind));
      if (*attribute.words != '\0') row["words"] = wordsOf(env, attribute.words);
      if (attribute.bits) row["bits"] = Napi::Boolean::New(env, true);
      attributes[rows++] = row;
    }
    auto expression = Napi::Object::New(env);
    expression["name"] = Napi::String::New(env, schema.name);
    expression["attributes"] = attributes;
    expressions[count++] = expression;
  }
  return expressions;
}

}  // namespace hawser
