import type { Protocol } from '../../model/service.ts'
import { type Cidr, cidrContains, formatCidr, type IpAddress } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { SetName } from './layout.ts'
import { shortCircuitMark } from './marks.ts'
import { type Treatment, treatmentOf } from './treatments.ts'
import { frontendAddresses } from './virtual-servers.ts'

interface Place {
  readonly address: IpAddress
  readonly protocol: Protocol
  readonly port: number
}

/** One element of a set of the table beside IPVS. */
export type Element =
  | ({ readonly set: 'frontends'; readonly treatment: Treatment } & Place)
  | ({ readonly set: 'short-circuit'; readonly mark: number } & Place)
  | ({ readonly set: 'sources'; readonly range: Cidr } & Place)
  | { readonly set: 'vips'; readonly address: IpAddress }

/** The elements that belong to one frontend alone. */
export function elementsOf(
  frontend: Frontend,
  nodeAddresses: readonly IpAddress[],
  markNumber: number | undefined,
): Element[] {
  const { protocol, port } = frontend
  return frontendAddresses(frontend, nodeAddresses).flatMap((address): Element[] => {
    const place = { address, protocol, port }
    const elements: Element[] = [{ set: 'frontends', ...place, treatment: treatmentOf(frontend) }]
    if (markNumber !== undefined)
      elements.push({ set: 'short-circuit', ...place, mark: shortCircuitMark(markNumber) })
    for (const range of rangesOf(frontend, address, nodeAddresses))
      elements.push({ set: 'sources', ...place, range })
    return elements
  })
}

/**
 * Source ranges without those inside of others, which the kernel's interval set refuses. This node's own connections to
 * a VIP come from that VIP itself, so they are let in where the node's address would be.
 */
function rangesOf(frontend: Frontend, vip: IpAddress, nodeAddresses: readonly IpAddress[]): readonly Cidr[] {
  const { sourceRanges, family } = frontend
  if (sourceRanges.length === 0) return sourceRanges
  const letsNodeIn = sourceRanges.some((range) =>
    nodeAddresses.some((address) => cidrContains(range, address)),
  )
  const self: Cidr = { family, address: vip, prefix: family === 'IPv4' ? 32 : 128 }
  const ranges = letsNodeIn ? [...sourceRanges, self] : sourceRanges
  return ranges.filter(
    (range, i) =>
      !ranges.some(
        (other, j) =>
          i !== j &&
          cidrContains(other, range.address) &&
          (other.prefix < range.prefix || (other.prefix === range.prefix && j < i)),
      ),
  )
}

/** What no other element of the set has. */
export const elementKey = (element: Element): string => {
  switch (element.set) {
    case 'frontends':
    case 'short-circuit':
      return `${element.set} ${formatPlace(element)}`
    case 'sources':
      return `sources ${formatPlace(element)} . ${formatCidr(element.range)}`
    case 'vips':
      return `vips ${element.address}`
  }
}

/** The element in nft's words, but for its treatment and mark: `frontends 10.96.0.1 . tcp . 80 : cluster`. */
export function formatElement(element: Element): string {
  const key = elementKey(element)
  if (element.set === 'frontends') return `${key} : ${element.treatment}`
  return element.set === 'short-circuit' ? `${key} : 0x${element.mark.toString(16)}` : key
}

const formatPlace = ({ address, protocol, port }: Place): string =>
  `${address} . ${protocol.toLowerCase()} . ${port}`

/** Elements by set, each set once and in the order given. */
export function* bySet(
  elements: readonly Element[],
  sets: readonly SetName[],
): Generator<[SetName, Element[]]> {
  for (const set of sets) {
    const some = elements.filter((element) => element.set === set)
    if (some.length > 0) yield [set, some]
  }
}
