import type { Frontend } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { onlyAddress } from './format-rule.ts'
import { CLUSTER_IPS, REFUSE } from './names.ts'
import { addPortRules } from './port-rules.ts'
import { type Chain, comment, jump, type PlacedRule } from './rule.ts'

/** Everything in the tables that is about one Service. */
export interface ServiceRules {
  /** Chains of its own, in the nat table. */
  readonly chains: readonly Chain[]
  /** Its rules in the chains that all Services share; they go in front of what those chains always have. */
  readonly shared: readonly PlacedRule[]
}

/** The rules of a Service of one family, port by port, a function of its frontends whatever their order. */
export function serviceRules(frontends: readonly Frontend[], config: FamilyConfig): ServiceRules {
  const rules = { chains: [] as Chain[], shared: [] as PlacedRule[] }
  for (const port of byPort(frontends)) addPortRules(rules, port, config)
  if (config.serviceCidrs.length > 0) rejectOtherPorts(rules.shared, frontends, config)
  return rules
}

/** Frontends by port of the Service, in the order of their keys. */
function byPort(frontends: readonly Frontend[]): Iterable<readonly Frontend[]> {
  const ports = new Map<string, Frontend[]>()
  for (const frontend of [...frontends].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const id = `${frontend.portName}/${frontend.protocol}`
    const port = ports.get(id)
    if (port === undefined) ports.set(id, [frontend])
    else port.push(frontend)
  }
  return ports.values()
}

/** Behind everything that the cluster address does answer on. */
function rejectOtherPorts(
  into: PlacedRule[],
  frontends: readonly Frontend[],
  { family }: FamilyConfig,
): void {
  const addresses = new Map(
    frontends
      .filter(({ kind }) => kind === 'ClusterIP')
      .flatMap(({ address, service }) => (address === undefined ? [] : [[address, service] as const])),
  )
  for (const [address, service] of addresses)
    into.push({
      table: 'filter',
      chain: CLUSTER_IPS,
      rule: {
        destination: onlyAddress(address, family),
        matches: [comment(`${service} has no such port`)],
        target: jump(REFUSE),
      },
    })
}
