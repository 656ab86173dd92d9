import { readFile } from 'node:fs/promises'
import { arch, availableParallelism, release, totalmem } from 'node:os'

/** What a machine says of itself, for `status.nodeInfo` and `status.capacity` of its Node. */
export interface Machine {
  /** As Go and images name it. */
  readonly architecture: string
  readonly kernelVersion: string
  readonly osImage: string
  /** Empty where the machine has none. */
  readonly machineId: string
  readonly systemUuid: string
  readonly bootId: string
  readonly cpus: number
  readonly memoryBytes: number
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

/** Reads it. What the kernel or the system does not say is empty: a container often has no DMI, nor systemd's files. */
export async function readMachine(): Promise<Machine> {
  const [machineId, systemUuid, bootId, osRelease] = await Promise.all([
    firstLine('/etc/machine-id'),
    firstLine('/sys/class/dmi/id/product_uuid'),
    firstLine('/proc/sys/kernel/random/boot_id'),
    readFile('/etc/os-release', 'utf8').catch(() => ''),
  ])
  return {
    architecture: ARCHITECTURES[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: prettyName(osRelease),
    machineId,
    systemUuid,
    bootId,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  }
}

const firstLine = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '')).split('\n', 1)[0]?.trim() ?? ''

/** `PRETTY_NAME` of os-release(5), whose values are quoted as a shell would have them. */
export const prettyName = (osRelease: string): string =>
  /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(osRelease)?.[2]?.replace(/\\(.)/g, '$1') ?? ''
