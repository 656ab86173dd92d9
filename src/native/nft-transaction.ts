import type { Expression } from './nft-expressions.ts'
import {
  type ChainSpec,
  type ElementLayout,
  FAMILY_NUMBERS,
  HOOKS,
  type NftFamily,
  recordWidth,
  SET_FLAGS,
  type SetSpec,
  USER_DATA_LIMIT,
  type VerdictElement,
} from './nft-objects.ts'
import { describeOperation, OPERATIONS, type Operation, type OperationName } from './nft-operations.ts'
import { packRule, packVerdict, type RuleProgram } from './nft-rule-program.ts'
import { ProgramWriter } from './program.ts'

/** Records beyond this many bytes travel beside the program instead of being copied into it. */
const INLINE_LIMIT = 4096
/** NFT_DATA_VERDICT of linux/netfilter/nf_tables.h. */
export const VERDICT_DATA_TYPE = 0xffffff00
/** NF_DROP and NF_ACCEPT. */
const POLICIES = { drop: 0, accept: 1 } as const
const NOTHING = new Uint8Array(0)

/** Where and how a rule with xtables expressions goes into its chain. */
export interface XtablesPlacement {
  /** In front of all others of its chain instead of behind them. */
  readonly atHead?: boolean
  /** Ask for its handle, without all others' as `CommitOptions.echo` does. */
  readonly echo?: boolean
  /** IANA number of the one protocol that the rule matches; its `match tcp` and the like insist on it. */
  readonly protocol?: number
}

/**
 * One atomic change of one table (or of several of a family: `useTable`): a program of operations, each call one, in
 * order. Nothing is sent before `NftablesSocket.commit`; a transaction may be committed, encoded and described any
 * number of times.
 *
 * Adding what already exists the same is no error, deleting what does not exist is one (`destroyTable` apart).
 */
export class NftTransaction {
  readonly family: NftFamily
  /** That the next operation is about. */
  #table: string
  readonly #program = new ProgramWriter(512)
  readonly #attachments: Uint8Array[] = []
  readonly #operations: Operation[] = []

  constructor(family: NftFamily, table: string) {
    this.family = family
    this.#table = table
    this.#program.u8(FAMILY_NUMBERS[family]).string(table)
  }

  get operations(): number {
    return this.#operations.length
  }

  get isEmpty(): boolean {
    return this.#operations.length === 0
  }

  get table(): string {
    return this.#table
  }

  /** What follows is about another table of the family; its own operation, which sends nothing. */
  useTable(table: string): this {
    this.#table = table
    this.#begin('useTable').#program.string(table)
    return this
  }

  addTable(): this {
    return this.#begin('addTable')
  }

  /** Fails with ENOENT when there is none. */
  deleteTable(): this {
    return this.#begin('deleteTable')
  }

  /** Deletes the table with all that is in it; no error when there is none. */
  destroyTable(): this {
    return this.#begin('destroyTable')
  }

  addChain({ name, hook, userData }: ChainSpec): this {
    this.#begin('addChain', name)
    const program = this.#program.string(name).u8(hook === undefined ? 0 : 1)
    if (hook !== undefined) {
      program.string(hook.type).u32(HOOKS.indexOf(hook.hook)).i32(hook.priority)
      program.u32(POLICIES[hook.policy ?? 'accept'])
    }
    program.blob(checkUserData(userData))
    return this
  }

  deleteChain(name: string): this {
    this.#begin('deleteChain', name).#program.string(name)
    return this
  }

  addSet(spec: SetSpec): this {
    const fields = spec.fieldLengths ?? []
    const isMap = spec.dataType !== undefined
    const flags = (spec.flags ?? []).reduce((bits, flag) => bits | SET_FLAGS[flag], isMap ? SET_FLAGS.map : 0)
    // The kernel wants a length for verdicts too and does not look at it: nft writes 0.
    this.#begin('addSet', spec.name)
      .#program.string(spec.name)
      .u32(flags)
      .u32(spec.keyType)
      .u32(spec.keyLength)
      .u32(spec.dataType === 'verdict' ? VERDICT_DATA_TYPE : (spec.dataType ?? 0))
      .u32(spec.dataLength ?? 0)
      .u32(spec.size ?? 0)
      .u8(fields.length)
      .raw(Uint8Array.from(fields))
      .u64(spec.timeoutMs ?? 0)
      .blob(checkUserData(spec.userData))
    return this
  }

