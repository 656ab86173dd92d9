import type { Pod } from '../../model/pod.ts'
import { portsClash } from './host-ports.ts'
import { type MatchedNode, matchesNode } from './node-match.ts'
import { NO_REQUESTS, podRequests, type Requests, sum } from './pod-requests.ts'

/** What a node has to give. */
export interface NodeRoom extends MatchedNode {
  readonly allocatable: Requests & { readonly pods: number }
}

/** Why a pod does not run here, ever: whoever wants it elsewhere has to make another. */
export interface Refusal {
  /** One word, as the kubelet has it (pkg/kubelet/lifecycle/predicate.go). */
  readonly reason: string
  readonly message: string
}

/** Names of what is counted, by which the API knows it. */
const RESOURCES = [
  ['cpu', 'cpuMilli'],
  ['memory', 'memoryBytes'],
  ['ephemeral-storage', 'storageBytes'],
] as const

/**
 * Whether a pod fits beside `others`, which are let in already; undefined when it does. Pure. The scheduler asks the
 * same, but it may be wrong by the time, and who binds a pod by hand asks nobody. Several reasons count as the first.
 */
export function admit(pod: Pod, others: readonly Pod[], node: NodeRoom): Refusal | undefined {
  return tooMuch(pod, others, node) ?? misplaced(pod, node) ?? portTaken(pod, others)
}

function tooMuch(pod: Pod, others: readonly Pod[], { allocatable }: NodeRoom): Refusal | undefined {
  if (others.length + 1 > allocatable.pods) return outOf('pods', 1, others.length, allocatable.pods)
  const wanted = podRequests(pod)
  const used = others.map(podRequests).reduce(sum, NO_REQUESTS)
  for (const [name, key] of RESOURCES) {
    // What is not asked for cannot be short, however much others have of it.
    if (wanted[key] > 0 && wanted[key] > allocatable[key] - used[key])
      return outOf(name, wanted[key], used[key], allocatable[key])
  }
  return undefined
}

const outOf = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
})

const misplaced = (pod: Pod, node: NodeRoom): Refusal | undefined =>
  matchesNode(pod.placement, node)
    ? undefined
    : failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector")

const portTaken = (pod: Pod, others: readonly Pod[]): Refusal | undefined =>
  others.some((other) => portsClash(pod, other))
    ? failed('NodePorts', "node(s) didn't have free ports for the requested pod ports")
    : undefined

const failed = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
})
