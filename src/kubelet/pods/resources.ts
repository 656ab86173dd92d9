import type { LinuxContainerResources } from '../../gen/runtime.ts'
import type { Container, Pod, ResourceAmounts } from '../../model/pod.ts'

/** CFS period, µs: the kernel's default, and the kubelet's. */
const CPU_PERIOD_US = 100_000
/** The kernel takes none below (kernel/sched/core.c: MIN_SHARES, min_cfs_quota_period). */
const MIN_SHARES = 2
const MIN_QUOTA_US = 1_000

type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** core/v1 PodQOSClass: limits everywhere and requests equal to them; nothing anywhere; anything else. */
export function qosClass(pod: Pod): QosClass {
  const containers = [...pod.initContainers, ...pod.containers]
  const isSet = ({ cpuMilli, memoryBytes }: ResourceAmounts) => (cpuMilli ?? 0) > 0 || (memoryBytes ?? 0) > 0
  if (!containers.some(({ requests, limits }) => isSet(requests) || isSet(limits))) return 'BestEffort'
  const guaranteed = containers.every(({ requests, limits }) => {
    const { cpuMilli, memoryBytes } = limits
    if (cpuMilli === undefined || memoryBytes === undefined) return false
    // A request left out is the limit.
    return (
      (requests.cpuMilli ?? cpuMilli) === cpuMilli && (requests.memoryBytes ?? memoryBytes) === memoryBytes
    )
  })
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

/**
 * How likely the kernel is to end the container when memory runs out: the more of the node's memory it asked for, the
 * less. −997 for guaranteed pods, 1000 for best-effort ones, 2…999 between (the kubelet's own policy).
 */
export function oomScoreAdjust(qos: QosClass, container: Container, nodeMemoryBytes: number): number {
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const request = container.requests.memoryBytes ?? container.limits.memoryBytes ?? 0
  const score = Math.floor(1000 - (1000 * request) / nodeMemoryBytes)
  return Math.min(999, Math.max(2, score))
}

export function containerResources(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
): LinuxContainerResources {
  const { requests, limits } = container
  const requestMilli = requests.cpuMilli ?? limits.cpuMilli ?? 0
  const quota = limits.cpuMilli === undefined ? 0 : Math.max(limits.cpuMilli * 100, MIN_QUOTA_US)
  return {
    cpuPeriod: quota === 0 ? 0n : BigInt(CPU_PERIOD_US),
    cpuQuota: BigInt(Math.round(quota)),
    cpuShares: BigInt(Math.max(Math.floor((requestMilli * 1024) / 1000), MIN_SHARES)),
    memoryLimitInBytes: BigInt(limits.memoryBytes ?? 0),
    oomScoreAdj: BigInt(oomScoreAdjust(qosClass(pod), container, nodeMemoryBytes)),
  }
}
