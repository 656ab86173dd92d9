#include "conntrack/events_setting.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::conntrack {
namespace {

constexpr const char* kPath = "/proc/sys/net/netfilter/nf_conntrack_events";
constexpr char kOff = '0', kOn = '1', kWhileListened = '2';

}  // namespace

EventsSetting::~EventsSetting() {
  char value = 0;
  // Somebody who changed it since has the last word.
  if (changed_ && ::pread(changed_.get(), &value, 1, 0) == 1 && value == kOn)
    (void)::pwrite(changed_.get(), &kWhileListened, 1, 0);
}

Result<> EventsSetting::ensureOn() {
  Descriptor writable(::open(kPath, O_RDWR | O_CLOEXEC));
  const Descriptor readOnly(writable ? -1 : ::open(kPath, O_RDONLY | O_CLOEXEC));
  char value = 0;
  if (::pread(writable ? writable.get() : readOnly.get(), &value, 1, 0) != 1)
    return Error{errno, "this kernel sends no connection tracking events (CONFIG_NF_CONNTRACK_EVENTS)",
                 kConntrackAbsent};
  if (value == kOff)
    return Error{ENODATA,
                 "connection tracking events are switched off: net.netfilter.nf_conntrack_events is 0",
                 kEventsOff};
  if (value == kWhileListened && writable && ::pwrite(writable.get(), &kOn, 1, 0) == 1)
    changed_ = std::move(writable);
  return Unit{};
}

}  // namespace hawser::conntrack
