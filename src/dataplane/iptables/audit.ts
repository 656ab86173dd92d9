import type { ChainInfo, NftablesSocket } from '../../native/nftables.ts'
import { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { type ChainKey, chainKey, eachUse } from './chain-uses.ts'
import { type ChainDamage, compareChain } from './compare-chain.ts'
import { constantChains, entryJumps } from './constant-chains.ts'
import { differencesInWords, inWords } from './damage-words.ts'
import { allStops, expectedChains, type Stop } from './expected-chains.ts'
import { type BrokenJumps, findBrokenJumps } from './jumps.ts'
import { isProxyChain } from './names.ts'
import type { ChainName } from './plan.ts'
import { Repair } from './repair.ts'
import { TABLES, type Table } from './rule.ts'
import type { TableState } from './table-state.ts'

/**
 * Rules that one audit reads beside those of chains that look wrong. A rule costs about 40 µs to read, and an audit comes
 * whenever somebody writes into tables that are not ours alone.
 */
const RULES_PER_AUDIT = 5000

/** More chains than this are not mended one by one. */
const MOST_SUSPECTS = 2000

/** Listings under way at once: the socket's thread is never without one. */
const PARALLEL_LISTINGS = 32

export interface Findings {
  /** In words; empty when nothing was found. */
  readonly differences: readonly string[]
  /** What undoes them; undefined when there are none, or too many. */
  readonly repair: Repair | undefined
  /** The ruleset's generation in which they were found. */
  readonly generation: number
}

/**
 * Compares the kernel's tables with a state. Each time it counts: the rules of every chain of ours, and the jumps to it,
 * are as many as they should be, and nothing has a name of ours that is not. Where the number is wrong it reads the
 * rules, and also a part of those of all others, a different part each time; a small table is read as a whole.
 */
export class TableAudit {
  readonly #socket: NftablesSocket
  readonly #config: FamilyConfig
  /** The generation in which nothing was found, and how many stops in a row were right in it. */
  #generation: number | undefined
  #right = 0
  #next = 0

  constructor(socket: NftablesSocket, config: FamilyConfig) {
    this.#socket = socket
    this.#config = config
  }

  /** Rejects with a NetlinkError. */
  async find(state: TableState): Promise<Findings> {
    const pacer = new Pacer()
    const generation = await this.#socket.generation()
    const stops = allStops(state, this.#config)
    if (generation !== this.#generation) this.#right = 0
    this.#generation = undefined
    if (this.#right >= stops.length) {
      this.#generation = generation
      return { differences: [], repair: undefined, generation }
    }
    const present = await this.#listChains()
    const { suspect, foreign } = await this.#count(present, state, pacer)
    if (suspect.size > MOST_SUSPECTS) return tooMany(suspect, generation)
    const looked = this.#take(stops)
    const damages = await this.#read(looked, suspect, present, state, pacer)
    const jumps = await findBrokenJumps(this.#socket, present, this.#config)
    const differences = differencesInWords({ damages, foreign, jumps }, state, this.#config)
    if (differences.length === 0) {
      this.#generation = generation
      this.#right += looked.length
      return { differences, repair: undefined, generation }
    }
    return { differences, repair: this.#repair(damages, foreign, jumps, present, state), generation }
  }

  async #listChains(): Promise<ReadonlyMap<ChainKey, ChainInfo>> {
    const present = new Map<ChainKey, ChainInfo>()
    for (const table of TABLES)
      for (const chain of await this.#socket.dumpChains(nftFamily(this.#config.family), table))
        present.set(chainKey(table, chain.name), chain)
    return present
  }

  /** The chains that the kernel counts otherwise than it should, and those that only look like ours. */
  async #count(present: ReadonlyMap<ChainKey, ChainInfo>, { uses }: TableState, pacer: Pacer) {
    const constant = constantUses(this.#config)
    const suspect = new Set<ChainKey>()
    const foreign: ChainName[] = []
    for (const keys of [uses.keys(), constant.keys()])
      for (const key of keys) {
        if (present.get(key)?.use !== uses.get(key) + (constant.get(key) ?? 0)) suspect.add(key)
        if (pacer.due()) await pacer.pause()
      }
    for (const [key, { name }] of present) {
      const table = tableOf(key)
      if (uses.get(key) === 0 && !constant.has(key) && isProxyChain(table, name))
        foreign.push({ table, name })
      if (pacer.due()) await pacer.pause()
    }
    return { suspect, foreign }
  }

  /** The next stops, as many as one audit reads and never one twice. */
  #take(stops: readonly Stop[]): Stop[] {
    const taken: Stop[] = []
    for (let rules = 0; rules < RULES_PER_AUDIT && taken.length < stops.length; ) {
      const stop = stops[this.#next++ % stops.length]
      if (stop === undefined) break
      taken.push(stop)
      rules += stop.rules
    }
    this.#next %= stops.length
    return taken
  }

  async #read(
    looked: readonly Stop[],
    suspect: ReadonlySet<ChainKey>,
    present: ReadonlyMap<ChainKey, ChainInfo>,
    state: TableState,
    pacer: Pacer,
  ): Promise<ChainDamage[]> {
    const { family } = this.#config
    const chains = [...(await expectedChains(looked, suspect, state, this.#config, pacer))]
    const damages: ChainDamage[] = []
    for (let at = 0; at < chains.length; at += PARALLEL_LISTINGS) {
      const group = chains.slice(at, at + PARALLEL_LISTINGS)
      const found = await Promise.all(
        group.map(([key, { chain }]) =>
          present.has(key) ? this.#socket.dumpRules(nftFamily(family), chain.table, chain.name) : undefined,
        ),
      )
      group.forEach(([, expected], i) => {
        const damage = compareChain(expected, found[i], family)
        if (damage !== undefined) damages.push(damage)
      })
      if (pacer.due()) await pacer.pause()
    }
    return damages
  }

  /** Undefined where a table or an entry chain is gone: all has to be made anew. */
  #repair(
    damages: readonly ChainDamage[],
    foreign: readonly ChainName[],
    jumps: readonly BrokenJumps[],
    present: ReadonlyMap<ChainKey, ChainInfo>,
    state: TableState,
  ): Repair | undefined {
    if (entryJumps(this.#config).some(({ table, chain }) => !present.has(chainKey(table, chain))))
      return undefined
    const repair = new Repair(state, this.#config)
    for (const damage of damages) repair.mendChain(damage)
    for (const chain of foreign) repair.removeChain(chain)
    for (const broken of jumps) repair.mendJumps(broken)
    return repair
  }
}

/** Of those that are listed. */
const tableOf = (key: ChainKey): Table => (key.startsWith('nat ') ? 'nat' : 'filter')

/** Of our chains alone: what entry chains have beside our jumps is for others to know. */
function constantUses(config: FamilyConfig): ReadonlyMap<ChainKey, number> {
  const uses = new Map<ChainKey, number>()
  const chains = constantChains(config)
  eachUse({ chains, shared: entryJumps(config) }, (key) => uses.set(key, (uses.get(key) ?? 0) + 1))
  for (const { table, chain } of entryJumps(config)) uses.delete(chainKey(table, chain))
  for (const { table, name } of chains)
    if (!uses.has(chainKey(table, name))) uses.set(chainKey(table, name), 0)
  return uses
}

const tooMany = (suspect: ReadonlySet<ChainKey>, generation: number): Findings => ({
  differences: TABLES.flatMap((table) =>
    inWords(
      table,
      [...suspect]
        .filter((key) => tableOf(key) === table)
        .map((key) => `chain ${key.slice(table.length + 1)} has other rules, or is gone`),
    ),
  ),
  repair: undefined,
  generation,
})
