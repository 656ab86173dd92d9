import type { Pod } from '../../model/pod.ts'
import type { ContainerRecord } from '../runtime/records.ts'

/** After this long at least a container is ended by force, however late it is (the kubelet's own), in s. */
const LEAST_SECONDS = 2

/**
 * Which of a pod's running containers are ended now: all others before the sidecars, and those one by one, the last
 * first (KEP-753). Without its manifest nobody knows which are which.
 */
export function nextToStop(
  pod: Pod | undefined,
  running: readonly ContainerRecord[],
): readonly ContainerRecord[] {
  const sidecars = (pod?.initContainers ?? []).filter(({ sidecar }) => sidecar).map(({ name }) => name)
  const others = running.filter(({ name }) => !sidecars.includes(name))
  if (others.length > 0) return others
  const last = sidecars.findLast((sidecar) => running.some(({ name }) => name === sidecar))
  return running.filter(({ name }) => name === last)
}

/** What is left of a grace period that began at `since`; times are in ms since the epoch. */
export function graceLeft(graceSeconds: number, since: number | undefined, now: number): number {
  if (since === undefined || now <= since) return graceSeconds
  return Math.max(Math.min(graceSeconds, LEAST_SECONDS), graceSeconds - Math.floor((now - since) / 1_000))
}
