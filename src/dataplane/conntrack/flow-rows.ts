import type { ObjectName } from '../../model/object-name.ts'
import type { Protocol } from '../../model/service.ts'
import { CONNTRACK_PROTOCOLS } from '../../native/conntrack.ts'
import { ConntrackTable } from '../../native/conntrack-events.ts'
import type { IpFamily } from '../../util/address.ts'
import type { Endpoint, Frontend, FrontendChange, FrontendKey } from '../desired/frontend.ts'
import { endpointKey, liveEndpoints } from './live-endpoints.ts'
import { RowPool } from './row-pool.ts'

/** One Service port in one family, whose endpoints all its frontends share. */
export interface ServicePortGroup {
  readonly service: ObjectName
  readonly portName: string
  readonly protocol: Protocol
}

interface Group extends ServicePortGroup {
  readonly id: number
  readonly endpoints: Map<string, { readonly row: number; readonly endpoint: Endpoint; users: number }>
  users: number
}

interface Placed {
  readonly row: number
  readonly frontend: Frontend
  readonly group: string
}

/** An endpoint's row, and whose it is. */
export interface EndpointRow {
  readonly row: number
  readonly endpoint: Endpoint
}

/**
 * Gives every frontend, and every endpoint of a Service port, a row of counters for as long as it lives. Between
 * `change` and `handedOver` the table is to be handed to the native side.
 */
export class FlowRows {
  readonly table = new ConntrackTable()
  readonly #frontends = new Map<string, Placed>()
  readonly #groups = new Map<string, Group>()
  readonly #frontendRows = new RowPool()
  readonly #endpointRows = new RowPool()
  readonly #groupIds = new RowPool()
  #readers = 0

  change({ family, key, frontend }: FrontendChange): void {
    const id = `${family}/${key}`
    const before = this.#frontends.get(id)
    if (before !== undefined && frontend !== undefined && before.group === groupOf(frontend)) {
      this.#frontends.set(id, { ...before, frontend })
      this.#moveEndpoints(before.group, liveEndpoints(before.frontend), liveEndpoints(frontend))
      return
    }
    if (before !== undefined) this.#remove(id, before)
    if (frontend !== undefined) this.#add(id, frontend)
  }

  /** The native side counts by the table as it is: rows that were freed are zero. */
  handedOver(): void {
    if (this.#readers > 0) return
    for (const pool of [this.#frontendRows, this.#endpointRows, this.#groupIds]) pool.release()
  }

  /**
   * While `read` runs, which may take turns of the event loop, no row that was freed is given to somebody else: numbers
   * copied at its beginning go by the rows of then.
   */
  async reading<Result>(read: () => Promise<Result>): Promise<Result> {
    this.#readers++
    try {
      return await read()
    } finally {
      this.#readers--
    }
  }

  /** Every frontend with its row. */
  frontends(): Iterable<{ readonly row: number; readonly frontend: Frontend }> {
    return this.#frontends.values()
  }

  /** A frontend with its row. */
  find(
    family: IpFamily,
    key: FrontendKey,
  ): { readonly row: number; readonly frontend: Frontend } | undefined {
    return this.#frontends.get(`${family}/${key}`)
  }

  /** Endpoints of a frontend's Service port. */
  endpointsOf(frontend: Frontend): Iterable<EndpointRow> {
    return this.#groups.get(groupOf(frontend))?.endpoints.values() ?? []
  }

  /** Every Service port with the rows of its endpoints. */
  *groups(): Iterable<readonly [ServicePortGroup, Iterable<EndpointRow>]> {
    for (const group of this.#groups.values()) yield [group, group.endpoints.values()]
  }

  get frontendRows(): number {
    return this.#frontendRows.size
  }

  get endpointRows(): number {
    return this.#endpointRows.size
  }

  #add(id: string, frontend: Frontend): void {
    const name = groupOf(frontend)
    let group = this.#groups.get(name)
    if (group === undefined) {
      const { service, portName, protocol } = frontend
      const id = this.#groupIds.take()
      group = { service, portName, protocol, id, endpoints: new Map(), users: 0 }
      this.#groups.set(name, group)
    }
    group.users++
    const row = this.#frontendRows.take()
    this.#frontends.set(id, { row, frontend, group: name })
    const { family, address, port } = frontend
    const protocol = CONNTRACK_PROTOCOLS[frontend.protocol]
    this.table.setFrontend(row, { family, protocol, address, port, group: group.id })
    this.#moveEndpoints(name, [], liveEndpoints(frontend))
  }

  #remove(id: string, { row, frontend, group: name }: Placed): void {
    this.#frontends.delete(id)
    this.table.clearFrontend(row)
    this.#frontendRows.give(row)
    this.#moveEndpoints(name, liveEndpoints(frontend), [])
    const group = this.#groups.get(name)
    if (group === undefined || --group.users > 0) return
    this.#groups.delete(name)
    this.#groupIds.give(group.id)
  }

  #moveEndpoints(name: string, before: readonly Endpoint[], after: readonly Endpoint[]): void {
    const group = this.#groups.get(name)
    if (group === undefined || before === after) return
    // What is in both must not lose its row in between: the new ones are taken before the old ones are given back.
    for (const endpoint of after) this.#use(group, endpoint)
    for (const endpoint of before) this.#disuse(group, endpoint)
  }

  #use(group: Group, endpoint: Endpoint): void {
    const key = endpointKey(endpoint)
    const known = group.endpoints.get(key)
    if (known !== undefined) {
      known.users++
      return
    }
    const row = this.#endpointRows.take()
    group.endpoints.set(key, { row, endpoint, users: 1 })
    this.table.setEndpoint(row, { address: endpoint.address, port: endpoint.port, group: group.id })
  }

  #disuse(group: Group, endpoint: Endpoint): void {
    const key = endpointKey(endpoint)
    const known = group.endpoints.get(key)
    if (known === undefined || --known.users > 0) return
    group.endpoints.delete(key)
    this.table.clearEndpoint(known.row)
    this.#endpointRows.give(known.row)
  }
}

const groupOf = ({ family, service, portName, protocol }: Frontend): string =>
  `${family}/${service}/${protocol}/${portName}`
