#pragma once

#include <linux/netfilter/nf_conntrack_common.h>

#include "conntrack/flow.h"

namespace hawser::conntrack {

/** Which flows are told of, and what shows their translation; src/native/conntrack-events.ts has the same. */
enum class FlowSelection : uint8_t {
  /** All of them, those that are not translated as foreign ones. Translated as with `dnat`. */
  every = 0,
  /** Those with IPS_DST_NAT, which conntrack translates. The kernel drops events of others. */
  dnat = 1,
  /**
   * Those whose replies come from elsewhere than they go to. IPVS translates beside conntrack, which has the
   * reply tuple rewritten before the flow is confirmed, so that every event has it, and no status that says
   * so (ip_vs_update_conntrack of net/netfilter/ipvs/ip_vs_nfct.c). The kernel drops events of others.
   */
  rewritten = 2,
};

inline bool isTranslated(const Flow& flow, FlowSelection selection) {
  if (selection != FlowSelection::rewritten) return flow.status & IPS_DST_NAT;
  return flow.endpoint != flow.destination || flow.endpointPort != flow.destinationPort;
}

}  // namespace hawser::conntrack
