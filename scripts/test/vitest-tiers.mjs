import { needs } from '../setup/needs.mjs'
import { ensureOracle } from '../setup/oracle.mjs'
import { inRoot } from '../setup/places.mjs'
import { showProgram } from './show-program.mjs'
import { CannotRun } from './tier.mjs'
import { runVitest } from './vitest-tier.mjs'

/** @type {import('./tier.mjs').Tier} */
export const unitTier = {
  name: 'unit',
  title: 'pure code, without kernel or runtime',
  needs: [],
  built: true,
  run: ({ vitest }) => runVitest(['unit'], { vitest, minutes: 5 }),
}

/** @type {import('./tier.mjs').Tier} */
export const netnsTier = {
  name: 'netns',
  title: 'netlink and the dataplane against the real kernel, in network namespaces of their own',
  needs: [...needs.tests, ...needs.nodeGyp],
  root: true,
  built: true,
  async run({ vitest }) {
    await ensureOracle()
    return runVitest(['netns'], { vitest, minutes: 15 })
  },
}

/** @type {import('./tier.mjs').Tier} */
export const scriptTier = {
  name: 'script',
  title: 'worlds of Services, a file each: what is programmed for them, and what becomes of real packets',
  needs: needs.tests,
  root: true,
  built: true,
  run: ({ vitest }) => runVitest(['script'], { vitest, minutes: 5 }),
}

/** @type {import('./tier.mjs').Tier} */
export const ipvsTier = {
  name: 'ipvs',
  title: "IPVS in the host's kernel, or in User-Mode Linux where that has none",
  aside: ['netns', 'script'],
  needs: needs.tests,
  root: true,
  built: true,
  async run({ vitest }) {
    await prepareWith('test/ipvs/kernel.sh', 'a kernel with ip_vs')
    return runVitest(['ipvs'], { vitest, minutes: 20 })
  },
}

/** @type {import('./tier.mjs').Tier} */
export const podsTier = {
  name: 'pods',
  title: 'pods on a containerd of their own',
  aside: ['cluster'],
  needs: [...needs.tests, ...needs.node],
  root: true,
  built: true,
  run: ({ vitest }) => runVitest(['pods'], { vitest, minutes: 15 }),
}

/** @type {import('./tier.mjs').Tier} */
export const clusterTier = {
  name: 'cluster',
  title: 'API client, proxy and node against a real control plane',
  needs: [...needs.tests, ...needs.node, ...needs.cluster],
  root: true,
  built: true,
  async run({ vitest }) {
    await prepareWith('test/cluster/binaries.sh', 'a control plane')
    return runVitest(['cluster'], { vitest, minutes: 15 })
  },
}

/** @type {import('./tier.mjs').Tier} */
export const differentialTier = {
  name: 'differential',
  title: 'random worlds of Services: real packets have the fate that a real kube-proxy gives them',
  needs: [...needs.tests, ...needs.cluster, ...needs.kubeProxy],
  root: true,
  built: true,
  async run({ vitest }) {
    await prepareWith('test/cluster/binaries.sh', 'a kube-proxy to compare with')
    // A world takes seconds; this is for a machine that is busy with other things.
    const worlds = Number(process.env.HAWSER_DIFFERENTIAL_WORLDS ?? 0)
    return runVitest(['differential'], { vitest, minutes: Math.max(20, worlds) })
  },
}

/** Builds what tests run in or against, ahead of them: their own deadlines have no room for that. */
export async function prepareWith(script, what) {
  const { ok, reason } = await showProgram(inRoot(script), [], { cwd: inRoot(), minutes: 45 })
  if (!ok) throw new CannotRun(`there is no way to have ${what} here: ${script} ${reason}`)
}
