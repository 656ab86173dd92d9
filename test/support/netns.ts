import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A network namespace of a test's own, gone with `dispose` together with every interface in it. */
export class Netns {
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  /** Makes an empty namespace with `lo` up. `role` shows in its name. Needs root. */
  static async create(role: string): Promise<Netns> {
    const netns = new Netns(`hw-${role}-${randomBytes(4).toString('hex')}`)
    await run('ip', ['netns', 'add', netns.name])
    await netns.exec('ip', 'link', 'set', 'lo', 'up')
    return netns
  }

  get path(): string {
    return `/var/run/netns/${this.name}`
  }

  /** Runs a program in the namespace and returns what it prints. Rejects with its exit code and stderr. */
  async exec(file: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', [`--net=${this.path}`, file, ...args], {
      maxBuffer: 256 * 1024 * 1024,
    })
    return stdout
  }

  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    await this.exec('sysctl', '-qw', ...Object.entries(values).map(([name, value]) => `${name}=${value}`))
  }

  async dispose(): Promise<void> {
    await run('ip', ['netns', 'del', this.name])
  }
}

/** One end of a cable between namespaces. */
export interface CableEnd {
  readonly netns: Netns
  readonly link: string
  /** Addresses with prefix length, of either family. */
  readonly addresses: readonly string[]
}

/** Joins two namespaces with a veth pair, both ends up. IPv6 addresses are usable at once. */
export async function connect(a: CableEnd, b: CableEnd): Promise<void> {
  const ends = ['name', b.link, 'netns', b.netns.name]
  await run('ip', ['link', 'add', a.link, 'netns', a.netns.name, 'type', 'veth', 'peer', ...ends])
  for (const end of [a, b]) {
    for (const address of end.addresses)
      await end.netns.exec(
        'ip',
        'address',
        'add',
        address,
        'dev',
        end.link,
        ...(address.includes(':') ? ['nodad'] : []),
      )
    await end.netns.exec('ip', 'link', 'set', end.link, 'up')
  }
}
