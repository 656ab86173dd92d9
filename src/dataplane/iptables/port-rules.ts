import { type Cidr, cidrContains, formatCidr } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { addEndpointChains, addPolicyChain, endpointChainNames } from './endpoint-chains.ts'
import { onlyAddress, protocolWord } from './format-rule.ts'
import {
  EXTERNAL_SERVICES,
  FIREWALL,
  MARK_MASQ,
  MARK_OUTSIDE,
  NODE_PORTS,
  portChainName,
  SERVICES,
} from './names.ts'
import type { Port } from './port.ts'
import { type Chain, comment, jump, type Match, type PlacedRule, type Rule, type Target } from './rule.ts'

interface Rules {
  readonly chains: Chain[]
  readonly shared: PlacedRule[]
}

/** Rules of all frontends of one port; there is at least one. */
export function addPortRules(into: Rules, given: readonly Frontend[], config: FamilyConfig): void {
  const frontends = given.map(withoutRangeOfAll)
  const [first] = frontends
  if (first === undefined) return
  const label = first.portName === '' ? first.service : `${first.service}:${first.portName}`
  const chain: Port['chain'] = (kind) => portChainName(kind, label, protocolWord(first.protocol))
  const endpointChain = endpointChainNames(label, first.protocol)
  const port: Port = { frontends, label, first, chain, endpointChain }
  const inside = frontends.filter(({ kind }) => kind === 'ClusterIP')
  const outside = frontends.filter(({ kind }) => kind !== 'ClusterIP')
  const [internal] = inside
  const [external] = outside
  // Only under internal policy Local is there silence for the lack of endpoints that others have.
  const insideIsLocal = internal?.whenEmpty === 'drop'
  const internalChain = chain(insideIsLocal ? 'SVL' : 'SVC')
  const capture = inside.flatMap((frontend) => captureInternal(into, port, frontend, internalChain, config))
  const clusterEndpoints = external?.endpoints ?? (insideIsLocal ? [] : (internal?.endpoints ?? []))
  // A port's endpoints under policy Local are one list, whether clients from inside or from outside are held to it.
  const localEndpoints = external?.localEndpoints ?? (insideIsLocal ? internal.endpoints : [])
  if (clusterEndpoints.length > 0)
    addPolicyChain(into.chains, port, chain('SVC'), insideIsLocal ? [] : capture, clusterEndpoints)
  if (localEndpoints.length > 0)
    addPolicyChain(into.chains, port, chain('SVL'), insideIsLocal ? capture : [], localEndpoints)
  if (external !== undefined) addExternal(into, port, outside, external, config)
  addHealthCheck(into, port)
  addEndpointChains(into.chains, port, [...clusterEndpoints, ...localEndpoints], config.family)
}

/** Ranges with all addresses among them restrict nobody. */
const withoutRangeOfAll = (frontend: Frontend): Frontend =>
  frontend.sourceRanges.some(({ prefix }) => prefix === 0) ? { ...frontend, sourceRanges: [] } : frontend

/** Lets in those who ask this node for its endpoints, whatever else closes the node to them: once a port of the Service. */
function addHealthCheck(into: Rules, { frontends, label }: Port): void {
  const asked = frontends.find(({ healthCheckNodePort }) => healthCheckNodePort > 0)
  if (asked === undefined) return
  const matches: Match[] = [
    comment(`${label} health check node port`),
    { match: 'dport', port: asked.healthCheckNodePort },
  ]
  const rule: Rule = { protocol: 'TCP', matches, target: { target: 'ACCEPT' } }
  into.shared.push({ table: 'filter', chain: NODE_PORTS, rule })
}

/** The rule that catches a cluster IP; returns what its chain has to do before it chooses an endpoint. */
function captureInternal(
  into: Rules,
  port: Port,
  frontend: Frontend,
  chain: string,
  config: FamilyConfig,
): Rule[] {
  if (frontend.endpoints.length === 0) {
    into.shared.push({ table: 'filter', chain: SERVICES, rule: refusal(port, frontend, frontend.whenEmpty) })
    return []
  }
  const rule = destined(frontend, `${port.label} cluster IP`, jump(chain))
  into.shared.push({ table: 'nat', chain: SERVICES, rule })
  if (config.masqueradeAll) return [{ ...rule, target: jump(MARK_MASQ) }]
  const { podCidrs, podInterface: input } = config
  if (input !== undefined) return [{ ...rule, input, notInput: true, target: jump(MARK_MASQ) }]
  const [source, ...others] = podCidrs
  if (source === undefined) return []
  if (others.length > 0) return [{ ...rule, target: jump(MARK_OUTSIDE) }]
  return [{ ...rule, source, notSource: true, target: jump(MARK_MASQ) }]
}

/** `-d ADDRESS -p PROTOCOL … --dport PORT`, or any address for a node port. */
function destined(
  frontend: Frontend,
  text: string,
  target: Target,
  more: readonly Match[] = [],
  source?: Rule['source'],
): Rule {
  const { address, family, protocol, port } = frontend
  return {
    ...(source === undefined ? {} : { source }),
    ...(address === undefined ? {} : { destination: onlyAddress(address, family) }),
    protocol,
    matches: [comment(text), ...more, { match: 'dport', port }],
    target,
  }
}

function refusal({ label }: Port, frontend: Frontend, how: 'reject' | 'drop', source?: Rule['source']): Rule {
  const text = how === 'reject' ? `${label} has no endpoints` : `${label} has no local endpoints`
  // A node port is one on every address of the node, but only there.
  const more: Match[] = frontend.address === undefined ? [{ match: 'addrtype', local: 'dst' }] : []
  return destined(frontend, text, { target: how === 'reject' ? 'REJECT' : 'DROP' }, more, source)
}

