import type { ObjectName } from '../../model/object-name.ts'
import { groupBy } from '../../util/group-by.ts'
import type { FamilyConfig } from '../family-config.ts'
import type { ChainDamage } from './compare-chain.ts'
import type { SharedPlace } from './expected-chains.ts'
import type { BrokenJumps } from './jumps.ts'
import type { ChainName, DeletedRule, FilledChain, InsertedRule, Plan } from './plan.ts'
import { sharedRule } from './shared-rule.ts'
import type { TableState } from './table-state.ts'

/** The smallest plan that brings the kernel back to a state, and what is to be noted in that once it has. */
export class Repair {
  readonly #state: TableState
  readonly #config: FamilyConfig
  readonly #deletedRules: DeletedRule[] = []
  readonly #flushedChains: ChainName[] = []
  readonly #addedChains: ChainName[] = []
  readonly #filledChains: FilledChain[] = []
  readonly #insertedRules: InsertedRule[] = []
  /** Whose each insertion is; undefined for jumps. */
  readonly #places: (SharedPlace | undefined)[] = []
  readonly #removedChains: ChainName[] = []

  constructor(state: TableState, config: FamilyConfig) {
    this.#state = state
    this.#config = config
  }

  /** Writes a chain's own rules again where they are wrong, and puts in those of Services that it lacks. */
  mendChain({ expected, isGone, lacks, wrong }: ChainDamage): void {
    const { table, name } = expected.chain
    if (isGone) this.#addedChains.push({ table, name })
    for (const handle of wrong ?? []) this.#deletedRules.push({ table, chain: name, handle })
    if (wrong !== undefined) this.#filledChains.push(expected.chain)
    for (const place of lacks) {
      const placed = sharedRule(place, this.#state, this.#config)
      if (placed === undefined) continue
      this.#insertedRules.push({ ...placed, service: place.service })
      this.#places.push(place)
    }
  }

  /** A chain that has a name of ours and is not. The kernel refuses while somebody jumps to it. */
  removeChain(chain: ChainName): void {
    this.#flushedChains.push(chain)
    this.#removedChains.push(chain)
  }

  /** All of them anew, for their order. */
  mendJumps({ table, chain, wanted, standing }: BrokenJumps): void {
    for (const handle of standing) this.#deletedRules.push({ table, chain, handle })
    for (const placed of wanted) {
      this.#insertedRules.push(placed)
      this.#places.push(undefined)
    }
  }

  plan(): Plan {
    return {
      family: this.#config.family,
      tables: [],
      addedEntries: [],
      deletedRules: this.#deletedRules,
      flushedChains: this.#flushedChains,
      addedChains: this.#addedChains,
      filledChains: this.#filledChains,
      insertedRules: this.#insertedRules,
      removedChains: this.#removedChains,
    }
  }

  /** Takes the handles of the plan's insertions, in their order. */
  adopt(handles: readonly number[]): void {
    const placed = this.#places.flatMap((place, i) => {
      const handle = handles[i]
      return place === undefined || handle === undefined ? [] : [{ ...place, handle }]
    })
    for (const [service, rules] of groupBy<ObjectName, (typeof placed)[number]>(
      placed,
      (rule) => rule.service,
    ))
      this.#state.renumber(service, new Map(rules.map(({ index, handle }) => [index, handle])))
  }
}
