import type { ProxyMode } from '../../src/dataplane/proxy-modes.ts'
import type { Difference } from './compare.ts'
import { type Fate, formatFate } from './fate.ts'
import type { Probe } from './probes.ts'

/**
 * A difference from kube-proxy in the same mode that is meant to be. Each has a heading of the same name in
 * docs/differences-from-kube-proxy.md that gives the reason.
 */
export interface WantedDifference {
  readonly name: string
  readonly modes: readonly ProxyMode[]
  readonly covers: (difference: Difference) => boolean
}

export const WANTED_DIFFERENCES: readonly WantedDifference[] = [
  {
    name: 'Undefined ports of a cluster IP are refused',
    modes: ['iptables'],
    covers: ({ probe, theirs, ours }) =>
      probe.way === 'undefined port' && isFate(theirs, 'dropped') && isFate(ours, 'rejected'),
  },
  {
    name: 'The node itself is refused where nobody serves an external address',
    modes: ['iptables'],
    covers: ({ probe, theirs, ours }) =>
      probe.asker === 'host' &&
      (probe.way === 'external IP' || probe.way === 'load balancer IP') &&
      !hasEndpoints(probe) &&
      isFate(theirs, 'dropped') &&
      isFate(ours, 'rejected'),
  },
  {
    name: 'Source ranges hold while nobody serves',
    modes: ['iptables'],
    covers: ({ probe, theirs, ours }) =>
      probe.way === 'load balancer IP' &&
      (probe.draft?.state.sourceRanges.length ?? 0) > 0 &&
      !hasEndpoints(probe) &&
      isFate(theirs, 'rejected') &&
      isFate(ours, 'dropped'),
  },
]

/** The name of a difference that is wanted in a mode. */
export const wantedDifference =
  (mode: ProxyMode) =>
  (difference: Difference): string | undefined =>
    WANTED_DIFFERENCES.find(({ modes, covers }) => modes.includes(mode) && covers(difference))?.name

const isFate = (fate: Fate, wanted: string): boolean => formatFate(fate) === wanted

/** Whether any endpoint, wherever it is, serves the port that the probe asks for. */
function hasEndpoints({ draft, protocol, port }: Probe): boolean {
  if (draft === undefined) return false
  const index = draft.ports.findIndex((of) => of.protocol === protocol && of.port === port)
  return draft.state.slices
    .filter(({ withoutPort }) => withoutPort !== index)
    .some(({ endpoints }) =>
      endpoints.some(({ condition }) => condition !== 'unready' && condition !== 'ended'),
    )
}
