import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { unmountAllUnder } from '../../../src/kubelet/host/mounts.ts'
import { importArchive } from '../../../src/kubelet/images/import-archive.ts'
import { Kubelet } from '../../../src/kubelet/kubelet.ts'
import { PrivateContainerd } from '../../../src/kubelet/runtime/private-containerd.ts'
import { parseCidr } from '../../../src/util/address.ts'
import { silentLogger } from '../../../src/util/logger.ts'

/** What a machine is; enough to take over one that somebody else has left. */
export interface MachinePlace {
  /** Holds all that is the machine's: the runtime's folder, the kubelet's, logs. */
  readonly folder: string
  /** Path of its network namespace. */
  readonly netns: string
  readonly podCidr: string
  /** What a sandbox runs. */
  readonly sandboxImage: string
}

/** In a machine's folder: its place, for `removeFormerRuns`. */
export const MACHINE_NOTE = 'machine.json'

/** What a node runs on: a private containerd with pods' networking, in a network namespace and a folder of its own. */
export class NodeMachine {
  readonly containerd: PrivateContainerd
  readonly #place: MachinePlace

  private constructor(place: MachinePlace, containerd: PrivateContainerd) {
    this.#place = place
    this.containerd = containerd
  }

  /** Starts its runtime, or adopts the one that runs there, and gives it the images of the archives. */
  static async start(place: MachinePlace, archives: readonly string[] = []): Promise<NodeMachine> {
    const { folder: stateDir, netns, sandboxImage } = place
    const podCidr = parseCidr(place.podCidr)
    if (podCidr === undefined) throw new Error(`${place.podCidr} is no CIDR`)
    await writeFile(join(stateDir, MACHINE_NOTE), JSON.stringify(place))
    const containerd = await PrivateContainerd.start({
      ...{ stateDir, podCidr, sandboxImage, netns },
      log: silentLogger,
    })
    try {
      for (const archive of archives) await importArchive(containerd.socket, archive)
      return new NodeMachine(place, containerd)
    } catch (error) {
      await containerd.stop()
      throw error
    }
  }

  /** Where the kubelet keeps volumes. */
  get kubeletFolder(): string {
    return join(this.#place.folder, 'kubelet')
  }

  /** Where it keeps the logs of containers. */
  get logsFolder(): string {
    return join(this.#place.folder, 'logs')
  }

  /** Takes everything away that is the machine's, its pods included; no kubelet runs on it any more. */
  async dispose(): Promise<void> {
    await this.#removePods()
    await this.containerd.stop()
    await unmountAllUnder(this.#place.folder)
  }

  /** In this process: whatever state a Hawser was left in, its next start is what takes its pods away. */
  async #removePods(): Promise<void> {
    const kubelet = await Kubelet.open({
      endpoint: this.containerd.endpoint,
      stateDir: this.kubeletFolder,
      logsDir: this.logsFolder,
      pods: 'node',
      nodeName: 'leaving',
      nodeAddresses: [],
      registry: new Registry(),
      log: silentLogger,
    })
    kubelet.ready()
    await kubelet.removeAll(0)
    await kubelet.close()
  }
}
