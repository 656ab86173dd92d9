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

/** Bytes of a service key. */
export const serviceKeyLength = (family: IpFamily): number => addressLength(family) + 8

/**
 * Packs `ip daddr . meta l4proto . th dport`, the key of `svcs` and the beginning of that of `eps`, into a buffer of
 * that length, which may have been used for another key before.
 */
export function packServiceKey(
  address: IpAddress,
  protocol: Protocol,
  port: number,
  into: Uint8Array,
): Uint8Array {
  const length = packAddress(address, into, 0)
  into[length] = PROTOCOL_NUMBERS[protocol]
  into[length + 4] = port >> 8
  into[length + 5] = port & 0xff
  return into
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
