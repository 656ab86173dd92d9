import { isDeepStrictEqual } from 'node:util'
import type { ConnectionReport } from '../../dataplane/conntrack/connection-report.ts'
import type { ConntrackStatus } from '../../dataplane/conntrack/conntrack-status.ts'
import type { FlowList, FlowQuery } from '../../dataplane/conntrack/list-flows.ts'
import type { Explanation } from '../../dataplane/explain/explanation.ts'
import type { Question } from '../../dataplane/explain/question.ts'
import { ServiceProxy, type ServiceProxyOptions } from '../../dataplane/proxy.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { FamilyStatus, ProxyStatus } from '../../dataplane/status.ts'
import type { Change } from '../../model/change.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { IpAddress } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import { complain } from '../process/complain.ts'
import { takeOver } from './take-over.ts'

export interface SwitchableProxyOptions {
  /** What the dataplane has to know; `configure` may change it. */
  readonly dataplane: ServiceProxyOptions
  /** Every object as it is now: what another dataplane begins with. */
  readonly objects: () => readonly Change[]
  /** The first time, and after every switch: everything is in force, and what others left is removed. */
  readonly onServing: (mode: ProxyMode) => void
}

/** All of a dataplane's options that a configuration or a Node may change. */
export type DataplaneValues = Omit<ServiceProxyOptions, 'registry' | 'log'>

/**
 * A service proxy whose options may change while it runs, its mode included. The one in force ends and leaves its rules
 * where they are; the next one programs its own in full, and only then removes the former's. Connections meet one or
 * the other at every moment, as they do over a restart of the process.
 */
export class SwitchableProxy {
  readonly #options: SwitchableProxyOptions
  #dataplane: ServiceProxyOptions
  #proxy: ServiceProxy
  /** The source has said everything once. */
  #begun = false
  /** The dataplane there is now has been told everything. */
  #fed = false
  /** Switches that are under way or wait for one that is; they come one after the other. */
  #switches = 0
  #queue: Promise<void> = Promise.resolve()
  /** What was said since the first of them was asked for. */
  #held: Change[] = []
  #takingOver: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(options: SwitchableProxyOptions, proxy: ServiceProxy) {
    this.#options = options
    this.#dataplane = options.dataplane
    this.#proxy = proxy
  }

  /** Rejects as the opening of a ServiceProxy does. */
  static async open(options: SwitchableProxyOptions): Promise<SwitchableProxy> {
    return new SwitchableProxy(options, await ServiceProxy.open(options.dataplane))
  }

  get mode(): ProxyMode {
    return this.#dataplane.mode ?? 'nftables'
  }

  /** Where node ports answer. */
  get nodeAddresses(): readonly IpAddress[] {
    return this.#dataplane.nodeAddresses
  }

  families(): readonly FamilyStatus[] {
    return this.#proxy.families()
  }

  status(): ProxyStatus {
    return this.#proxy.status()
  }

  problems(): readonly Problem[] {
    return this.#proxy.problems()
  }

  explain(question: Question): Promise<Explanation> {
    return this.#proxy.explain(question)
  }

  conntrackStatus(): ConntrackStatus | undefined {
    return this.#proxy.conntrackStatus()
  }

  connections(chosen?: ObjectName): Promise<ConnectionReport | undefined> {
    return this.#proxy.connections(chosen)
  }

  flows(query: FlowQuery): Promise<FlowList> {
    return this.#proxy.flows(query)
  }

  /** Takes in changes that belong together; the first ones must be all there is. */
  apply(changes: readonly Change[]): void {
    this.#begun = true
    if (this.#switches === 0) this.#feed(changes)
    else for (const change of changes) this.#held.push(change)
  }

  /**
   * Goes over to other options, which are found out first; nothing happens when they are as before. What is applied from
   * now on gets into force with them. Resolves when they are in use. Rejects as `find` and the opening of a ServiceProxy
   * do: then all stays as it was.
   */
  configure(find: () => Promise<DataplaneValues>): Promise<void> {
    this.#switches++
    const switched = this.#queue.then(async () => {
      try {
        const { registry, log } = this.#dataplane
        await this.#switch({ ...(await find()), registry, log })
      } finally {
        this.#switches--
        if (this.#switches === 0) this.#resume()
      }
    })
    this.#queue = switched.catch(() => undefined)
    return switched
  }

  /** Ends the work and leaves the rules in force. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#queue
    await this.#proxy.close()
    await this.#takingOver
  }

  async #switch(next: ServiceProxyOptions): Promise<void> {
    const before = this.#dataplane
    if (this.#closed || isDeepStrictEqual(valuesOf(before), valuesOf(next))) return
    // What would refuse them, such as a kernel without the mode, does so while the former is still at work.
    await ServiceProxy.probe(next)
    await this.#proxy.close()
    await this.#takingOver
    this.#fed = false
    try {
      this.#proxy = await ServiceProxy.open(next)
      this.#dataplane = next
    } catch (error) {
      this.#proxy = await ServiceProxy.open(before)
      throw error
    }
  }

  #resume(): void {
    const held = this.#held.splice(0)
    if (!this.#begun || this.#closed) return
    if (!this.#fed) this.#feed(this.#options.objects())
    else if (held.length > 0) this.#feed(held)
  }

  #feed(changes: readonly Change[]): void {
    this.#proxy.apply(changes)
    if (this.#fed) return
    this.#fed = true
    const { mode } = this
    this.#takingOver = takeOver(this.#proxy, this.#dataplane.log).then(
      (served) => {
        if (served) this.#options.onServing(mode)
      },
      (error: unknown) => complain(errorMessage(error)),
    )
  }
}

const valuesOf = ({ registry: _, log: __, ...values }: ServiceProxyOptions): DataplaneValues => values
