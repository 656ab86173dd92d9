import type { Problem } from '../../model/problem.ts'
import type { SocketStats } from '../../native/addon.ts'
import { NetlinkError, type NftablesSocket } from '../../native/nftables.ts'
import { Pacer } from '../../util/pacer.ts'
import type { Backend, CommitOutcome, FrontendChanges } from '../backend.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { openNftables } from '../kernel-failure.ts'
import { TableAudit } from './audit.ts'
import { answersLocalhost } from './constant-chains.ts'
import { countedRules } from './counters.ts'
import { formatPlacedRule, frontendRules } from './describe.ts'
import { failedCommit, noIptables } from './failure.ts'
import { isEmptyPlan } from './plan.ts'
import { PlanBuilder, type PlannedUpdate } from './plan-builder.ts'
import type { Repair } from './repair.ts'
import { routeLocalnet } from './route-localnet.ts'
import type { PlacedRule } from './rule.ts'
import { serviceRules } from './service-rules.ts'
import { readStanding } from './standing.ts'
import { TableState } from './table-state.ts'
import { takeAway, takeOver } from './takeover.ts'
import { planTransaction } from './transaction.ts'

/** How often what stands is read again when others change the ruleset between the reading and the commit. */
const TAKEOVER_ATTEMPTS = 5

/**
 * Frontends of one family as the chains and rules of kube-proxy's iptables mode, in the tables that iptables-nft
 * shares with everybody; see `port-rules.ts` and `constant-chains.ts` for what they say.
 */
export class IptablesBackend implements Backend {
  readonly #socket: NftablesSocket
  #config: FamilyConfig
  readonly #netns: string | undefined
  #audit: TableAudit
  #localhostProblem: Problem | undefined
  #state = new TableState()
  /** What the last audit found to be enough, in the ruleset that it saw. */
  #repair: { readonly repair: Repair; readonly generation: number } | undefined

  private constructor(socket: NftablesSocket, config: FamilyConfig, netns: string | undefined) {
    this.#socket = socket
    this.#config = config
    this.#netns = netns
    this.#audit = new TableAudit(socket, config)
  }

  /**
   * Opens a socket and asks nf_tables for a sign of life; nothing in the kernel changes. Rejects with a
   * DataplaneError when there is no permission, no nf_tables or no such namespace.
   */
  static async open(config: FamilyConfig, netns: string | undefined): Promise<IptablesBackend> {
    return new IptablesBackend(await openNftables(netns, noIptables), config, netns)
  }

