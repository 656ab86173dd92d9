import type { Cidr } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import type { FamilyConfig } from '../family-config.ts'
import { writeSource } from './element-writers.ts'
import type { DifferenceWriters } from './endpoint-elements.ts'
import { allowedSources } from './source-ranges.ts'

const NOBODY: readonly Cidr[] = []

/** Writes how the sources that may reach `key` change. */
export function writeSourceDifference(
  { removed, added }: DifferenceWriters,
  key: Uint8Array,
  before: Frontend | undefined,
  after: Frontend | undefined,
  config: FamilyConfig,
): void {
  const old = before === undefined ? NOBODY : allowedSources(before, config)
  const now = after === undefined ? NOBODY : allowedSources(after, config)
  for (const range of old) if (!includes(now, range)) writeSource(removed.lbsrc, key, range)
  for (const range of now) if (!includes(old, range)) writeSource(added.lbsrc, key, range)
}

const includes = (ranges: readonly Cidr[], { address, prefix }: Cidr): boolean =>
  ranges.some((range) => range.address === address && range.prefix === prefix)
