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
    await netns.ip('link set lo up')
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

  /** Runs `ip` in the namespace: all lines in one process, the first that fails ends it. */
  async ip(...lines: readonly string[]): Promise<void> {
    await batch('nsenter', [`--net=${this.path}`, 'ip', '-batch', '-'], lines)
  }

  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    await this.exec('sysctl', '-qw', ...Object.entries(values).map(([name, value]) => `${name}=${value}`))
  }

  /**
   * Makes it a router, with settings of its interfaces that are to come. A router asks for its neighbours from its
   * link-local address, so that what passes is lost for the second or two in which the kernel looks for duplicates of it.
   */
  forwards(others: Readonly<Record<string, string | number>> = {}): Promise<void> {
    return this.sysctl({
      'net.ipv6.conf.all.accept_dad': 0,
      'net.ipv6.conf.default.accept_dad': 0,
      'net.ipv4.ip_forward': 1,
      'net.ipv6.conf.all.forwarding': 1,
      ...others,
    })
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
  /** Where default routes of the namespace lead to, over this end. */
  readonly gateways?: readonly string[]
}

/** Joins two namespaces with a veth pair, both ends up. */
export async function connect(a: CableEnd, b: CableEnd): Promise<void> {
  const peer = `name ${b.link} netns ${b.netns.name}`
  await batch('ip', ['-batch', '-'], [`link add ${a.link} netns ${a.netns.name} type veth peer ${peer}`])
  await a.netns.ip(...linkLines(a))
  await b.netns.ip(...linkLines(b), ...routeLines(b))
  // Only now that the other end is up as well.
  if (a.gateways !== undefined) await a.netns.ip(...routeLines(a))
}

/** Gives ends of one namespace, which cables have already, their addresses and routes. */
export async function setUp(netns: Netns, ends: readonly Omit<CableEnd, 'netns'>[]): Promise<void> {
  await netns.ip(...ends.flatMap(linkLines), ...ends.flatMap(routeLines))
}

/** Addresses of IPv6 need no detection of duplicates, and would be of no use while it lasts. */
const linkLines = ({ link, addresses }: Pick<CableEnd, 'link' | 'addresses'>): readonly string[] => [
  ...addresses.map((address) => `address add ${address} dev ${link}${address.includes(':') ? ' nodad' : ''}`),
  `link set ${link} up`,
]

const routeLines = ({ gateways = [] }: Pick<CableEnd, 'gateways'>): readonly string[] =>
  gateways.map((via) => `route add default via ${via}`)

async function batch(program: string, args: readonly string[], lines: readonly string[]): Promise<void> {
  const running = run(program, args)
  running.child.stdin?.end(`${lines.join('\n')}\n`)
  await running
}
