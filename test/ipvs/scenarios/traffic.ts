/** Sends real connections through virtual servers that the addon made, and prints who answered and what was counted. */
import {
  ConntrackEvents,
  ConntrackTable,
  FLOW_COLUMNS,
  FLOW_ROW_WIDTH,
} from '../../../src/native/conntrack-events.ts'
import {
  IpvsSocket,
  IpvsTransaction,
  type RealServer,
  type VirtualServerKey,
} from '../../../src/native/ipvs.ts'
import { RouteSocket, RouteTransaction } from '../../../src/native/route.ts'
import { ip } from '../../support/addresses.ts'
import { eventually } from '../../support/eventually.ts'
import { tcp, udp } from './keys.ts'
import { BACKEND_PORT, backendAddress, World } from './world.ts'

/** The answers of each question, in order: names of backends, or errors in brackets. */
export interface TrafficObservations {
  readonly roundRobin: string[]
  readonly roundRobinIPv6: string[]
  readonly udp: string[]
  readonly weighted: string[]
  readonly withoutTheFirst: string[]
  readonly persistent: string[]
  readonly afterDeletion: string[]
  /** Connections that the kernel counted on each backend of the round-robin service, by its own dump. */
  readonly counted: number[]
  /** What conntrack's events say of the first three services: connections opened in all, and by backend. */
  readonly opened: readonly { readonly service: number; readonly backends: readonly number[] }[]
  /** Connections of these three in the table: as counted event by event, and by a dump. */
  readonly active: { readonly byEvents: readonly number[]; readonly byDump: readonly number[] }
  /** Events of other flows among those delivered, and of any that were lost. */
  readonly foreignEvents: number
  readonly droppedEvents: number
}

const BACKENDS = 3
const VIP = '10.96.0.1'
const VIP6 = 'fd96::1'

const backend = (index: number, weight = 1, family: 'IPv4' | 'IPv6' = 'IPv4'): RealServer => ({
  address: ip(backendAddress(index, family)),
  port: BACKEND_PORT,
  method: 'masq',
  weight,
})

/** A service with backends of the weights given. */
function service(
  changes: IpvsTransaction,
  key: VirtualServerKey,
  options: {
    scheduler?: string
    weights?: readonly number[]
    family?: 'IPv4' | 'IPv6'
    persistent?: boolean
  } = {},
): void {
  const { scheduler = 'rr', weights = [1, 1, 1], family = 'IPv4', persistent = false } = options
  changes.addService({ key, scheduler, ...(persistent ? { flags: ['persistent'], timeoutSeconds: 60 } : {}) })
  weights.forEach((weight, slot) => {
    changes.addDest(key, backend(slot + 1, weight, family))
  })
}

const services = {
  roundRobin: tcp(VIP, 80),
  roundRobinIPv6: tcp(VIP6, 80),
  udp: udp(VIP, 53),
  weighted: tcp(VIP, 81),
  drained: tcp(VIP, 82),
  persistent: tcp(VIP, 83),
}

/** The VIPs on a dummy interface of the director, as the IPVS backend will have them. */
async function addVips(director: string): Promise<void> {
  const routes = await RouteSocket.open({ netns: director })
  await routes.apply(
    new RouteTransaction()
      .addLink({ name: 'vips', kind: 'dummy', up: true })
      .addAddress({ link: 'vips', address: ip(VIP), prefix: 32 })
      .addAddress({ link: 'vips', address: ip(VIP6), prefix: 128, withoutDetection: true }),
  )
  await routes.close()
}

/** Round robin over TCP and UDP. Each one's row is its place here, and its backends' rows are from BACKENDS times that on. */
const COUNTED = [
  { address: VIP, port: 80, family: 'IPv4', protocol: 6 },
  { address: VIP6, port: 80, family: 'IPv6', protocol: 6 },
  { address: VIP, port: 53, family: 'IPv4', protocol: 17 },
] as const

/** The kernel tracks connections where a rule asks about them, as the IPVS backend's masquerading does. */
const TRACKED =
  'table inet tracked { chain arrivals { type filter hook prerouting priority 0; ct state new accept; }; }'

