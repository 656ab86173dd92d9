#include "conntrack/flow.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <cstring>

#include "codec/attribute_reader.h"

namespace hawser::conntrack {
namespace {

struct FlowTuple {
  FlowAddress source;
  FlowAddress destination;
  uint16_t sourcePort = 0;
  uint16_t destinationPort = 0;
  uint8_t protocol = 0;
  bool addressed = false;
};

bool readAddresses(std::span<const uint8_t> nest, size_t length, FlowTuple& tuple) {
  const uint16_t source = length == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
  const uint16_t destination = length == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
  bool from = false, to = false;
  AttributeReader reader(nest);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type != source && attribute.type != destination) continue;
    if (attribute.payload.size() != length) return false;
    const bool isSource = attribute.type == source;
    (isSource ? tuple.source : tuple.destination) = FlowAddress::of(attribute.payload);
    (isSource ? from : to) = true;
  }
  tuple.addressed = from && to;
  return !reader.malformed();
}

bool readPorts(std::span<const uint8_t> nest, FlowTuple& tuple) {
  AttributeReader reader(nest);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type == CTA_PROTO_NUM)
      tuple.protocol = attribute.u8();
    else if (attribute.type == CTA_PROTO_SRC_PORT)
      tuple.sourcePort = attribute.be16();
    else if (attribute.type == CTA_PROTO_DST_PORT)
      tuple.destinationPort = attribute.be16();
  }
  return !reader.malformed();
}

bool readTuple(std::span<const uint8_t> nest, size_t addressLength, FlowTuple& tuple) {
  AttributeReader reader(nest);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type == CTA_TUPLE_IP && !readAddresses(attribute.payload, addressLength, tuple))
      return false;
    if (attribute.type == CTA_TUPLE_PROTO && !readPorts(attribute.payload, tuple)) return false;
  }
  return !reader.malformed() && tuple.addressed;
}

bool readTraffic(std::span<const uint8_t> nest, Traffic& traffic) {
  AttributeReader reader(nest);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type == CTA_COUNTERS_PACKETS) traffic.packets = attribute.be64();
    if (attribute.type == CTA_COUNTERS_BYTES) traffic.bytes = attribute.be64();
  }
  return !reader.malformed();
}

bool readTimes(std::span<const uint8_t> nest, Flow& flow) {
  AttributeReader reader(nest);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type == CTA_TIMESTAMP_START) flow.start = attribute.be64();
    if (attribute.type == CTA_TIMESTAMP_STOP) flow.stop = attribute.be64();
  }
  return !reader.malformed();
}

}  // namespace

FlowAddress FlowAddress::of(std::span<const uint8_t> bytes) {
  FlowAddress address;
  if (bytes.size() == 4) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    address.low = word;
  } else if (bytes.size() == 16) {
    std::memcpy(&address.high, bytes.data(), 8);
    std::memcpy(&address.low, bytes.data() + 8, 8);
  }
  return address;
}

uint64_t Flow::key() const {
  const uint64_t ports = uint64_t{clientPort} << 48 | uint64_t{destinationPort} << 32 | id;
  const uint64_t kind = uint64_t{family} << 24 | uint64_t{protocol} << 16 | zone;
  return mixed(mixed(mixed(client.high, client.low), mixed(destination.high, destination.low)),
               mixed(ports, kind));
}

bool readFlow(const Message& message, Flow& flow) {
  nfgenmsg header;
  if (message.payload.size() < sizeof header) return false;
  std::memcpy(&header, message.payload.data(), sizeof header);
  if (header.nfgen_family != AF_INET && header.nfgen_family != AF_INET6) return false;
  const size_t addressLength = header.nfgen_family == AF_INET ? 4 : 16;
  flow = Flow{};
  flow.family = header.nfgen_family;
  FlowTuple original, reply;
  AttributeReader reader(message.payload.subspan(NLMSG_ALIGN(sizeof header)));
  Attribute attribute;
  bool sound = true;
  while (sound && reader.next(attribute)) {
    switch (attribute.type) {
      case CTA_TUPLE_ORIG:
        sound = readTuple(attribute.payload, addressLength, original);
        break;
      case CTA_TUPLE_REPLY:
        sound = readTuple(attribute.payload, addressLength, reply);
        break;
      case CTA_STATUS:
        flow.status = attribute.be32();
        break;
      case CTA_ID:
        flow.id = attribute.be32();
        break;
      case CTA_ZONE:
        flow.zone = attribute.be16();
        break;
      case CTA_COUNTERS_ORIG:
        sound = readTraffic(attribute.payload, flow.original);
        break;
      case CTA_COUNTERS_REPLY:
        sound = readTraffic(attribute.payload, flow.reply);
        break;
      case CTA_TIMESTAMP:
        sound = readTimes(attribute.payload, flow);
        break;
    }
  }
  if (!sound || reader.malformed() || !original.addressed || !reply.addressed) return false;
  flow.protocol = original.protocol;
  flow.client = original.source;
  flow.clientPort = original.sourcePort;
  flow.destination = original.destination;
  flow.destinationPort = original.destinationPort;
  flow.endpoint = reply.source;
  flow.endpointPort = reply.sourcePort;
  return true;
}

}  // namespace hawser::conntrack
