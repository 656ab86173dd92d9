/** Programs virtual and real servers in every way there is, and prints what the kernel then has. */

import { spawn } from 'node:child_process'
import { changeVips, makeVipDevice } from '../../../src/dataplane/ipvs/vip-device.ts'
import {
  type IpvsInfo,
  IpvsSocket,
  IpvsTransaction,
  NetlinkError,
  type RealServer,
  type RealServerState,
  type VirtualServerKey,
  type VirtualServerState,
} from '../../../src/native/ipvs.ts'
import { RouteSocket } from '../../../src/native/route.ts'
import { ip } from '../../support/addresses.ts'
import { tcp, udp } from './keys.ts'

/** A refused transaction: its failures as [operation, code], and what the error says. */
interface Refusal {
  readonly failures: readonly (readonly [op: number, code: string])[]
  readonly operation: string
}

export interface ProgrammingObservations {
  readonly added: { services: VirtualServerState[]; dests: RealServerState[][] }
  readonly changed: { service: VirtualServerState | undefined; dests: RealServerState[] }
  readonly afterDeletion: { dests: RealServerState[]; services: number }
  readonly refused: Refusal & { readonly servicesMade: number }
  readonly bulk: { messages: number; syscalls: number; services: number; dests: number }
  readonly bulkRefused: Refusal & { readonly count: number }
  readonly afterFlush: number
  readonly info: IpvsInfo
  readonly noSuchService: RealServerState[]
  readonly vips: { readonly put: number; readonly lostAtFirst: number }
}

const backend = (address: string, weight = 1): RealServer => ({
  address: ip(address),
  port: 8080,
  method: 'masq',
  weight,
})

const web = tcp('10.96.0.1', 80)
const dns: VirtualServerKey = udp('fd00::10', 53)
const marked: VirtualServerKey = { kind: 'mark', family: 'IPv4', mark: 7 }

async function add(socket: IpvsSocket): Promise<ProgrammingObservations['added']> {
  await socket.apply(
    new IpvsTransaction()
      .addService({ key: web, scheduler: 'rr' })
      .addService({
        key: dns,
        scheduler: 'wlc',
        flags: ['persistent'],
        timeoutSeconds: 600,
        clientPrefix: 64,
      })
      .addService({ key: marked, scheduler: 'sh', flags: ['scheduler-1', 'scheduler-2'] })
      .addDest(web, { ...backend('10.0.0.2', 3), upperThreshold: 100, lowerThreshold: 50 })
      .addDest(web, { ...backend('10.0.0.3'), method: 'dr', port: 80 })
      .addDest(dns, { ...backend('fd00::2'), port: 5353 }),
  )
  const services = await socket.services()
  return { services, dests: await socket.destsOf([web, dns, marked]) }
}

async function change(socket: IpvsSocket): Promise<ProgrammingObservations['changed']> {
  await socket.apply(
    new IpvsTransaction()
      .changeService({ key: web, scheduler: 'wrr', flags: ['persistent'], timeoutSeconds: 30 })
      .changeDest(web, backend('10.0.0.2', 0)),
  )
  const services = await socket.services()
  return { service: services.find(({ scheduler }) => scheduler === 'wrr'), dests: await socket.dests(web) }
}

async function remove(socket: IpvsSocket): Promise<ProgrammingObservations['afterDeletion']> {
  await socket.apply(new IpvsTransaction().deleteDest(web, backend('10.0.0.2')).deleteService(marked))
  return { dests: await socket.dests(web), services: (await socket.services()).length }
}

async function refusal(attempt: Promise<void>): Promise<Refusal> {
  try {
    await attempt
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    return { failures: error.failures.map(({ op, code }) => [op, code] as const), operation: error.operation }
  }
  throw new Error('nothing was refused')
}

async function refuse(socket: IpvsSocket): Promise<ProgrammingObservations['refused']> {
  const before = (await socket.services()).length
  const refused = await refusal(
    socket.apply(
      new IpvsTransaction()
        .addService({ key: tcp('10.96.1.1', 80), scheduler: 'rr' })
        .addService({ key: web, scheduler: 'rr' })
        .addDest(tcp('10.96.9.9', 80), backend('10.0.0.2'))
        .addService({ key: tcp('10.96.1.2', 80), scheduler: 'no-such' })
        .deleteDest(web, backend('10.0.0.99'))
        .addService({ key: tcp('10.96.1.3', 80), scheduler: 'rr' }),
    ),
  )
  return { ...refused, servicesMade: (await socket.services()).length - before }
}

const BULK_SERVICES = 1000
const bulkKey = (index: number): VirtualServerKey => tcp(`10.100.${index >> 8}.${index & 255}`, 80)

/** 1,000 services of 5 dests, then the same again, which the kernel refuses one by one. */
async function bulk(socket: IpvsSocket): Promise<Pick<ProgrammingObservations, 'bulk' | 'bulkRefused'>> {
  const changes = new IpvsTransaction()
  const keys = Array.from({ length: BULK_SERVICES }, (_, index) => bulkKey(index))
  for (const key of keys) {
    changes.addService({ key, scheduler: 'rr' })
    for (let slot = 1; slot <= 5; slot++) changes.addDest(key, backend(`10.1.0.${slot}`))
  }
  const before = socket.stats()
  await socket.apply(changes)
  const after = socket.stats()
  const dests = (await socket.destsOf(keys)).reduce((sum, list) => sum + list.length, 0)
  const services = (await socket.services()).filter(
    ({ key }) => key.kind === 'address' && key.address.startsWith('10.100.'),
  ).length
  const refused = await refusal(socket.apply(changes))
  return {
    bulk: {
      messages: after.messages - before.messages,
      syscalls: after.syscalls - before.syscalls,
      services,
      dests,
    },
    bulkRefused: { ...refused, failures: refused.failures.slice(-2), count: refused.failures.length },
  }
}

/**
 * Puts IPv6 VIPs on a machine whose processors are busy with other things, so that the kernel gets late to what it leaves
 * for later, and counts those that do not lead to the machine when they are said to.
 */
async function putVips(): Promise<ProgrammingObservations['vips']> {
  const busy = Array.from({ length: 4 }, () => spawn('sh', ['-c', 'while :; do :; done']))
  const routes = await RouteSocket.open()
  const link = await makeVipDevice(routes)
  const vips = Array.from({ length: 40 }, (_, i) => ip(`fd00:96::${(i + 1).toString(16)}`))
  let lostAtFirst = 0
  for (const vip of vips) {
    await changeVips(routes, link, [vip], [])
    const led = await routes.routes('IPv6')
    if (!led.some(({ type, destination }) => type === 'local' && destination.address === vip)) lostAtFirst++
  }
  await routes.close()
  for (const program of busy) program.kill('SIGKILL')
  return { put: vips.length, lostAtFirst }
}

async function observeAll(socket: IpvsSocket): Promise<ProgrammingObservations> {
  const added = await add(socket)
  const changed = await change(socket)
  const afterDeletion = await remove(socket)
  const refused = await refuse(socket)
  const inBulk = await bulk(socket)
  await socket.apply(
    new IpvsTransaction().flush().setTimeouts({ tcpSeconds: 800, tcpFinSeconds: 0, udpSeconds: 200 }),
  )
  return {
    added,
    changed,
    afterDeletion,
    refused,
    ...inBulk,
    afterFlush: (await socket.services()).length,
    info: await socket.info(),
    noSuchService: await socket.dests(tcp('10.96.9.9', 80)),
    vips: await putVips(),
  }
}

const socket = await IpvsSocket.open()
console.log(JSON.stringify(await observeAll(socket)))
await socket.close()