async function countConnections({ director }: World): Promise<ConntrackEvents> {
  await director.exec('nft', TRACKED)
  const events = await ConntrackEvents.open({
    netns: director.path,
    bufferBytes: 1 << 20,
    selection: 'rewritten',
  })
  const table = new ConntrackTable()
  for (const [row, { address, port, family, protocol }] of COUNTED.entries()) {
    table.setFrontend(row, { family, protocol, address: ip(address), port, group: row })
    for (let index = 1; index <= BACKENDS; index++) {
      const { address, port } = backend(index, 1, family)
      table.setEndpoint(row * BACKENDS + index - 1, { address, port, group: row })
    }
  }
  await events.setTable(table)
  return events
}

type Counts = Pick<TrafficObservations, 'opened' | 'active' | 'foreignEvents' | 'droppedEvents'>

async function readCounts(events: ConntrackEvents): Promise<Counts> {
  const read = (rows: 'readFrontends' | 'readEndpoints', column: keyof typeof FLOW_COLUMNS): number[] => {
    const numbers = new Float64Array(COUNTED.length * BACKENDS * FLOW_ROW_WIDTH)
    events[rows](numbers)
    return Array.from(numbers).filter((_, i) => i % FLOW_ROW_WIDTH === FLOW_COLUMNS[column])
  }
  // Those of all connections so far; a program's numbers come a moment later.
  const { foreignEvents, droppedEvents } = await eventually(() => {
    const status = events.status()
    return status.openEvents >= 32 ? status : undefined
  })
  const [opened, ofBackends, byEvents] = [
    read('readFrontends', 'opened'),
    read('readEndpoints', 'opened'),
    read('readFrontends', 'active').slice(0, COUNTED.length),
  ]
  await events.resync()
  return {
    opened: COUNTED.map((_, row) => ({
      service: opened[row] ?? 0,
      backends: ofBackends.slice(row * BACKENDS, (row + 1) * BACKENDS),
    })),
    active: { byEvents, byDump: read('readFrontends', 'active').slice(0, COUNTED.length) },
    foreignEvents,
    droppedEvents,
  }
}

async function observe(world: World, socket: IpvsSocket): Promise<TrafficObservations> {
  const changes = new IpvsTransaction()
  service(changes, services.roundRobin)
  service(changes, services.roundRobinIPv6, { family: 'IPv6' })
  service(changes, services.udp)
  service(changes, services.weighted, { scheduler: 'wrr', weights: [3, 1] })
  service(changes, services.drained)
  service(changes, services.persistent, { persistent: true })
  await socket.apply(changes)
  const events = await countConnections(world)

  const roundRobin = await world.ask('TCP', VIP, 80, 12)
  const counted = await socket.dests(services.roundRobin)
  const roundRobinIPv6 = await world.ask('TCP', VIP6, 80, 6)
  const overUdp = await world.ask('UDP', VIP, 53, 6)
  const weighted = await world.ask('TCP', VIP, 81, 8)
  const counts = await readCounts(events)
  await events.close()
  await socket.apply(new IpvsTransaction().changeDest(services.drained, backend(1, 0)))
  const withoutTheFirst = await world.ask('TCP', VIP, 82, 6)
  const persistent = await world.ask('TCP', VIP, 83, 6)
  await socket.apply(new IpvsTransaction().deleteService(services.roundRobin))
  const afterDeletion = await world.ask('TCP', VIP, 80, 1)
  return {
    roundRobin,
    roundRobinIPv6,
    udp: overUdp,
    weighted,
    withoutTheFirst,
    persistent,
    afterDeletion,
    counted: counted.map((dest) => dest.activeConnections + dest.inactiveConnections),
    ...counts,
  }
}

const world = await World.create(BACKENDS)
try {
  await addVips(world.director.path)
  const socket = await IpvsSocket.open({ netns: world.director.path })
  console.log(JSON.stringify(await observe(world, socket)))
  await socket.close()
} finally {
  world.dispose()
}
