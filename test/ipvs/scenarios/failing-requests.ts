/**
 * Has every request of a commit fail in turn, each in three ways, and prints whether the next sync brings the kernel to
 * what is desired all the same.
 */
import type { Frontend } from '../../../src/dataplane/desired/frontend.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import { IpvsSocket } from '../../../src/native/ipvs.ts'
import { NetlinkError, NftablesSocket } from '../../../src/native/nftables.ts'
import { RouteSocket } from '../../../src/native/route.ts'
import { configOf, frontend, pod } from '../../support/ipvs-frontends.ts'

/** What becomes of a call: the kernel never hears of it, or does it and the answer is lost, or refuses one operation. */
type Failure = 'unsent' | 'unanswered' | number

export interface FailureObservations {
  /** By what failed: how the commit ended, and what was wrong behind the next sync; nothing should be. */
  readonly cases: readonly {
    readonly what: string
    readonly outcome: string
    readonly left: readonly string[]
  }[]
}

const before = [
  frontend('10.96.4.1', 80, [pod(1), pod(2)]),
  frontend('10.96.4.2', 80, [pod(1)]),
  frontend('203.0.113.9', 80, [pod(1), pod(2)], { kind: 'LoadBalancer', localEndpoints: [pod(1)] }),
]
/** Every kind of request: additions, changes and deletions of virtual and real servers, elements and addresses. */
const after = [
  frontend('10.96.4.1', 80, [pod(2), pod(3)], { affinitySeconds: 60 }),
  frontend('10.96.4.3', 53, [pod(1)], { protocol: 'UDP' }),
  frontend('203.0.113.9', 80, [pod(1)], { kind: 'LoadBalancer', localEndpoints: [pod(1)] }),
]

const gone = before.filter(({ key }) => !after.some((other) => other.key === key))
const changes = new Map<Frontend['key'], Frontend | undefined>([
  ...gone.map(({ key }) => [key, undefined] as const),
  ...after.map((one) => [one.key, one] as const),
])

interface Transaction {
  readonly operations: number
  describe(op: number): string
}

/** Stands between the backend and the kernel: counts calls, and has one of them fail. */
class Door {
  #calls = 0
  #failing: { readonly call: number; readonly failure: Failure } | undefined
  /** What each call was about, with its number of operations. */
  readonly heard: { readonly what: string; readonly operations: number }[] = []

  arm(call: number, failure: Failure): void {
    this.#calls = 0
    this.heard.length = 0
    this.#failing = { call, failure }
  }

  disarm(): void {
    this.#failing = undefined
  }

  /** Makes the call, unless it is the one that fails. */
  async pass(transaction: Transaction, what: string, through: () => Promise<unknown>): Promise<unknown> {
    if (transaction.operations === 0) return through()
    this.heard.push({ what, operations: transaction.operations })
    const failing = this.#failing?.call === this.#calls++ ? this.#failing.failure : undefined
    if (failing === undefined) return through()
    if (failing === 'unsent') throw error(transaction, -1)
    if (failing === 'unanswered') {
      await through()
      throw error(transaction, -1)
    }
    // All others of the stream are made. The one refused was made too, and is undone by nobody: worse than any kernel.
    await through()
    throw error(transaction, failing)
  }
}

const error = (transaction: Transaction, op: number): NetlinkError => {
  const failure = { op, errno: 105, code: 'ENOBUFS', message: 'ENOBUFS' }
  return new NetlinkError({
    ...{ code: 'ENOBUFS', errno: 105, reason: 'ENOBUFS', operation: transaction.describe(op) },
    failures: op < 0 ? [] : [failure],
  })
}

const door = new Door()
const sockets = { apply: IpvsSocket.prototype.apply, commit: NftablesSocket.prototype.commit }
const routeApply = RouteSocket.prototype.apply
IpvsSocket.prototype.apply = async function apply(changes) {
  await door.pass(changes, 'IPVS', () => sockets.apply.call(this, changes))
}
RouteSocket.prototype.apply = async function apply(changes) {
  await door.pass(changes, 'addresses', () => routeApply.call(this, changes))
}
NftablesSocket.prototype.commit = async function commit(changes, options) {
  const committed = await door.pass(changes, 'table', () => sockets.commit.call(this, changes, options))
  return committed as Awaited<ReturnType<typeof sockets.commit>>
}

const backend = await IpvsBackend.open(configOf('IPv4'), undefined)

/** As the reconciler does it: a failed commit is followed by a rebuild of all that is desired. */
async function attempt(call: number, failure: Failure): Promise<FailureObservations['cases'][number]> {
  door.disarm()
  await backend.rebuild(before)
  door.arm(call, failure)
  const outcome = await backend.update(changes)
  const { what = 'nothing' } = door.heard[call] ?? {}
  door.disarm()
  const next = outcome.kind === 'committed' ? outcome : await backend.rebuild(after)
  const left = [...(next.kind === 'committed' ? [] : [next.error.message]), ...(await backend.audit())]
  return { what: `call ${call} (${what}), ${failure}`, outcome: outcome.kind, left }
}

await backend.rebuild(before)
door.arm(-1, 'unsent')
await backend.update(changes)
const calls = [...door.heard]
const cases: FailureObservations['cases'][number][] = []
for (const [call, { what, operations }] of calls.entries()) {
  for (const failure of ['unsent', 'unanswered'] as const) cases.push(await attempt(call, failure))
  // The kernel takes all of a transaction of the table or nothing.
  if (what !== 'table') for (let op = 0; op < operations; op++) cases.push(await attempt(call, op))
}
door.disarm()
await backend.remove()
await backend.close()
console.log(JSON.stringify({ cases } satisfies FailureObservations))
