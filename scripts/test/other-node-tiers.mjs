import { isRoot } from '../setup/machine.mjs'
import { ensureOtherNode } from '../setup/other-node.mjs'
import { runVitest } from './vitest-tier.mjs'
import { netnsTier } from './vitest-tiers.mjs'

/** The versions of Node that Hawser supports; package.json `engines` names the oldest. */
const supported = [20, 24]
const running = Number(process.versions.node.split('.')[0])

/**
 * What another version of Node can make a difference to: all pure code, every door of the addon, the daemon as a process.
 * The rules that the kernel is given are the same.
 */
const WORTH_REPEATING = [
  'test/unit/',
  'test/netns/native-',
  'test/netns/conntrack-events',
  'test/netns/proxy-daemon',
]

/** @returns {import('./tier.mjs').Tier} */
const onNode = (major) => ({
  name: `node-${major}`,
  title: `the same build on Node ${major}: pure code, the addon and the daemon`,
  needs: netnsTier.needs,
  built: true,
  async run({ vitest }) {
    const node = await ensureOtherNode(major)
    const files = vitest.length > 0 ? vitest : WORTH_REPEATING
    return runVitest(isRoot() ? ['unit', 'netns'] : ['unit'], { vitest: files, minutes: 20, node })
  },
})

/** One tier for each supported version that is not the one running. */
export const otherNodeTiers = supported.filter((major) => major !== running).map(onNode)
