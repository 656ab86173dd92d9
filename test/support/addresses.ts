import { type Cidr, type IpAddress, parseAddress, parseCidr } from '../../src/util/address.ts'

/** An address literal of a test. */
export function ip(text: string): IpAddress {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

/** A CIDR literal of a test. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`${text} is no CIDR`)
  return parsed
}
