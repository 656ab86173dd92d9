import type { BaseChain } from '../../native/nftables.ts'
import { type Cidr, formatAddress, type IpFamily } from '../../util/address.ts'
import type { FamilyConfig } from '../family-config.ts'
import { onlyAddress } from './format-rule.ts'
import {
  CLUSTER_IPS,
  EXTERNAL_SERVICES,
  FIREWALL,
  FORWARD,
  LOCALNET,
  MARK_MASQ,
  MARK_OUTSIDE,
  NODE_PORTS,
  POD_EGRESS,
  POSTROUTING,
  REFUSE,
  SERVICES,
} from './names.ts'
import { type Chain, comment, jump, type Match, type PlacedRule, type Rule, type Table } from './rule.ts'

/** A chain where packets enter a table; it exists in iptables-nft as soon as anything is in it. */
export interface EntryChain {
  readonly table: Table
  readonly name: string
  readonly hook: BaseChain
}

/** Priorities of linux/netfilter_ipv4.h, as iptables-nft makes these chains; IPv6's are the same. */
export const ENTRY_CHAINS: readonly EntryChain[] = [
  { table: 'filter', name: 'INPUT', hook: { type: 'filter', hook: 'input', priority: 0 } },
  { table: 'filter', name: 'FORWARD', hook: { type: 'filter', hook: 'forward', priority: 0 } },
  { table: 'filter', name: 'OUTPUT', hook: { type: 'filter', hook: 'output', priority: 0 } },
  { table: 'nat', name: 'PREROUTING', hook: { type: 'nat', hook: 'prerouting', priority: -100 } },
  { table: 'nat', name: 'INPUT', hook: { type: 'nat', hook: 'input', priority: 100 } },
  { table: 'nat', name: 'OUTPUT', hook: { type: 'nat', hook: 'output', priority: -100 } },
  { table: 'nat', name: 'POSTROUTING', hook: { type: 'nat', hook: 'postrouting', priority: 100 } },
]

/** Only the first packet of a connection needs a look; the others carry what it was found to be. */
const NEW: Match = { match: 'conntrack', states: ['NEW'] }
const ACCEPT = { target: 'ACCEPT' } as const
const DROP = { target: 'DROP' } as const
const RETURN = { target: 'RETURN' } as const
const MASQUERADE = { target: 'MASQUERADE' } as const

/**
 * The jumps from the entry chains, in the order in which they stand in front of everybody else's rules: kube-proxy's,
 * and one more. Connections of this node to an external address without endpoints are refused as everybody's are;
 * kube-proxy's iptables mode alone leaves them unanswered.
 */
export function entryJumps(config: FamilyConfig): PlacedRule[] {
  const firewall = [NEW, comment('kubernetes load balancer firewall')]
  const portals = comment('kubernetes service portals')
  const external = [NEW, comment('kubernetes externally-visible service portals')]
  return [
    ...(answersLocalhost(config)
      ? [placed('filter', 'INPUT', [], LOCALNET), placed('filter', 'OUTPUT', [], LOCALNET)]
      : []),
    placed('filter', 'INPUT', firewall, FIREWALL),
    placed('filter', 'INPUT', [comment('kubernetes health check service ports')], NODE_PORTS),
    placed('filter', 'INPUT', external, EXTERNAL_SERVICES),
    placed('filter', 'FORWARD', firewall, FIREWALL),
    placed('filter', 'FORWARD', [comment('kubernetes forwarding rules')], FORWARD),
    placed('filter', 'FORWARD', [NEW, portals], SERVICES),
    placed('filter', 'FORWARD', external, EXTERNAL_SERVICES),
    placed('filter', 'OUTPUT', firewall, FIREWALL),
    placed('filter', 'OUTPUT', [NEW, portals], SERVICES),
    placed('filter', 'OUTPUT', external, EXTERNAL_SERVICES),
    placed('nat', 'PREROUTING', [portals], SERVICES),
    placed('nat', 'OUTPUT', [portals], SERVICES),
    placed('nat', 'POSTROUTING', [comment('kubernetes postrouting rules')], POSTROUTING),
    ...(hasPodEgress(config)
      ? config.podCidrs.map((source) => ({
          table: 'nat' as const,
          chain: 'POSTROUTING',
          rule: { source, matches: [comment('what pods send elsewhere')], target: jump(POD_EGRESS) },
        }))
      : []),
  ]
}

/** The chains that entry chains jump to, and no others do. */
export const JUMPED_TO: ReadonlySet<string> = new Set([
  SERVICES,
  NODE_PORTS,
  EXTERNAL_SERVICES,
  FIREWALL,
  FORWARD,
  POSTROUTING,
  POD_EGRESS,
  LOCALNET,
])

/** The chains that stand whatever Services there are, with the rules that stay behind those of Services. */
export function constantChains(config: FamilyConfig): Chain[] {
  return [
    { table: 'filter', name: SERVICES, rules: config.serviceCidrs.map(serviceRangeRule) },
    { table: 'filter', name: EXTERNAL_SERVICES, rules: [] },
    { table: 'filter', name: FIREWALL, rules: [] },
    { table: 'filter', name: FORWARD, rules: forwardRules(config) },
    { table: 'filter', name: NODE_PORTS, rules: [] },
    ...localnetChain(config),
    ...serviceRangeChains(config),
    {
      table: 'nat',
      name: SERVICES,
      rules: nodePortRules(config),
    },
    { table: 'nat', name: NODE_PORTS, rules: [] },
    { table: 'nat', name: POSTROUTING, rules: postroutingRules(config) },
    { table: 'nat', name: MARK_MASQ, rules: [{ matches: [], target: setMark(config.masqueradeMark) }] },
    ...outsideChain(config),
    ...podEgressChain(config),
  ]
}

