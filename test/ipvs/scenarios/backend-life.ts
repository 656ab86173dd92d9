/** Lets frontends change, backends restart and others interfere while connections go on, and prints what was seen. */
import type { CommitOutcome } from '../../../src/dataplane/backend.ts'
import type { Endpoint, Frontend, FrontendKey } from '../../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../../src/dataplane/desired/ipvs-options.ts'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import type { IpvsConfig } from '../../../src/dataplane/ipvs/ipvs-config.ts'
import {
  formatVirtualServer,
  IpvsSocket,
  type IpvsTimeouts,
  IpvsTransaction,
  NetlinkError,
} from '../../../src/native/ipvs.ts'
import { RouteSocket } from '../../../src/native/route.ts'
import { cidr, ip } from '../../support/addresses.ts'
import { eventually } from '../../support/eventually.ts'
import { configOf, frontend, pod } from '../../support/ipvs-frontends.ts'
import { ServiceWorld } from '../../support/service-world.ts'
import { tcp } from './keys.ts'

export interface LifeObservations {
  readonly timeouts: IpvsTimeouts
  /** Values by name, as `sysctl` lists them. */
  readonly sysctls: string
  readonly draining: {
    /** Who answers the connection that began before its endpoint was removed, and new ones afterwards. */
    readonly old: string
    readonly fresh: readonly string[]
    /** Weight of the removed endpoint while its connection lasts, and whether it is deleted when that is over. */
    readonly weight: number | undefined
    /** What is said of the frontend with its counters meanwhile. */
    readonly counters: readonly string[]
    readonly deleted: boolean
  }
  /** By scheduler: who answers a client whose endpoint was removed while a connection to it lasts. */
  readonly hashed: Readonly<Record<'sh' | 'mh', { readonly before: string; readonly after: string }>>
  /** Real servers left of a UDP frontend right after the removal of one of two. */
  readonly udpDests: number
  readonly returning: { readonly weight: number | undefined; readonly answers: readonly string[] }
  readonly refused: {
    readonly kind: CommitOutcome['kind']
    readonly frontends: readonly FrontendKey[]
    /** Another frontend of the same update. */
    readonly neighbour: string
    /** Virtual servers of the refused ones. */
    readonly left: readonly string[]
  }
  readonly restart: {
    readonly old: string
    readonly fresh: readonly string[]
    readonly servers: readonly string[]
    readonly addresses: readonly string[]
  }
  readonly healing: {
    /** What the audit says of a rule, an element and a real server that others have put in. */
    readonly foreign: readonly string[]
    readonly found: readonly string[]
    readonly answer: string
    readonly left: readonly string[]
  }
  /** Who answers a Service of each scheduler. */
  readonly schedulers: Readonly<Record<string, readonly string[]>>
  /** Where the kernel has no dummy device. */
  readonly loopback: {
    readonly answer: string
    /** Addresses of `lo` while the Service is there, and when it is removed. */
    readonly addresses: readonly string[]
    readonly left: readonly string[]
    readonly audit: readonly string[]
  }
  readonly removed: {
    readonly servers: readonly string[]
    readonly tables: string
    readonly links: string
  }
}

const VIP = (index: number): string => `10.96.1.${index}`
const KEEP = { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 }
const FOREIGN = tcp('198.51.100.1', 80)

const CONFIG: IpvsConfig = configOf('IPv4', {
  excludeCidrs: [cidr('198.51.100.0/24')],
  strictArp: true,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 30, udpSeconds: 40 },
  drainPollMs: 100,
})

const SYSCTLS = ['conntrack', 'conn_reuse_mode', 'expire_nodest_conn', 'expire_quiescent_template']
  .map((name) => `net.ipv4.vs.${name}`)
  .concat('net.ipv4.conf.all.arp_ignore', 'net.ipv4.conf.all.arp_announce')

const changes = (...frontends: readonly Frontend[]) =>
  new Map(frontends.map((one) => [one.key, one] as const))

const world = await ServiceWorld.create(2)
const { client, node } = world
const socket = await IpvsSocket.open({ netns: node.path })

async function answers(address: string, count: number): Promise<string[]> {
  const heard = await client.askOften({ protocol: 'TCP', address, port: 80 }, count)
  return heard.map((answer) => (answer.kind === 'answered' ? answer.from : `(${answer.kind})`))
}

async function answer(address: string): Promise<string> {
  const [first = '(nobody asked)'] = await answers(address, 1)
  return first
}

async function talk(connection: string): Promise<string> {
  const heard = await client.talk(connection)
  return heard.kind === 'answered' ? heard.from : `(${heard.kind})`
}

