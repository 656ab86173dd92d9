/**
 * A service table in the constant-set shape, made of nothing but the addon's types: what nft has to print and re-read.
 */
import {
  type Expression,
  elementLayout,
  NftTransaction,
  type SetSpec,
  type TypeofTerm,
  typedSet,
} from '../../src/native/nftables.ts'
import { packAddress, parseAddress } from '../../src/util/address.ts'

const service = ['ip daddr', 'meta l4proto', 'th dport'] as const satisfies readonly TypeofTerm[]
const slot = { numgen: 'random', modulus: 65536 } as const

export const SETS = {
  svcs: typedSet({ name: 'svcs', keyTypeof: service, dataTypeof: ['meta priority'], size: 1000 }),
  classes: typedSet({ name: 'classes', keyTypeof: ['meta priority'], dataTypeof: ['verdict'] }),
  eps: typedSet({ name: 'eps', keyTypeof: [...service, slot], dataTypeof: ['ip daddr', 'th dport'] }),
  aff: typedSet({
    name: 'aff',
    keyTypeof: [...service, 'ip saddr'],
    dataTypeof: ['ct mark'],
    flags: ['eval', 'timeout'],
    timeoutMs: 10_800_000,
    size: 1_000_000,
  }),
  lbsrc: typedSet({ name: 'lbsrc', keyTypeof: [...service, 'ip saddr'], flags: ['interval'] }),
  hairpin: typedSet({
    name: 'hairpin',
    keyTypeof: ['ip saddr', 'ip daddr'],
    comment: 'pods behind themselves',
  }),
} as const satisfies Readonly<Record<string, SetSpec>>

const u16be = (value: number) => Uint8Array.of(value >> 8, value & 0xff)
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer)

export function address(text: string): Uint8Array {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new TypeError(`${text} is no address`)
  const bytes = new Uint8Array(parsed.includes(':') ? 16 : 4)
  packAddress(parsed, bytes, 0)
  return bytes
}

const padded = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

/** Fields of a concatenation, each padded to 4 bytes. */
export const fields = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts.map(padded))

export const serviceKey = (ip: string, port: number): Uint8Array =>
  fields(address(ip), Uint8Array.of(6), u16be(port))
export const endpointRecord = (
  ip: string,
  port: number,
  index: number,
  to: string,
  toPort: number,
): Uint8Array => fields(serviceKey(ip, port), u32(index), address(to), u16be(toPort))
/** Class numbers are traffic-control handles: major 0x4857, which nft prints as 4857:n. */
export const classNumber = (number: number): Uint8Array => u32(0x4857_0000 + number)

const loadDaddr: Expression = { expr: 'payload', dreg: 1, base: 'network', offset: 16, length: 4 }
const loadSaddr = (dreg: number): Expression => ({
  expr: 'payload',
  dreg,
  base: 'network',
  offset: 12,
  length: 4,
})
/** ip daddr . meta l4proto . th dport into registers 1, 9 and 10. */
const loadService: readonly Expression[] = [
  loadDaddr,
  { expr: 'meta', key: 'l4proto', dreg: 9 },
  { expr: 'payload', dreg: 10, base: 'transport', offset: 2, length: 2 },
]
const markForMasquerade: readonly Expression[] = [
  { expr: 'meta', key: 'mark', dreg: 1 },
  { expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: u32(0xffff_bfff), xor: u32(0x4000) },
  { expr: 'meta', key: 'mark', sreg: 1 },
]
const goto = (chain: string): Expression => ({ expr: 'immediate', dreg: 0, data: { kind: 'goto', chain } })
const drop: Expression = { expr: 'immediate', dreg: 0, data: 'drop' }
const dnatToSlot = (modulus: number): readonly Expression[] => [
  ...loadService,
  { expr: 'numgen', dreg: 11, modulus, type: 'random', offset: 0 },
  { expr: 'lookup', sreg: 1, dreg: 1, set: 'eps' },
  { expr: 'nat', type: 'dnat', family: 'ip', addressMin: 1, protoMin: 9 },
]

