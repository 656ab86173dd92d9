import type { Protocol } from '../../model/service.ts'
import { formatVirtualServer, type VirtualServerKey } from '../../native/ipvs.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { RefCountChange } from '../nf-table/ref-counts.ts'
import { type Element, elementKey, elementsOf, formatElement } from './elements.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState, ProgrammedServer } from './ipvs-state.ts'
import type { Plan, ServerChange, ServerSettings } from './plan.ts'
import { destName, needsShortCircuit, serversOf, type WantedServer } from './virtual-servers.ts'

/** A plan, and the step that makes it part of the state once all of it is in force. */
export interface PlannedUpdate {
  readonly plan: Plan
  readonly adopt: () => void
}

/**
 * Writes the difference between the state and frontends as they should be; each frontend is added at most once. The
 * state stays as it is meanwhile, but for numbers of marks, which are given for good.
 */
export class PlanBuilder {
  readonly #config: IpvsConfig
  readonly #state: IpvsState
  readonly #prepare: ServerChange[] = []
  readonly #finish: ServerChange[] = []
  readonly #removed: Element[] = []
  readonly #added: Element[] = []
  readonly #goneAddresses = new Set<IpAddress>()
  readonly #frontends = new Map<FrontendKey, Frontend | undefined>()
  readonly #wanted = new Set<string>()
  readonly #drainSeconds: [VirtualServerKey, number | undefined][] = []
  /** Virtual servers that frontends had, by name: one goes unless some frontend of the plan has it from now on. */
  readonly #left = new Map<string, ServerChange>()
  readonly #vips: RefCountChange<IpAddress>

  constructor(config: IpvsConfig, state: IpvsState) {
    this.#config = config
    this.#state = state
    this.#vips = new RefCountChange(state.vips)
  }

  /** Brings one frontend from what it is in the state to `after`; undefined takes it away. */
  add(key: FrontendKey, after: Frontend | undefined): void {
    const before = this.#state.frontends.get(key)
    const wanted = this.#servers(after)
    for (const server of wanted) {
      this.#bringTo(key, server, after?.protocol)
      this.#drainSeconds.push([server.key, after?.ipvs.drainSeconds])
    }
    for (const { key: server } of this.#servers(before))
      this.#left.set(formatVirtualServer(server), {
        op: 'delete-server',
        frontend: key,
        server: { key: server },
      })
    this.#changeElements(this.#elements(before), this.#elements(after))
    const [old, now] = [this.#vipOf(before), this.#vipOf(after)]
    if (old !== undefined) this.#vips.lose(old)
    if (now !== undefined) this.#vips.gain(now)
    this.#frontends.set(key, after)
  }

  /** Takes away what no frontend wants, as an earlier process may have left it. */
  deleteLeftovers(): void {
    for (const [name, { settings }] of this.#state.servers)
      if (!this.#wanted.has(name))
        this.#left.set(name, { op: 'delete-server', frontend: undefined, server: { key: settings.key } })
    for (const address of this.#state.addresses)
      if (!this.#vips.touches(address)) this.#goneAddresses.add(address)
  }

  finish(): PlannedUpdate {
    const addedAddresses: IpAddress[] = []
    for (const [address, turn] of this.#vips.turns()) {
      if (turn === 'appeared') {
        this.#added.push({ set: 'vips', address })
        if (!this.#state.addresses.has(address)) addedAddresses.push(address)
      } else {
        this.#removed.push({ set: 'vips', address })
        if (this.#state.addresses.has(address)) this.#goneAddresses.add(address)
      }
    }
    for (const [name, deletion] of this.#left) if (!this.#wanted.has(name)) this.#finish.push(deletion)
    const plan: Plan = {
      family: this.#config.family,
      prepare: this.#prepare,
      table: { creation: !this.#state.hasTable, removed: this.#removed, added: this.#added },
      finish: this.#finish,
      addresses: { added: addedAddresses, removed: [...this.#goneAddresses] },
    }
    return { plan, adopt: () => this.#adopt() }
  }

  #servers(frontend: Frontend | undefined): WantedServer[] {
    if (frontend === undefined) return []
    return serversOf(frontend, this.#config.nodeAddresses, this.#markOf(frontend))
  }

  #elements(frontend: Frontend | undefined): Element[] {
    if (frontend === undefined) return []
    return elementsOf(frontend, this.#config.nodeAddresses, this.#markOf(frontend))
  }

  #markOf(frontend: Frontend): number | undefined {
    return needsShortCircuit(frontend) ? this.#state.marks.take(frontend.key) : undefined
  }

  #bringTo(frontend: FrontendKey, wanted: WantedServer, protocol: Protocol | undefined): void {
    const { dests, ...settings } = wanted
    const server = { key: wanted.key }
    this.#wanted.add(formatVirtualServer(wanted.key))
    const present = this.#state.server(wanted.key)
    if (present === undefined) this.#prepare.push({ op: 'add-server', frontend, server: settings })
    else if (!sameSettings(present.settings, settings))
      this.#prepare.push({ op: 'change-server', frontend, server: settings })
    const leaving = new Map(present?.dests)
    for (const dest of dests) {
      const now = leaving.get(destName(dest))
      leaving.delete(destName(dest))
      if (now === undefined) this.#prepare.push({ op: 'add-dest', frontend, server, dest })
      else if (now.weight !== dest.weight || now.method !== dest.method)
        this.#prepare.push({ op: 'change-dest', frontend, server, dest })
    }
    for (const dest of leaving.values()) {
      // A flow of datagrams has no end to wait for: a client that goes on finds another endpoint.
      if (protocol === 'UDP') this.#finish.push({ op: 'delete-dest', frontend, server, dest })
      else if (dest.weight > 0)
        this.#finish.push({ op: 'change-dest', frontend, server, dest: { ...dest, weight: 0 } })
    }
  }

  #changeElements(before: readonly Element[], after: readonly Element[]): void {
    const gone = new Map(before.map((element) => [elementKey(element), element]))
    for (const element of after) {
      const key = elementKey(element)
      const old = gone.get(key)
      if (old !== undefined && formatElement(old) === formatElement(element)) {
        gone.delete(key)
        continue
      }
      this.#added.push(element)
    }
    this.#removed.push(...gone.values())
  }

  /** An address that the machine has anyway keeps its other ports, and is no VIP. */
  #vipOf(frontend: Frontend | undefined): IpAddress | undefined {
    const address = frontend?.address
    if (address === undefined || this.#config.nodeAddresses.includes(address)) return undefined
    return this.#state.foreignAddresses.has(address) ? undefined : address
  }

  #adopt(): void {
    const state = this.#state
    for (const [key, seconds] of this.#drainSeconds) {
      const server = state.server(key)
      if (server !== undefined) server.drainLimitMs = seconds === undefined ? undefined : seconds * 1000
    }
    for (const [key, frontend] of this.#frontends) {
      if (frontend === undefined) state.frontends.delete(key)
      else state.frontends.set(key, frontend)
    }
    state.vips.adopt(this.#vips)
    state.elements += this.#added.length - this.#removed.length
    state.hasTable = true
  }
}

export const sameSettings = (a: ProgrammedServer['settings'], b: ServerSettings): boolean =>
  a.scheduler === b.scheduler &&
  a.timeoutSeconds === b.timeoutSeconds &&
  a.flags.length === b.flags.length &&
  a.flags.every((flag, i) => flag === b.flags[i])