const placed = (table: Table, chain: string, matches: readonly Match[], to: string): PlacedRule => ({
  table,
  chain,
  rule: { matches, target: jump(to) },
})

/** `--or-mark`: sets these bits and leaves the others. */
const setMark = (bits: number) => ({ target: 'MARK', value: bits, mask: bits }) as const
/** `--xor-mark` */
const flipMark = (bits: number) => ({ target: 'MARK', value: bits, mask: 0 }) as const

const forwardRules = ({ masqueradeMark }: FamilyConfig): readonly Rule[] => [
  // A packet that conntrack takes for none of a known connection would leave without translation and end that
  // connection at the client (kubernetes#74839).
  { matches: [{ match: 'conntrack', states: ['INVALID'] }], target: DROP },
  {
    matches: [comment('kubernetes forwarding rules'), { match: 'mark', bits: masqueradeMark, set: true }],
    target: ACCEPT,
  },
  {
    matches: [
      comment('kubernetes forwarding conntrack rule'),
      { match: 'conntrack', states: ['RELATED', 'ESTABLISHED'] },
    ],
    target: ACCEPT,
  },
]

/** The mark is taken off before masquerade, so that a packet that passes twice is not masqueraded twice. */
const postroutingRules = ({ masqueradeMark }: FamilyConfig): readonly Rule[] => [
  { matches: [{ match: 'mark', bits: masqueradeMark, set: false }], target: RETURN },
  { matches: [], target: flipMark(masqueradeMark) },
  { matches: [comment('kubernetes service traffic requiring SNAT')], target: MASQUERADE },
]

const serviceRangeRule = (destination: FamilyConfig['serviceCidrs'][number]): Rule => ({
  destination,
  matches: [comment('cluster addresses and ports without a Service')],
  target: jump(CLUSTER_IPS),
})

/** Rules of the chains for cluster addresses and ports that no Service has; none without a service range. */
function serviceRangeChains({ serviceCidrs }: FamilyConfig): Chain[] {
  if (serviceCidrs.length === 0) return []
  return [
    { table: 'filter', name: CLUSTER_IPS, rules: [{ matches: [], target: DROP }] },
    {
      table: 'filter',
      name: REFUSE,
      rules: [
        { protocol: 'TCP', matches: [], target: { target: 'REJECT' } },
        { matches: [], target: { target: 'REJECT' } },
      ],
    },
  ]
}

/** Behind all rules of Services: node ports are for addresses of the node that no Service has. */
function nodePortRules(config: FamilyConfig): Rule[] {
  const { family, nodeAddresses, nodePortsEverywhere = false } = config
  const about = comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')
  const at = (destination: Cidr): Rule => ({ destination, matches: [about], target: jump(NODE_PORTS) })
  const isLoopbackMeant = answersLocalhost(config)
  if (nodePortsEverywhere) {
    const matches: Match[] = [about, { match: 'addrtype', local: 'dst' }]
    const rule: Rule = { matches, target: jump(NODE_PORTS) }
    return [isLoopbackMeant ? rule : { destination: LOOPBACK[family], notDestination: true, ...rule }]
  }
  return [
    ...nodeAddresses.map((address) => at(onlyAddress(address, family))),
    ...(isLoopbackMeant ? [at(LOOPBACK.IPv4)] : []),
  ]
}

/** 127.0.0.0/8 and ::1/128 */
const LOOPBACK: Readonly<Record<IpFamily, Cidr>> = {
  IPv4: { family: 'IPv4', address: formatAddress(Uint8Array.of(127, 0, 0, 0)), prefix: 8 },
  IPv6: { family: 'IPv6', address: formatAddress(new Uint8Array(16).fill(1, 15)), prefix: 128 },
}

/** Whether node ports answer at 127.0.0.1, which the kernel then has to route (`route_localnet`). */
export const answersLocalhost = ({ localhostNodePorts = false, family }: FamilyConfig): boolean =>
  localhostNodePorts && family === 'IPv4'

/** With route_localnet, neighbours could reach what listens on 127.0.0.1 only (CVE-2020-8558). */
function localnetChain(config: FamilyConfig): Chain[] {
  if (!answersLocalhost(config)) return []
  const translated: Match = { match: 'conntrack', states: ['RELATED', 'ESTABLISHED', 'DNAT'], not: true }
  const matches = [comment('block incoming localnet connections'), translated]
  const { IPv4: loopback } = LOOPBACK
  const rule: Rule = { source: loopback, notSource: true, destination: loopback, matches, target: DROP }
  return [{ table: 'filter', name: LOCALNET, rules: [rule] }]
}

function outsideChain({ podCidrs, podInterface }: FamilyConfig): Chain[] {
  if (podCidrs.length < 2 || podInterface !== undefined) return []
  const rules: Rule[] = podCidrs.map((source) => ({ source, matches: [], target: RETURN }))
  return [{ table: 'nat', name: MARK_OUTSIDE, rules: [...rules, { matches: [], target: jump(MARK_MASQ) }] }]
}

const hasPodEgress = ({ masqueradePodEgress, podCidrs }: FamilyConfig): boolean =>
  masqueradePodEgress && podCidrs.length > 0

function podEgressChain(config: FamilyConfig): Chain[] {
  if (!hasPodEgress(config)) return []
  const inside = [...config.podCidrs, ...config.serviceCidrs]
  const rules: Rule[] = inside.map((destination) => ({ destination, matches: [], target: RETURN }))
  return [{ table: 'nat', name: POD_EGRESS, rules: [...rules, { matches: [], target: MASQUERADE }] }]
}
