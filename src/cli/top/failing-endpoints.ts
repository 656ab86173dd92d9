import type { EndpointConnections } from '../../dataplane/conntrack/connection-report.ts'

/** What an endpoint had ended by some time. */
interface Sample {
  readonly at: number
  readonly closed: number
  readonly unreplied: number
}

/** The kernel gives an unanswered datagram half a minute and an unanswered SYN two: shorter looks would see nothing. */
const WINDOW_MS = 60_000

/**
 * Which endpoints leave clients without an answer: those where, over the last minute, at least half of the connections
 * that ended had none. Feed it every report in turn.
 */
export class FailingEndpoints {
  #samples = new Map<string, readonly Sample[]>()
  #begun = false

  /** Takes the endpoints of one report, all that ever left a connection without an answer among them. */
  see(at: number, endpoints: Iterable<readonly [key: string, connections: EndpointConnections]>): void {
    const samples = new Map<string, readonly Sample[]>()
    for (const [key, { numbers }] of endpoints) {
      const { closed, unreplied } = numbers
      const now = { at, closed, unreplied }
      const known = this.#samples.get(key) ?? (this.#begun ? [beforeItFailed(now)] : [])
      const isReset = known.some((sample) => sample.closed > closed)
      samples.set(key, isReset ? [now] : [...recent(known, at), now])
    }
    this.#samples = samples
    this.#begun = true
  }

  /** Whether the endpoint of this key fails. */
  has(key: string): boolean {
    const samples = this.#samples.get(key) ?? []
    const [first] = samples
    const last = samples.at(-1)
    if (first === undefined || last === undefined) return false
    const unreplied = last.unreplied - first.unreplied
    return unreplied > 0 && unreplied * 2 >= last.closed - first.closed
  }
}

/** The last sample outside of the window is what the first one in it is compared with. */
function recent(samples: readonly Sample[], now: number): readonly Sample[] {
  const inside = samples.findIndex(({ at }) => at >= now - WINDOW_MS)
  return inside === -1 ? samples.slice(-1) : samples.slice(Math.max(0, inside - 1))
}

/** An endpoint appears with its first unanswered connection: all of those are new. */
const beforeItFailed = ({ at, closed, unreplied }: Sample): Sample => ({
  at,
  closed: closed - unreplied,
  unreplied: 0,
})
