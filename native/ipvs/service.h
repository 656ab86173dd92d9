#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_reader.h"
#include "codec/program_writer.h"

namespace hawser::ipvs {

/** What tells one virtual server from another: family and firewall mark, or family, protocol, address and
 * port. */
struct ServiceKey {
  uint8_t family = 0;
  uint8_t protocol = 0;
  /** 4 bytes of IPv4 or 16 of IPv6, in network order; empty for a firewall mark. */
  std::span<const uint8_t> address = {};
  uint16_t port = 0;
  uint32_t mark = 0;
};

struct Service {
  ServiceKey key;
  std::string_view scheduler;
  /** IP_VS_SVC_F_*. */
  uint32_t flags = 0;
  /** Seconds that a client stays with its real server, with IP_VS_SVC_F_PERSISTENT. */
  uint32_t timeout = 0;
  /** Leading bits of the client's address that persistence tells clients apart by: 32 or 128 for the whole
   * address. */
  uint8_t clientPrefix = 0;
};

/** Reads a key: u8 family, u8 protocol, blob address, u16 port, u32 mark. */
ServiceKey readServiceKey(ProgramReader& program);
/** Reads a service: its key, string scheduler, u32 flags, u32 timeout, u8 client prefix. */
Service readService(ProgramReader& program);

/** Writes IPVS_CMD_ATTR_SERVICE: the key alone names a service, the rest describes it. */
void writeServiceKey(MessageWriter& writer, const ServiceKey& key);
void writeService(MessageWriter& writer, const Service& service);

/**
 * Packs a reply of IPVS_CMD_GET_SERVICE as readService() reads it, then its statistics: u64 connections,
 * incoming packets, outgoing packets, incoming bytes, outgoing bytes.
 */
Result<> packService(const Message& message, ProgramWriter& reply);

}  // namespace hawser::ipvs
