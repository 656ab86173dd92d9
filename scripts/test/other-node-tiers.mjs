import { isRoot } from '../setup/machine.mjs'
import { ensureOtherNode } from '../setup/other-node.mjs'
import { runVitest } from './vitest-tier.mjs'
import { netnsTier } from './vitest-tiers.mjs'

/** The versions of Node that Hawser supports; package.json `engines` names the oldest. */
const supported = [20, 24]
const running = Number(process.versions.node.split('.')[0])

/** @returns {import('./tier.mjs').Tier} */
const onNode = (major) => ({
  name: `node-${major}`,
  title: `the same build on Node ${major}: what touches neither IPVS nor pods`,
  needs: netnsTier.needs,
  built: true,
  async run({ vitest }) {
    const node = await ensureOtherNode(major)
    return runVitest(isRoot() ? ['unit', 'netns'] : ['unit'], { vitest, minutes: 20, node })
  },
})

/** One tier for each supported version that is not the one running. */
export const otherNodeTiers = supported.filter((major) => major !== running).map(onNode)
