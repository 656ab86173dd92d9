import type { FamilyConfig } from '../family-config.ts'
import type { Chain } from '../nf-table/chain.ts'
import {
  addressIn,
  clearPriority,
  destinationInSet,
  drop,
  goto,
  gotoByPriority,
  isFromHere,
  isMarked,
  markForMasquerade,
  masquerade,
  pairInSet,
  podClients,
  rejectOther,
  rejectTcp,
  returnToCaller,
  rule,
  type Statement,
  setPriorityFromMap,
  unmark,
} from '../nf-table/statements.ts'
import { HAIRPIN, HAIRPIN_TIMEOUT_MS, TREATMENTS_MAP } from './layout.ts'
import {
  isNew,
  isNotShortCircuited,
  isShortCircuited,
  rememberSource,
  setMarkFromMap,
  sourceInRange,
} from './statements.ts'
import { BASIC_TREATMENTS } from './treatments.ts'

const fromPods = (config: FamilyConfig, ...then: readonly Statement[]): readonly Statement[] =>
  podClients(config).map((isPod) => rule(isPod, ...then))

/**
 * All chains of the table, whatever Services there are. The nat hooks see the first packet of a connection only: ahead
 * of IPVS (its hooks are at NF_IP_PRI_NAT_SRC - 1 of LOCAL_IN and NF_IP_PRI_NAT_DST + 2 of LOCAL_OUT) they
 * refuse it, mark it or let it pass, behind IPVS they masquerade what was marked or would meet itself.
 */
export function tableChains(config: FamilyConfig): readonly Chain[] {
  const { family } = config
  const balanced = [clearPriority, ...rememberClient(config)]
  return [
    { name: 'reject-it', rules: [rejectTcp, rejectOther(family)] },
    { name: 'drop-it', rules: [drop] },
    { name: 'cluster', rules: [...balanced, ...masqueradeClusterIp(config)] },
    { name: 'external', rules: [...balanced, markForMasquerade(config)] },
    { name: 'local', rules: [...balanced, ...steerInside(config)] },
    { name: 'local-none', rules: [...balanced, ...steerInside(config), drop] },
    { name: 'direct', rules: [clearPriority] },
    ...BASIC_TREATMENTS.map((name) => ({
      name: `from-${name}`,
      rules: [rule(sourceInRange(family, 'sources'), goto(name)), drop],
    })),
    // Of a connection from inside under policy Local: a miss means that all clients get the same endpoints.
    { name: 'steer', rules: [setMarkFromMap(family, 'short-circuit')] },
    { name: 'cluster-miss', rules: [rule(destinationInSet(family, 'vips'), goto('reject-it')), drop] },
    {
      name: 'services',
      rules: [
        setPriorityFromMap(family, 'frontends'),
        gotoByPriority(TREATMENTS_MAP),
        ...config.serviceCidrs.map((cidr) => rule(addressIn('daddr', cidr), goto('cluster-miss'))),
        // Addresses of Services are this machine's here: what listens on all addresses must not answer there.
        rule(destinationInSet(family, 'vips'), goto('reject-it')),
      ],
    },
    { name: 'masq', rules: [unmark(config), masquerade] },
    ...podEgress(config),
    // Priorities: NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h, IPv6's are the same.
    { name: 'nat-pre', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [goto('services')] },
    {
      name: 'nat-out',
      hook: { type: 'nat', hook: 'output', priority: -100 },
      // Else the refusal of this machine's own connection, related to it and bound for a VIP, would be refused.
      rules: [rule(isNew, goto('services'))],
    },
    {
      name: 'nat-post',
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
      rules: [
        // A mark of these is theirs in whole: its bits do not ask for masquerade.
        rule(isShortCircuited, ...(config.masqueradeAll ? [] : [isFromHere]), masquerade),
        rule(isNotShortCircuited, isMarked(config), goto('masq')),
        rule(pairInSet(family, HAIRPIN), masquerade),
        ...(config.masqueradePodEgress
          ? config.podCidrs.map((cidr) => rule(addressIn('saddr', cidr), goto('pod-egress')))
          : []),
      ],
    },
  ]
}

/** Only pods can be endpoints and clients at once; where their addresses are not known anybody may be one. */
function rememberClient(config: FamilyConfig): readonly Statement[] {
  const remember = rememberSource(config.family, HAIRPIN, HAIRPIN_TIMEOUT_MS)
  const fromKnown = fromPods(config, remember)
  return fromKnown.length === 0 ? [remember] : fromKnown
}

/**
 * This machine's own connections come from the VIP they go to, since that is an address of the machine: no endpoint
 * could answer them unless they are masqueraded, whatever the configuration says of others.
 */
function masqueradeClusterIp(config: FamilyConfig): readonly Statement[] {
  if (config.masqueradeAll) return [markForMasquerade(config)]
  const pods = fromPods(config, returnToCaller)
  if (pods.length === 0) return [rule(isFromHere, markForMasquerade(config))]
  return [...pods, markForMasquerade(config)]
}

/** Pods and this machine leave the chain here; who stays comes from outside. */
const steerInside = (config: FamilyConfig): readonly Statement[] => [
  ...fromPods(config, ...(config.masqueradeAll ? [markForMasquerade(config)] : []), goto('steer')),
  rule(isFromHere, markForMasquerade(config), goto('steer')),
]

function podEgress({ masqueradePodEgress, podCidrs, serviceCidrs }: FamilyConfig): readonly Chain[] {
  if (!masqueradePodEgress || podCidrs.length === 0) return []
  const inside = [...podCidrs, ...serviceCidrs].map((cidr) => rule(addressIn('daddr', cidr), returnToCaller))
  return [{ name: 'pod-egress', rules: [...inside, masquerade] }]
}
