/** Sends real connections through virtual servers that the addon made, and prints who answered. */
import {
  IpvsSocket,
  IpvsTransaction,
  type RealServer,
  type VirtualServerKey,
} from '../../../src/native/ipvs.ts'
import { RouteSocket, RouteTransaction } from '../../../src/native/route.ts'
import { ip } from '../../support/addresses.ts'
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

async function observe(world: World, socket: IpvsSocket): Promise<TrafficObservations> {
  const changes = new IpvsTransaction()
  service(changes, services.roundRobin)
  service(changes, services.roundRobinIPv6, { family: 'IPv6' })
  service(changes, services.udp)
  service(changes, services.weighted, { scheduler: 'wrr', weights: [3, 1] })
  service(changes, services.drained)
  service(changes, services.persistent, { persistent: true })
  await socket.apply(changes)

  const roundRobin = await world.ask('TCP', VIP, 80, 12)
  const counted = await socket.dests(services.roundRobin)
  const roundRobinIPv6 = await world.ask('TCP', VIP6, 80, 6)
  const overUdp = await world.ask('UDP', VIP, 53, 6)
  const weighted = await world.ask('TCP', VIP, 81, 8)
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
