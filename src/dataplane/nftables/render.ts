import type { IpAddress, IpFamily } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { Endpoint, Frontend } from '../desired/frontend.ts'
import { type DataSet, recordLayout } from './layout.ts'
import { RecordWriter } from './records.ts'
import { packServiceKey, serviceKeyLength } from './service-key.ts'
import type { TableConfig } from './table-config.ts'
import type { TableState } from './table-state.ts'

/** One writer a set. */
export type SetWriters = Readonly<Record<DataSet, RecordWriter>>

const writers = (make: (set: DataSet) => RecordWriter): SetWriters => ({
  svcs: make('svcs'),
  eps: make('eps'),
  'cluster-ips': make('cluster-ips'),
  hairpin: make('hairpin'),
})

/** For whole elements. */
export const recordWriters = (family: IpFamily): SetWriters =>
  writers((set) => {
    const { keyLength, dataLength } = recordLayout(set, family)
    return new RecordWriter(keyLength + dataLength)
  })

/** For keys alone, as deletions want them. */
export const keyWriters = (family: IpFamily): SetWriters =>
  writers((set) => new RecordWriter(recordLayout(set, family).keyLength))

/** Where a frontend answers: its own address, or as a node port each of the node's. */
export const frontendAddresses = (frontend: Frontend, config: TableConfig): readonly IpAddress[] =>
  frontend.address === undefined ? config.nodeAddresses : [frontend.address]

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

export function writeHairpin(into: RecordWriter, address: IpAddress): void {
  into.begin().address(address).address(address)
}

export function writeClusterIp(into: RecordWriter, address: IpAddress): void {
  into.begin().address(address)
}

/** All elements that a table in this state has. */
export async function renderState(state: TableState, config: TableConfig, pacer: Pacer): Promise<SetWriters> {
  const into = recordWriters(config.family)
  const buffer = new Uint8Array(serviceKeyLength(config.family))
  for (const { frontend, slots, className } of state.frontends.values()) {
    for (const address of frontendAddresses(frontend, config)) {
      const key = packServiceKey(address, frontend.protocol, frontend.port, buffer)
      writeService(into.svcs, key, state.classNumbers.get(className) ?? 0)
      slots.forEach((endpoint, slot) => {
        writeSlot(into.eps, key, slot, endpoint)
      })
    }
    if (pacer.due()) await pacer.pause()
  }
  for (const address of state.hairpins.keys()) {
    writeHairpin(into.hairpin, address)
    if (pacer.due()) await pacer.pause()
  }
  for (const address of state.clusterIps.keys()) {
    writeClusterIp(into['cluster-ips'], address)
    if (pacer.due()) await pacer.pause()
  }
  return into
}
