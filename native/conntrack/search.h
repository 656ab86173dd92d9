#pragma once

#include <linux/netfilter/nfnetlink.h>

#include <functional>
#include <span>

#include "conntrack/entry.h"
#include "conntrack/filter.h"
#include "socket/netlink_socket.h"

namespace hawser::conntrack {

/** The netlink message type of one of conntrack's messages (IPCTNL_MSG_*). */
constexpr uint16_t messageType(uint16_t message) { return NFNL_SUBSYS_CTNETLINK << 8 | message; }

/** What a dump's message that makes no sense is an error of. */
Error malformedEntry();

/** Flows whose destination was translated: all that Services have. */
Filter translatedFilter();

/** One dump of what `asked` names, message by message; kernels before 5.8 ignore the filter and send all. */
Result<> dumpMessages(NetlinkSocket& socket, const Filter& asked, const std::function<void()>& onStart,
                      const NetlinkSocket::OnMessage& onMessage);

/**
 * Lists the entries of a family (AF_UNSPEC: both) that match any of the filters, all of them without a
 * filter. A single filter is the kernel's to apply; several take one pass over the table, and so does one
 * that the kernel refuses. `onStart` is called before each attempt and must forget what was gathered.
 */
Result<> findEntries(NetlinkSocket& socket, uint8_t family, std::span<const Filter> filters,
                     const std::function<void()>& onStart, const std::function<void(const Entry&)>& onEntry);

}  // namespace hawser::conntrack