/** External addresses and node ports, the chain in front of the policy's that they share, and source ranges. */
function addExternal(
  into: Rules,
  port: Port,
  frontends: readonly Frontend[],
  { endpoints, localEndpoints, whenEmpty }: Frontend,
  config: FamilyConfig,
): void {
  const hasEndpoints = endpoints.length > 0 || (localEndpoints?.length ?? 0) > 0
  const takesOutsiders = (localEndpoints ?? endpoints).length > 0
  const firewalled = frontends.filter(({ sourceRanges }) => sourceRanges.length > 0)
  for (const frontend of frontends) {
    const isFirewalled = hasEndpoints && frontend.sourceRanges.length > 0
    if (hasEndpoints) into.shared.push(captureExternal(port, frontend, isFirewalled))
    if (!takesOutsiders)
      into.shared.push(...refuseOutsiders(port, frontend, hasEndpoints ? 'drop' : whenEmpty))
    if (isFirewalled)
      into.shared.push({
        table: 'filter',
        chain: FIREWALL,
        rule: destined(frontend, notAccepted(port), DROP),
      })
  }
  if (!hasEndpoints) return
  into.chains.push({ table: 'nat', name: port.chain('EXT'), rules: externalRules(port, config) })
  if (firewalled.length > 0)
    into.chains.push({ table: 'nat', name: port.chain('FW'), rules: firewallRules(port, firewalled, config) })
}

const DROP = { target: 'DROP' } as const
const notAccepted = (port: Port): string => `${port.label} traffic not accepted by ${port.chain('FW')}`

function captureExternal(port: Port, frontend: Frontend, isFirewalled: boolean): PlacedRule {
  const to = jump(port.chain(isFirewalled ? 'FW' : 'EXT'))
  switch (frontend.kind) {
    case 'NodePort':
      return { table: 'nat', chain: NODE_PORTS, rule: destined(frontend, port.label, to) }
    case 'LoadBalancer':
      return { table: 'nat', chain: SERVICES, rule: destined(frontend, `${port.label} loadbalancer IP`, to) }
    default:
      return { table: 'nat', chain: SERVICES, rule: destined(frontend, `${port.label} external IP`, to) }
  }
}

/** Those from outside of source ranges get silence even where others are told that there is nobody. */
function refuseOutsiders(port: Port, frontend: Frontend, how: 'reject' | 'drop'): PlacedRule[] {
  const rules =
    frontend.sourceRanges.length === 0
      ? [refusal(port, frontend, how)]
      : [
          ...distinct(frontend.sourceRanges).map((range) => refusal(port, frontend, how, range)),
          destined(frontend, `${port.label} source outside of its ranges`, DROP),
        ]
  return rules.map((rule) => ({ table: 'filter', chain: EXTERNAL_SERVICES, rule }))
}

/** What happens to connections to external addresses before an endpoint is chosen. */
function externalRules(port: Port, config: FamilyConfig): Rule[] {
  const { endpoints, localEndpoints } = port.frontends.find(({ kind }) => kind !== 'ClusterIP') ?? port.first
  const about = (text: string): Match => comment(`${text} traffic for ${port.label} external destinations`)
  if (localEndpoints === undefined)
    return [
      {
        matches: [comment(`masquerade traffic for ${port.label} external destinations`)],
        target: jump(MARK_MASQ),
      },
      { matches: [], target: jump(port.chain('SVC')) },
    ]
  const fromNode: Match = { match: 'addrtype', local: 'src' }
  const everywhere = endpoints.length > 0 ? jump(port.chain('SVC')) : jump(port.chain('SVL'))
  return [
    ...podClients(config).map((pods) => ({ ...pods, matches: [about('pod')], target: everywhere })),
    // The node's own address as the client saw it may be the external address itself.
    { matches: [about('masquerade LOCAL'), fromNode], target: jump(MARK_MASQ) },
    { matches: [about('route LOCAL'), fromNode], target: everywhere },
    ...(localEndpoints.length > 0 ? [{ matches: [], target: jump(port.chain('SVL')) }] : []),
  ]
}

const podClients = ({ podCidrs, podInterface }: FamilyConfig): readonly Pick<Rule, 'source' | 'input'>[] =>
  podInterface === undefined ? podCidrs.map((source) => ({ source })) : [{ input: podInterface }]

/** Who leaves this chain without translation is dropped in the filter table. */
function firewallRules(port: Port, frontends: readonly Frontend[], config: FamilyConfig): Rule[] {
  const accept = (source: Rule['source']): Rule => ({
    ...(source === undefined ? {} : { source }),
    matches: [comment(`${port.label} loadbalancer IP`)],
    target: jump(port.chain('EXT')),
  })
  const allowed = distinct(frontends.flatMap(({ sourceRanges }) => sourceRanges))
  const nodeIsAllowed = allowed.some((range) =>
    config.nodeAddresses.some((address) => cidrContains(range, address)),
  )
  // The node's connections to a load-balancer address that it has itself come from that very address.
  const own = nodeIsAllowed
    ? frontends.flatMap(({ address }) => (address === undefined ? [] : [address]))
    : []
  return [
    ...allowed.map(accept),
    ...own.map((address) => accept(onlyAddress(address, config.family))),
    {
      matches: [comment(`other traffic to ${port.label} will be dropped by ${FIREWALL}`)],
      target: { target: 'none' },
    },
  ]
}

const distinct = (ranges: readonly Cidr[]): Cidr[] => [
  ...new Map(ranges.map((range) => [formatCidr(range), range])).values(),
]
