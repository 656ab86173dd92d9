/**
 * Changes the mode of a proxy while clients of every kind keep asking over connections of before and new ones, and prints
 * how it went for them and what IPVS has left.
 */
import { DEFAULT_IPVS_SETTINGS } from '../../../src/dataplane/ipvs/ipvs-config.ts'
import type { ServiceProxy } from '../../../src/dataplane/proxy.ts'
import type { ProxyMode } from '../../../src/dataplane/proxy-modes.ts'
import type { Change } from '../../../src/model/change.ts'
import { objectName } from '../../../src/model/object-name.ts'
import { formatVirtualServer, IpvsSocket } from '../../../src/native/ipvs.ts'
import { eventually } from '../../support/eventually.ts'
import { openProxy } from '../../support/proxy.ts'
import { PLACES, ServiceWorld } from '../../support/service-world.ts'
import { address, port, service, serviceChange, slice, sliceChange } from '../../support/services.ts'
import { SteadyClient, type SteadyReport, type SteadyTarget } from '../../support/steady-client.ts'

/** What is left of IPVS in the kernel. */
export interface Remains {
  /** Virtual servers with the weights of their real servers. */
  readonly servers: Readonly<Record<string, readonly number[]>>
  /** The device and its addresses, `ip` says. */
  readonly addresses: readonly string[]
  /** Routes to VIPs. */
  readonly routes: readonly string[]
  readonly table: readonly string[]
}

export interface SwitchObservations {
  /** By who asked, and in which mode the connections began that were held. */
  readonly reports: Readonly<Record<string, readonly SteadyReport[]>>
  /** In each mode, when all that it took over from is told to go. */
  readonly modes: readonly {
    readonly mode: ProxyMode
    readonly remains: Remains
    readonly audit: readonly string[]
    /** What becomes of a connection to a port that no Service has, on a VIP that is this machine's address or was. */
    readonly undefinedPort: string
  }[]
  /** What is counted of connections in mode ipvs: opened by then, by whom and in all, as often as they were asked for. */
  readonly counted: {
    readonly notCounted: string | undefined
    readonly asked: number
    readonly opened: Readonly<Record<string, number>>
    /** Connections to the first Service that are listed one by one. */
    readonly listed: number
  }
  /** When the next process has come to the end of its patience with old connections. */
  readonly afterwards: Remains
}

/** Back to a mode before the connections of its first time are over, too. */
const MODES: readonly ProxyMode[] = ['ipvs', 'nftables', 'ipvs', 'iptables']

const VIP = '10.96.0.1'
const VIP6 = 'fd00:96::1'
/** Nobody asks here. */
const IDLE = '10.96.0.9'
const BALANCER = '203.0.113.1'

const POD = (index: number, family: 'IPv4' | 'IPv6' = 'IPv4'): string => PLACES[family].subnet(index).server
const datagrams = { name: 'udp', protocol: 'UDP', port: 53 } as const

const WORLD: readonly Change[] = [
  serviceChange(
    service('web', VIP, {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      loadBalancerIPs: [address(BALANCER)],
      ports: [port({ nodePort: 30080 })],
    }),
  ),
  sliceChange(slice('web', [POD(1), POD(2)])),
  serviceChange(service('dns', '10.96.0.2', { ports: [port(datagrams)] })),
  sliceChange(slice('dns', [POD(1), POD(2)], { ports: [{ name: 'udp', protocol: 'UDP', port: 8080 }] })),
  serviceChange(service('idle', IDLE)),
  sliceChange(slice('idle', [POD(1)])),
  serviceChange(service('web6', VIP6)),
  sliceChange(slice('web6', [POD(1, 'IPv6'), POD(2, 'IPv6')])),
]

const tcp = (to: string, at = 80): SteadyTarget => ({ protocol: 'TCP', address: to, port: at })
const CLUSTER = [tcp(VIP), tcp(VIP6), { protocol: 'UDP', address: '10.96.0.2', port: 53 } as const]
const OUTSIDE = [tcp(BALANCER), tcp(PLACES.IPv4.node, 30080)]

const world = await ServiceWorld.create(2)
const { node } = world

