/** nf_tables: the typed door. A transaction is written, then committed atomically by one system call. */
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import { readChain, readRule, readSet, readTable, readVerdictElement } from './nft-dump.ts'
import {
  type ChainInfo,
  type ElementLayout,
  FAMILY_NUMBERS,
  type NftFamily,
  type RuleInfo,
  type SetInfo,
  type TableInfo,
  type VerdictElement,
} from './nft-objects.ts'
import type { NftTransaction } from './nft-transaction.ts'
import { ProgramReader, ProgramWriter } from './program.ts'
import { readAll } from './read-all.ts'

export { NetlinkError, type OperationFailure } from './errors.ts'
export type { Expression, Register, UnknownExpression, Verdict } from './nft-expressions.ts'
export {
  type BaseChain,
  type ChainInfo,
  type ChainSpec,
  type ElementLayout,
  type NftFamily,
  type RuleInfo,
  recordWidth,
  SET_FLAGS,
  type SetInfo,
  type SetSpec,
  type TableInfo,
  type VerdictElement,
} from './nft-objects.ts'
export { packRule, type RuleProgram } from './nft-rule-program.ts'
export { NftTransaction, type XtablesPlacement } from './nft-transaction.ts'
export { elementLayout, type TypedSet, typedSet } from './nft-typed-set.ts'
export type { NumgenTerm, TypeofTerm } from './nft-typeof.ts'
export { commentUserData, setUserData } from './nft-userdata.ts'

/** Method numbers; `native/nftables/session.h` has the same. */
const METHODS = {
  commit: 1,
  encode: 2,
  replay: 3,
  generation: 4,
  dumpTables: 5,
  dumpChains: 6,
  dumpSets: 7,
  dumpRules: 8,
  dumpElements: 9,
  dumpVerdictElements: 10,
} as const

/** A u32 in front of the records of a listing. */
const COUNT_BYTES = 4

export interface CommitOptions {
  /** The generation that the ruleset must still have, else the commit fails with ERESTART. */
  readonly generation?: number
  /** Ask for the handles of the rules that are added. */
  readonly echo?: boolean
}

export interface CommitResult {
  /** Only with `CommitOptions.generation`: what to expect next, if nobody else changes anything. */
  readonly generation?: number
  /** Netlink messages, batch begin and end included. */
  readonly messages: number
  /** Bytes sent. */
  readonly bytes: number
  readonly syscalls: number
  /** Handles of the added rules by operation, of those that were asked for. */
  readonly handles: ReadonlyMap<number, number>
}

/** A NETLINK_NETFILTER socket with its own thread. All methods reject with a NetlinkError. */
export class NftablesSocket {
  readonly #channel: NetlinkChannel

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  static async open(options: SocketOptions = {}): Promise<NftablesSocket> {
    return new NftablesSocket(await NetlinkChannel.open('nftables', options))
  }

  /** Commits all of a transaction, or nothing. An empty one sends nothing. */
  async commit(tx: NftTransaction, options: CommitOptions = {}): Promise<CommitResult> {
    const reader = new ProgramReader(await this.#transact(METHODS.commit, tx, options))
    const generation = reader.u8() === 0 ? {} : { generation: reader.u32() }
    const [messages, bytes, syscalls] = [reader.u32(), reader.u32(), reader.u32()]
    const handles = new Map(reader.list(() => [reader.i32(), reader.u64()] as const))
    return { ...generation, messages, bytes, syscalls, handles }
  }

  /** The very bytes that `commit` would send, with sequence numbers from 1. */
  encode(tx: NftTransaction, options: CommitOptions = {}): Promise<Uint8Array> {
    return this.#transact(METHODS.encode, tx, options)
  }

  /** Sends encoded batches one after the other from native code; nanoseconds from send to acknowledgement of each. */
  async replay(batches: readonly Uint8Array[]): Promise<Float64Array> {
    const reply = await this.#channel.request(METHODS.replay, batches, () => 'replay encoded transactions')
    const reader = new ProgramReader(reply)
    return Float64Array.from({ length: batches.length }, () => reader.f64())
  }

  /** The number that every change of any table of the namespace raises. */
  async generation(): Promise<number> {
    const reply = await this.#channel.request(METHODS.generation, [], () => 'get the ruleset generation')
    return new ProgramReader(reply).u32()
  }

  dumpTables(family: NftFamily): Promise<TableInfo[]> {
    return this.#list(METHODS.dumpTables, family, [], readTable)
  }

  /** Chains of one table; an unknown table has none. */
  dumpChains(family: NftFamily, table: string): Promise<ChainInfo[]> {
    return this.#list(METHODS.dumpChains, family, [table], readChain)
  }

  dumpSets(family: NftFamily, table: string): Promise<SetInfo[]> {
    return this.#list(METHODS.dumpSets, family, [table], readSet)
  }

  /** Rules in order, of one chain or of all. */
  dumpRules(family: NftFamily, table: string, chain = ''): Promise<RuleInfo[]> {
    return this.#list(METHODS.dumpRules, family, [table, chain], readRule)
  }

  /** The elements as records of `layout`, in no particular order; EINVAL when the set's widths are others. */
  dumpElements(family: NftFamily, table: string, set: string, layout: ElementLayout): Promise<Uint8Array> {
    const program = dumpProgram(family, [table, set])
    program.u16(layout.keyLength)
    program.u8(layout.keyEnd === true ? 1 : 0)
    program.u16(layout.dataLength ?? 0)
    return this.#dump(METHODS.dumpElements, program, `list set ${set} of table ${family} ${table}`)
  }

  dumpVerdictElements(family: NftFamily, table: string, map: string): Promise<VerdictElement[]> {
    return this.#list(METHODS.dumpVerdictElements, family, [table, map], readVerdictElement)
  }

  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Idempotent; requests under way are finished first. */
  close(): Promise<void> {
    return this.#channel.close()
  }

  #transact(method: number, tx: NftTransaction, options: CommitOptions): Promise<Uint8Array> {
    const flags = (options.generation === undefined ? 0 : 1) | (options.echo === true ? 2 : 0)
    const header = new ProgramWriter(5).u8(flags).u32(options.generation ?? 0)
    return this.#channel.request(method, [header.view(), ...tx.buffers()], (op) => tx.describe(op))
  }

  async #list<T>(
    method: number,
    family: NftFamily,
    names: readonly string[],
    read: (reader: ProgramReader) => T,
  ): Promise<T[]> {
    const what = `list table ${[family, ...names.filter((name) => name !== '')].join(' ')}`
    const reply = await this.#dump(method, dumpProgram(family, names), what)
    return readAll(reply.subarray(COUNT_BYTES), read)
  }

  #dump(method: number, program: ProgramWriter, what: string): Promise<Uint8Array> {
    return this.#channel.request(method, [program.view()], () => what)
  }
}

function dumpProgram(family: NftFamily, names: readonly string[]): ProgramWriter {
  const program = new ProgramWriter().u8(FAMILY_NUMBERS[family])
  for (const name of names) program.string(name)
  return program
}