const weightOf = async (address: string, endpoint: string): Promise<number | undefined> =>
  (await socket.dests(tcp(address, 80))).find((dest) => dest.address === endpoint)?.weight

const serverNames = async (): Promise<string[]> =>
  (await socket.services()).map(({ key }) => formatVirtualServer(key)).sort()

const vips = async (): Promise<string[]> => {
  const listed = await node.exec('ip', '-4', '-o', 'address', 'show', 'dev', 'kube-ipvs0')
  return [...listed.matchAll(/inet (\S+)/g)].map(([, address = '']) => address).sort()
}

async function drain(backend: IpvsBackend): Promise<LifeObservations['draining']> {
  await backend.update(changes(frontend(VIP(1), 80, [pod(1)])))
  await client.hold('draining', VIP(1), 80)
  await backend.update(changes(frontend(VIP(1), 80, [pod(2)])))
  const fresh = await answers(VIP(1), 4)
  const old = await talk('draining')
  const weight = await weightOf(VIP(1), pod(1).address)
  const counters = await backend.counters(frontend(VIP(1), 80, []).key)
  // From its next packet on, the connection is over after a second without one.
  await socket.apply(new IpvsTransaction().setTimeouts({ ...KEEP, tcpSeconds: 1 }))
  await talk('draining')
  const deleted = await eventually(async () =>
    (await weightOf(VIP(1), pod(1).address)) === undefined ? true : undefined,
  ).catch(() => false)
  await socket.apply(new IpvsTransaction().setTimeouts({ ...KEEP, tcpSeconds: 900 }))
  return { old, fresh, weight, counters, deleted }
}

/** A client is hashed to one of two endpoints, which goes. */
async function rehash(backend: IpvsBackend, index: number, scheduler: string) {
  const hashed = (...endpoints: readonly Endpoint[]): Frontend =>
    frontend(VIP(index), 80, endpoints, { ipvs: { ...DEFAULT_IPVS_OPTIONS, scheduler } })
  await backend.update(changes(hashed(pod(1), pod(2))))
  const before = await answer(VIP(index))
  await client.hold(scheduler, VIP(index), 80)
  await backend.update(changes(hashed(before === 'pod-1' ? pod(2) : pod(1))))
  return { before, after: await answer(VIP(index)) }
}

async function removeUdp(backend: IpvsBackend): Promise<number> {
  await backend.update(changes(frontend(VIP(2), 53, [pod(1), pod(2)], { protocol: 'UDP' })))
  await backend.update(changes(frontend(VIP(2), 53, [pod(2)], { protocol: 'UDP' })))
  const dns = { kind: 'address', protocol: 'UDP', address: ip(VIP(2)), port: 53 } as const
  return (await socket.dests(dns)).length
}

async function comeBack(backend: IpvsBackend): Promise<LifeObservations['returning']> {
  await backend.update(changes(frontend(VIP(3), 80, [pod(1)])))
  await client.hold('returning', VIP(3), 80)
  await backend.update(changes(frontend(VIP(3), 80, [pod(2)])))
  await backend.update(changes(frontend(VIP(3), 80, [pod(1), pod(2)])))
  return { weight: await weightOf(VIP(3), pod(1).address), answers: await answers(VIP(3), 4) }
}

async function refuse(backend: IpvsBackend): Promise<LifeObservations['refused']> {
  const bad = frontend(VIP(4), 80, [pod(1)], { ipvs: { ...DEFAULT_IPVS_OPTIONS, scheduler: 'no-such' } })
  const neighbour = frontend(VIP(5), 80, [pod(2)])
  const multicast = frontend(VIP(12), 80, [{ ...pod(1), address: ip('224.0.0.1') }])
  const outcome = await backend.update(changes(bad, multicast, neighbour))
  // The reconciler's way on: everything but the refused.
  await backend.update(changes(neighbour))
  return {
    kind: outcome.kind,
    frontends: outcome.kind === 'refused' ? [...outcome.frontends] : [],
    neighbour: await answer(VIP(5)),
    left: (await serverNames()).filter((name) => /1\.(4|12):/.test(name)),
  }
}

/** A process that died left frontends that have changed meanwhile, and one that is gone. */
async function restart(): Promise<LifeObservations['restart']> {
  const before = await IpvsBackend.open(CONFIG, node.path)
  const kept = frontend(VIP(7), 80, [pod(1), pod(2)], { affinitySeconds: 100 })
  await before.rebuild([kept, frontend(VIP(6), 80, [pod(1)]), frontend(VIP(8), 80, [pod(1)])])
  await client.hold('restart', VIP(6), 80)
  await before.close()
  const after = await IpvsBackend.open(CONFIG, node.path)
  const wanted = [kept, frontend(VIP(6), 80, [pod(2)])]
  await after.rebuild(wanted)
  const old = await talk('restart')
  const state = { servers: await serverNames(), addresses: await vips() }
  await after.close()
  return { old, fresh: await answers(VIP(6), 2), ...state }
}

