import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import { formatPlan } from '../../src/dataplane/iptables/format-plan.ts'
import { formatDestination, protocolWord } from '../../src/dataplane/iptables/format-rule.ts'
import { portChainName } from '../../src/dataplane/iptables/names.ts'
import { PlanBuilder } from '../../src/dataplane/iptables/plan-builder.ts'
import { TableState } from '../../src/dataplane/iptables/table-state.ts'
import { Pacer } from '../../src/util/pacer.ts'

/**
 * Rules as arguments of `iptables`, those of shared chains with `-I`, without comments. Chains of the Service `web`
 * are `KUBE-SVC(web:PORTNAME)`, of its endpoints `KUBE-SEP(web:PORTNAME ADDRESS:PORT)`.
 */
export async function describeIptables(
  frontends: readonly Frontend[],
  config: FamilyConfig,
): Promise<string[]> {
  const builder = new PlanBuilder(config, new TableState())
  for (const frontend of frontends) builder.add(frontend.key, frontend)
  const names = readableNames(frontends)
  return formatPlan((await builder.finish(new Pacer())).plan).map((line) =>
    line
      .replace(/ -m comment --comment (?:"[^"]*"|\S+)/, '')
      .replaceAll(/KUBE-[A-Z]+-[A-Z2-7]{16}/g, (name) => names.get(name) ?? name),
  )
}

function readableNames(frontends: readonly Frontend[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const { service, portName, protocol, endpoints, localEndpoints } of frontends) {
    const label = portName === '' ? service : `${service}:${portName}`
    const short = label.replace(/^default\//, '')
    const word = protocolWord(protocol)
    for (const kind of ['SVC', 'SVL', 'EXT', 'FW'] as const)
      names.set(portChainName(kind, label, word), `KUBE-${kind}(${short})`)
    for (const { address, port } of [...endpoints, ...(localEndpoints ?? [])]) {
      const at = formatDestination(address, port)
      names.set(portChainName('SEP', label, word, at), `KUBE-SEP(${short} ${at})`)
    }
  }
  return names
}
