#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "codec/message_reader.h"
#include "codec/message_writer.h"

namespace hawser::conntrack {

/** One direction of a flow. Addresses are in network order, IPv4 in the first 4 bytes; ports in host order.
 */
struct Tuple {
  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
  /** ICMP and ICMPv6 have no ports: their identifier. */
  uint16_t sourcePort;
  /** ICMP and ICMPv6: type in the high byte, code in the low one. */
  uint16_t destinationPort;
};

/** A connection tracking entry as it travels to JavaScript and back, unpadded:
 * src/native/conntrack-entries.ts reads it. */
struct Entry {
  uint8_t family;
  uint8_t protocol;
  uint16_t zone;
  /** The kernel's own: made of the tuple and of the address of its memory, so a later entry may have it
   * again. */
  uint32_t id;
  /** IPS_*. */
  uint32_t status;
  uint32_t mark;
  /** Seconds until it expires. */
  uint32_t timeout;
  Tuple original;
  Tuple reply;
};
static_assert(sizeof(Tuple) == 36 && sizeof(Entry) == 92);

/** Reads an IPCTNL_MSG_CT_NEW reply. */
Result<Entry> readEntry(const Message& message);

/** Writes CTA_TUPLE_ORIG or CTA_TUPLE_REPLY of an entry, every field of it. */
void writeTuple(MessageWriter& writer, uint16_t type, const Entry& entry, const Tuple& tuple);

/**
 * Body of an IPCTNL_MSG_CT_DELETE request for exactly this entry. The original tuple is always there: a
 * deletion without one would empty the table.
 */
void writeDeletion(MessageWriter& writer, const Entry& entry);

}  // namespace hawser::conntrack
