import type { Frontend } from '../../src/dataplane/desired/frontend.ts'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import { formatPlan } from '../../src/dataplane/nftables/format-plan.ts'
import { PlanBuilder } from '../../src/dataplane/nftables/plan-builder.ts'
import { TableState } from '../../src/dataplane/nftables/table-state.ts'
import { Pacer } from '../../src/util/pacer.ts'

/** Elements as `SET KEY : DATA`, classes by their names. */
export async function describeNftables(
  frontends: readonly Frontend[],
  config: FamilyConfig,
): Promise<string[]> {
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
