#pragma once

#include "codec/result.h"
#include "socket/descriptor.h"

namespace hawser::conntrack {

/** Codes of what keeps events from coming; src/native/conntrack-events.ts says what to do about each. */
inline constexpr const char* kConntrackAbsent = "ERR_CONNTRACK_ABSENT";
inline constexpr const char* kEventsOff = "ERR_CONNTRACK_EVENTS_OFF";

/**
 * net.netfilter.nf_conntrack_events of one network namespace: whether flows tell of themselves. Under 2, the
 * kernel's default, only those flows tell of their end that began while someone listened, so 1 is set while
 * this lives, for the flows that begin before the listener does. What was found is put back in the end.
 */
class EventsSetting {
 public:
  EventsSetting() = default;
  EventsSetting(const EventsSetting&) = delete;
  EventsSetting& operator=(const EventsSetting&) = delete;
  ~EventsSetting();

  /** In the calling thread's network namespace. A read-only /proc/sys leaves the setting as it is. */
  Result<> ensureOn();

 private:
  /** Open while there is something to put back: it stays with its namespace, whichever thread writes. */
  Descriptor changed_;
};

}  // namespace hawser::conntrack
