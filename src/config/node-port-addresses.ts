import { networkInterfaces } from 'node:os'
import { type Cidr, cidrContains, type IpAddress, parseAddress, parseCidr } from '../util/address.ts'
import { detectNodeAddresses } from './node-addresses.ts'

/** Where node ports answer: kube-proxy's `nodePortAddresses`. */
export type NodePortAddresses = 'primary' | 'all' | readonly Cidr[]

/** Reads `primary`, `all`, or CIDRs joined by commas; undefined for anything else. */
export function parseNodePortAddresses(text: string): NodePortAddresses | undefined {
  if (text === 'primary' || text === 'all') return text
  const cidrs = text.split(',').map((part) => parseCidr(part.trim()))
  return cidrs.every((cidr) => cidr !== undefined) ? cidrs : undefined
}

/**
 * The addresses of this machine that are meant; loopback ones never are. `primary` are those that the Node says are its
 * own, and what the machine looks like where it says nothing.
 */
export async function findNodePortAddresses(
  wanted: NodePortAddresses,
  podCidrs: readonly Cidr[],
  primary: readonly IpAddress[] = [],
): Promise<readonly IpAddress[]> {
  if (wanted === 'primary') return primary.length > 0 ? primary : detectNodeAddresses(podCidrs)
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => parseAddress(address))
    .filter((address) => address !== undefined)
  return [...new Set(own)].filter(
    (address) => wanted === 'all' || wanted.some((cidr) => cidrContains(cidr, address)),
  )
}
