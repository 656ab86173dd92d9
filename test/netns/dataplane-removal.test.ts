import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Change } from '../../src/model/change.ts'
import { openProxy } from '../support/proxy.ts'
import { SERVER_PORT, ServiceWorld } from '../support/service-world.ts'
import { port, service, serviceChange, slice, sliceChange } from '../support/services.ts'
import { Load } from '../takeover/load.ts'

const VIP = '10.96.0.10'
/** Others, so that a table takes its time to go. */
const FILLERS = 300
/** A packet must be on its way through the rules at the very moment: it took some ten removals to catch one. */
const REMOVALS = 20

let world: ServiceWorld
beforeAll(async () => {
  world = await ServiceWorld.create(2)
})
afterAll(() => world?.dispose())

function changes(): readonly Change[] {
  const endpoints = world.servers.map(({ addresses }) => addresses.IPv4)
  const fillers = Array.from({ length: FILLERS }, (_, index) => {
    const [high, low] = [index >> 8, index & 255]
    return [
      serviceChange(service(`filler-${index}`, `10.96.${1 + high}.${low}`)),
      sliceChange(slice(`filler-${index}`, [`10.4.${high}.${low}`])),
    ]
  })
  return [
    serviceChange(service('web', VIP, { ports: [port()] })),
    sliceChange(slice('web', endpoints, { port: { port: SERVER_PORT } })),
    ...fillers.flat(),
  ]
}

it('a table that goes refuses nobody while the rules of another mode are in force', async () => {
  const remaining = await openProxy(world.node.path, { mode: 'iptables' })
  remaining.apply(changes())
  await remaining.synced()
  const targets = [{ name: 'cluster IP', protocol: 'TCP', address: VIP, port: 80 }] as const
  const pace = { targets, held: [], loops: 12, pauseMs: 1 }
  const loads = [await Load.start(world.outside, pace), await Load.start(world.node, pace)]
  try {
    for (let removals = 0; removals < REMOVALS; removals++) {
      const going = await openProxy(world.node.path)
      going.apply(changes())
      await going.synced()
      await going.cleanup()
      await going.close()
    }
    const tallies = await Promise.all(loads.map((load) => load.take()))
    expect(tallies.flatMap(({ failures }) => failures)).toEqual([])
    for (const { connections } of tallies) expect(connections).toBeGreaterThan(100)
  } finally {
    for (const load of loads) await load.stop()
    await remaining.close()
  }
})
