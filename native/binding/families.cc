#include "binding/families.h"

#include "conntrack/conntrack_session.h"
#include "conntrack/events_session.h"
#include "genetlink/generic_session.h"
#include "ipvs/ipvs_session.h"
#include "nftables/monitor_session.h"
#include "nftables/session.h"
#include "rtnetlink/route_session.h"

namespace hawser {
namespace {

struct Family {
  std::string_view name;
  SessionFactory open;
};

constexpr Family kFamilies[] = {
    {"conntrack", &conntrack::ConntrackSession::open}, {"conntrack-events", &conntrack::EventsSession::open},
    {"generic", &genetlink::GenericSession::open},     {"ipvs", &ipvs::IpvsSession::open},
    {"nft-monitor", &nftables::MonitorSession::open},  {"nftables", &nftables::NftablesSession::open},
    {"route", &rtnetlink::RouteSession::open},
};

}  // namespace

SessionFactory findFamily(std::string_view name) {
  for (const Family& family : kFamilies)
    if (family.name == name) return family.open;
  return nullptr;
}

}  // namespace hawser
