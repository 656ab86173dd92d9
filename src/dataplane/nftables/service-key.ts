import type { Protocol } from '../../model/service.ts'
import {
  addressLength,
  formatAddress,
  type IpAddress,
  type IpFamily,
  packAddress,
} from '../../util/address.ts'
import { type FrontendKey, frontendKey } from '../desired/frontend.ts'

/** IANA protocol numbers. */
const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 }

/** `ip daddr . meta l4proto . th dport`: the key of `svcs` and the beginning of that of `eps`. */
export function packServiceKey(address: IpAddress, protocol: Protocol, port: number): Uint8Array {
  const length = address.includes(':') ? 16 : 4
  const key = new Uint8Array(length + 8)
  packAddress(address, key, 0)
  key[length] = PROTOCOL_NUMBERS[protocol]
  key[length + 4] = port >> 8
  key[length + 5] = port & 0xff
  return key
}

/**
 * The frontend that a key of `svcs` or `eps` belongs to, given the addresses of the node; undefined when the key is
 * none that Hawser writes.
 */
export function frontendOfKey(
  key: Uint8Array,
  family: IpFamily,
  nodeAddresses: readonly IpAddress[],
): { readonly asAddress: FrontendKey; readonly asNodePort: FrontendKey | undefined } | undefined {
  const length = addressLength(family)
  const protocol = protocolOf(key[length])
  if (protocol === undefined) return undefined
  const address = formatAddress(key.subarray(0, length))
  const port = (key[length + 4] ?? 0) * 256 + (key[length + 5] ?? 0)
  return {
    asAddress: frontendKey(address, protocol, port),
    asNodePort: nodeAddresses.includes(address) ? frontendKey(undefined, protocol, port) : undefined,
  }
}

const protocolOf = (number: number | undefined): Protocol | undefined =>
  number === 6 ? 'TCP' : number === 17 ? 'UDP' : number === 132 ? 'SCTP' : undefined
