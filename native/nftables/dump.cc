#include "nftables/dump.h"

#include <cerrno>

#include "codec/attribute_policy.h"
#include "nftables/elements.h"
#include "nftables/expressions.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

constexpr AttributePolicy kTable[] = {
    {NFTA_TABLE_NAME, Kind::string, 1, NFT_TABLE_MAXNAMELEN},
    {NFTA_TABLE_FLAGS, Kind::be32},
    {NFTA_TABLE_USE, Kind::be32},
    {NFTA_TABLE_HANDLE, Kind::be64},
    {NFTA_TABLE_USERDATA, Kind::bytes},
};
constexpr AttributePolicy kChain[] = {
    {NFTA_CHAIN_TABLE, Kind::string, 1, NFT_TABLE_MAXNAMELEN},
    {NFTA_CHAIN_HANDLE, Kind::be64},
    {NFTA_CHAIN_NAME, Kind::string, 1, NFT_CHAIN_MAXNAMELEN},
    {NFTA_CHAIN_HOOK, Kind::nested},
    {NFTA_CHAIN_POLICY, Kind::be32},
    {NFTA_CHAIN_USE, Kind::be32},
    {NFTA_CHAIN_TYPE, Kind::string},
    {NFTA_CHAIN_USERDATA, Kind::bytes},
};
constexpr AttributePolicy kHook[] = {
    {NFTA_HOOK_HOOKNUM, Kind::be32},
    {NFTA_HOOK_PRIORITY, Kind::be32},
};
constexpr AttributePolicy kSet[] = {
    {NFTA_SET_TABLE, Kind::string, 1, NFT_TABLE_MAXNAMELEN},
    {NFTA_SET_NAME, Kind::string, 1, NFT_SET_MAXNAMELEN},
    {NFTA_SET_FLAGS, Kind::be32},
    {NFTA_SET_KEY_TYPE, Kind::be32},
    {NFTA_SET_KEY_LEN, Kind::be32},
    {NFTA_SET_DATA_TYPE, Kind::be32},
    {NFTA_SET_DATA_LEN, Kind::be32},
    {NFTA_SET_DESC, Kind::nested},
    {NFTA_SET_TIMEOUT, Kind::be64},
    {NFTA_SET_USERDATA, Kind::bytes},
    {NFTA_SET_HANDLE, Kind::be64},
};
constexpr AttributePolicy kSetDescription[] = {
    {NFTA_SET_DESC_SIZE, Kind::be32},
    {NFTA_SET_DESC_CONCAT, Kind::nested},
};
constexpr AttributePolicy kRule[] = {
    {NFTA_RULE_TABLE, Kind::string, 1, NFT_TABLE_MAXNAMELEN},
    {NFTA_RULE_CHAIN, Kind::string, 1, NFT_CHAIN_MAXNAMELEN},
    {NFTA_RULE_HANDLE, Kind::be64},
    {NFTA_RULE_EXPRESSIONS, Kind::nested},
    {NFTA_RULE_USERDATA, Kind::bytes},
};

/** What a dump asks for, and how one of its messages is packed; a dump's reply is u32 count + records. */
struct Dump {
  std::string what;
  uint8_t message;
  uint8_t family;
  std::string_view table = {};
  std::string_view chain = {};
  std::string_view set = {};
  /** Of the message that the kernel sends; answers how many records it appended. */
  std::function<Result<uint32_t>(std::span<const uint8_t> attributes)> decode = {};
  bool counted = true;
};

Error malformed(const std::string& what) {
  return Error{EBADMSG, what + ": the kernel sent a malformed reply", kMalformedReply};
}

void writeFilter(const Dump& dump, MessageWriter& writer) {
  switch (dump.message) {
    case NFT_MSG_GETSET:
      writer.string(NFTA_SET_TABLE, dump.table);
      break;
    case NFT_MSG_GETRULE:
      writer.string(NFTA_RULE_TABLE, dump.table);
      if (!dump.chain.empty()) writer.string(NFTA_RULE_CHAIN, dump.chain);
      break;
    case NFT_MSG_GETSETELEM:
      writer.string(NFTA_SET_ELEM_LIST_TABLE, dump.table);
      writer.string(NFTA_SET_ELEM_LIST_SET, dump.set);
      break;
    default:
      break;  // tables and chains know no filter but the family
  }
}

