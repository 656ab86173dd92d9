import type { ObjectName } from '../../model/object-name.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { RefCountChange } from '../nf-table/ref-counts.ts'
import { type ChainKey, chainKey, eachUse } from './chain-uses.ts'
import { formatRule } from './format-rule.ts'
import type { ChainName, DeletedRule, FilledChain, InsertedRule, Plan } from './plan.ts'
import type { Chain, PlacedRule, Rule } from './rule.ts'
import { type ServiceRules, serviceRules } from './service-rules.ts'
import type { ProgrammedRule, ProgrammedService, TableState } from './table-state.ts'

/** A rule in a shared chain after the plan: one that stays, or the plan's insertion of that index. */
type SharedRule = ProgrammedRule | { readonly chain: ChainKey; readonly insertion: number }

interface PlannedService {
  readonly frontends: ReadonlyMap<FrontendKey, Frontend>
  readonly shared: readonly SharedRule[]
  readonly chains: number
  readonly rules: number
}

/** A plan, and the step that makes it part of the state once the kernel has acknowledged it. */
export interface PlannedUpdate {
  readonly plan: Plan
  /** Keys of the frontends that it is about, by Service. */
  readonly frontends: ReadonlyMap<ObjectName, ReadonlySet<FrontendKey>>
  /** Takes the handles of the plan's insertions, in their order. */
  readonly adopt: (handles: readonly number[]) => void
}

const NOTHING: ServiceRules = { chains: [], shared: [] }

/**
 * Writes the difference between a state and frontends as they should be, Service by Service. Chains whose rules change
 * are filled anew as a whole; rules in chains that many Services share come and go one by one. The state stays
 * untouched until the update is adopted, so a plan that fails leaves nothing to undo. Each frontend is added at most
 * once.
 */
export class PlanBuilder {
  readonly #config: FamilyConfig
  readonly #state: TableState
  /** Frontends as they should be, of Services that are touched. */
  readonly #services = new Map<ObjectName, Map<FrontendKey, Frontend>>()
  readonly #keys = new Map<ObjectName, Set<FrontendKey>>()
  readonly #planned = new Map<ObjectName, PlannedService | undefined>()
  readonly #uses: RefCountChange<ChainKey>
  readonly #deletedRules: DeletedRule[] = []
  readonly #flushedChains: ChainName[] = []
  readonly #addedChains: ChainName[] = []
  readonly #filledChains: FilledChain[] = []
  /** Services all of whose chains are filled. */
  readonly #newServices: ObjectName[] = []
  readonly #insertedRules: InsertedRule[] = []
  readonly #removedChains: ChainName[] = []

  constructor(config: FamilyConfig, state: TableState) {
    this.#config = config
    this.#state = state
    this.#uses = new RefCountChange(state.uses)
  }

  /** Brings one frontend from what it is in the state to `after`; undefined takes it away. */
  add(key: FrontendKey, after: Frontend | undefined): void {
    const before = this.#state.owners.get(key)
    if (before !== undefined && before !== after?.service) this.#touch(before, key).delete(key)
    if (after !== undefined) this.#touch(after.service, key).set(key, after)
  }