async function heal(backend: IpvsBackend): Promise<LifeObservations['healing']> {
  const wanted = [frontend(VIP(9), 80, [pod(1)])]
  await backend.rebuild(wanted)
  await node.exec('nft', 'add', 'rule', 'ip', 'hawser-ipvs', 'external', 'drop')
  await node.exec('nft', 'add', 'element', 'ip', 'hawser-ipvs', 'vips', '{ 192.0.2.1 }')
  const meddler = { address: ip('10.1.9.9'), port: 1, method: 'masq', weight: 1 } as const
  await socket.apply(new IpvsTransaction().addDest(tcp(VIP(9), 80), meddler))
  const foreign = await backend.audit()
  await socket.apply(new IpvsTransaction().deleteService(tcp(VIP(9), 80)))
  await node.exec('ip', 'link', 'del', 'kube-ipvs0')
  await node.exec('nft', 'delete', 'table', 'ip', 'hawser-ipvs')
  const found = await backend.audit()
  await backend.rebuild(wanted)
  return { foreign, found, answer: await answer(VIP(9)), left: await backend.audit() }
}

const SCHEDULERS = 'rr wrr lc wlc fo ovf lblc lblcr dh sh mh sed nq twos'.split(' ')

async function schedule(backend: IpvsBackend): Promise<LifeObservations['schedulers']> {
  const frontends = SCHEDULERS.map((scheduler, i) =>
    frontend(VIP(100 + i), 80, [pod(1), pod(2)], { ipvs: { ...DEFAULT_IPVS_OPTIONS, scheduler } }),
  )
  const outcome = await backend.rebuild(frontends)
  if (outcome.kind !== 'committed') throw outcome.error
  const heard = SCHEDULERS.map(async (scheduler, i) => [scheduler, await answers(VIP(100 + i), 1)] as const)
  return Object.fromEntries(await Promise.all(heard))
}

/** A kernel without dummy devices, as far as the backend can tell. */
async function liveOnLoopback(): Promise<LifeObservations['loopback']> {
  const { apply } = RouteSocket.prototype
  RouteSocket.prototype.apply = async function refusing(changes) {
    if (!changes.describe(0).startsWith('add dummy')) return apply.call(this, changes)
    const code = 'EOPNOTSUPP'
    throw new NetlinkError({ code, errno: 95, reason: code, operation: changes.describe(0), failures: [] })
  }
  const addresses = async (): Promise<string[]> =>
    [...(await node.exec('ip', '-4', '-o', 'address', 'show', 'dev', 'lo')).matchAll(/inet (\S+)/g)].map(
      ([, address = '']) => address,
    )
  try {
    const backend = await IpvsBackend.open(CONFIG, node.path)
    await backend.rebuild([frontend(VIP(9), 80, [pod(1)])])
    const seen = { answer: await answer(VIP(9)), addresses: await addresses(), audit: await backend.audit() }
    await backend.remove()
    await backend.close()
    return { ...seen, left: await addresses() }
  } finally {
    RouteSocket.prototype.apply = apply
  }
}

async function remove(backend: IpvsBackend): Promise<LifeObservations['removed']> {
  await backend.remove()
  return {
    servers: await serverNames(),
    tables: await node.exec('nft', 'list', 'tables'),
    links: await node.exec('ip', '-br', 'link'),
  }
}

try {
  await socket.apply(new IpvsTransaction().addService({ key: FOREIGN, scheduler: 'rr' }))
  const backend = await IpvsBackend.open(CONFIG, node.path)
  await backend.rebuild([])
  const observations: LifeObservations = {
    timeouts: (await socket.info()).timeouts,
    sysctls: await node.exec('sysctl', ...SYSCTLS),
    draining: await drain(backend),
    hashed: { sh: await rehash(backend, 10, 'sh'), mh: await rehash(backend, 11, 'mh') },
    udpDests: await removeUdp(backend),
    returning: await comeBack(backend),
    refused: await refuse(backend),
    restart: await restart(),
    healing: await heal(backend),
    schedulers: await schedule(backend),
    removed: await remove(backend),
    loopback: await liveOnLoopback(),
  }
  console.log(JSON.stringify(observations))
  await backend.close()
} finally {
  await socket.close()
  await world.dispose()
}
