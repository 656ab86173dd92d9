import type { Problem } from '../../model/problem.ts'
import type { SocketStats } from '../../native/addon.ts'
import { NetlinkError, type NftablesSocket } from '../../native/nftables.ts'
import { Pacer } from '../../util/pacer.ts'
import type { Backend, CommitOutcome, FrontendChanges } from '../backend.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { noNftables, openNftables } from '../kernel-failure.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { removeTable } from '../nf-table/remove-table.ts'
import { addStats } from '../socket-stats.ts'
import { curtailedFrontends } from './curtailed.ts'
import { describeFrontend } from './describe.ts'
import { failedCommit } from './failure.ts'
import { DATA_SETS, TABLE } from './layout.ts'
import { findLeftovers } from './leftovers.ts'
import { compareTable, type TableDigests } from './observe.ts'
import { isEmptyPlan, type Leftovers, type Plan } from './plan.ts'
import { PlanBuilder, type PlannedUpdate } from './plan-builder.ts'
import { TableState } from './table-state.ts'
import { planTransaction } from './transaction.ts'

/** Frontends of one family as elements of the table `hawser`; see `chains.ts` for what the table does with them. */
export class NftablesBackend implements Backend {
  readonly #socket: NftablesSocket
  /** Audits read through it, so that no transaction waits in line behind a long listing. */
  readonly #reader: NftablesSocket
  readonly #config: FamilyConfig
  #state = new TableState()
  /** What the elements came to when they last were as committed; undefined when something was written since. */
  #clean: TableDigests | undefined
  /** Transactions and removals so far. */
  #writes = 0
  /** What the last audit found to be enough. */
  #repair: Plan | undefined

  private constructor(socket: NftablesSocket, reader: NftablesSocket, config: FamilyConfig) {
    this.#socket = socket
    this.#reader = reader
    this.#config = config
  }

  /**
   * Opens its sockets and asks nf_tables for a sign of life; nothing in the kernel changes. Rejects with a
   * DataplaneError when there is no permission, no nf_tables or no such namespace.
   */
  static async open(config: FamilyConfig, netns: string | undefined): Promise<NftablesBackend> {
    const socket = await openNftables(netns, noNftables)
    try {
      return new NftablesBackend(socket, await openNftables(netns, noNftables), config)
    } catch (error) {
      await socket.close()
      throw error
    }
  }

  async update(changes: FrontendChanges): Promise<CommitOutcome> {
    const pacer = new Pacer()
    const builder = new PlanBuilder(this.#config, this.#state)
    for (const [key, frontend] of changes) {
      builder.add(key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    const planned = await builder.finish(pacer)
    if (planned.outgrown) return this.rebuild(this.#withChanges(changes))
    return this.#commit(planned, this.#state)
  }

  /** Clients with affinity keep their endpoints where the table that is there can be remade around their memory. */
  async rebuild(frontends: readonly Frontend[]): Promise<CommitOutcome> {
    const remembers = frontends.some(({ affinitySeconds }) => affinitySeconds > 0)
    const kept = remembers ? await this.#leftovers() : undefined
    const outcome = await this.#replace(frontends, kept)
    // Somebody else is at work on the same table: what it has no longer matters.
    return outcome.kind === 'failed' && kept !== undefined ? this.#replace(frontends, undefined) : outcome
  }

  async audit(): Promise<readonly string[]> {
    const writes = this.#writes
    const found = await compareTable(this.#reader, this.#state, this.#config, this.#clean, new Pacer())
    this.#repair = found.repair
    // An audit beside transactions may have seen another state than there is now.
    this.#clean = writes === this.#writes ? found.digests : undefined
    return found.differences
  }

  async repair(): Promise<boolean> {
    const plan = this.#repair
    this.#repair = undefined
    if (plan === undefined) return false
    this.#wrote()
    try {
      await this.#socket.commit(planTransaction(plan, this.#config).transaction)
      return true
    } catch (error) {
      // Somebody changed more meanwhile.
      if (error instanceof NetlinkError) return false
      throw error
    }
  }

  objects(): ReadonlyMap<string, number> {
    const state = this.#state
    return new Map<string, number>([
      ['frontends', state.frontends.size],
      ['classes', state.classNumbers.size],
      ...DATA_SETS.map((set) => [set, state.counts[set]] as const),
    ])
  }

  describe(key: FrontendKey): readonly string[] {
    return describeFrontend(this.#state, this.#config, key)
  }

  problems(): readonly Problem[] {
    return curtailedFrontends(this.#state)
  }

  async remove(): Promise<void> {
    this.#wrote()
    await removeTable(this.#socket, nftFamily(this.#config.family), TABLE)
    this.#state = new TableState()
  }

  stats(): SocketStats {
    return addStats([this.#socket.stats(), this.#reader.stats()])
  }

  async close(): Promise<void> {
    await Promise.all([this.#socket.close(), this.#reader.close()])
  }

  async #replace(frontends: readonly Frontend[], kept: Leftovers | undefined): Promise<CommitOutcome> {
    const pacer = new Pacer()
    const state = new TableState()
    const builder = new PlanBuilder(this.#config, state)
    for (const frontend of frontends) {
      builder.add(frontend.key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    return this.#commit(await builder.finish(pacer, kept), state)
  }

  /** Undefined also where the table cannot be read: affinity is not worth doing without Services. */
  #leftovers(): Promise<Leftovers | undefined> {
    return findLeftovers(this.#socket, this.#config).catch(() => undefined)
  }

  /** Every frontend as it would be after the changes. */
  #withChanges(changes: FrontendChanges): Frontend[] {
    const unchanged = [...this.#state.frontends.values()].filter(({ frontend }) => !changes.has(frontend.key))
    const changed = [...changes.values()].filter((frontend) => frontend !== undefined)
    return [...unchanged.map(({ frontend }) => frontend), ...changed]
  }

  /** Commits a plan and, once the kernel has it, makes `state` what is committed. */
  async #commit(planned: PlannedUpdate, state: TableState): Promise<CommitOutcome> {
    const { plan, adopt } = planned
    if (isEmptyPlan(plan)) {
      adopt()
      return { kind: 'committed' }
    }
    const written = planTransaction(plan, this.#config)
    this.#wrote()
    try {
      await this.#socket.commit(written.transaction)
    } catch (error) {
      return failedCommit(error, planned, written, this.#config)
    }
    adopt()
    this.#wrote()
    this.#state = state
    return { kind: 'committed' }
  }

  /** To be called before a write, as a look may meet its effect, and behind it, as one may have met what was before. */
  #wrote(): void {
    this.#writes++
    this.#clean = undefined
  }
}
