#pragma once

#include <cstdint>

#include "codec/message_reader.h"

namespace hawser::conntrack {

/** An address in comparable form: IPv4 has its four bytes in `low`. Which family it is stands beside it. */
struct FlowAddress {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const FlowAddress&) const = default;

  /** From 4 or 16 bytes in network order. */
  static FlowAddress of(std::span<const uint8_t> bytes);
};

/** What the kernel counted in one direction; zero where nf_conntrack_acct is off. */
struct Traffic {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

/** What counting and cleaning look at in a connection tracking message, a fraction of Entry. */
struct Flow {
  uint8_t family = 0;
  uint8_t protocol = 0;
  uint16_t zone = 0;
  /** Ports in host order; 0 for protocols without. */
  uint16_t clientPort = 0;
  uint16_t destinationPort = 0;
  uint16_t endpointPort = 0;
  uint32_t id = 0;
  /** IPS_*. */
  uint32_t status = 0;
  FlowAddress client;
  /** As the client sees it: the Service's address. */
  FlowAddress destination;
  /** Source of the replies: behind a translation, the endpoint. */
  FlowAddress endpoint;
  Traffic original;
  Traffic reply;
  /** Ns since the epoch; 0 where nf_conntrack_timestamp is off or the flow has not ended. */
  uint64_t start = 0;
  uint64_t stop = 0;

  /** Tells flows of one table apart: the kernel's 32-bit ID alone would collide in tables of a million. */
  uint64_t key() const;
};

/**
 * Reads an IPCTNL_MSG_CT_NEW or _DELETE message, of an event or of a dump, without allocating. False when
 * it is malformed or lacks a tuple.
 */
bool readFlow(const Message& message, Flow& flow);

/** 64 bits that depend on every bit of both. */
constexpr uint64_t mixed(uint64_t a, uint64_t b) {
  // The finaliser of MurmurHash3, over a combination that is not symmetric.
  uint64_t hash = a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2));
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace hawser::conntrack
