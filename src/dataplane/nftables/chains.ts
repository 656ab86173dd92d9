import type { ChainSpec } from '../../native/nftables.ts'
import { balancerChain, DROP, parseClass, REJECT } from './classes.ts'
import { CLASSES } from './layout.ts'
import {
  addressIn,
  clearPriority,
  destinationInSet,
  drop,
  goto,
  gotoByPriority,
  isMarked,
  markForMasquerade,
  masquerade,
  pairInSet,
  rejectOther,
  rejectTcp,
  returnToCaller,
  type Statement,
  setPriorityFromMap,
  translateToSlot,
  unmark,
  wasTranslated,
} from './statements.ts'
import type { TableConfig } from './table-config.ts'

export interface Chain extends ChainSpec {
  readonly rules: readonly Statement[]
}

/** Each of `statements` in turn makes one rule. */
const rule = (...statements: readonly Statement[]): Statement => statements.flat()

/**
 * The chains that a table has whatever Services there are. They look a connection's class up and send it there, and
 * masquerade what was marked or would meet itself.
 */
export function constantChains(config: TableConfig): readonly Chain[] {
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
    { name: 'masq', rules: [unmark, masquerade] },
    ...egress,
    // Priorities: NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h, IPv6's are the same.
    { name: 'nat-pre', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [goto('services')] },
    { name: 'nat-out', hook: { type: 'nat', hook: 'output', priority: -100 }, rules: [goto('services')] },
    {
      name: 'nat-post',
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
      rules: [
        rule(isMarked, goto('masq')),
        rule(wasTranslated, pairInSet(family, 'hairpin'), masquerade),
        ...(egress.length > 0
          ? config.podCidrs.map((cidr) => rule(addressIn('saddr', cidr), goto('pod-egress')))
          : []),
      ],
    },
  ]
}

/** The chain of a class, or one that classes go to, made from its name. Throws a RangeError for a name that is none. */
export function namedChain(name: string, config: TableConfig): Chain {
  const balancer = /^lb-([1-9]\d*)$/.exec(name)
  if (balancer !== null) return { name, rules: balance(Number(balancer[1]), config) }
  const balancing = parseClass(name)
  if (balancing === undefined) throw new RangeError(`${name} is a constant chain`)
  const next = goto(balancerChain(balancing.slots))
  const keepSource = balancing.kind === 'c' && !config.masqueradeAll
  return {
    name,
    rules: [clearPriority, ...(keepSource ? masqueradeOutsiders(config, next) : [markForMasquerade]), next],
  }
}

/** Masquerades the rest after those who keep their source have left; without pod CIDRs nobody is known to be outside. */
const masqueradeOutsiders = ({ podCidrs }: TableConfig, next: Statement): readonly Statement[] =>
  podCidrs.length === 0
    ? []
    : [...podCidrs.map((cidr) => rule(addressIn('saddr', cidr), next)), markForMasquerade]

/**
 * A draw that finds its slot gone belongs to a packet that was given its class just before the last endpoint was
 * removed: slot 0 takes it. No slot 0 either: silence, and the client's next try finds the new state.
 */
const balance = (slots: number, { family }: TableConfig): readonly Statement[] => [
  ...(slots > 1 ? [translateToSlot(family, slots, 'eps')] : []),
  translateToSlot(family, 1, 'eps'),
  drop,
]

function podEgress({ podCidrs, serviceCidrs }: TableConfig): readonly Chain[] {
  if (podCidrs.length === 0) return []
  const inside = [...podCidrs, ...serviceCidrs].map((cidr) => rule(addressIn('daddr', cidr), returnToCaller))
  return [{ name: 'pod-egress', rules: [...inside, masquerade] }]
}
