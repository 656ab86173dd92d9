#include "nftables/foreign_changes.h"

#include <algorithm>

#include "codec/attribute_policy.h"
#include "nftables/messages.h"

namespace hawser::nftables {
namespace {

/** Attribute 1 is the table's name in every kind of object: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE,
 * NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE, NFTA_OBJ_TABLE, NFTA_FLOWTABLE_TABLE. */
constexpr AttributePolicy kTable[] = {{NFTA_TABLE_NAME, Kind::string}};
constexpr AttributePolicy kGeneration[] = {
    {NFTA_GEN_ID, Kind::be32}, {NFTA_GEN_PROC_PID, Kind::be32}, {NFTA_GEN_PROC_NAME, Kind::string}};

/** Tables that one report names; whoever rewrites more has changed ours among them. */
constexpr size_t kMostChanges = 64;

}  // namespace

bool ForeignChanges::configure(ProgramReader program) {
  watched_.clear();
  for (uint32_t left = program.u32(); left > 0 && !program.failed(); left--) {
    const uint8_t family = program.u8();
    watched_.push_back({family, std::string(program.string())});
  }
  return !program.failed();
}

void ForeignChanges::take(const Message& message) {
  if (message.header.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || message.payload.size() < sizeof(nfgenmsg))
    return;
  const uint32_t portId = message.header.nlmsg_pid;
  if (isOwn_(portId)) return;
  if (message.header.nlmsg_type == messageType(NFT_MSG_NEWGEN)) return takeGeneration(message);
  const Attributes attributes(attributesOf(message), kTable);
  const Table table{message.payload[0], std::string(attributes.string(NFTA_TABLE_NAME))};
  if (!isWatched(table) || changes_.size() >= kMostChanges) return;
  const auto same = [&](const Change& known) { return known.portId == portId && known.table == table; };
  if (std::none_of(changes_.begin(), changes_.end(), same))
    changes_.push_back({.table = table, .portId = portId, .threadId = 0, .program = {}});
}

void ForeignChanges::takeGeneration(const Message& message) {
  const Attributes attributes(attributesOf(message), kGeneration);
  generation_ = attributes.be32(NFTA_GEN_ID);
  for (Change& change : changes_) {
    if (change.portId != message.header.nlmsg_pid) continue;
    change.threadId = attributes.be32(NFTA_GEN_PROC_PID);
    change.program = attributes.string(NFTA_GEN_PROC_NAME);
  }
  complete_ = !changes_.empty();
}

bool ForeignChanges::isWatched(const Table& table) const {
  return watched_.empty() || std::find(watched_.begin(), watched_.end(), table) != watched_.end();
}

std::vector<uint8_t> ForeignChanges::report() {
  ProgramWriter reply;
  reply.u8(lost_ ? 1 : 0);
  reply.u32(generation_);
  reply.u32(static_cast<uint32_t>(changes_.size()));
  for (const Change& change : changes_) {
    reply.u8(change.table.family);
    reply.string(change.table.name);
    reply.u32(change.portId);
    reply.u32(change.threadId);
    reply.string(change.program);
  }
  changes_.clear();
  generation_ = 0;
  complete_ = lost_ = false;
  return reply.take();
}

}  // namespace hawser::nftables