/** Rules by chain, in the order of the chains: a chain stands before what refers to it. */
export const RULES: Readonly<Record<string, readonly (readonly Expression[])[]>> = {
  'reject-it': [
    [
      { expr: 'meta', key: 'l4proto', dreg: 1 },
      { expr: 'cmp', sreg: 1, op: 'eq', data: Uint8Array.of(6) },
      { expr: 'reject', type: 'tcp-reset', code: 0 },
    ],
    [{ expr: 'reject', type: 'icmp-unreachable', code: 3 }],
  ],
  'lb-3': [dnatToSlot(3), dnatToSlot(1), [drop]],
  'c-3-0': [
    [
      { expr: 'immediate', dreg: 1, data: u32(0) },
      { expr: 'meta', key: 'priority', sreg: 1 },
    ],
    [
      { expr: 'payload', dreg: 1, base: 'network', offset: 12, length: 2 },
      { expr: 'cmp', sreg: 1, op: 'neq', data: Uint8Array.of(10, 1) },
      ...markForMasquerade,
    ],
    [goto('lb-3')],
  ],
  'fx-3-0': [
    [
      loadDaddr,
      { expr: 'meta', key: 'l4proto', dreg: 9 },
      // A one-byte field of a set with ranges is compared in network order.
      { expr: 'byteorder', sreg: 9, dreg: 9, op: 'hton', length: 1, size: 2 },
      { expr: 'payload', dreg: 10, base: 'transport', offset: 2, length: 2 },
      loadSaddr(11),
      { expr: 'lookup', sreg: 1, set: 'lbsrc', flags: ['invert'] },
      drop,
    ],
    [
      { expr: 'fib', flags: ['saddr'], result: 'type', dreg: 1 },
      { expr: 'cmp', sreg: 1, op: 'eq', data: u32(2) },
      ...markForMasquerade,
      goto('lb-3'),
    ],
  ],
  'af-3': [
    [
      ...loadService,
      loadSaddr(11),
      { expr: 'ct', key: 'mark', dreg: 2 },
      { expr: 'dynset', sregKey: 1, sregData: 2, op: 'update', timeoutMs: 10_800_000, set: 'aff' },
    ],
  ],
  services: [
    [
      ...loadService,
      { expr: 'lookup', sreg: 1, dreg: 1, set: 'svcs' },
      { expr: 'meta', key: 'priority', sreg: 1 },
    ],
    [
      { expr: 'meta', key: 'priority', dreg: 1 },
      { expr: 'lookup', sreg: 1, dreg: 0, set: 'classes' },
    ],
  ],
  'nat-pre': [[goto('services')]],
  masq: [[...markForMasquerade], [{ expr: 'masq', flags: ['fully-random'] }]],
  'nat-post': [
    [
      { expr: 'ct', key: 'status', dreg: 1 },
      { expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: u32(0x20), xor: u32(0) },
      { expr: 'cmp', sreg: 1, op: 'neq', data: u32(0) },
      loadSaddr(1),
      { expr: 'payload', dreg: 9, base: 'network', offset: 16, length: 4 },
      { expr: 'lookup', sreg: 1, set: 'hairpin' },
      goto('masq'),
    ],
  ],
}

/** The whole table with two Services. */
export function exampleTransaction(table: string): NftTransaction {
  const tx = new NftTransaction('ip', table).addTable()
  for (const set of Object.values(SETS)) tx.addSet(set)
  for (const name of Object.keys(RULES)) {
    if (name === 'nat-pre') tx.addChain({ name, hook: { type: 'nat', hook: 'prerouting', priority: -100 } })
    else if (name === 'nat-post')
      tx.addChain({ name, hook: { type: 'nat', hook: 'postrouting', priority: 100 } })
    else tx.addChain({ name })
  }
  for (const [chain, rules] of Object.entries(RULES)) for (const rule of rules) tx.addRule(chain, rule)
  const range = fields(serviceKey('203.0.113.2', 80), address('172.20.0.0'))
  const rangeEnd = fields(serviceKey('203.0.113.2', 80), address('172.20.0.255'))
  return tx
    .addVerdictElements('classes', [
      { key: classNumber(1), verdict: { kind: 'goto', chain: 'reject-it' } },
      { key: classNumber(3), verdict: { kind: 'goto', chain: 'c-3-0' } },
    ])
    .addElements('svcs', fields(serviceKey('10.96.0.1', 80), classNumber(3)), elementLayout(SETS.svcs))
    .addElements(
      'eps',
      fields(
        endpointRecord('10.96.0.1', 80, 0, '10.1.0.2', 8080),
        endpointRecord('10.96.0.1', 80, 1, '10.1.1.2', 8080),
      ),
      elementLayout(SETS.eps),
    )
    .addElements('lbsrc', fields(range, rangeEnd), elementLayout(SETS.lbsrc))
    .addElements('hairpin', fields(address('10.1.0.2'), address('10.1.0.2')), elementLayout(SETS.hairpin))
}
