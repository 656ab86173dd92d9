import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../model/change.ts'
import type { EndpointSlice } from '../model/endpoint-slice.ts'
import { type ObjectName, splitObjectName } from '../model/object-name.ts'
import type { Pod } from '../model/pod.ts'
import type { PodStatus } from '../model/pod-status.ts'
import type { Service } from '../model/service.ts'
import { type Candidate, serviceSlices } from './service-slices.ts'

interface PodRecord {
  /** False once the source has taken the pod back: it is still there while it ends. */
  wanted: boolean
  readonly pod: Pod
  status: PodStatus | undefined
}

interface ServiceRecord {
  readonly service: Service
  readonly selector: ReadonlyMap<string, string>
  readonly members: Set<ObjectName>
}

type Slices = ReadonlyMap<ObjectName, EndpointSlice>

/**
 * The endpoints controller of a node without an API server: Services with a selector, pods and what the node says of
 * them become EndpointSlices. Each call returns only the slices that changed; a pod touches its own Services only.
 */
export class PodEndpoints {
  readonly #nodeName: string
  readonly #pods = new Map<ObjectName, PodRecord>()
  readonly #services = new Map<ObjectName, ServiceRecord>()
  /** Services by `namespace/key=value` of one pair of their selectors: the only ones that a pod can belong to. */
  readonly #bySelector = new Map<string, Set<ObjectName>>()
  /** What was said last, by Service. */
  readonly #said = new Map<ObjectName, Slices>()

  constructor(nodeName: string) {
    this.#nodeName = nodeName
  }

  /** Takes over what a source said. */
  apply(changes: readonly Change[]): readonly Change[] {
    const dirty = new Set<ObjectName>()
    for (const change of changes) {
      if (change.kind === 'Service') this.#takeService(change.name, change.object, dirty)
      else if (change.kind === 'Pod') this.#takePod(change.name, change.object, dirty)
    }
    return this.#settle(dirty)
  }

  /** Takes over what the node says of the pod `uid`; undefined when nothing is left of it. */
  setStatus(name: ObjectName, uid: string, status: PodStatus | undefined): readonly Change[] {
    const record = this.#pods.get(name)
    // The predecessor of a pod that was replaced under its name: it is no endpoint any more.
    if (record === undefined || uid !== record.pod.uid) return []
    const dirty = new Set<ObjectName>()
    record.status = status
    if (status === undefined && !record.wanted) this.#forgetPod(name, record.pod, dirty)
    else this.#touch(record.pod, dirty)
    return this.#settle(dirty)
  }

  #takeService(name: ObjectName, service: Service | undefined, dirty: Set<ObjectName>): void {
    const before = this.#services.get(name)
    if (before !== undefined) this.#forgetService(name, before)
    dirty.add(name)
    if (service?.selector === undefined) return
    const record = { service, selector: service.selector, members: new Set<ObjectName>() }
    for (const [podName, { pod }] of this.#pods) if (selects(record, pod)) record.members.add(podName)
    this.#services.set(name, record)
    const key = indexKey(record)
    const indexed = this.#bySelector.get(key)
    if (indexed === undefined) this.#bySelector.set(key, new Set([name]))
    else indexed.add(name)
  }

  #forgetService(name: ObjectName, record: ServiceRecord): void {
    this.#services.delete(name)
    const key = indexKey(record)
    const indexed = this.#bySelector.get(key)
    indexed?.delete(name)
    if (indexed?.size === 0) this.#bySelector.delete(key)
  }

  #takePod(name: ObjectName, pod: Pod | undefined, dirty: Set<ObjectName>): void {
    const before = this.#pods.get(name)
    if (pod === undefined) {
      if (before === undefined) return
      before.wanted = false
      // Never started, so nobody will say that it has ended.
      if (before.status === undefined) this.#forgetPod(name, before.pod, dirty)
      else this.#touch(before.pod, dirty)
      return
    }
    if (before !== undefined) this.#forgetPod(name, before.pod, dirty)
    const status = before?.pod.uid === pod.uid ? before.status : undefined
    this.#pods.set(name, { wanted: true, pod, status })
    for (const service of this.#servicesOf(pod)) service.members.add(name)
    this.#touch(pod, dirty)
  }

  #forgetPod(name: ObjectName, pod: Pod, dirty: Set<ObjectName>): void {
    this.#pods.delete(name)
    for (const service of this.#servicesOf(pod)) service.members.delete(name)
    this.#touch(pod, dirty)
  }

  #touch(pod: Pod, dirty: Set<ObjectName>): void {
    for (const { service } of this.#servicesOf(pod)) dirty.add(service.name)
  }

  *#servicesOf(pod: Pod): Iterable<ServiceRecord> {
    const { namespace } = splitObjectName(pod.name)
    for (const [key, value] of pod.labels) {
      for (const name of this.#bySelector.get(`${namespace}/${key}=${value}`) ?? []) {
        const record = this.#services.get(name)
        if (record !== undefined && selects(record, pod)) yield record
      }
    }
  }

  #settle(dirty: ReadonlySet<ObjectName>): readonly Change[] {
    const changes: Change[] = []
    for (const name of dirty) {
      const before: Slices = this.#said.get(name) ?? new Map()
      const after = this.#slicesOf(name)
      for (const slice of before.keys())
        if (!after.has(slice)) changes.push({ kind: 'EndpointSlice', name: slice, object: undefined })
      for (const [slice, object] of after)
        if (!isDeepStrictEqual(before.get(slice), object))
          changes.push({ kind: 'EndpointSlice', name: slice, object })
      if (after.size === 0) this.#said.delete(name)
      else this.#said.set(name, after)
    }
    return changes
  }

  #slicesOf(name: ObjectName): Slices {
    const record = this.#services.get(name)
    if (record === undefined) return new Map()
    const candidates: Candidate[] = []
    for (const podName of record.members) {
      const found = this.#pods.get(podName)
      if (found?.status === undefined) continue
      const { pod, status, wanted } = found
      candidates.push({ pod, status, terminating: !wanted || status.terminating })
    }
    return serviceSlices(record.service, candidates, this.#nodeName)
  }
}

function selects({ service, selector }: ServiceRecord, pod: Pod): boolean {
  if (splitObjectName(service.name).namespace !== splitObjectName(pod.name).namespace) return false
  for (const [key, value] of selector) if (pod.labels.get(key) !== value) return false
  return true
}

function indexKey({ service, selector }: ServiceRecord): string {
  const [pair] = selector
  return `${splitObjectName(service.name).namespace}/${pair?.[0]}=${pair?.[1]}`
}