Result<> run(const Dump& dump, NetlinkSocket& socket, ProgramWriter& reply) {
  const size_t start = reply.size();
  uint32_t count = 0;
  auto outcome = socket.dump(
      dump.what,
      [&](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(messageType(dump.message), flags, sequence);
        familyHeader(writer, dump.family);
        writeFilter(dump, writer);
        writer.end();
      },
      [&] {
        count = 0;
        reply.truncate(start);
        if (dump.counted) reply.u32(0);
      },
      [&](const Message& message) -> Result<> {
        auto added = dump.decode(attributesOf(message));
        if (!added) return added.error();
        count += *added;
        return Unit{};
      });
  if (outcome && dump.counted) reply.patchU32(start, count);
  return outcome;
}

/** Arguments: none. Record: string name, u32 flags, u64 handle, u32 use. */
Result<uint32_t> packTable(std::span<const uint8_t> attributes, ProgramWriter& reply) {
  const Attributes table(attributes, kTable);
  if (!table) return malformed("list tables");
  reply.string(table.string(NFTA_TABLE_NAME));
  reply.u32(table.be32(NFTA_TABLE_FLAGS));
  reply.u64(table.be64(NFTA_TABLE_HANDLE));
  reply.u32(table.be32(NFTA_TABLE_USE));
  return 1;
}

/** Arguments: string table. Record: string name, u64 handle, u32 use, blob user data, u8 is base chain and
 * then string type, u32 hook, i32 priority, u32 policy. */
Result<uint32_t> packChain(std::string_view wanted, std::span<const uint8_t> attributes,
                           ProgramWriter& reply) {
  const Attributes chain(attributes, kChain);
  if (!chain) return malformed("list chains");
  if (chain.string(NFTA_CHAIN_TABLE) != wanted) return 0;
  reply.string(chain.string(NFTA_CHAIN_NAME));
  reply.u64(chain.be64(NFTA_CHAIN_HANDLE));
  reply.u32(chain.be32(NFTA_CHAIN_USE));
  reply.blob(chain.bytes(NFTA_CHAIN_USERDATA));
  reply.u8(chain.has(NFTA_CHAIN_HOOK) ? 1 : 0);
  if (!chain.has(NFTA_CHAIN_HOOK)) return 1;
  const Attributes hook(chain.bytes(NFTA_CHAIN_HOOK), kHook);
  if (!hook) return malformed("list chains");
  reply.string(chain.string(NFTA_CHAIN_TYPE));
  reply.u32(hook.be32(NFTA_HOOK_HOOKNUM));
  reply.u32(hook.be32(NFTA_HOOK_PRIORITY));
  reply.u32(chain.be32(NFTA_CHAIN_POLICY));
  return 1;
}

/** Arguments: string table. Record: string name, u64 handle, u32 flags, u32 key type, u32 key length, u32
 * data type, u32 data length, u32 size, u64 timeout ms, u8 count + u8 field lengths, blob user data. */
