import type { ConnectionNumbers } from '../../dataplane/conntrack/connection-report.ts'
import type { ConnectionsReply } from '../control/connections-reply.ts'
import { FailingEndpoints } from './failing-endpoints.ts'

/** How connections of a Service, of an endpoint or of all come and go; rates are per second. */
export interface Rates {
  readonly opened: number
  readonly active: number
  readonly bytes: number
  readonly unreplied: number
}

export interface EndpointRow extends Rates {
  readonly endpoint: string
  /** `http/TCP`, `TCP` for the unnamed port. */
  readonly port: string
  readonly fails: boolean
}

export interface ServiceRow extends Rates {
  readonly service: string
  readonly failing: readonly string[]
  /** Closed connections by life time; see LIFETIME_BOUNDS_SECONDS. */
  readonly lifetimes: readonly number[]
  /** All of them for the Service that was asked for. */
  readonly endpoints: readonly EndpointRow[]
}

/** What is shown: the world between two replies of the daemon. */
export interface Snapshot {
  /** Ms since the epoch. */
  readonly at: number
  /** Between the replies; 0 when there was none before, and rates are 0. */
  readonly seconds: number
  readonly notCounted: string | null
  readonly countsBytes: boolean | null
  readonly lostEvents: number
  readonly total: Rates
  readonly services: readonly ServiceRow[]
}

/** Turns the daemon's totals into rates, reply by reply. */
export class RateMeter {
  #before: ConnectionsReply | undefined
  #numbers = new Map<string, ConnectionNumbers>()
  #failing = new FailingEndpoints()

  next(reply: ConnectionsReply): Snapshot {
    // Another process has counted from zero.
    if (this.#before !== undefined && this.#before.pid !== reply.pid) this.#forget()
    const seconds = this.#before === undefined ? 0 : Math.max(0, reply.at - this.#before.at) / 1000
    const numbers = new Map(namedNumbers(reply))
    this.#failing.see(reply.at, endpointsOf(reply))
    const rates = (key: string, now: ConnectionNumbers): Rates =>
      ratesOf(now, this.#numbers.get(key), seconds)
    const snapshot: Snapshot = {
      at: reply.at,
      seconds,
      notCounted: reply.notCounted,
      countsBytes: reply.countsBytes,
      lostEvents: reply.lostEvents,
      total: rates('', reply.total),
      services: reply.services.map(({ service, numbers, lifetimes, endpoints }) => {
        const rows = endpoints.map((one): EndpointRow => {
          const key = endpointKey(service, one)
          return {
            endpoint: one.endpoint,
            port: one.portName === '' ? one.protocol : `${one.portName}/${one.protocol}`,
            fails: this.#failing.has(key),
            // One that was not asked for before has numbers of long ago.
            ...ratesOf(one.numbers, this.#numbers.get(key) ?? one.numbers, seconds),
          }
        })
        const failing = rows.filter(({ fails }) => fails).map(({ endpoint }) => endpoint)
        return { service, failing, lifetimes, endpoints: rows, ...rates(service, numbers) }
      }),
    }
    this.#before = reply
    this.#numbers = numbers
    return snapshot
  }

  #forget(): void {
    this.#before = undefined
    this.#numbers = new Map()
    this.#failing = new FailingEndpoints()
  }
}

type ServiceReply = ConnectionsReply['services'][number]
type EndpointReply = ServiceReply['endpoints'][number]

const endpointKey = (service: string, { portName, protocol, endpoint }: EndpointReply): string =>
  `${service} ${portName}/${protocol} ${endpoint}`

function* endpointsOf({ services }: ConnectionsReply): Iterable<readonly [string, EndpointReply]> {
  for (const { service, endpoints } of services)
    for (const endpoint of endpoints) yield [endpointKey(service, endpoint), endpoint]
}

function* namedNumbers(reply: ConnectionsReply): Iterable<readonly [string, ConnectionNumbers]> {
  yield ['', reply.total]
  for (const { service, numbers } of reply.services) yield [service, numbers]
  for (const [key, { numbers }] of endpointsOf(reply)) yield [key, numbers]
}

/** What was not there before began at zero, unless nothing was known before; what went back did so too. */
function ratesOf(now: ConnectionNumbers, before: ConnectionNumbers | undefined, seconds: number): Rates {
  const per = (amount: (numbers: ConnectionNumbers) => number): number => {
    if (seconds === 0) return 0
    const grown = amount(now) - (before === undefined ? 0 : amount(before))
    return Math.max(0, grown) / seconds
  }
  return {
    opened: per(({ opened }) => opened),
    active: now.active,
    bytes: per(({ originalBytes, replyBytes }) => originalBytes + replyBytes),
    unreplied: per(({ unreplied }) => unreplied),
  }
}