async function remains(socket: IpvsSocket): Promise<Remains> {
  const lines = async (...words: readonly [string, ...string[]]): Promise<string[]> =>
    (await node.exec(...words).catch(() => '')).split('\n').filter((line) => line.trim() !== '')
  const servers = await socket.services()
  const dests = await socket.destsOf(servers.map(({ key }) => key))
  const vips = (all: readonly string[]): string[] => all.filter((line) => /10\.96|203\.0|fd00:96/.test(line))
  return {
    servers: Object.fromEntries(
      servers.map(({ key }, i) => [formatVirtualServer(key), (dests[i] ?? []).map(({ weight }) => weight)]),
    ),
    addresses: await lines('ip', '-br', 'address', 'show', 'dev', 'kube-ipvs0'),
    routes: vips([
      ...(await lines('ip', 'route', 'show', 'table', 'local')),
      ...(await lines('ip', '-6', 'route', 'show', 'table', 'local')),
    ]),
    table: (await lines('nft', 'list', 'tables')).filter((line) => line.includes('hawser-ipvs')),
  }
}

const open = (mode: ProxyMode, drainLimitMs: number) =>
  openProxy(node.path, {
    mode,
    families: ['IPv4', 'IPv6'],
    ipvsSettings: { ...DEFAULT_IPVS_SETTINGS, drainPollMs: 100, drainLimitMs },
    // As `hawser proxy` has it: what conntrack knows of IPVS's connections is not to be taken for stale.
    tracksConnections: true,
  })

async function serve(mode: ProxyMode, drainLimitMs = 600_000): Promise<ServiceProxy> {
  const proxy = await open(mode, drainLimitMs)
  proxy.apply(WORLD)
  await proxy.synced()
  await proxy.removeLeftovers()
  return proxy
}

const clients = new Map<string, SteadyClient>()
const goOn = (times: number) => Promise.all([...clients.values()].map((client) => client.goesOn(times)))

/** Asks each Service as often, through its cluster IP and its load balancer's address. */
async function count(proxy: ServiceProxy): Promise<SwitchObservations['counted']> {
  const asked = 4
  // By all frontends, and with what was there before: from here on whatever opens is counted.
  await eventually(() => (proxy.conntrackStatus()?.engine?.resyncs ? true : undefined))
  for (const { protocol, address, port } of [...CLUSTER, tcp(BALANCER)])
    await world.client.askOften({ protocol, address, port }, asked)
  const web = objectName('default', 'web')
  const opened = await eventually(async () => {
    const services = (await proxy.connections())?.services ?? []
    const all = Object.fromEntries(services.map(({ service, numbers }) => [service, numbers.opened]))
    return Object.values(all).reduce((sum, one) => sum + one, 0) >= 4 * asked ? all : undefined
  })
  const { matched } = await proxy.flows({ service: web, endpoint: undefined, limit: 1 })
  return { notCounted: proxy.conntrackStatus()?.notCounted?.message, asked, opened, listed: matched }
}

async function observe(socket: IpvsSocket): Promise<SwitchObservations> {
  const [pod] = world.servers
  if (pod === undefined) throw new Error('a world without pods')
  const modes: SwitchObservations['modes'][number][] = []
  let counted: SwitchObservations['counted'] | undefined
  for (const mode of MODES) {
    const proxy = await serve(mode)
    if (modes.length === 0) {
      counted = await count(proxy)
      clients.set('outside', await SteadyClient.start(world.outside, [...CLUSTER, ...OUTSIDE]))
      clients.set('node', await SteadyClient.start(node, [...CLUSTER, ...OUTSIDE]))
      clients.set('pod', await SteadyClient.start(pod.netns, CLUSTER))
    } else if (mode === 'nftables') clients.set(mode, await SteadyClient.start(world.outside, [tcp(VIP)]))
    await goOn(5)
    const undefinedPort = await world.client.ask({ protocol: 'TCP', address: BALANCER, port: 8080 })
    modes.push({
      mode,
      remains: await remains(socket),
      audit: await proxy.audit(),
      undefinedPort: undefinedPort.kind,
    })
    await proxy.close()
  }
  const reports = await Promise.all(
    [...clients].map(async ([who, client]) => [who, await client.rest()] as const),
  )
  const next = await serve('iptables', 0)
  const afterwards = await eventually(async () => {
    const left = await remains(socket)
    if (left.table.length === 0 && Object.keys(left.servers).length === 0) return left
    throw new Error(`IPVS stays: ${JSON.stringify(left)}`)
  })
  await next.close()
  if (counted === undefined) throw new Error('no mode was the first')
  return { counted, reports: Object.fromEntries(reports), modes, afterwards }
}

const socket = await IpvsSocket.open({ netns: node.path })
try {
  // A packet that a busy machine sends a second time must not be one that conntrack knows no translation for.
  await node.sysctl({ 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 })
  await world.host.serve(8080, 'the node itself')
  console.log(JSON.stringify(await observe(socket)))
} finally {
  for (const client of clients.values()) await client.stop()
  await socket.close()
  await world.dispose()
}
