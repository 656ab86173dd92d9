import type { VirtualServerKey } from '../../../src/native/ipvs.ts'
import { type IpAddress, parseAddress } from '../../../src/util/address.ts'

export function ip(text: string): IpAddress {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

export const tcp = (address: string, port: number): VirtualServerKey => ({
  kind: 'address',
  protocol: 'TCP',
  address: ip(address),
  port,
})

export const udp = (address: string, port: number): VirtualServerKey => ({
  kind: 'address',
  protocol: 'UDP',
  address: ip(address),
  port,
})
