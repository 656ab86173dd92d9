import { endianness } from 'node:os'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import type { Statement } from '../../src/dataplane/nf-table/statements.ts'
import { constantChains, namedChain } from '../../src/dataplane/nftables/chains.ts'
import {
  AFFINITY,
  CLASSES,
  DATA_SETS,
  type DataSet,
  recordLayout,
} from '../../src/dataplane/nftables/layout.ts'
import type { Expression } from '../../src/native/nftables.ts'
import { formatAddress, type IpAddress, packAddress } from '../../src/util/address.ts'
import type { TableModel } from './table-model.ts'

/** The first packet of a TCP connection over IPv4. */
export interface Packet {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly port: number
}

export type Fate =
  | { readonly kind: 'passed' | 'dropped' | 'rejected' }
  | { readonly kind: 'translated'; readonly to: string; readonly masqueraded: boolean }

/** What clients are remembered by, as `aff` has it: key to ID, in hexadecimal. */
export type Memory = Map<string, string>

/** Answers `numgen random mod N`: a number below N. */
export type Draw = (modulus: number) => number

/** A packet on its way, with the kernel's 64 bytes of registers. */
interface Walk {
  readonly packet: Packet
  readonly registers: Buffer
  readonly draw: Draw
  readonly memory: Memory
  destination: IpAddress
  mark: number
  priority: number
  connectionMark: number
  translated: string | undefined
  masqueraded: boolean
}

type Verdict = 'accepted' | 'dropped' | 'rejected' | { readonly goto: string }

/** Walks packets through the rules of a table, expression by expression, over the elements that plans have made. */
export class TableWalk {
  readonly #kernel: TableModel
  readonly #config: FamilyConfig
  readonly #constant: ReadonlyMap<string, readonly Statement[]>

  constructor(kernel: TableModel, config: FamilyConfig) {
    this.#kernel = kernel
    this.#config = config
    this.#constant = new Map(constantChains(config).map(({ name, rules }) => [name, rules]))
  }

  /** One way of a packet through prerouting and postrouting. */
  walk(packet: Packet, draw: Draw, memory: Memory): Fate {
    const walk: Walk = {
      ...{ packet, draw, memory, registers: Buffer.alloc(64), destination: packet.destination },
      ...{ mark: 0, priority: 0, connectionMark: 0, translated: undefined, masqueraded: false },
    }
    const verdict = this.#chain('nat-pre', walk)
    if (verdict !== 'accepted') return { kind: verdict }
    this.#chain('nat-post', walk)
    if (walk.translated === undefined) return { kind: 'passed' }
    return { kind: 'translated', to: walk.translated, masqueraded: walk.masqueraded }
  }

  /** Every fate that some draw leads to; memory is as it was in each. */
  fates(packet: Packet, memory: Memory): Fate[] {
    const fates: Fate[] = []
    const open: number[][] = [[]]
    for (let draws = open.pop(); draws !== undefined; draws = open.pop()) {
      let at = 0
      const taken = draws
      fates.push(
        this.walk(
          packet,
          (modulus) => {
            const known = taken[at++]
            if (known !== undefined) return known
            for (let other = 1; other < modulus; other++) open.push([...taken, other])
            taken.push(0)
            return 0
          },
          new Map(memory),
        ),
      )
    }
    return fates
  }

