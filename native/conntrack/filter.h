#pragma once

#include <cstdint>

#include "codec/message_writer.h"
#include "codec/program_reader.h"
#include "conntrack/entry.h"

namespace hawser::conntrack {

/**
 * Fields of a tuple that a filter looks at. The values are the kernel's for CTA_FILTER_ORIG_FLAGS and
 * CTA_FILTER_REPLY_FLAGS, which its headers do not export (net/netfilter/nf_conntrack_netlink.c,
 * CTA_FILTER_F_*).
 */
enum TupleField : uint32_t {
  kSource = 1 << 0,
  kDestination = 1 << 1,
  kProtocol = 1 << 3,
  kSourcePort = 1 << 4,
  kDestinationPort = 1 << 5,
};
inline constexpr uint32_t kTupleFields = kSource | kDestination | kProtocol | kSourcePort | kDestinationPort;

/** Which entries are meant: all that agree in every field named. */
struct Filter {
  /** Values to compare with; family 0 stands for both. */
  Entry values{};
  /** TupleField bits. */
  uint32_t originalFields = 0;
  uint32_t replyFields = 0;
  /** An entry matches when `mark & markMask` is the value's; a mask of 0 matches any. */
  uint32_t markMask = 0;
  uint32_t statusMask = 0;

  /** True when nothing but the family is asked for: such a filter would delete whole tables. */
  bool matchesEverything() const;
  bool matches(const Entry& entry) const;
  /** Body of an IPCTNL_MSG_CT_GET dump of what matches. */
  void write(MessageWriter& writer) const;
};

/**
 * Reads a filter: u8 family, u8 protocol, u32 original fields, u32 reply fields, then for each of the two
 * tuples blob source, blob destination, u16 source port, u16 destination port, then u32 mark, u32 mark
 * mask, u32 status, u32 status mask. False when it is malformed: unknown fields, addresses of the wrong
 * length, ports without a protocol.
 */
bool readFilter(ProgramReader& program, Filter& filter);

}  // namespace hawser::conntrack
