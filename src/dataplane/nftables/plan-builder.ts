import type { IpAddress } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { type ClassName, chainsOf, classOf, LAST_CLASS_NUMBER, LIKELY_CLASSES } from './classes.ts'
import { CLASSES, DATA_SETS, type DataSet, type SetName } from './layout.ts'
import { isEmptyPlan, type NumberedClass, type Plan } from './plan.ts'
import type { RecordWriter } from './records.ts'
import { RefCountChange } from './ref-counts.ts'
import {
  frontendAddresses,
  keyWriters,
  recordWriters,
  writeClusterIp,
  writeHairpin,
  writeService,
  writeSlot,
} from './render.ts'
import { packServiceKey, serviceKeyLength } from './service-key.ts'
import { placeEndpoints, type SlotUpdate } from './slots.ts'
import type { TableConfig } from './table-config.ts'
import { type Programmed, sizeFor, type TableState } from './table-state.ts'

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
  readonly #config: TableConfig
  readonly #state: TableState
  readonly #removed: Readonly<Record<DataSet, RecordWriter>>
  readonly #added: Readonly<Record<DataSet, RecordWriter>>
  readonly #frontends = new Map<FrontendKey, Programmed | undefined>()
  readonly #clusterIps: RefCountChange<IpAddress>
  readonly #hairpins: RefCountChange<IpAddress>
  readonly #classUsers: RefCountChange<ClassName>
  /** Scratch space for the key at hand. */
  readonly #key: Uint8Array
  readonly #newClasses: NumberedClass[] = []
  readonly #newNumbers = new Map<ClassName, number>()

  constructor(config: TableConfig, state: TableState) {
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
    const slots = placeEndpoints(before?.slots ?? [], after?.endpoints ?? [])
    const className = after === undefined ? undefined : classOf(after)
    const frontend = after ?? before?.frontend
    for (const address of frontend === undefined ? [] : frontendAddresses(frontend, this.#config))
      this.#writeAddress(address, before, after, slots, className)
    this.#countUses(before, after, className)
    this.#frontends.set(
      key,
      after === undefined || className === undefined
        ? undefined
        : { frontend: after, slots: this.#shareSlots(slots, after), className },
    )
  }

  /** Ends the plan; `pacer` decides when the event loop gets a turn meanwhile. */
  async finish(pacer: Pacer): Promise<PlannedUpdate> {
    await this.#writeTurns(pacer)
    const creation = this.#state.sizes === undefined ? { sizes: this.#sizes() } : undefined
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
    after: Frontend | undefined,
    { removed, added, slots }: SlotUpdate,
    className: ClassName | undefined,
  ): void {
    const frontend = after ?? before?.frontend
    if (frontend === undefined) return
    const key = packServiceKey(address, frontend.protocol, frontend.port, this.#key)
    for (const slot of removed) writeSlot(this.#removed.eps, key, slot)
    for (const slot of added) writeSlot(this.#added.eps, key, slot, slots[slot])
    if (before?.className === className) return
    if (before !== undefined) writeService(this.#removed.svcs, key)
    if (className !== undefined) writeService(this.#added.svcs, key, this.#numberOf(className))
  }

  #countUses(
    before: Programmed | undefined,
    after: Frontend | undefined,
    className: ClassName | undefined,
  ): void {
    if (before?.frontend.kind === 'ClusterIP' && before.frontend.address !== undefined)
      this.#clusterIps.lose(before.frontend.address)
    if (after?.kind === 'ClusterIP' && after.address !== undefined) this.#clusterIps.gain(after.address)
    for (const endpoint of before?.slots ?? []) if (endpoint.mayHairpin) this.#hairpins.lose(endpoint.address)
    for (const endpoint of after?.endpoints ?? [])
      if (endpoint.mayHairpin) this.#hairpins.gain(endpoint.address)
    if (before !== undefined) this.#classUsers.lose(before.className)
    if (className !== undefined) this.#classUsers.gain(className)
  }

  #shareSlots({ slots }: SlotUpdate, after: Frontend): Programmed['slots'] {
    if (slots === after.endpoints) return slots
    return slots.every((endpoint, slot) => endpoint === after.endpoints[slot]) ? after.endpoints : slots
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
    const removedChains = dropped.flatMap((name) => [...chainsOf(name)].reverse())
    return {
      removedClasses: dropped.map((name) => ({ name, number: classNumbers.get(name) ?? 0 })),
      removedChains: [...new Set(removedChains.filter((chain) => !needed.has(chain)))],
    }
  }

  #sizes(): Record<SetName, number> {
    return {
      svcs: sizeFor(this.#countAfter('svcs')),
      eps: sizeFor(this.#countAfter('eps')),
      'cluster-ips': sizeFor(this.#countAfter('cluster-ips')),
      hairpin: sizeFor(this.#countAfter('hairpin')),
      [CLASSES]: sizeFor(this.#newClasses.length),
    }
  }

  #outgrown(): boolean {
    const { sizes, classNumbers } = this.#state
    if (sizes === undefined) return false
    if (classNumbers.last + this.#newClasses.length > LAST_CLASS_NUMBER) return true
    if (classNumbers.size + this.#newClasses.length > sizes[CLASSES]) return true
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