  async update(changes: FrontendChanges): Promise<CommitOutcome> {
    const pacer = new Pacer()
    const builder = new PlanBuilder(this.#config, this.#state)
    for (const [key, frontend] of changes) {
      builder.add(key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    return this.#commit(await builder.finish(pacer), pacer)
  }

  async rebuild(frontends: readonly Frontend[]): Promise<CommitOutcome> {
    await this.#settleLocalhost()
    const pacer = new Pacer()
    const state = new TableState()
    const builder = new PlanBuilder(this.#config, state)
    for (const frontend of frontends) {
      builder.add(frontend.key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    const planned = await builder.finish(pacer)
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#replace(planned, pacer)
      const isLate = outcome.kind === 'failed' && isOvertaken(outcome.error)
      if (isLate && attempt < TAKEOVER_ATTEMPTS) continue
      if (outcome.kind === 'committed') this.#state = state
      return outcome
    }
  }

  /** A kernel that does not let us route 127.0.0.1 costs the node ports there, and nothing else. */
  async #settleLocalhost(): Promise<void> {
    if (!answersLocalhost(this.#config)) return
    this.#localhostProblem = await routeLocalnet(this.#netns)
    if (this.#localhostProblem === undefined) return
    this.#config = { ...this.#config, localhostNodePorts: false }
    this.#audit = new TableAudit(this.#socket, this.#config)
  }

  problems(): readonly Problem[] {
    return this.#localhostProblem === undefined ? [] : [this.#localhostProblem]
  }

  async audit(): Promise<readonly string[]> {
    const { differences, repair, generation } = await this.#audit.find(this.#state)
    this.#repair = repair === undefined ? undefined : { repair, generation }
    return differences
  }

  async repair(): Promise<boolean> {
    const found = this.#repair
    this.#repair = undefined
    if (found === undefined) return false
    const written = await planTransaction(found.repair.plan(), new Pacer())
    try {
      const { handles } = await this.#socket.commit(written.transaction, { generation: found.generation })
      const inserted = written.handlesFrom(handles)
      if (inserted === undefined) return false
      found.repair.adopt(inserted)
      return true
    } catch (error) {
      // Somebody changed more meanwhile, or holds what should go.
      if (error instanceof NetlinkError) return false
      throw error
    }
  }

  objects(): ReadonlyMap<string, number> {
    const { owners, services, chains, rules } = this.#state
    return new Map([
      ['frontends', owners.size],
      ['services', services.size],
      ['chains', chains],
      ['rules', rules],
    ])
  }

  describe(key: FrontendKey): readonly string[] {
    const { family } = this.#config
    return this.#rulesOf(key).rules.map((rule) => formatPlacedRule(rule, family))
  }

  counters(key: FrontendKey): Promise<readonly string[]> {
    const { rules, chains } = this.#rulesOf(key)
    return countedRules(this.#socket, rules, chains, this.#config.family)
  }

  async remove(): Promise<void> {
    const pacer = new Pacer()
    for (let attempt = 1; ; attempt++) {
      const standing = await readStanding(this.#socket, this.#config.family)
      const { transaction } = await planTransaction(takeAway(standing, this.#config), pacer)
      try {
        await this.#socket.commit(transaction, { generation: standing.generation })
        break
      } catch (error) {
        if (!isOvertaken(error) || attempt === TAKEOVER_ATTEMPTS) throw error
      }
    }
    this.#state = new TableState()
  }

  stats(): SocketStats {
    return this.#socket.stats()
  }

  close(): Promise<void> {
    return this.#socket.close()
  }

  /** The rules of a frontend, and the chains that its Service has to itself. */
  #rulesOf(key: FrontendKey): {
    readonly rules: readonly PlacedRule[]
    readonly chains: ReadonlySet<string>
  } {
    const owner = this.#state.owners.get(key)
    const service = owner === undefined ? undefined : this.#state.services.get(owner)
    const frontend = service?.frontends.get(key)
    if (service === undefined || frontend === undefined) return { rules: [], chains: new Set() }
    const ofService = serviceRules([...service.frontends.values()], this.#config)
    const chains = new Set(ofService.chains.map(({ name }) => name))
    return { rules: frontendRules(frontend, ofService), chains }
  }

  async #commit(planned: PlannedUpdate, pacer: Pacer): Promise<CommitOutcome> {
    if (isEmptyPlan(planned.plan)) {
      planned.adopt([])
      return { kind: 'committed' }
    }
    const written = await planTransaction(planned.plan, pacer)
    try {
      const { handles } = await this.#socket.commit(written.transaction)
      return adopted(planned, written.handlesFrom(handles))
    } catch (error) {
      return failedCommit(error, planned, written, false)
    }
  }

  /** Commits the Services of an empty state in place of what stands, if nobody changes anything meanwhile. */
  async #replace(planned: PlannedUpdate, pacer: Pacer): Promise<CommitOutcome> {
    const standing = await this.#read()
    if ('kind' in standing) return standing
    const written = await planTransaction(takeOver(planned.plan, standing, this.#config), pacer)
    try {
      const { generation } = standing
      const { handles } = await this.#socket.commit(written.transaction, { generation })
      return adopted(planned, written.handlesFrom(handles))
    } catch (error) {
      return failedCommit(error, planned, written, true)
    }
  }

  async #read() {
    try {
      return await readStanding(this.#socket, this.#config.family)
    } catch (error) {
      return failedCommit(error, { frontends: new Map() }, { services: [] }, true)
    }
  }
}

const isOvertaken = (error: unknown): boolean => error instanceof NetlinkError && error.code === 'ERESTART'

/** Rules whose numbers are unknown are in force, but only a rebuild can go on from there. */
function adopted(planned: PlannedUpdate, handles: readonly number[] | undefined): CommitOutcome {
  if (handles === undefined)
    return {
      kind: 'stale',
      error: new Error('the kernel did not tell the handles of the rules that it added'),
    }
  planned.adopt(handles)
  return { kind: 'committed' }
}
