#pragma once

#include <cstdint>
#include <span>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_writer.h"

namespace hawser::rtnetlink {

/** A route to add or to delete; what is left out is not sent, and matches anything in a deletion. */
struct Route {
  uint8_t family = 0;
  /** Network address, in network order; empty for the default route. */
  std::span<const uint8_t> destination = {};
  uint8_t prefix = 0;
  std::span<const uint8_t> gateway = {};
  /** Interface index; 0 for none. */
  uint32_t link = 0;
  /** Source address preferred for packets of this host. */
  std::span<const uint8_t> source = {};
  /** 0 for the table that ip-route(8) would take: local for local routes, else main. */
  uint32_t table = 0;
  uint32_t metric = 0;
  /** RTN_UNICAST, RTN_LOCAL, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT. */
  uint8_t type = 0;
};

/** Bodies of RTM_NEWROUTE and RTM_DELROUTE requests. */
void writeNewRoute(MessageWriter& writer, const Route& route);
void writeDeleteRoute(MessageWriter& writer, const Route& route);

/** Body of an RTM_GETROUTE dump; AF_UNSPEC for both families. */
void writeRouteDump(MessageWriter& writer, uint8_t family);

/**
 * Packs an RTM_NEWROUTE reply: u8 family, u8 prefix, u8 type (RTN_*), u8 protocol (RTPROT_*), u8 scope
 * (RT_SCOPE_*), u32 table, u32 metric, u32 link (0: none), then raw addresses as blobs, empty when absent:
 * destination, gateway, source. Cached exceptions (RTM_F_CLONED) and multicast forwarding entries, which are
 * no routes of a table, are left out.
 */
Result<> packRoute(const Message& message, ProgramWriter& reply);

}  // namespace hawser::rtnetlink
