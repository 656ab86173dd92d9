import { apiTime } from '../api/api-time.ts'
import type { CgroupUsage } from './cgroup-reader.ts'
import type { CpuRates } from './cpu-rates.ts'
import type { InterfaceCounters } from './network.ts'
import type { ContainerUsage, PodUsage, Usage } from './usage-reader.ts'

/** A file system as a whole. */
export interface FilesystemUsage {
  readonly capacityBytes: number
  readonly availableBytes: number
  readonly usedBytes: number
  readonly inodes: number
  readonly inodesFree: number
  readonly inodesUsed: number
}

/** All that a summary tells, read. */
export interface SummaryFacts {
  readonly nodeName: string
  /** ms since the epoch. */
  readonly bootedAt: number
  readonly memoryBytes: number
  readonly usage: Usage
  /** All pods together; undefined before there was one. */
  readonly pods: CgroupUsage | undefined
  readonly interfaces: readonly InterfaceCounters[]
  /** Of the interface with the default route; empty without one. */
  readonly mainInterface: string
  readonly nodefs: FilesystemUsage
  readonly imagefs: FilesystemUsage | undefined
  readonly pids: { readonly limit: number; readonly used: number }
  /** By the pods' UIDs; absent for those in the node's own network. */
  readonly podNetworks: ReadonlyMap<string, readonly InterfaceCounters[]>
  /** By the pods' UIDs. */
  readonly podProcesses: ReadonlyMap<string, number>
}

/**
 * `/stats/summary` as the kubelet has it (stats/v1alpha1 Summary). Left out is what is not counted: files of containers,
 * their logs and volumes, one by one.
 */
export function summary(facts: SummaryFacts, rates: CpuRates): object {
  const { usage, pods } = facts
  const { at, cpuSeconds, workingSetBytes, swapBytes } = usage.node
  const time = apiTime(at)
  return {
    node: {
      nodeName: facts.nodeName,
      systemContainers:
        pods === undefined
          ? []
          : [{ name: 'pods', startTime: apiTime(facts.bootedAt), ...resources(pods, 'pods', rates) }],
      startTime: apiTime(facts.bootedAt),
      ...(cpuSeconds === undefined ? {} : { cpu: cpu({ at, cpuSeconds }, 'node', rates) }),
      memory: { time, availableBytes: facts.memoryBytes - workingSetBytes, workingSetBytes },
      network: network(facts.interfaces, facts.mainInterface, time),
      fs: { time, ...facts.nodefs },
      ...(facts.imagefs === undefined ? {} : { runtime: { imageFs: { time, ...facts.imagefs } } }),
      rlimit: { time, maxpid: facts.pids.limit, curproc: facts.pids.used },
      swap: { time, swapUsageBytes: swapBytes },
    },
    pods: usage.pods.map((pod) => podSummary(pod, facts, rates)),
  }
}

function podSummary(pod: PodUsage, { podNetworks, podProcesses }: SummaryFacts, rates: CpuRates): object {
  const { name, namespace, uid, sandbox, usage } = pod
  const interfaces = podNetworks.get(uid)
  const processes = podProcesses.get(uid)
  return {
    podRef: { name, namespace, uid },
    startTime: apiTime(sandbox.createdAt),
    containers: pod.containers.map((container) => containerSummary(container, rates)),
    ...resources(usage, uid, rates),
    ...(interfaces === undefined
      ? {}
      : { network: network(interfaces, interfaces[0]?.name ?? '', apiTime(usage.at)) }),
    ...(processes === undefined ? {} : { process_stats: { process_count: processes } }),
  }
}

const containerSummary = ({ id, name, startedAt, usage }: ContainerUsage, rates: CpuRates): object => ({
  name,
  startTime: apiTime(startedAt),
  ...resources(usage, id, rates),
})

function resources(usage: CgroupUsage, key: string, rates: CpuRates): object {
  const { memoryBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults, swapBytes } = usage
  const time = apiTime(usage.at)
  return {
    cpu: cpu(usage, key, rates),
    memory: { time, usageBytes: memoryBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults },
    swap: { time, swapUsageBytes: swapBytes },
  }
}

function cpu(sample: Pick<CgroupUsage, 'at' | 'cpuSeconds'>, key: string, rates: CpuRates): object {
  const cores = rates.cores(key, sample)
  return {
    time: apiTime(sample.at),
    ...(cores === undefined ? {} : { usageNanoCores: Math.round(cores * 1e9) }),
    usageCoreNanoSeconds: Math.round(sample.cpuSeconds * 1e9),
  }
}

/** The main interface stands for all of them, beside the list. */
function network(interfaces: readonly InterfaceCounters[], main: string, time: string): object {
  const stats = interfaces.map(({ name, receive, transmit }) => ({
    name,
    rxBytes: receive.bytes,
    rxErrors: receive.errors,
    txBytes: transmit.bytes,
    txErrors: transmit.errors,
  }))
  return { time, ...(stats.find(({ name }) => name === main) ?? { name: '' }), interfaces: stats }
}
