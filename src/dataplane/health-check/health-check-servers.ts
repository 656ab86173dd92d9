import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Change } from '../../model/change.ts'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'
import { Listener } from './listener.ts'
import { LocalEndpoints } from './local-endpoints.ts'

export interface HealthCheckServersOptions {
  /** Endpoints with this `nodeName` are local. */
  readonly nodeName: string
  /** Where to listen: those of node ports, or `0.0.0.0` and `::`. */
  readonly addresses: readonly IpAddress[]
  /** The node's rules are as they should be; asked at each request. */
  readonly isHealthy: () => boolean
  /** A port could not be had: said once, until it could be. It is tried again. */
  readonly onFailure?: (failure: HealthCheckFailure) => void
  readonly log: Logger
}

export interface HealthCheckFailure {
  readonly service: ObjectName
  readonly port: number
  readonly error: Error
}

interface Check {
  readonly port: number
  readonly families: readonly IpFamily[]
  /** Who is asked; undefined while another Service has the port. */
  listeners: readonly Listener[] | undefined
}

/**
 * What load balancers ask at `healthCheckNodePort` (KEP-27, kubernetes pkg/proxy/healthcheck): one HTTP server a
 * Service and address, which says how many endpoints this node has for it. A family has an answer of its own.
 */
export class HealthCheckServers {
  readonly #options: HealthCheckServersOptions
  readonly #endpoints: LocalEndpoints
  readonly #checks = new Map<ObjectName, Check>()
  /** Who asks for a port, in the order in which they came: the first one has it. */
  readonly #claims = new Map<number, Set<ObjectName>>()
  readonly #closing = new Set<Promise<void>>()

  private constructor(options: HealthCheckServersOptions) {
    this.#options = options
    this.#endpoints = new LocalEndpoints(options.nodeName)
  }

  static open(options: HealthCheckServersOptions): HealthCheckServers {
    return new HealthCheckServers(options)
  }

  /** Takes in changes that belong together; servers come and go with their Services. */
  apply(changes: readonly Change[]): void {
    const ports: number[] = []
    for (const change of changes) {
      if (change.kind === 'EndpointSlice') this.#endpoints.set(change.name, change.object)
      else if (change.kind === 'Service') ports.push(...this.#take(change.name, change.object))
    }
    // Only now: within one batch a port may go from one Service to another.
    for (const port of ports) this.#handOver(port)
  }

  /** Ports that Services ask for and do not have. */
  problems(): readonly Problem[] {
    return [...this.#checks].flatMap(([service, check]) => {
      const { port, listeners } = check
      const place = `Service ${service}`
      const severity = 'warning'
      if (listeners === undefined) {
        const reason = `health checks at port ${port} are those of Service ${this.#holder(port)}`
        return [{ place, severity, reason, remedy: 'give each Service a healthCheckNodePort of its own' }]
      }
      const failure = listeners.find((listener) => listener.failure !== undefined)?.failure
      if (failure === undefined) return []
      const reason = `health checks cannot be answered at port ${port}: ${failure.message}`
      return [{ place, severity, reason, remedy: 'end what has the port: it is tried again every second' }]
    })
  }

  /** Ends all servers. */
  async close(): Promise<void> {
    for (const check of this.#checks.values()) this.#end(check)
    this.#checks.clear()
    this.#claims.clear()
    await Promise.all(this.#closing)
  }

  /** Returns the ports that may have another holder now. */
  #take(name: ObjectName, service: Service | undefined): readonly number[] {
    const before = this.#checks.get(name)
    const port = service === undefined ? 0 : healthCheckPort(service)
    const families = [...new Set(service?.clusterIPs.map(familyOf))]
    if (before?.port === port && before.families.join() === families.join()) return []
    if (before !== undefined) {
      this.#checks.delete(name)
      this.#end(before)
      this.#withdraw(name, before.port)
    }
    if (port !== 0) {
      this.#checks.set(name, { port, families, listeners: undefined })
      const claims = this.#claims.get(port)
      if (claims === undefined) this.#claims.set(port, new Set([name]))
      else claims.add(name)
    }
    return [before?.port ?? 0, port]
  }

  #withdraw(name: ObjectName, port: number): void {
    const claims = this.#claims.get(port)
    claims?.delete(name)
    if (claims?.size === 0) this.#claims.delete(port)
  }

  #holder(port: number): ObjectName | undefined {
    const [first] = this.#claims.get(port) ?? []
    return first
  }

  /** Listens for the Service that has the port, unless that is done already. */
  #handOver(port: number): void {
    const name = this.#holder(port)
    const check = name === undefined ? undefined : this.#checks.get(name)
    if (name === undefined || check === undefined || check.listeners !== undefined) return
    check.listeners = this.#options.addresses
      .filter((address) => check.families.includes(familyOf(address)))
      .map((address) => this.#listen(name, address, port))
  }

  #listen(service: ObjectName, address: IpAddress, port: number): Listener {
    const family = familyOf(address)
    return new Listener({
      address,
      port,
      answer: (_, response) => this.#answer(service, family, response),
      onFailure: (error) => {
        const fields = { service, address, port, error: error.message }
        this.#options.log.error(fields, 'health checks of a Service cannot be answered: trying again')
        this.#options.onFailure?.({ service, port, error })
      },
    })
  }

  #answer(service: ObjectName, family: IpFamily, response: ServerResponse<IncomingMessage>): void {
    const localEndpoints = this.#endpoints.count(service, family)
    const serviceProxyHealthy = this.#options.isHealthy()
    const { namespace, name } = splitObjectName(service)
    response
      .writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      })
      .end(`${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy })}\n`)
  }

  #end(check: Check): void {
    for (const listener of check.listeners ?? []) {
      const closed = listener.close().finally(() => this.#closing.delete(closed))
      this.#closing.add(closed)
    }
    check.listeners = undefined
  }
}

/** 0 when load balancers do not ask: every node is as good as any other then (API `NeedsHealthCheck`). */
const healthCheckPort = ({ type, externalTrafficPolicy, healthCheckNodePort }: Service): number =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local' ? healthCheckNodePort : 0
