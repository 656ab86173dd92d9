import type { Change } from '../model/change.ts'
import type { IpFamily } from '../util/address.ts'
import type { ChangeCounts } from './metrics.ts'

/** What came in with one compilation, for the metrics. */
export class Arrivals implements ChangeCounts {
  services = 0
  endpoints = 0
  /** `EndpointSlice.triggerTime` of those that carry one. */
  readonly triggerTimes: Readonly<Record<IpFamily, number[]>> = { IPv4: [], IPv6: [] }

  add(change: Change): void {
    if (change.kind === 'Service') this.services++
    if (change.kind !== 'EndpointSlice') return
    this.endpoints++
    const { family, triggerTime } = change.object ?? {}
    // What changed before this process began says nothing about it (kube-proxy leaves those out as well).
    if (family !== undefined && triggerTime !== undefined && triggerTime >= performance.timeOrigin)
      this.triggerTimes[family].push(triggerTime)
  }
}
