import { readFileSync } from 'node:fs'

/** Names of block devices (`/dev/sda`) by number (`8:0`); the number itself where the kernel has no name for it. */
export class DeviceNames {
  readonly #names = new Map<string, string>()

  nameOf(device: string): string {
    const known = this.#names.get(device)
    if (known !== undefined) return known
    const name = readName(device) ?? device
    this.#names.set(device, name)
    return name
  }
}

/** DEVNAME of its uevent (Documentation/ABI/testing/sysfs-uevent). */
function readName(device: string): string | undefined {
  try {
    const [, name] = /^DEVNAME=(.+)$/m.exec(readFileSync(`/sys/dev/block/${device}/uevent`, 'utf8')) ?? []
    return name === undefined ? undefined : `/dev/${name}`
  } catch {
    return undefined
  }
}
