#pragma once

#include <cstdint>
#include <span>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"

namespace hawser::ipvs {

/** A real server ("dest") of a virtual server; address and port tell it from the others. */
struct Destination {
  /** 4 bytes of IPv4 or 16 of IPv6, in network order: with tunnelling the family may differ from the
   * service's. */
  std::span<const uint8_t> address;
  uint16_t port = 0;
  /** IP_VS_CONN_F_MASQ, IP_VS_CONN_F_TUNNEL or IP_VS_CONN_F_DROUTE. */
  uint8_t method = 0;
  uint32_t weight = 0;
  /** Connections above which no new ones are sent here, and below which they are again; 0 for no limit. */
  uint32_t upperThreshold = 0;
  uint32_t lowerThreshold = 0;
};

/** Reads what names a dest: blob address, u16 port. */
Destination readDestinationKey(ProgramReader& program);
/** Reads a dest: its key, u8 method, u32 weight, u32 upper threshold, u32 lower threshold. */
Destination readDestination(ProgramReader& program);

/** Writes IPVS_CMD_ATTR_DEST: the key alone names a dest, the rest describes it. */
void writeDestinationKey(MessageWriter& writer, const Destination& destination);
void writeDestination(MessageWriter& writer, const Destination& destination);

/**
 * Packs a reply of IPVS_CMD_GET_DEST as readDestination() reads it, then u32 active, u32 inactive and u32
 * persistent connections and the statistics of statistics.h.
 */
Result<> packDestination(const Message& message, ProgramWriter& reply);

}  // namespace hawser::ipvs
