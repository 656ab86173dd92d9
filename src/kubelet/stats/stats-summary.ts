import { readFile, statfs } from 'node:fs/promises'
import { totalmem, uptime } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { defaultRouteInterface } from '../../config/node-addresses.ts'
import { type NodeFolders, readFigures } from '../node/figures.ts'
import { CpuRates } from './cpu-rates.ts'
import { type InterfaceCounters, parseNetDev } from './network.ts'
import { podInterfaces } from './pod-network.ts'
import { type FilesystemUsage, summary } from './summary.ts'
import type { PodUsage, UsageReader } from './usage-reader.ts'

export interface StatsSummaryOptions {
  readonly nodeName: string
  readonly reader: UsageReader
  readonly folders: () => NodeFolders
}

/** The kubelet's `/stats/summary`. */
export class StatsSummary {
  readonly #options: StatsSummaryOptions
  readonly #rates = new CpuRates()
  #reading: Promise<object> | undefined

  constructor(options: StatsSummaryOptions) {
    this.#options = options
  }

  /** Reads everything; whoever asks meanwhile gets the same. */
  read(): Promise<object> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<object> {
    const { nodeName, reader, folders } = this.#options
    const usage = await reader.read()
    const pods = reader.readTotal()
    const { nodefs, imagefs } = folders()
    const [figures, nodeUsage, imageUsage, netDev, mainInterface, insides] = await Promise.all([
      readFigures({ nodefs, imagefs }),
      filesystemUsage(nodefs),
      imagefs === undefined ? undefined : filesystemUsage(imagefs),
      readFile('/proc/self/net/dev', 'utf8'),
      defaultRouteInterface(),
      this.#lookInto(usage.pods),
    ])
    const told = summary(
      {
        ...{ nodeName, usage, pods, nodefs: nodeUsage, imagefs: imageUsage, pids: figures.pids },
        bootedAt: Date.now() - uptime() * 1_000,
        memoryBytes: totalmem(),
        // The node's ends of pods' links are the pods'.
        interfaces: parseNetDev(netDev).filter(({ name }) => !name.startsWith('veth')),
        mainInterface: mainInterface ?? '',
        ...insides,
      },
      this.#rates,
    )
    this.#rates.next()
    return told
  }

  /** What only processes of the pods can tell; a pod at a time, so that the loop's other work comes in between. */
  async #lookInto(pods: readonly PodUsage[]): Promise<{
    readonly podNetworks: ReadonlyMap<string, readonly InterfaceCounters[]>
    readonly podProcesses: ReadonlyMap<string, number>
  }> {
    const podNetworks = new Map<string, readonly InterfaceCounters[]>()
    const podProcesses = new Map<string, number>()
    for (const pod of pods) {
      const processes = this.#options.reader.processesOf(pod)
      podProcesses.set(pod.uid, processes.length)
      const interfaces = podInterfaces(pod, processes)
      if (interfaces !== undefined) podNetworks.set(pod.uid, interfaces)
      await turn()
    }
    return { podNetworks, podProcesses }
  }
}

async function filesystemUsage(folder: string): Promise<FilesystemUsage> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(folder)
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  }
}
