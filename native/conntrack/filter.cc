#include "conntrack/filter.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <algorithm>

namespace hawser::conntrack {
namespace {

bool readAddress(ProgramReader& program, uint8_t family, bool wanted, std::array<uint8_t, 16>& address) {
  const auto bytes = program.blob();
  if (!wanted) return bytes.empty();
  if (bytes.size() != (family == AF_INET6 ? 16 : 4)) return false;
  std::copy(bytes.begin(), bytes.end(), address.begin());
  return true;
}

bool readTuple(ProgramReader& program, uint8_t family, uint32_t fields, Tuple& tuple) {
  const bool source = readAddress(program, family, fields & kSource, tuple.source);
  const bool destination = readAddress(program, family, fields & kDestination, tuple.destination);
  tuple.sourcePort = program.u16();
  tuple.destinationPort = program.u16();
  const bool portNamed = fields & (kSourcePort | kDestinationPort);
  return source && destination && (fields & ~kTupleFields) == 0 && (!portNamed || (fields & kProtocol));
}

bool tupleMatches(const Tuple& want, const Tuple& have, uint32_t fields) {
  return (!(fields & kSource) || want.source == have.source) &&
         (!(fields & kDestination) || want.destination == have.destination) &&
         (!(fields & kSourcePort) || want.sourcePort == have.sourcePort) &&
         (!(fields & kDestinationPort) || want.destinationPort == have.destinationPort);
}

}  // namespace

bool readFilter(ProgramReader& program, Filter& filter) {
  filter.values.family = program.u8();
  filter.values.protocol = program.u8();
  filter.originalFields = program.u32();
  filter.replyFields = program.u32();
  const uint8_t family = filter.values.family;
  const bool original = readTuple(program, family, filter.originalFields, filter.values.original);
  const bool reply = readTuple(program, family, filter.replyFields, filter.values.reply);
  filter.values.mark = program.u32();
  filter.markMask = program.u32();
  filter.values.status = program.u32();
  filter.statusMask = program.u32();
  const bool tupleNamed = (filter.originalFields | filter.replyFields) != 0;
  const bool familyKnown = family == AF_INET || family == AF_INET6 || (family == AF_UNSPEC && !tupleNamed);
  return original && reply && familyKnown && !program.failed();
}

bool Filter::matchesEverything() const { return (originalFields | replyFields | markMask | statusMask) == 0; }

bool Filter::matches(const Entry& entry) const {
  if (values.family != AF_UNSPEC && values.family != entry.family) return false;
  if (((originalFields | replyFields) & kProtocol) && values.protocol != entry.protocol) return false;
  if ((entry.mark & markMask) != (values.mark & markMask)) return false;
  if ((entry.status & statusMask) != (values.status & statusMask)) return false;
  return tupleMatches(values.original, entry.original, originalFields) &&
         tupleMatches(values.reply, entry.reply, replyFields);
}

void Filter::write(MessageWriter& writer) const {
  writer.header(nfgenmsg{.nfgen_family = values.family, .version = NFNETLINK_V0, .res_id = 0});
  if (originalFields != 0) writeTuple(writer, CTA_TUPLE_ORIG, values, values.original);
  if (replyFields != 0) writeTuple(writer, CTA_TUPLE_REPLY, values, values.reply);
  if ((originalFields | replyFields) != 0) {
    // Host byte order, unlike everything else in conntrack's messages.
    writer.nest(CTA_FILTER, [&] {
      if (originalFields != 0) writer.u32(CTA_FILTER_ORIG_FLAGS, originalFields);
      if (replyFields != 0) writer.u32(CTA_FILTER_REPLY_FLAGS, replyFields);
    });
  }
  if (markMask != 0) {
    writer.be32(CTA_MARK, values.mark);
    writer.be32(CTA_MARK_MASK, markMask);
  }
  if (statusMask != 0) {
    writer.be32(CTA_STATUS, values.status);
    writer.be32(CTA_STATUS_MASK, statusMask);
  }
}

}  // namespace hawser::conntrack
