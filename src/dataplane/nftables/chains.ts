import type { FamilyConfig } from '../family-config.ts'
import type { Chain } from '../nf-table/chain.ts'
import {
  addressIn,
  changeMemory,
  clearPriority,
  clientNotInSet,
  destinationInSet,
  drawEndpointId,
  drop,
  goto,
  gotoByPriority,
  isFromHere,
  isMarked,
  markForMasquerade,
  masquerade,
  pairInSet,
  podClients,
  recallEndpointId,
  rejectOther,
  rejectTcp,
  returnToCaller,
  rule,
  type Statement,
  setPriorityFromMap,
  translateToEndpointId,
  translateToSlot,
  unmark,
  wasTranslated,
} from '../nf-table/statements.ts'
import { type Balancer, balancerChain, localBalancer, mainBalancer, parseBalancer } from './balancers.ts'
import { type Balancing, DROP, parseClass, REJECT } from './classes.ts'
import { AFFINITY, CLASSES, UPPER_SLOTS } from './layout.ts'

/**
 * The chains that a table has whatever Services there are. They look a connection's class up and send it there, and
 * masquerade what was marked or would meet itself.
 */
export function constantChains(config: FamilyConfig): readonly Chain[] {
  const { family } = config
  const egress = config.masqueradePodEgress ? podEgress(config) : []
  return [
    { name: REJECT, rules: [rejectTcp, rejectOther(family)] },
    { name: DROP, rules: [drop] },
    {
      name: 'cluster-miss',
      rules: [rule(destinationInSet(family, 'cluster-ips'), goto(REJECT)), drop],
    },
    {
      name: 'services',
      rules: [
        setPriorityFromMap(family, 'svcs'),
        gotoByPriority(CLASSES),
        ...config.serviceCidrs.map((cidr) => rule(addressIn('daddr', cidr), goto('cluster-miss'))),
      ],
    },
    { name: 'masq', rules: [unmark(config), masquerade] },
    ...egress,
    // Priorities: NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h, IPv6's are the same.
    { name: 'nat-pre', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [goto('services')] },
    { name: 'nat-out', hook: { type: 'nat', hook: 'output', priority: -100 }, rules: [goto('services')] },
    {
      name: 'nat-post',
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
      rules: [
        rule(isMarked(config), goto('masq')),
        rule(wasTranslated, pairInSet(family, 'hairpin'), masquerade),
        ...(egress.length > 0
          ? config.podCidrs.map((cidr) => rule(addressIn('saddr', cidr), goto('pod-egress')))
          : []),
      ],
    },
  ]
}

/** The chain of a class, or one that classes go to, made from its name. Throws a RangeError for a name that is none. */
export function namedChain(name: string, config: FamilyConfig): Chain {
  const balancer = parseBalancer(name)
  if (balancer !== undefined)
    return {
      name,
      rules: balancer.affinitySeconds > 0 ? remember(balancer, config) : balance(balancer, config),
    }
  const meaning = parseClass(name)
  switch (meaning.does) {
    case 'filter':
      return { name, rules: [rule(clientNotInSet(config.family, 'lbsrc'), drop), goto(meaning.next)] }
    case 'balance':
      return { name, rules: [clearPriority, ...route(meaning.balancing, config)] }
    default:
      throw new RangeError(`${name} is a constant chain`)
  }
}

/** Who goes to which balancer, and is masqueraded on the way. */
function route(balancing: Balancing, config: FamilyConfig): readonly Statement[] {
  const next = goto(balancerChain(mainBalancer(balancing)))
  if (balancing.kind === 'cluster')
    return config.masqueradeAll
      ? [markForMasquerade(config), next]
      : [...masqueradeOutsiders(config, next), next]
  if (balancing.local === undefined) return [markForMasquerade(config), next]
  const local = localBalancer(balancing)
  return [
    // Pods and this node are served as if they went out to a load balancer and came back in elsewhere. A pod keeps
    // its source; the node's own, which may be the very address it asks, would not bring the answer back here.
    ...podClients(config).map((isPod) => rule(isPod, next)),
    rule(isFromHere, markForMasquerade(config), next),
    local === undefined ? drop : goto(balancerChain(local)),
  ]
}

/** Masquerades the rest after pods have left, who keep their source; nobody is outside where no pods are known. */
function masqueradeOutsiders(config: FamilyConfig, next: Statement): readonly Statement[] {
  const pods = podClients(config).map((isPod) => rule(isPod, next))
  return pods.length === 0 ? [] : [...pods, markForMasquerade(config)]
}

const firstSlot = ({ upper }: Balancer): number => (upper ? UPPER_SLOTS : 0)

/** All slots, then the first alone. */
const draws = ({ slots }: Balancer): readonly number[] => (slots > 1 ? [slots, 1] : [1])

/**
 * A draw that finds its slot gone belongs to a packet that was given its class just before the last endpoint was
 * removed: the first slot takes it. None there either: silence, and the client's next try finds the new state.
 */
const balance = (balancer: Balancer, { family }: FamilyConfig): readonly Statement[] => [
  ...draws(balancer).map((slots) => translateToSlot(family, slots, firstSlot(balancer), 'eps')),
  drop,
]

/**
 * The client gets what it got last, and its time begins anew. An ID that is no endpoint's any more ends the rule after
 * it: the memory goes, and the same packet draws. Where there is no room to remember, it draws without. An update of
 * what is there already changes nothing but its time, so that of connections that begin at the same moment the first
 * draw holds for the others, which read it back.
 */
function remember(balancer: Balancer, { family }: FamilyConfig): readonly Statement[] {
  const { slots, affinitySeconds: seconds } = balancer
  const update = changeMemory(family, AFFINITY, { op: 'update', seconds })
  const recall = recallEndpointId(family, AFFINITY)
  const translate = translateToEndpointId(family, 'aeps')
  const draw = (count: number): Statement => drawEndpointId(family, count, firstSlot(balancer), 'aidx')
  return [
    rule(recall, update, translate),
    changeMemory(family, AFFINITY, { op: 'delete' }),
    rule(draw(slots), update, recall, translate),
    ...draws(balancer).map((count) => rule(draw(count), translate)),
    drop,
  ]
}

function podEgress({ podCidrs, serviceCidrs }: FamilyConfig): readonly Chain[] {
  if (podCidrs.length === 0) return []
  const inside = [...podCidrs, ...serviceCidrs].map((cidr) => rule(addressIn('daddr', cidr), returnToCaller))
  return [{ name: 'pod-egress', rules: [...inside, masquerade] }]
}