  #chain(name: string, walk: Walk): Exclude<Verdict, object> {
    const rules = this.#constant.get(name) ?? namedChain(name, this.#config).rules
    for (const rule of rules) {
      const verdict = this.#rule(rule, walk)
      if (typeof verdict === 'object') return this.#chain(verdict.goto, walk)
      if (verdict !== undefined) return verdict
    }
    return 'accepted'
  }

  #rule(rule: Statement, walk: Walk): Verdict | undefined {
    for (const expression of rule) {
      const result = this.#evaluate(expression, walk)
      if (result === 'break') return undefined
      if (result !== undefined) return result
    }
    return undefined
  }

  #evaluate(expression: Expression, walk: Walk): Verdict | 'break' | undefined {
    const { registers } = walk
    switch (expression.expr) {
      case 'payload':
        if ('dreg' in expression) load(registers, expression.dreg, header(walk, expression))
        return undefined
      case 'meta':
      case 'ct':
        return 'dreg' in expression
          ? load(registers, expression.dreg, readField(walk, expression))
          : storeField(walk, expression, registers.readUInt32LE(at(expression.sreg)))
      case 'immediate':
        if (expression.data instanceof Uint8Array) return load(registers, expression.dreg, expression.data)
        if (typeof expression.data === 'object') return { goto: expression.data.chain }
        return expression.data === 'drop' ? 'dropped' : 'accepted'
      case 'cmp': {
        const length = expression.data.length
        const same = registers
          .subarray(at(expression.sreg), at(expression.sreg) + length)
          .equals(expression.data)
        return same === (expression.op === 'eq') ? undefined : 'break'
      }
      case 'bitwise':
        for (let i = 0; i < expression.length; i++) {
          const byte = registers[at(expression.sreg) + i] ?? 0
          registers[at(expression.dreg) + i] =
            (byte & (expression.mask?.[i] ?? 0xff)) ^ (expression.xor?.[i] ?? 0)
        }
        return undefined
      case 'byteorder':
        // Of the one byte that is turned here, nothing changes.
        return undefined
      case 'numgen':
        return load(registers, expression.dreg, u32((expression.offset ?? 0) + walk.draw(expression.modulus)))
      case 'lookup':
        return this.#lookUp(expression, walk)
      case 'dynset': {
        const key = keyAt(registers, expression.sregKey, recordLayout('lbsrc', 'IPv4').keyLength)
        if (expression.op === 'delete') walk.memory.delete(key)
        else walk.memory.set(key, keyAt(registers, expression.sregData ?? 0, 4))
        return undefined
      }
      case 'fib':
        return load(registers, expression.dreg, u32(this.#isOwn(walk.packet.source) ? 2 : 1))
      case 'nat': {
        const address = formatAddress(registers.subarray(at(expression.addressMin ?? 0)).subarray(0, 4))
        walk.translated = `${address}:${registers.readUInt16BE(at(expression.protoMin ?? 0))}`
        walk.destination = address
        return 'accepted'
      }
      case 'masq':
        walk.masqueraded = true
        return 'accepted'
      case 'reject':
        return 'rejected'
      default:
        throw new Error(`no rule should have ${expression.expr}`)
    }
  }

  #lookUp(
    { set, sreg, dreg, flags }: Extract<Expression, { expr: 'lookup' }>,
    { registers, memory }: Walk,
  ): Verdict | 'break' | undefined {
    if (set === CLASSES) {
      const chain = this.#kernel.chainOf(registers.readUInt32LE(at(sreg)))
      return chain === undefined ? 'break' : { goto: chain }
    }
    if (set === 'lbsrc') {
      const isIn = this.#isAllowed(registers.subarray(at(sreg)))
      return isIn === (flags === undefined) ? undefined : 'break'
    }
    const name = set === AFFINITY ? 'lbsrc' : dataSet(set)
    const key = keyAt(registers, sreg, recordLayout(name, 'IPv4').keyLength)
    const data = set === AFFINITY ? memory.get(key) : this.#kernel.lookUp(name, key)
    if (data === undefined) return 'break'
    if (dreg !== undefined) load(registers, dreg, Buffer.from(data, 'hex'))
    return undefined
  }

  /** Whether some range has each field of the key between its first and its last value. */
  #isAllowed(key: Buffer): boolean {
    const length = recordLayout('lbsrc', 'IPv4').keyLength
    const fields = Array.from({ length: length / 4 }, (_, i) => i * 4)
    for (const element of this.#kernel.elements('lbsrc')) {
      const record = Buffer.from(element, 'hex')
      const [first, last] = [record.subarray(0, length), record.subarray(length)]
      const within = fields.every((field) => {
        const value = key.readUInt32BE(field)
        return value >= first.readUInt32BE(field) && value <= last.readUInt32BE(field)
      })
      if (within) return true
    }
    return false
  }

  #isOwn(address: IpAddress): boolean {
    return this.#config.nodeAddresses.includes(address)
  }
}

/** Byte of a register in the register file (linux/netfilter/nf_tables.h, enum nft_registers). */
const at = (register: number): number => (register <= 4 ? (register - 1) * 16 : (register - 8) * 4)

const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** Registers are loaded by words: the rest of the last is zero. */
function load(registers: Buffer, register: number, bytes: Uint8Array): undefined {
  registers.fill(0, at(register), at(register) + Math.ceil(bytes.length / 4) * 4)
  registers.set(bytes, at(register))
}

const keyAt = (registers: Buffer, register: number, length: number): string =>
  registers.subarray(at(register), at(register) + length).toString('hex')

function header(
  { packet, destination }: Walk,
  { base, offset, length }: { readonly base: string; readonly offset: number; readonly length: number },
): Uint8Array {
  const bytes = Buffer.alloc(20)
  if (base === 'transport') bytes.writeUInt16BE(packet.port, 2)
  else {
    packAddress(packet.source, bytes, 12)
    packAddress(destination, bytes, 16)
  }
  return bytes.subarray(offset, offset + length)
}

function readField(
  walk: Walk,
  { expr, key }: { readonly expr: 'meta' | 'ct'; readonly key: string },
): Uint8Array {
  switch (`${expr} ${key}`) {
    case 'meta l4proto':
      return Uint8Array.of(6)
    case 'meta mark':
      return u32(walk.mark)
    case 'meta priority':
      return u32(walk.priority)
    case 'ct mark':
      return u32(walk.connectionMark)
    case 'ct status':
      return u32(walk.translated === undefined ? 0 : 0x20)
    default:
      throw new Error(`no rule should read ${expr} ${key}`)
  }
}

function storeField(
  walk: Walk,
  { expr, key }: { readonly expr: 'meta' | 'ct'; readonly key: string },
  value: number,
): undefined {
  if (expr === 'ct') walk.connectionMark = value
  else if (key === 'priority') walk.priority = value
  else walk.mark = value
}

const dataSet = (name: string): DataSet => {
  const found = DATA_SETS.find((set) => set === name)
  if (found === undefined) throw new Error(`no rule should look into ${name}`)
  return found
}

if (endianness() !== 'LE') throw new Error('walks are written for little-endian machines')
