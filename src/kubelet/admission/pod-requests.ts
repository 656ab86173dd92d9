import type { Container, Pod } from '../../model/pod.ts'

/** What pods are counted by. */
export interface Requests {
  readonly cpuMilli: number
  readonly memoryBytes: number
  readonly storageBytes: number
}

export const NO_REQUESTS: Requests = { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 }

/** A request left out is the limit (core/v1 ResourceRequirements). */
const ofContainer = ({ requests, limits }: Container): Requests => ({
  cpuMilli: requests.cpuMilli ?? limits.cpuMilli ?? 0,
  memoryBytes: requests.memoryBytes ?? limits.memoryBytes ?? 0,
  storageBytes: requests.ephemeralStorageBytes ?? limits.ephemeralStorageBytes ?? 0,
})

/**
 * What a pod asks for, as the scheduler counts it (KEP-753): its containers and sidecars together, or as much as one of
 * its init containers needs beside the sidecars that run by then, whichever is more.
 */
export function podRequests(pod: Pod): Requests {
  const main = pod.containers.map(ofContainer).reduce(sum, NO_REQUESTS)
  let sidecars = NO_REQUESTS
  let peak = NO_REQUESTS
  for (const container of pod.initContainers) {
    const own = ofContainer(container)
    peak = most(peak, sum(sidecars, own))
    if (container.sidecar) sidecars = sum(sidecars, own)
  }
  return most(sum(main, sidecars), peak)
}

export const sum = (a: Requests, b: Requests): Requests => ({
  cpuMilli: a.cpuMilli + b.cpuMilli,
  memoryBytes: a.memoryBytes + b.memoryBytes,
  storageBytes: a.storageBytes + b.storageBytes,
})

const most = (a: Requests, b: Requests): Requests => ({
  cpuMilli: Math.max(a.cpuMilli, b.cpuMilli),
  memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
  storageBytes: Math.max(a.storageBytes, b.storageBytes),
})
