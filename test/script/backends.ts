import type { Backend } from '../../src/dataplane/backend.ts'
import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import { formatPlan as formatRules } from '../../src/dataplane/iptables/format-plan.ts'
import { IptablesBackend } from '../../src/dataplane/iptables/iptables-backend.ts'
import { PlanBuilder as RulePlanBuilder } from '../../src/dataplane/iptables/plan-builder.ts'
import { TableState as RuleState } from '../../src/dataplane/iptables/table-state.ts'
import { formatPlan } from '../../src/dataplane/nftables/format-plan.ts'
import { NftablesBackend } from '../../src/dataplane/nftables/nftables-backend.ts'
import { PlanBuilder } from '../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../src/dataplane/nftables/table-state.ts'
import { Pacer } from '../../src/util/pacer.ts'

/** A backend that all scripts are run against. */
export interface ScriptedBackend {
  /** The key of its lines under `kernel` in a script. */
  readonly name: string
  open(config: FamilyConfig, netns: string): Promise<Backend>
  /** What it puts into the kernel for these frontends, a line an object. */
  describe(frontends: readonly Frontend[], config: FamilyConfig): Promise<readonly string[]>
}

export const BACKENDS: readonly ScriptedBackend[] = [
  {
    name: 'nftables',
    open: (config, netns) => NftablesBackend.open(config, netns),
    describe: describeNftables,
  },
  {
    name: 'iptables',
    open: (config, netns) => IptablesBackend.open(config, netns),
    describe: describeIptables,
  },
]

/** Rules as arguments of `iptables`, those of shared chains with `-I`; chains by names that people can read. */
async function describeIptables(frontends: readonly Frontend[], config: FamilyConfig): Promise<string[]> {
  const builder = new RulePlanBuilder(config, new RuleState())
  for (const frontend of frontends) builder.add(frontend.key, frontend)
  return formatRules((await builder.finish(new Pacer())).plan)
}

/** Elements as `SET KEY : DATA`, classes by their names. */
async function describeNftables(frontends: readonly Frontend[], config: FamilyConfig): Promise<string[]> {
  const builder = new PlanBuilder(config, new TableState())
  for (const frontend of frontends) builder.add(frontend.key, frontend)
  const lines = formatPlan((await builder.finish(new Pacer())).plan)
  const elements = lines.flatMap(
    (line) => /^add element \S+ \S+ (\S+) \{ (.*) \}$/.exec(line)?.slice(1).join(' ') ?? [],
  )
  const names = new Map(
    elements.flatMap((line) => {
      const [, number, name] = /^classes (\S+) : goto (\S+)$/.exec(line) ?? []
      return number === undefined || name === undefined ? [] : [[number, name] as const]
    }),
  )
  return elements.map((line) => line.replace(/4857:\w+/, (number) => names.get(number) ?? number))
}
