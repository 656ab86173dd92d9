#pragma once

#include <cstdint>
#include <span>

#include "codec/message_reader.h"
#include "codec/message_writer.h"
#include "codec/program_writer.h"

namespace hawser::rtnetlink {

/** An address of an interface, to add or to delete. */
struct InterfaceAddress {
  uint32_t link = 0;
  /** 4 bytes of IPv4 or 16 of IPv6, in network order; the family follows from the length. */
  std::span<const uint8_t> address;
  uint8_t prefix = 0;
  /** IPv6: usable at once, without duplicate address detection (about a second). */
  bool withoutDetection = false;
};

/** AF_INET or AF_INET6 for 4 or 16 bytes, AF_UNSPEC otherwise. */
uint8_t familyOf(std::span<const uint8_t> address);

/** Body of RTM_NEWADDR and RTM_DELADDR requests. */
void writeAddress(MessageWriter& writer, const InterfaceAddress& address);

/** Body of an RTM_GETADDR dump of both families. */
void writeAddressDump(MessageWriter& writer);

/**
 * Packs an RTM_NEWADDR reply: u32 link, u8 prefix, u8 scope (RT_SCOPE_*), u32 flags (IFA_F_*), blob address
 * (the own one, also of a point-to-point interface).
 */
Result<> packAddress(const Message& message, ProgramWriter& reply);

}  // namespace hawser::rtnetlink
