import {
  addressLength,
  type Cidr,
  cidrAddress,
  cidrContains,
  cidrSize,
  type IpAddress,
} from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'

const NOBODY: readonly Cidr[] = []

/**
 * The sources that may reach a frontend, no two of which overlap (the kernel's set refuses that); none when anyone
 * may. Where the node itself is among them, so is the address: on its way to a load-balancer address that the node
 * also carries, its own packets have that as their source.
 */
export function allowedSources(frontend: Frontend, config: FamilyConfig): readonly Cidr[] {
  const { sourceRanges, address, family } = frontend
  if (sourceRanges.length === 0) return NOBODY
  const nodeIsIn = config.nodeAddresses.some((node) =>
    sourceRanges.some((range) => cidrContains(range, node)),
  )
  const self =
    nodeIsIn && address !== undefined ? [{ family, address, prefix: addressLength(family) * 8 }] : []
  const all = [...sourceRanges, ...self].sort((a, b) => a.prefix - b.prefix)
  const kept: Cidr[] = []
  for (const range of all) if (!kept.some((wider) => cidrContains(wider, range.address))) kept.push(range)
  return kept
}

export const lastAddress = (range: Cidr): IpAddress => cidrAddress(range, cidrSize(range) - 1n)
