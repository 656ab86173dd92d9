import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { formatPlan } from '../../../../src/dataplane/ipvs/format-plan.ts'
import type { IpvsConfig } from '../../../../src/dataplane/ipvs/ipvs-config.ts'
import { IpvsState } from '../../../../src/dataplane/ipvs/ipvs-state.ts'
import type { Plan } from '../../../../src/dataplane/ipvs/plan.ts'
import { PlanBuilder } from '../../../../src/dataplane/ipvs/plan-builder.ts'
import { configOf } from '../../../support/ipvs-frontends.ts'

/** A frontend as it should be; in an array, one that should be gone. */
export type Wanted = Frontend | readonly [gone: Frontend]

/** Frontends in, plans out, each in force before the next, as if the kernel took everything. */
export class Planner {
  readonly config: IpvsConfig
  readonly state: IpvsState

  constructor(fields: Partial<IpvsConfig> = {}, state = new IpvsState()) {
    this.config = configOf(fields.family ?? 'IPv4', fields)
    this.state = state
  }

  change(...changes: readonly Wanted[]): Plan {
    const builder = new PlanBuilder(this.config, this.state)
    for (const change of changes) {
      if ('key' in change) builder.add(change.key, change)
      else builder.add(change[0].key, undefined)
    }
    return this.#commit(builder)
  }

  /** All frontends there should be, whatever the state has. */
  rebuild(...frontends: readonly Frontend[]): Plan {
    const builder = new PlanBuilder(this.config, this.state)
    for (const frontend of frontends) builder.add(frontend.key, frontend)
    builder.deleteLeftovers()
    return this.#commit(builder)
  }

  /** The lines of the plan. */
  lines(...changes: readonly Wanted[]): string[] {
    return linesOf(this.change(...changes))
  }

  #commit(builder: PlanBuilder): Plan {
    const { plan, adopt } = builder.finish()
    for (const change of [...plan.prepare, ...plan.finish]) this.state.adopt(change, 0)
    adopt()
    for (const address of plan.addresses.added) this.state.addresses.add(address)
    for (const address of plan.addresses.removed) this.state.addresses.delete(address)
    return plan
  }
}

/** Without the table's name. */
export const linesOf = (plan: Plan): string[] =>
  formatPlan(plan).map((line) => line.replace(/ ip6? hawser-ipvs/, ''))
