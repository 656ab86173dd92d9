import { cmakeJsTier, nodeGypTier } from './build-tiers.mjs'
import { codecTier } from './codec-tier.mjs'
import { lintTier } from './lint-tier.mjs'
import { otherNodeTiers } from './other-node-tiers.mjs'
import { quickStartTier } from './quick-start-tier.mjs'
import { takeoverTier } from './takeover-tier.mjs'
import {
  clusterTier,
  differentialTier,
  ipvsTier,
  netnsTier,
  podsTier,
  scriptTier,
  unitTier,
} from './vitest-tiers.mjs'

/** Every tier, quick and narrow ones first; those that may run aside follow what they run beside. */
export const tiers = [
  lintTier,
  cmakeJsTier,
  nodeGypTier,
  codecTier,
  unitTier,
  netnsTier,
  scriptTier,
  ipvsTier,
  clusterTier,
  podsTier,
  differentialTier,
  takeoverTier,
  quickStartTier,
  ...otherNodeTiers,
]
