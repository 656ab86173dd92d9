import { isDeepStrictEqual } from 'node:util'
import {
  type HealthCheckFailure,
  HealthCheckServers,
} from '../../dataplane/health-check/health-check-servers.ts'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'

export interface HealthChecksOptions {
  readonly nodeName: string
  readonly isHealthy: () => boolean
  /** Every object as it is now. */
  readonly objects: () => readonly Change[]
  readonly onFailure: (failure: HealthCheckFailure) => void
  readonly log: Logger
}

/** The servers at healthCheckNodePorts, on addresses that may change. */
export class HealthChecks {
  readonly #options: HealthChecksOptions
  #addresses: readonly IpAddress[] = []
  #servers: HealthCheckServers | undefined
  #moving: Promise<void> = Promise.resolve()

  constructor(options: HealthChecksOptions) {
    this.#options = options
  }

  apply(changes: readonly Change[]): void {
    this.#servers?.apply(changes)
  }

  problems(): readonly Problem[] {
    return this.#servers?.problems() ?? []
  }

  /** Listens here, and nowhere else; moves come one after the other. */
  listenAt(addresses: readonly IpAddress[]): Promise<void> {
    this.#moving = this.#moving.then(() => this.#move(addresses))
    return this.#moving
  }

  async close(): Promise<void> {
    await this.#moving
    await this.#servers?.close()
  }

  async #move(addresses: readonly IpAddress[]): Promise<void> {
    if (this.#servers !== undefined && isDeepStrictEqual(addresses, this.#addresses)) return
    const { nodeName, isHealthy, objects, onFailure, log } = this.#options
    await this.#servers?.close()
    this.#addresses = addresses
    this.#servers = HealthCheckServers.open({ nodeName, addresses, isHealthy, onFailure, log })
    this.#servers.apply(objects())
  }
}