Result<uint32_t> packSet(std::span<const uint8_t> attributes, ProgramWriter& reply) {
  const Attributes set(attributes, kSet);
  if (!set) return malformed("list sets");
  const Attributes description(set.bytes(NFTA_SET_DESC), kSetDescription);
  if (!description) return malformed("list sets");
  reply.string(set.string(NFTA_SET_NAME));
  reply.u64(set.be64(NFTA_SET_HANDLE));
  reply.u32(set.be32(NFTA_SET_FLAGS));
  reply.u32(set.be32(NFTA_SET_KEY_TYPE));
  reply.u32(set.be32(NFTA_SET_KEY_LEN));
  reply.u32(set.be32(NFTA_SET_DATA_TYPE));
  reply.u32(set.be32(NFTA_SET_DATA_LEN));
  reply.u32(description.be32(NFTA_SET_DESC_SIZE));
  reply.u64(set.be64(NFTA_SET_TIMEOUT));
  const size_t countAt = reply.size();
  uint8_t fields = 0;
  reply.u8(0);
  AttributeReader list(description.bytes(NFTA_SET_DESC_CONCAT));
  for (Attribute field; list.next(field) && fields < UINT8_MAX; fields++) {
    AttributeReader inner(field.payload);
    Attribute length;
    if (!inner.next(length) || length.type != NFTA_SET_FIELD_LEN) return malformed("list sets");
    reply.u8(static_cast<uint8_t>(length.be32()));
  }
  if (list.malformed()) return malformed("list sets");
  reply.patchU8(countAt, fields);
  reply.blob(set.bytes(NFTA_SET_USERDATA));
  return 1;
}

/** Arguments: string table, string chain (empty: all). Record: string chain, u64 handle, blob user data,
 * packed expressions. */
Result<uint32_t> packRule(std::span<const uint8_t> attributes, ProgramWriter& reply) {
  const Attributes rule(attributes, kRule);
  if (!rule) return malformed("list rules");
  reply.string(rule.string(NFTA_RULE_CHAIN));
  reply.u64(rule.be64(NFTA_RULE_HANDLE));
  reply.blob(rule.bytes(NFTA_RULE_USERDATA));
  if (auto decoded = decodeExpressions(rule.bytes(NFTA_RULE_EXPRESSIONS), reply); !decoded)
    return decoded.error();
  return 1;
}

}  // namespace

// Every program starts with u8 family; the arguments behind it stand with each record above. dumpElements
// takes string table, string set and a layout and replies with bare records; dumpVerdictElements takes string
// table, string set.
Result<> dump(Method method, ProgramReader& arguments, NetlinkSocket& socket, ProgramWriter& reply) {
  Dump dump{.what = {}, .message = 0, .family = arguments.u8()};
  if (method != Method::dumpTables) dump.table = arguments.string();
  const std::string of = " of table " + std::string(dump.table);
  ElementLayout layout;
  switch (method) {
    case Method::dumpTables:
      dump.what = "list tables";
      dump.message = NFT_MSG_GETTABLE;
      dump.decode = [&](auto attributes) { return packTable(attributes, reply); };
      break;
    case Method::dumpChains:
      dump.what = "list chains" + of;
      dump.message = NFT_MSG_GETCHAIN;
      dump.decode = [&](auto attributes) { return packChain(dump.table, attributes, reply); };
      break;
    case Method::dumpSets:
      dump.what = "list sets" + of;
      dump.message = NFT_MSG_GETSET;
      dump.decode = [&](auto attributes) { return packSet(attributes, reply); };
      break;
    case Method::dumpRules:
      dump.chain = arguments.string();
      dump.what = "list rules" + of;
      dump.message = NFT_MSG_GETRULE;
      dump.decode = [&](auto attributes) { return packRule(attributes, reply); };
      break;
    case Method::dumpElements:
    case Method::dumpVerdictElements:
      dump.set = arguments.string();
      dump.what = "list elements of set " + std::string(dump.set) + of;
      dump.message = NFT_MSG_GETSETELEM;
      dump.counted = method == Method::dumpVerdictElements;
      dump.decode = [&](auto attributes) { return decodeVerdictElements(attributes, reply); };
      if (dump.counted) break;
      layout = readLayout(arguments);
      if (!layout.valid())
        return Error{EINVAL, "a layout without a key, or wider than 64 bytes", kMalformedProgram};
      dump.decode = [&](auto attributes) -> Result<uint32_t> {
        if (auto decoded = decodeElements(attributes, layout, reply); !decoded) return decoded.error();
        return 0;
      };
      break;
    default:
      return Error{EINVAL, "unknown method", kMalformedProgram};
  }
  if (arguments.failed()) return Error{EINVAL, dump.what + ": arguments cut short", kMalformedProgram};
  return run(dump, socket, reply);
}

}  // namespace hawser::nftables
