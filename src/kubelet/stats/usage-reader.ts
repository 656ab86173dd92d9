import { readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { splitObjectName } from '../../model/object-name.ts'
import { amountIn, nodeWorkingSet, readMemoryInfo } from '../host/memory-info.ts'
import type { PodRecords, SandboxRecord } from '../runtime/records.ts'
import type { RuntimeSnapshot } from '../runtime/snapshot.ts'
import { cgroupLayout } from './cgroup-layout.ts'
import { CgroupReader, type CgroupUsage } from './cgroup-reader.ts'
import { candidateCgroups, type PodCgroups } from './pod-cgroups.ts'

/** What everything on the node uses, read within a few ms. */
export interface Usage {
  readonly node: NodeUsage
  readonly pods: readonly PodUsage[]
}

export interface NodeUsage extends Pick<CgroupUsage, 'at' | 'workingSetBytes' | 'swapBytes'> {
  /** Undefined where the kernel does not count it for the whole machine. */
  readonly cpuSeconds: number | undefined
}

export interface PodUsage {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly cgroups: PodCgroups
  readonly sandbox: SandboxRecord
  readonly usage: CgroupUsage
  readonly containers: readonly ContainerUsage[]
}

export interface ContainerUsage {
  readonly id: string
  readonly name: string
  /** The runtime's own name of what it runs. */
  readonly imageId: string
  /** ms since the epoch. */
  readonly startedAt: number
  readonly usage: CgroupUsage
}

export interface UsageReaderOptions {
  readonly snapshot: () => RuntimeSnapshot | undefined
  /** Below it, in each hierarchy, pods' cgroups lie. */
  readonly cgroupRoot: string
  readonly reader: CgroupReader
}

/** The loop's other work comes in between after as much of it, in ms. */
const SLICE_MS = 2

/**
 * Reads what pods and containers use from their cgroups: every figure is of the moment it is asked for, and costs the
 * runtime nothing, which would wake a shim for each pod and answers with the same files.
 */
export class UsageReader {
  readonly #options: UsageReaderOptions
  /** By the pods' UIDs. */
  #found = new Map<string, PodCgroups>()

  constructor(options: UsageReaderOptions) {
    this.#options = options
  }

  /** Rejects with a StatsError when nothing counts on this machine. */
  static async open(options: Omit<UsageReaderOptions, 'reader'>): Promise<UsageReader> {
    const [mountinfo, memory] = await Promise.all([
      readFile('/proc/self/mountinfo', 'utf8'),
      readMemoryInfo(),
    ])
    const reader = new CgroupReader(cgroupLayout(mountinfo), amountIn(memory, 'SwapTotal') > 0)
    return new UsageReader({ ...options, reader })
  }

  async read(): Promise<Usage> {
    const { snapshot, reader } = this.#options
    const pods: PodUsage[] = []
    let began = performance.now()
    for (const [uid, records] of snapshot()?.pods ?? []) {
      const pod = this.#readPod(uid, records)
      if (pod !== undefined) pods.push(pod)
      if (performance.now() - began < SLICE_MS) continue
      await turn()
      began = performance.now()
    }
    const memory = await readMemoryInfo()
    const node: NodeUsage = {
      at: Date.now(),
      cpuSeconds: reader.cpuSeconds(''),
      workingSetBytes: nodeWorkingSet(memory),
      swapBytes: amountIn(memory, 'SwapTotal') - amountIn(memory, 'SwapFree'),
    }
    reader.sweep()
    this.#found = new Map(pods.map(({ uid, cgroups }) => [uid, cgroups]))
    return { node, pods }
  }

  get cgroups(): CgroupReader {
    return this.#options.reader
  }

  /** All pods together; undefined before there was one. */
  readTotal(): CgroupUsage | undefined {
    return this.#options.reader.read(this.#options.cgroupRoot)
  }

  /** IDs of a pod's processes, its sandbox's first. */
  processesOf({ cgroups, sandbox, containers }: PodUsage): readonly number[] {
    const { reader } = this.#options
    return [sandbox, ...containers].flatMap(({ id }) => reader.processes(cgroups.container(id)))
  }

  close(): void {
    this.#options.reader.close()
  }

  /** Undefined for one that does not run. */
  #readPod(uid: string, { sandboxes, containers }: PodRecords): PodUsage | undefined {
    const { reader } = this.#options
    const sandbox = sandboxes.find(({ ready }) => ready)
    if (sandbox === undefined) return undefined
    const cgroups = this.#found.get(uid) ?? this.#find(uid)
    const usage = cgroups === undefined ? undefined : reader.read(cgroups.pod)
    if (cgroups === undefined || usage === undefined) return undefined
    this.#found.set(uid, cgroups)
    const running = containers.filter(
      ({ state, sandboxId }) => state === 'running' && sandboxId === sandbox.id,
    )
    return {
      ...splitObjectName(sandbox.pod),
      ...{ uid, cgroups, sandbox, usage },
      containers: running.flatMap(({ id, name, imageId, startedAt }) => {
        const usage = reader.read(cgroups.container(id))
        return usage === undefined ? [] : [{ id, name, imageId, startedAt, usage }]
      }),
    }
  }

  #find(uid: string): PodCgroups | undefined {
    const { reader, cgroupRoot } = this.#options
    return candidateCgroups(cgroupRoot, uid).find(({ pod }) => reader.cpuSeconds(pod) !== undefined)
  }
}