  deleteSet(name: string): this {
    this.#begin('deleteSet', name).#program.string(name)
    return this
  }

  /** Deletes every element of a set or map. */
  flushSet(name: string): this {
    this.#begin('flushSet', name).#program.string(name)
    return this
  }

  /** Appends a rule; a program made once by `packRule` saves packing it again. */
  addRule(chain: string, rule: readonly Expression[] | RuleProgram, userData?: Uint8Array): this {
    const packed = rule instanceof Uint8Array ? rule : packRule(rule)
    this.#begin('addRule', chain).#program.string(chain).blob(checkUserData(userData)).blob(packed)
    return this
  }

  /** Adds a rule with `match` or `target` expressions, which native ones may stand beside. */
  addXtablesRule(
    chain: string,
    rule: readonly Expression[] | RuleProgram,
    { atHead = false, echo = false, protocol = 0 }: XtablesPlacement = {},
  ): this {
    const packed = rule instanceof Uint8Array ? rule : packRule(rule)
    const program = this.#begin('addXtablesRule', chain).#program
    program
      .u8((atHead ? 1 : 0) | (echo ? 2 : 0))
      .u8(protocol)
      .string(chain)
      .blob(packed)
    return this
  }

  /** `handle` is the kernel's number of the rule (`commit` with `echo`, `dumpRules`). */
  deleteRule(chain: string, handle: number): this {
    this.#begin('deleteRule', chain).#program.string(chain).u64(handle)
    return this
  }

  /** Deletes every rule of a chain. */
  flushChain(name: string): this {
    this.#begin('flushChain', name).#program.string(name)
    return this
  }

  /**
   * Adds fixed-width records, `records.length / recordWidth(layout)` of them. An element that exists with the same
   * data is no error, with other data it is EEXIST. Large records are not copied: do not change them before the
   * commit has settled.
   */
  addElements(set: string, records: Uint8Array, layout: ElementLayout): this {
    return this.#elements('addElements', set, records, layout)
  }

  /** Deletes the elements with these keys; ENOENT when one is missing. Data in the records does not matter. */
  deleteElements(set: string, records: Uint8Array, layout: ElementLayout): this {
    return this.#elements('deleteElements', set, records, layout)
  }

  addVerdictElements(map: string, entries: readonly VerdictElement[]): this {
    const program = this.#begin('addVerdictElements', map, entries.length).#program
    program.string(map).u32(entries.length)
    for (const { key, verdict } of entries) packVerdict(program.blob(key), verdict)
    return this
  }

  deleteVerdictElements(map: string, keys: readonly Uint8Array[]): this {
    const program = this.#begin('deleteVerdictElements', map, keys.length).#program
    program.string(map).u32(keys.length)
    for (const key of keys) program.blob(key)
    return this
  }

  /** What operation `op` does, in words ("add 5 elements to map eps of table ip hawser"); -1 is the whole. */
  describe(op: number): string {
    const operation = this.#operations[op]
    if (operation === undefined)
      return `commit ${this.operations} operations to table ${this.family} ${this.#table}`
    return describeOperation(operation, this.family)
  }

  /** The packed program and what travels beside it, for the native side; valid until the next operation. */
  buffers(): readonly Uint8Array[] {
    return [this.#program.view(), ...this.#attachments]
  }

  #elements(
    name: 'addElements' | 'deleteElements',
    set: string,
    records: Uint8Array,
    layout: ElementLayout,
  ): this {
    const width = recordWidth(layout)
    const count = records.length / width
    if (!Number.isInteger(count))
      throw new RangeError(
        `${records.length} bytes are no whole number of ${width}-byte records for set ${set}`,
      )
    const program = this.#begin(name, set, count).#program
    program.string(set)
    program.u16(layout.keyLength)
    program.u8(layout.keyEnd === true ? 1 : 0)
    program.u16(layout.dataLength ?? 0)
    if (records.length <= INLINE_LIMIT) program.u32(0).blob(records)
    else program.u32(this.#attachments.push(records))
    return this
  }

  #begin(name: OperationName, object = '', count = 0): this {
    this.#operations.push({ name, table: this.#table, object, count })
    this.#program.u8(OPERATIONS[name])
    return this
  }
}

function checkUserData(userData: Uint8Array = NOTHING): Uint8Array {
  if (userData.length > USER_DATA_LIMIT)
    throw new RangeError(`user data of ${userData.length} bytes is beyond the kernel's ${USER_DATA_LIMIT}`)
  return userData
}