  /** Ends the plan; `pacer` decides when the event loop gets a turn meanwhile. */
  async finish(pacer: Pacer): Promise<PlannedUpdate> {
    for (const [name, frontends] of this.#services) {
      this.#planService(name, frontends)
      if (pacer.due()) await pacer.pause()
    }
    const plan: Plan = {
      family: this.#config.family,
      tables: [],
      addedEntries: [],
      deletedRules: this.#deletedRules,
      flushedChains: this.#flushedChains,
      addedChains: this.#addedChains,
      filledChains: { [Symbol.iterator]: () => this.#fillChains() },
      insertedRules: this.#insertedRules,
      removedChains: this.#removedChains,
    }
    return { plan, frontends: this.#keys, adopt: (handles) => this.#adopt(handles) }
  }

  *#fillChains(): Generator<FilledChain> {
    yield* this.#filledChains
    for (const service of this.#newServices)
      for (const chain of this.#rulesOf(this.#services.get(service)).chains) yield { ...chain, service }
  }

  #rulesOf(frontends: ReadonlyMap<FrontendKey, Frontend> | undefined): ServiceRules {
    return frontends === undefined ? NOTHING : serviceRules([...frontends.values()], this.#config)
  }

  #touch(name: ObjectName, key: FrontendKey): Map<FrontendKey, Frontend> {
    const keys = this.#keys.get(name)
    if (keys === undefined) this.#keys.set(name, new Set([key]))
    else keys.add(key)
    const known = this.#services.get(name)
    if (known !== undefined) return known
    const frontends = new Map(this.#state.services.get(name)?.frontends)
    this.#services.set(name, frontends)
    return frontends
  }

  #planService(name: ObjectName, frontends: ReadonlyMap<FrontendKey, Frontend>): void {
    const before = this.#state.services.get(name)
    const old = this.#rulesOf(before?.frontends)
    const now = this.#rulesOf(frontends)
    if (before === undefined) this.#addChains(name, now.chains)
    else this.#diffChains(name, old.chains, now.chains)
    const shared = this.#diffShared(name, old.shared, before?.shared ?? [], now.shared)
    eachUse(old, (chain) => this.#uses.lose(chain))
    eachUse(now, (chain) => this.#uses.gain(chain))
    const rules = now.chains.reduce((sum, chain) => sum + chain.rules.length, now.shared.length)
    this.#planned.set(
      name,
      frontends.size === 0 ? undefined : { frontends, shared, chains: now.chains.length, rules },
    )
  }

  #addChains(service: ObjectName, chains: readonly Chain[]): void {
    this.#newServices.push(service)
    for (const { table, name } of chains) this.#addedChains.push({ table, name, service })
  }

  #diffChains(service: ObjectName, old: readonly Chain[], now: readonly Chain[]): void {
    const standing = new Map(old.map((chain) => [chain.name, chain]))
    for (const chain of now) {
      const { table, name } = chain
      const before = standing.get(name)
      standing.delete(name)
      if (before !== undefined && this.#sameRules(before.rules, chain.rules)) continue
      ;(before === undefined ? this.#addedChains : this.#flushedChains).push({ table, name, service })
      this.#filledChains.push({ ...chain, service })
    }
    for (const { table, name } of standing.values()) {
      this.#flushedChains.push({ table, name, service })
      this.#removedChains.push({ table, name, service })
    }
  }

  #sameRules(before: readonly Rule[], after: readonly Rule[]): boolean {
    const text = (rule: Rule | undefined): string =>
      rule === undefined ? '' : formatRule(rule, this.#config.family)
    return before.length === after.length && before.every((rule, i) => text(rule) === text(after[i]))
  }

  #diffShared(
    service: ObjectName,
    old: readonly PlacedRule[],
    programmed: readonly ProgrammedRule[],
    now: readonly PlacedRule[],
  ): SharedRule[] {
    const standing = new Map<string, { readonly placed: PlacedRule; readonly handle: number }>()
    old.forEach((placed, i) => {
      standing.set(this.#textOf(placed), { placed, handle: programmed[i]?.handle ?? 0 })
    })
    const shared = now.map((placed): SharedRule => {
      const text = old.length === 0 ? '' : this.#textOf(placed)
      const before = standing.get(text)
      standing.delete(text)
      const chain = chainKey(placed.table, placed.chain)
      if (before !== undefined) return { chain, handle: before.handle }
      this.#insertedRules.push({ ...placed, service })
      return { chain, insertion: this.#insertedRules.length - 1 }
    })
    for (const { placed, handle } of standing.values())
      this.#deletedRules.push({ ...placed, handle, service })
    return shared
  }

  #textOf({ table, chain, rule }: PlacedRule): string {
    return `${table} ${chain} ${formatRule(rule, this.#config.family)}`
  }

  #adopt(handles: readonly number[]): void {
    this.#state.uses.adopt(this.#uses)
    for (const [name, planned] of this.#planned) {
      if (planned === undefined) {
        this.#state.delete(name)
        continue
      }
      const service: ProgrammedService = {
        frontends: planned.frontends,
        shared: planned.shared.map((rule) =>
          'handle' in rule ? rule : { chain: rule.chain, handle: handles[rule.insertion] ?? 0 },
        ),
        chains: planned.chains,
        rules: planned.rules,
      }
      this.#state.set(name, service)
    }
  }
}
