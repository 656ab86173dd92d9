import type { Cidr, IpAddress, IpFamily } from '../../util/address.ts'
import type { Endpoint } from '../desired/frontend.ts'
import { RecordWriter } from '../nf-table/records.ts'
import { type DataSet, keyWidth, recordLayout } from './layout.ts'
import { lastAddress } from './source-ranges.ts'

/** One writer a set. */
export type SetWriters = Readonly<Record<DataSet, RecordWriter>>

const writers = (make: (set: DataSet) => RecordWriter): SetWriters => ({
  svcs: make('svcs'),
  eps: make('eps'),
  aidx: make('aidx'),
  aeps: make('aeps'),
  lbsrc: make('lbsrc'),
  'cluster-ips': make('cluster-ips'),
  hairpin: make('hairpin'),
})

interface Widths {
  readonly records: Readonly<Record<DataSet, number>>
  readonly keys: Readonly<Record<DataSet, number>>
}

const each = (width: (set: DataSet) => number): Readonly<Record<DataSet, number>> => ({
  svcs: width('svcs'),
  eps: width('eps'),
  aidx: width('aidx'),
  aeps: width('aeps'),
  lbsrc: width('lbsrc'),
  'cluster-ips': width('cluster-ips'),
  hairpin: width('hairpin'),
})

/** Known once, since every plan asks. */
const widths = (family: IpFamily): Widths => ({
  records: each((set) => {
    const layout = recordLayout(set, family)
    return keyWidth(layout) + layout.dataLength
  }),
  keys: each((set) => keyWidth(recordLayout(set, family))),
})
const WIDTHS: Readonly<Record<IpFamily, Widths>> = { IPv4: widths('IPv4'), IPv6: widths('IPv6') }

/** For whole elements. */
export const recordWriters = (family: IpFamily): SetWriters =>
  writers((set) => new RecordWriter(WIDTHS[family].records[set]))

/** For keys alone, as deletions want them. */
export const keyWriters = (family: IpFamily): SetWriters =>
  writers((set) => new RecordWriter(WIDTHS[family].keys[set]))

/** An element of `svcs`, or its key alone without a class number. */
export function writeService(into: RecordWriter, key: Uint8Array, classNumber?: number): void {
  into.begin().copy(key)
  if (classNumber !== undefined) into.hostNumber(classNumber)
}

/** An element of `eps`, or its key alone without an endpoint. */
export function writeSlot(into: RecordWriter, key: Uint8Array, slot: number, endpoint?: Endpoint): void {
  into.begin().copy(key).hostNumber(slot)
  if (endpoint !== undefined) into.address(endpoint.address).port(endpoint.port)
}

/** An element of `aidx`, or its key alone without an ID. */
export function writeSlotId(into: RecordWriter, key: Uint8Array, slot: number, id?: number): void {
  into.begin().copy(key).hostNumber(slot)
  if (id !== undefined) into.hostNumber(id)
}

/** An element of `aeps`, or its key alone without an endpoint: like one of `eps`, by ID. */
export const writeEndpointOfId = writeSlot

/** An element of `lbsrc`, which is all key. */
export function writeSource(into: RecordWriter, key: Uint8Array, range: Cidr): void {
  into.begin().copy(key).address(range.address).copy(key).address(lastAddress(range))
}

export function writeHairpin(into: RecordWriter, address: IpAddress): void {
  into.begin().address(address).address(address)
}

export function writeClusterIp(into: RecordWriter, address: IpAddress): void {
  into.begin().address(address)
}
