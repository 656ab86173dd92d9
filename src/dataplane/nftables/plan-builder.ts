import type { IpAddress } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { RefCountChange } from '../nf-table/ref-counts.ts'
import { packServiceKey, serviceKeyLength } from '../nf-table/service-key.ts'
import { chainsOf, inRemovalOrder } from './balancers.ts'
import { LAST_CLASS_NUMBER } from './class-numbers.ts'
import { type ClassName, classOf, LIKELY_CLASSES } from './classes.ts'
import { isCurtailed } from './curtailed.ts'
import {
  keyWriters,
  recordWriters,
  type SetWriters,
  writeClusterIp,
  writeHairpin,
  writeService,
} from './element-writers.ts'
import { writeEndpointDifference } from './endpoint-elements.ts'
import { AFFINITY, AFFINITY_CLIENTS, CLASSES, DATA_SETS, type DataSet, type SetName } from './layout.ts'
import { NOWHERE, type PlacementUpdate, place } from './placement.ts'
import { isEmptyPlan, type Leftovers, type NumberedClass, type Plan } from './plan.ts'
import { frontendAddresses } from './render.ts'
import type { Slots } from './slots.ts'
import { writeSourceDifference } from './source-elements.ts'
import { type Programmed, SMALLEST_SET, sizeFor, type TableState } from './table-state.ts'

/** A plan, and the step that makes it part of the state once the kernel has acknowledged it. */
export interface PlannedUpdate {
  readonly plan: Plan
  /** The frontends that it is about. */
  readonly frontends: ReadonlyMap<FrontendKey, Programmed | undefined>
  /** The table has no room for it (a set's size, the class numbers): it must be made anew instead. */
  readonly outgrown: boolean
  readonly adopt: () => void
}

/** Idle classes are dropped together, and only when there are so many that dropping is worth a look at the table. */
const IDLE_CLASSES_KEPT = 32

/**
 * Writes the difference between a table's state and frontends as they should be. Each frontend is added at most once;
 * the state stays untouched until the update is adopted, so a plan that fails leaves nothing to undo. Against a
 * state without a table it writes the making of one.
 */
export class PlanBuilder {
  readonly #config: FamilyConfig
  readonly #state: TableState
  readonly #removed: SetWriters
  readonly #added: SetWriters
  readonly #frontends = new Map<FrontendKey, Programmed | undefined>()
  readonly #clusterIps: RefCountChange<IpAddress>
  readonly #hairpins: RefCountChange<IpAddress>
  readonly #classUsers: RefCountChange<ClassName>
  /** Scratch space for the key at hand. */
  readonly #key: Uint8Array
  readonly #newClasses: NumberedClass[] = []
  readonly #newNumbers = new Map<ClassName, number>()

  constructor(config: FamilyConfig, state: TableState) {
    this.#config = config
    this.#state = state
    this.#removed = keyWriters(config.family)
    this.#added = recordWriters(config.family)
    this.#key = new Uint8Array(serviceKeyLength(config.family))
    this.#clusterIps = new RefCountChange(state.clusterIps)
    this.#hairpins = new RefCountChange(state.hairpins)
    this.#classUsers = new RefCountChange(state.classUsers)
    if (state.sizes === undefined) for (const name of LIKELY_CLASSES) this.#numberOf(name)
  }

