#include "conntrack_seeds.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>

#include "codec/message_writer.h"
#include "conntrack/entry.h"
#include "conntrack/search.h"

namespace hawser::fuzz {
namespace {

using conntrack::Entry;
using conntrack::messageType;

Entry udp() {
  Entry entry{};
  entry.family = AF_INET;
  entry.protocol = IPPROTO_UDP;
  entry.original = {
      .source = {192, 0, 2, 1}, .destination = {10, 96, 0, 10}, .sourcePort = 4000, .destinationPort = 53};
  entry.reply = {
      .source = {10, 0, 0, 2}, .destination = {192, 0, 2, 1}, .sourcePort = 5353, .destinationPort = 4000};
  return entry;
}

Entry tcp6() {
  Entry entry{};
  entry.family = AF_INET6;
  entry.protocol = IPPROTO_TCP;
  entry.zone = 7;
  entry.original = {.source = {0x20, 1, 0xd, 0xb8},
                    .destination = {0xfd, 0, 0, 0x96},
                    .sourcePort = 50000,
                    .destinationPort = 443};
  entry.reply = {.source = {0xfd, 0, 0, 2},
                 .destination = {0x20, 1, 0xd, 0xb8},
                 .sourcePort = 8443,
                 .destinationPort = 50000};
  return entry;
}

Entry icmp(uint8_t family) {
  Entry entry = family == AF_INET ? udp() : tcp6();
  entry.protocol = family == AF_INET ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6};
  entry.original.destinationPort = 8 << 8;
  entry.reply.destinationPort = 0;
  return entry;
}

/** One message of a flow, as events and dumps have it alike. */
void write(MessageWriter& writer, uint16_t type, const Entry& entry, bool accounted) {
  writer.begin(messageType(type), 0, 0);
  writer.header(nfgenmsg{.nfgen_family = entry.family, .version = NFNETLINK_V0, .res_id = 0});
  conntrack::writeTuple(writer, CTA_TUPLE_ORIG, entry, entry.original);
  conntrack::writeTuple(writer, CTA_TUPLE_REPLY, entry, entry.reply);
  writer.be32(CTA_STATUS, IPS_DST_NAT | IPS_CONFIRMED | IPS_SEEN_REPLY);
  writer.be32(CTA_ID, 0x01ccd416);
  writer.be32(CTA_TIMEOUT, 600);
  if (entry.zone != 0) writer.be16(CTA_ZONE, entry.zone);
  if (accounted) {
    for (const uint16_t direction : {CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY})
      writer.nest(direction, [&] {
        writer.be64(CTA_COUNTERS_PACKETS, 3);
        writer.be64(CTA_COUNTERS_BYTES, 256);
      });
    writer.nest(CTA_TIMESTAMP, [&] {
      writer.be64(CTA_TIMESTAMP_START, 0x1000);
      writer.be64(CTA_TIMESTAMP_STOP, 0x3000);
    });
  }
  writer.end();
}

std::vector<uint8_t> made(const std::function<void(MessageWriter&)>& fill) {
  MessageWriter writer;
  fill(writer);
  return {writer.view().begin(), writer.view().end()};
}

void writeStatistics(MessageWriter& writer) {
  writer.begin(messageType(IPCTNL_MSG_CT_GET_STATS_CPU), NLM_F_MULTI, 1);
  writer.header(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0x0100});
  for (const uint16_t counter : {CTA_STATS_FOUND, CTA_STATS_INVALID, CTA_STATS_INSERT, CTA_STATS_DROP})
    writer.be32(counter, counter);
  writer.end();
}

}  // namespace

std::vector<std::pair<std::string, std::vector<uint8_t>>> conntrackSeeds() {
  const auto flow = [](uint16_t type, const Entry& entry, bool accounted) {
    return made([&](MessageWriter& writer) { write(writer, type, entry, accounted); });
  };
  const auto dump = made([](MessageWriter& writer) {
    write(writer, IPCTNL_MSG_CT_NEW, udp(), false);
    write(writer, IPCTNL_MSG_CT_NEW, tcp6(), true);
    writer.begin(NLMSG_DONE, NLM_F_MULTI, 1);
    writer.end();
  });
  return {
      {"new-udp", flow(IPCTNL_MSG_CT_NEW, udp(), false)},
      {"destroy-udp-accounted", flow(IPCTNL_MSG_CT_DELETE, udp(), true)},
      {"new-tcp6-zone", flow(IPCTNL_MSG_CT_NEW, tcp6(), false)},
      {"destroy-tcp6-accounted", flow(IPCTNL_MSG_CT_DELETE, tcp6(), true)},
      {"new-icmp", flow(IPCTNL_MSG_CT_NEW, icmp(AF_INET), false)},
      {"new-icmpv6", flow(IPCTNL_MSG_CT_NEW, icmp(AF_INET6), false)},
      {"dump", dump},
      {"statistics", made(writeStatistics)},
  };
}

}  // namespace hawser::fuzz
