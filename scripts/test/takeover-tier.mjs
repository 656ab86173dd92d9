import { needs } from '../setup/needs.mjs'
import { runVitest } from './vitest-tier.mjs'
import { prepareWith } from './vitest-tiers.mjs'

/** @type {import('./tier.mjs').Tier} */
export const takeoverTier = {
  name: 'takeover',
  title: 'clients notice nothing when the proxy is restarted, killed, changed, or takes over from kube-proxy',
  needs: [...needs.tests, ...needs.cluster, ...needs.kubeProxy],
  root: true,
  built: true,
  run: ({ vitest }) => playRounds({ rounds: 30 }, vitest),
}

/**
 * @param {{rounds: number, seed?: string, only?: string}} choice
 * @param {readonly string[]} vitest arguments for it
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function playRounds({ rounds, seed, only }, vitest) {
  await prepareWith('test/cluster/binaries.sh', 'a control plane')
  // The tests run in processes of their own, which have these from here.
  process.env.HAWSER_TAKEOVER_ROUNDS = String(rounds)
  if (seed !== undefined) process.env.HAWSER_TAKEOVER_SEED = seed
  if (only !== undefined) process.env.HAWSER_TAKEOVER_ONLY = only
  return runVitest(['takeover'], { vitest, minutes: 5 + rounds / 10 })
}
