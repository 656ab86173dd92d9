import type { KubeProxyMode } from './node.ts'
import type { Random } from './random.ts'

/** What happens to the proxy while clients go on. */
export type RoundKind =
  /** Nothing: what the same load without restarts has. */
  | 'control'
  /** An orderly end, then a start in the same mode. */
  | 'restart'
  /** SIGKILL at a random moment, then a start in the same mode. */
  | 'kill -9'
  /** A start, SIGKILL at a random moment of it, and another start. */
  | 'kill -9 while it starts'
  /** The same in another mode, at its first transaction: the rules of both modes are there, and nobody removes either. */
  | 'kill -9 at its first transaction'
  /** An orderly end, then a start in the other mode. */
  | 'change of mode'
  /** From Hawser to kube-proxy, and from kube-proxy to Hawser. */
  | `kube-proxy in mode ${KubeProxyMode} and back`

export interface Round {
  readonly number: number
  readonly kind: RoundKind
}

/** Each kind as often in a run as it is in here. */
const CYCLE: readonly RoundKind[] = [
  'control',
  'restart',
  'kill -9',
  'kill -9',
  'kill -9 while it starts',
  'kill -9 at its first transaction',
  'change of mode',
  'change of mode',
  'kube-proxy in mode nftables and back',
  'kube-proxy in mode iptables and back',
]

/** So many rounds, each cycle of kinds in an order of its own; `only` leaves out kinds that do not contain it. */
export function schedule(count: number, random: Random, only = ''): readonly Round[] {
  const chosen = CYCLE.filter((kind) => kind.includes(only))
  if (chosen.length === 0) throw new Error(`there is no kind of round called ${only}: ${CYCLE.join(', ')}`)
  const kinds: RoundKind[] = []
  while (kinds.length < count) kinds.push(...random.shuffle(chosen))
  return kinds.slice(0, count).map((kind, index) => ({ number: index + 1, kind }))
}
