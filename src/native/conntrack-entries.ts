import { endianness } from 'node:os'
import { formatAddress, type IpAddress, type IpFamily } from '../util/address.ts'
import { STATUS_DST_NAT } from './conntrack-filter.ts'
import { familyByNumber } from './packed-address.ts'

/** One direction of a flow. */
export interface ConntrackTuple {
  readonly source: IpAddress
  readonly destination: IpAddress
  /** ICMP and ICMPv6: the identifier. */
  readonly sourcePort: number
  /** ICMP and ICMPv6: 256 x type + code. */
  readonly destinationPort: number
}

/** A connection tracking entry. */
export interface ConntrackEntry {
  readonly family: IpFamily
  /** IPPROTO_*. */
  readonly protocol: number
  readonly zone: number
  /** The kernel's own: made of the tuple and of the address of its memory, so a later entry may have it again. */
  readonly id: number
  /** IPS_* bits of linux/netfilter/nf_conntrack_common.h. */
  readonly status: number
  /** Whether the destination was translated. */
  readonly translated: boolean
  readonly mark: number
  /** Seconds until it expires. */
  readonly timeoutSeconds: number
  readonly original: ConntrackTuple
  readonly reply: ConntrackTuple
}

/** Offsets in `Entry` of native/conntrack/entry.h; a tuple is source, destination (16 bytes each) and two ports. */
const RECORD = 92
const OFFSETS = {
  family: 0,
  protocol: 1,
  zone: 2,
  id: 4,
  status: 8,
  mark: 12,
  timeout: 16,
  original: 20,
  reply: 56,
} as const
const TUPLE = { source: 0, destination: 16, sourcePort: 32, destinationPort: 34 } as const
const LITTLE_ENDIAN = endianness() === 'LE'

/** Entries as they came from the kernel, packed 92 bytes each: a table of a million is one buffer. */
export class ConntrackEntries implements Iterable<ConntrackEntry> {
  readonly #records: Uint8Array
  readonly #view: DataView

  /** A RangeError when the records are cut short. */
  constructor(records: Uint8Array) {
    if (records.length % RECORD !== 0) throw new RangeError('connection tracking entries are cut short')
    this.#records = records
    this.#view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  }

  get length(): number {
    return this.#records.length / RECORD
  }

  /** The records themselves, to hand back to the kernel's side. */
  get records(): Uint8Array {
    return this.#records
  }

  /** Unpacks one entry; undefined outside. */
  at(index: number): ConntrackEntry | undefined {
    return index >= 0 && index < this.length ? this.#unpack(index) : undefined
  }

  *[Symbol.iterator](): Iterator<ConntrackEntry> {
    for (let index = 0; index < this.length; index++) yield this.#unpack(index)
  }

  /** The entries that `wanted` says yes to. */
  filter(wanted: (entry: ConntrackEntry) => boolean): ConntrackEntries {
    const kept = new Uint8Array(this.#records.length)
    let length = 0
    for (let index = 0; index < this.length; index++) {
      if (!wanted(this.#unpack(index))) continue
      kept.set(this.#records.subarray(index * RECORD, (index + 1) * RECORD), length)
      length += RECORD
    }
    return new ConntrackEntries(kept.subarray(0, length))
  }

  #unpack(index: number): ConntrackEntry {
    const start = index * RECORD
    const u32 = (offset: number): number => this.#view.getUint32(start + offset, LITTLE_ENDIAN)
    const family = familyByNumber(this.#view.getUint8(start + OFFSETS.family))
    const status = u32(OFFSETS.status)
    return {
      family,
      protocol: this.#view.getUint8(start + OFFSETS.protocol),
      zone: this.#view.getUint16(start + OFFSETS.zone, LITTLE_ENDIAN),
      id: u32(OFFSETS.id),
      status,
      translated: (status & STATUS_DST_NAT) !== 0,
      mark: u32(OFFSETS.mark),
      timeoutSeconds: u32(OFFSETS.timeout),
      original: this.#tuple(start + OFFSETS.original, family),
      reply: this.#tuple(start + OFFSETS.reply, family),
    }
  }

  #tuple(start: number, family: IpFamily): ConntrackTuple {
    const length = family === 'IPv6' ? 16 : 4
    const address = (offset: number): IpAddress =>
      formatAddress(this.#records.subarray(start + offset, start + offset + length))
    return {
      source: address(TUPLE.source),
      destination: address(TUPLE.destination),
      sourcePort: this.#view.getUint16(start + TUPLE.sourcePort, LITTLE_ENDIAN),
      destinationPort: this.#view.getUint16(start + TUPLE.destinationPort, LITTLE_ENDIAN),
    }
  }
}
