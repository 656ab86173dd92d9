import { networkInterfaces } from 'node:os'
import { type Cidr, cidrContains, type IpAddress, parseAddress, parseCidr } from '../util/address.ts'
import { detectNodeAddresses } from './node-addresses.ts'

/** Where node ports answer, as kube-proxy's `nodePortAddresses` says it: ranges, or the node's own address a family. */
export type NodePortAddresses = readonly (Cidr | 'primary')[]

const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  all: ['0.0.0.0/0', '::/0'],
  localhost: ['127.0.0.0/8', '::1/128'],
}

/** Reads `primary`, `all`, `localhost` and CIDRs, in any combination; undefined when one of them is none of these. */
export function parseNodePortAddresses(texts: readonly string[]): NodePortAddresses | undefined {
  const found: (Cidr | 'primary')[] = []
  for (const text of texts.flatMap((text) => KEYWORDS[text.trim()] ?? [text.trim()])) {
    const parsed = text === 'primary' ? text : parseCidr(text)
    if (parsed === undefined) return undefined
    found.push(parsed)
  }
  return found
}

/** Every address is meant, whichever the machine has. */
export const isEverywhere = (wanted: NodePortAddresses): boolean =>
  wanted.some((range) => range !== 'primary' && range.prefix === 0)

/** 127.0.0.1 is meant as well; where a backend can have node ports there. */
export const includesLocalhost = (wanted: NodePortAddresses): boolean => {
  const localhost = parseAddress('127.0.0.1')
  return wanted.some(
    (range) => range !== 'primary' && localhost !== undefined && cidrContains(range, localhost),
  )
}

/** What has addresses of Services where the mode is IPVS: none of these is the node's own. */
const IPVS_DEVICE = 'kube-ipvs0'

/** Each interface of a pod has one: without its interface it means nothing, and nobody is told of it. */
const isLinkLocal = (address: IpAddress): boolean => /^fe[89ab]/.test(address)

/**
 * The addresses of this machine that are meant; loopback ones never are. `primary` are those that the Node says are its
 * own, and what the machine looks like where it says nothing.
 */
export async function findNodePortAddresses(
  wanted: NodePortAddresses,
  podCidrs: readonly Cidr[],
  primary: readonly IpAddress[] = [],
): Promise<readonly IpAddress[]> {
  const found = new Set<IpAddress>()
  if (wanted.includes('primary'))
    for (const address of primary.length > 0 ? primary : await detectNodeAddresses(podCidrs))
      found.add(address)
  for (const address of ownAddresses())
    if (wanted.some((range) => range !== 'primary' && cidrContains(range, address))) found.add(address)
  return [...found]
}

const ownAddresses = (): readonly IpAddress[] =>
  Object.entries(networkInterfaces())
    .filter(([name]) => name !== IPVS_DEVICE)
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .flatMap(({ address }) => parseAddress(address) ?? [])
    .filter((address) => !isLinkLocal(address))
