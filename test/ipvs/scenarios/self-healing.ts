/** Breaks what a proxy in mode ipvs has made, each time another way, and prints how long it stays broken. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Registry } from 'prom-client'
import { IpvsBackend } from '../../../src/dataplane/ipvs/ipvs-backend.ts'
import { ServiceProxy } from '../../../src/dataplane/proxy.ts'
import { IpvsSocket } from '../../../src/native/ipvs.ts'
import { silentLogger } from '../../../src/util/logger.ts'
import { eventually } from '../../support/eventually.ts'
import { configOf, frontend, pod } from '../../support/ipvs-frontends.ts'
import { cidr, service, serviceChange, slice, sliceChange } from '../../support/services.ts'
import { tcp } from './keys.ts'

export interface HealingObservations {
  /** Ms from the damage until it is mended, by what was done. */
  readonly healedMs: Readonly<Record<string, number>>
  /** What the audit says in the end. */
  readonly left: readonly string[]
  /** What ten looks at this many virtual servers that are as they should be cost. */
  readonly idle: { readonly servers: number; readonly messages: number }
}

const SERVICES = 20
const IDLE_SERVICES = 200
const VIP = (index: number): string => `10.96.3.${index}`

const run = async (file: string, ...words: readonly string[]): Promise<string> =>
  (await promisify(execFile)(file, words)).stdout

const socket = await IpvsSocket.open()

const DAMAGES: Readonly<
  Record<string, { damage: () => Promise<unknown>; isMended: () => Promise<boolean> }>
> = {
  'ipvsadm -C': {
    damage: () => run('ipvsadm', '-C'),
    isMended: async () => (await socket.dests(tcp(VIP(SERVICES), 80))).length === 2,
  },
  'ip link delete kube-ipvs0': {
    damage: () => run('ip', 'link', 'delete', 'kube-ipvs0'),
    isMended: async () => (await run('ip', 'address')).includes(`${VIP(SERVICES)}/32`),
  },
  'ip link set kube-ipvs0 down': {
    damage: () => run('ip', 'link', 'set', 'kube-ipvs0', 'down'),
    isMended: async () => (await run('ip', '-br', 'link', 'show', 'up')).includes('kube-ipvs0'),
  },
  'sysctl net.ipv4.vs.conntrack=0': {
    damage: () => run('sysctl', '-qw', 'net.ipv4.vs.conntrack=0'),
    isMended: async () => (await readFile('/proc/sys/net/ipv4/vs/conntrack', 'utf8')).trim() === '1',
  },
}

async function heal(): Promise<Pick<HealingObservations, 'healedMs' | 'left'>> {
  const proxy = await ServiceProxy.open({
    ...{
      mode: 'ipvs',
      families: ['IPv4'],
      serviceCidrs: [cidr('10.96.0.0/16')],
      podCidrs: [],
      nodeAddresses: [],
    },
    ...{ nodeName: 'here', masqueradePodEgress: false, registry: new Registry(), log: silentLogger },
    auditIntervalMs: 3_600_000,
  })
  const changes = Array.from({ length: SERVICES }, (_, i) => [
    serviceChange(service(`web-${i}`, VIP(i + 1))),
    sliceChange(slice(`web-${i}`, ['10.1.1.2', '10.1.2.2'])),
  ])
  proxy.apply(changes.flat())
  await proxy.synced()
  // The first audit is behind the first sync: what is damaged before it would be its business.
  await proxy.audit()
  const healedMs: Record<string, number> = {}
  for (const [what, { damage, isMended }] of Object.entries(DAMAGES)) {
    await damage()
    const began = performance.now()
    await eventually(async () => ((await isMended()) ? true : undefined), 30_000)
    healedMs[what] = Math.round(performance.now() - began)
    await proxy.synced()
    // The auditor keeps its distance from itself, by how long it took: this is about one damage at a time.
    await setTimeout(4 * healedMs[what])
  }
  const left = await proxy.audit()
  await proxy.cleanup()
  await proxy.close()
  return { healedMs, left }
}

async function idle(): Promise<HealingObservations['idle']> {
  const looks = 10
  const backend = await IpvsBackend.open({ ...configOf('IPv4'), pulseMs: 20 }, undefined)
  await backend.rebuild(
    Array.from({ length: IDLE_SERVICES }, (_, i) => frontend(VIP(i + 1), 80, [pod(1), pod(2)])),
  )
  const before = backend.stats().messages
  const watching = backend.watch.next()
  await eventually(() => (backend.stats().messages - before >= looks * 3 ? true : undefined))
  const messages = backend.stats().messages - before
  await backend.remove()
  await backend.close()
  if ((await watching) !== undefined) throw new Error('something was found where nothing is wrong')
  return { servers: IDLE_SERVICES, messages }
}

const observations: HealingObservations = { ...(await heal()), idle: await idle() }
console.log(JSON.stringify(observations))
await socket.close()
