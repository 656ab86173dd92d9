#include "conntrack/search.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cerrno>

namespace hawser::conntrack {
namespace {

bool matchesAny(std::span<const Filter> filters, const Entry& entry) {
  return std::any_of(filters.begin(), filters.end(),
                     [&entry](const Filter& filter) { return filter.matches(entry); });
}

/** A dump of what `asked` names. What the kernel sends is matched again: not all kernels know filters. */
Result<> list(NetlinkSocket& socket, const Filter& asked, std::span<const Filter> filters,
              const std::function<void()>& onStart, const std::function<void(const Entry&)>& onEntry) {
  return dumpMessages(socket, asked, onStart, [&](const Message& message) -> Result<> {
    auto entry = readEntry(message);
    if (!entry) return entry.error();
    if (filters.empty() || matchesAny(filters, *entry)) onEntry(*entry);
    return Unit{};
  });
}

}  // namespace

Error malformedEntry() {
  return {EBADMSG, "a connection tracking entry with malformed attributes", kMalformedReply};
}

Filter translatedFilter() {
  Filter filter;
  filter.values.status = filter.statusMask = IPS_DST_NAT;
  return filter;
}

Result<> dumpMessages(NetlinkSocket& socket, const Filter& asked, const std::function<void()>& onStart,
                      const NetlinkSocket::OnMessage& onMessage) {
  return socket.dump(
      "list connection tracking entries",
      [&](MessageWriter& writer, uint32_t sequence, uint16_t flags) {
        writer.begin(messageType(IPCTNL_MSG_CT_GET), flags, sequence);
        asked.write(writer);
        writer.end();
      },
      onStart,
      [&](const Message& message) -> Result<> {
        if (message.header.nlmsg_type != messageType(IPCTNL_MSG_CT_NEW)) return Unit{};
        return onMessage(message);
      });
}

Result<> findEntries(NetlinkSocket& socket, uint8_t family, std::span<const Filter> filters,
                     const std::function<void()>& onStart, const std::function<void(const Entry&)>& onEntry) {
  if (filters.size() == 1) {
    auto listed = list(socket, filters.front(), filters, onStart, onEntry);
    const bool refused = !listed && (listed.error().number == EINVAL || listed.error().number == EOPNOTSUPP);
    if (!refused) return listed;
    family = filters.front().values.family;
  }
  Filter whole;
  whole.values.family = family;
  return list(socket, whole, filters, onStart, onEntry);
}

}  // namespace hawser::conntrack
