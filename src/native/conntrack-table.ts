import { endianness } from 'node:os'
import { familyOf, type IpAddress, type IpFamily, packAddress } from '../util/address.ts'
import { FAMILY_NUMBERS } from './packed-address.ts'

/** Offsets in `FrontendRecord` of native/conntrack/classifier.h; EndpointRecord is the same without flags. */
const OFFSETS = { address: 0, port: 16, protocol: 18, family: 19, group: 20, flags: 24 } as const
const FRONTEND_SIZE = 28
const ENDPOINT_SIZE = 24
const LITTLE_ENDIAN = endianness() === 'LE'

/** What a frontend is recognised by in a flow's original direction. */
export interface FlowFrontend {
  readonly family: IpFamily
  /** IPPROTO_*. */
  readonly protocol: number
  /** Undefined for a node port: translated flows to this port of any address that is no other frontend's. */
  readonly address: IpAddress | undefined
  readonly port: number
  /** Frontends of one group share its endpoints. */
  readonly group: number
  /** `STALE_*` bits of native/conntrack/stale_search.h; 0 for counting. */
  readonly flags?: number
}

/** What an endpoint is recognised by in a flow's replies. */
export interface FlowEndpoint {
  readonly address: IpAddress
  readonly port: number
  readonly group: number
}

/**
 * Frontends and endpoints by row, packed as the kernel's flows are compared with them. A change touches its own rows;
 * the buffers are handed over as they are, and must not change until the hand-over has settled.
 */
export class ConntrackTable {
  #frontends = new Uint8Array(64 * FRONTEND_SIZE)
  #endpoints = new Uint8Array(64 * ENDPOINT_SIZE)
  #frontendRows = 0
  #endpointRows = 0

  setFrontend(row: number, frontend: FlowFrontend): void {
    this.#frontendRows = Math.max(this.#frontendRows, row + 1)
    this.#frontends = withRoom(this.#frontends, this.#frontendRows * FRONTEND_SIZE)
    const start = row * FRONTEND_SIZE
    const view = clearedRecord(this.#frontends, start, FRONTEND_SIZE)
    if (frontend.address !== undefined)
      packAddress(frontend.address, this.#frontends, start + OFFSETS.address)
    view.setUint16(OFFSETS.port, frontend.port, LITTLE_ENDIAN)
    view.setUint8(OFFSETS.protocol, frontend.protocol)
    view.setUint8(OFFSETS.family, FAMILY_NUMBERS[frontend.family])
    view.setUint32(OFFSETS.group, frontend.group, LITTLE_ENDIAN)
    view.setUint32(OFFSETS.flags, frontend.flags ?? 0, LITTLE_ENDIAN)
  }

  setEndpoint(row: number, endpoint: FlowEndpoint): void {
    this.#endpointRows = Math.max(this.#endpointRows, row + 1)
    this.#endpoints = withRoom(this.#endpoints, this.#endpointRows * ENDPOINT_SIZE)
    const start = row * ENDPOINT_SIZE
    const view = clearedRecord(this.#endpoints, start, ENDPOINT_SIZE)
    packAddress(endpoint.address, this.#endpoints, start + OFFSETS.address)
    view.setUint16(OFFSETS.port, endpoint.port, LITTLE_ENDIAN)
    view.setUint8(OFFSETS.family, FAMILY_NUMBERS[familyOf(endpoint.address)])
    view.setUint32(OFFSETS.group, endpoint.group, LITTLE_ENDIAN)
  }

  /** The row is free; the hand-over of the table then zeroes its counters. */
  clearFrontend(row: number): void {
    clearedRecord(this.#frontends, row * FRONTEND_SIZE, FRONTEND_SIZE)
  }

  clearEndpoint(row: number): void {
    clearedRecord(this.#endpoints, row * ENDPOINT_SIZE, ENDPOINT_SIZE)
  }

  get frontendRows(): number {
    return this.#frontendRows
  }

  get endpointRows(): number {
    return this.#endpointRows
  }

  /** The packed frontends and endpoints. */
  buffers(): readonly [Uint8Array, Uint8Array] {
    return [
      this.#frontends.subarray(0, this.#frontendRows * FRONTEND_SIZE),
      this.#endpoints.subarray(0, this.#endpointRows * ENDPOINT_SIZE),
    ]
  }
}

/** Doubles, so that adding rows one by one copies each a constant number of times. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= bytes.length) return bytes
  const larger = new Uint8Array(Math.max(needed, bytes.length * 2))
  larger.set(bytes)
  return larger
}

function clearedRecord(bytes: Uint8Array<ArrayBuffer>, start: number, size: number): DataView {
  bytes.fill(0, start, start + size)
  return new DataView(bytes.buffer, bytes.byteOffset + start, size)
}
