import type { ProxyStatus } from '../../dataplane/status.ts'
import type { PodNews } from '../../kubelet/kubelet.ts'
import type { Change } from '../../model/change.ts'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import type { IpAddress } from '../../util/address.ts'

/** What is known of a node at one time, for tables and checks; nothing decides by it. */
export interface NodeFacts {
  readonly services: ReadonlyMap<ObjectName, Service>
  readonly slices: ReadonlyMap<ObjectName, EndpointSlice>
  readonly pods: ReadonlyMap<ObjectName, Pod>
  readonly statuses: ReadonlyMap<ObjectName, PodStatus>
  readonly nodeAddresses: readonly IpAddress[]
  readonly problems: readonly Problem[]
  readonly proxy: ProxyStatus
}

/** Follows what passes between the parts of a node. */
export class NodeRecord {
  readonly services = new Map<ObjectName, Service>()
  readonly slices = new Map<ObjectName, EndpointSlice>()
  readonly pods = new Map<ObjectName, Pod>()
  readonly statuses = new Map<ObjectName, PodStatus>()

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'Service') put(this.services, change.name, change.object)
      else if (change.kind === 'EndpointSlice') put(this.slices, change.name, change.object)
      else if (change.kind === 'Pod') put(this.pods, change.name, change.object)
    }
  }

  hear(news: PodNews): void {
    if (!('removed' in news)) this.statuses.set(news.name, news)
    else if (this.statuses.get(news.removed)?.uid === news.uid) this.statuses.delete(news.removed)
  }
}

function put<Value>(map: Map<ObjectName, Value>, name: ObjectName, value: Value | undefined): void {
  if (value === undefined) map.delete(name)
  else map.set(name, value)
}