  /** Brings one frontend from what it is in the state to `after`; undefined takes it away. */
  add(key: FrontendKey, after: Frontend | undefined): void {
    const before = this.#state.frontends.get(key)
    const update = place(before ?? NOWHERE, after)
    const programmed = after === undefined ? undefined : toProgrammed(after, update)
    const frontend = after ?? before?.frontend
    for (const address of frontend === undefined ? [] : frontendAddresses(frontend, this.#config))
      this.#writeAddress(address, before, programmed, update)
    this.#countUses(before, programmed)
    this.#frontends.set(key, programmed)
  }

  /**
   * Ends the plan; `pacer` decides when the event loop gets a turn meanwhile. The making of a table may take the place
   * of these leftovers of a former one instead of the whole of it.
   */
  async finish(pacer: Pacer, kept?: Leftovers): Promise<PlannedUpdate> {
    await this.#writeTurns(pacer)
    const creation = this.#state.sizes === undefined ? { sizes: this.#sizes(), kept } : undefined
    const addedChains = [...new Set(this.#newClasses.flatMap(({ name }) => chainsOf(name)))].filter(
      (chain) => !this.#state.chains.has(chain),
    )
    const plan: Plan = {
      family: this.#config.family,
      creation,
      addedChains,
      addedClasses: this.#newClasses,
      elements: DATA_SETS.map((set) => ({ set, removed: this.#removed[set], added: this.#added[set] })),
      removedClasses: [],
      removedChains: [],
    }
    const complete = isEmptyPlan(plan) ? plan : { ...plan, ...this.#dropIdle() }
    return {
      plan: complete,
      frontends: this.#frontends,
      outgrown: this.#outgrown(),
      adopt: () => this.#adopt(complete),
    }
  }

  #writeAddress(
    address: IpAddress,
    before: Programmed | undefined,
    after: Programmed | undefined,
    update: PlacementUpdate,
  ): void {
    const { frontend } = after ?? before ?? {}
    if (frontend === undefined) return
    const key = packServiceKey(address, frontend.protocol, frontend.port, this.#key)
    const writers = { removed: this.#removed, added: this.#added }
    writeEndpointDifference(writers, key, before, after, update)
    writeSourceDifference(writers, key, before?.frontend, after?.frontend, this.#config)
    if (before?.className === after?.className) return
    if (before !== undefined) writeService(this.#removed.svcs, key)
    if (after !== undefined) writeService(this.#added.svcs, key, this.#numberOf(after.className))
  }

  #countUses(before: Programmed | undefined, after: Programmed | undefined): void {
    if (before !== undefined) {
      if (before.frontend.kind === 'ClusterIP' && before.frontend.address !== undefined)
        this.#clusterIps.lose(before.frontend.address)
      for (const endpoint of before.slots) if (endpoint.mayHairpin) this.#hairpins.lose(endpoint.address)
      for (const endpoint of before.upper) if (endpoint.mayHairpin) this.#hairpins.lose(endpoint.address)
      this.#classUsers.lose(before.className)
    }
    if (after !== undefined) {
      if (after.frontend.kind === 'ClusterIP' && after.frontend.address !== undefined)
        this.#clusterIps.gain(after.frontend.address)
      for (const endpoint of after.slots) if (endpoint.mayHairpin) this.#hairpins.gain(endpoint.address)
      for (const endpoint of after.upper) if (endpoint.mayHairpin) this.#hairpins.gain(endpoint.address)
      this.#classUsers.gain(after.className)
    }
  }

  #numberOf(name: ClassName): number {
    const known = this.#state.classNumbers.get(name) ?? this.#newNumbers.get(name)
    if (known !== undefined) return known
    const number = this.#state.classNumbers.last + this.#newClasses.length + 1
    this.#newNumbers.set(name, number)
    this.#newClasses.push({ name, number })
    return number
  }

  async #writeTurns(pacer: Pacer): Promise<void> {
    const removed = this.#removed
    const added = this.#added
    for (const [address, turn] of this.#hairpins.turns()) {
      writeHairpin((turn === 'gone' ? removed : added).hairpin, address)
      if (pacer.due()) await pacer.pause()
    }
    for (const [address, turn] of this.#clusterIps.turns()) {
      writeClusterIp((turn === 'gone' ? removed : added)['cluster-ips'], address)
      if (pacer.due()) await pacer.pause()
    }
  }

  /** Classes that were idle before this plan: no packet that is on its way through the table can need them. */
  #dropIdle(): Pick<Plan, 'removedClasses' | 'removedChains'> {
    const { idleClasses, classNumbers } = this.#state
    if (idleClasses.size <= IDLE_CLASSES_KEPT) return { removedClasses: [], removedChains: [] }
    const dropped = [...idleClasses].filter((name) => !this.#classUsers.touches(name))
    const kept = new Set([...classNumbers.names(), ...this.#newNumbers.keys()])
    for (const name of dropped) kept.delete(name)
    const needed = new Set([...kept].flatMap(chainsOf))
    const unneeded = new Set(dropped.flatMap(chainsOf).filter((chain) => !needed.has(chain)))
    return {
      removedClasses: dropped.map((name) => ({ name, number: classNumbers.get(name) ?? 0 })),
      removedChains: inRemovalOrder([...unneeded]),
    }
  }

  #sizes(): Record<SetName, number> {
    return {
      svcs: sizeFor(this.#countAfter('svcs')),
      eps: sizeFor(this.#countAfter('eps')),
      aidx: sizeFor(this.#countAfter('aidx')),
      aeps: sizeFor(this.#countAfter('aeps')),
      lbsrc: sizeFor(this.#countAfter('lbsrc')),
      'cluster-ips': sizeFor(this.#countAfter('cluster-ips')),
      hairpin: sizeFor(this.#countAfter('hairpin')),
      [CLASSES]: sizeFor(this.#newClasses.length),
      [AFFINITY]: this.#remembers() ? AFFINITY_CLIENTS : SMALLEST_SET,
    }
  }

  #remembers(): boolean {
    return this.#countAfter('aidx') > 0
  }

  #outgrown(): boolean {
    const { sizes, classNumbers } = this.#state
    if (sizes === undefined) return false
    if (classNumbers.last + this.#newClasses.length > LAST_CLASS_NUMBER) return true
    if (classNumbers.size + this.#newClasses.length > sizes[CLASSES]) return true
    if (this.#remembers() && sizes[AFFINITY] < AFFINITY_CLIENTS) return true
    return DATA_SETS.some((set) => this.#countAfter(set) > sizes[set])
  }

  #countAfter(set: DataSet): number {
    return this.#state.counts[set] + this.#added[set].count - this.#removed[set].count
  }

  #adopt(plan: Plan): void {
    const state = this.#state
    for (const set of DATA_SETS) state.counts[set] = this.#countAfter(set)
    if (plan.creation !== undefined) state.sizes = plan.creation.sizes
    for (const [key, programmed] of this.#frontends) {
      if (programmed === undefined) state.frontends.delete(key)
      else state.frontends.set(key, programmed)
      if (programmed !== undefined && isCurtailed(programmed.frontend))
        state.curtailed.set(key, programmed.frontend)
      else state.curtailed.delete(key)
    }
    state.clusterIps.adopt(this.#clusterIps)
    state.hairpins.adopt(this.#hairpins)
    const classes = this.#classUsers.keys()
    state.classUsers.adopt(this.#classUsers)
    for (const chain of plan.addedChains) state.chains.add(chain)
    for (const chain of plan.removedChains) state.chains.delete(chain)
    for (const { name, number } of plan.addedClasses) state.classNumbers.set(name, number)
    for (const { name } of plan.removedClasses) state.classNumbers.delete(name)
    this.#noteIdle(classes, plan)
  }

  #noteIdle(touched: readonly ClassName[], plan: Plan): void {
    const { idleClasses, classUsers } = this.#state
    for (const { name } of plan.removedClasses) idleClasses.delete(name)
    for (const name of touched) {
      if (classUsers.get(name) > 0) idleClasses.delete(name)
      else if (!LIKELY_CLASSES.includes(name)) idleClasses.add(name)
    }
  }
}

function toProgrammed(frontend: Frontend, { after }: PlacementUpdate): Programmed {
  return {
    frontend,
    slots: share(after.slots, frontend.endpoints),
    upper: share(after.upper, frontend.localEndpoints),
    leading: after.leading,
    className: classOf(frontend, after),
  }
}

/** The list that the frontend keeps anyway, where it is the same: the state then costs a few words a frontend. */
function share(slots: Slots, endpoints: Slots | undefined): Slots {
  if (endpoints === undefined || slots === endpoints || slots.length !== endpoints.length) return slots
  return slots.every((endpoint, slot) => endpoint === endpoints[slot]) ? endpoints : slots
}
