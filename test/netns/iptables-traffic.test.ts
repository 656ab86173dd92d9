import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IpFamily } from '../../src/util/address.ts'
import { IptablesProxy, iptablesConfig } from '../support/iptables-world.ts'
import { ServiceWorld } from '../support/service-world.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'

// What becomes of new connections is for the scripts to say.
describe.each(['IPv4', 'IPv6'] as const satisfies readonly IpFamily[])(
  'iptables backend: established connections, %s',
  (family) => {
    let world: ServiceWorld
    const vip = family === 'IPv4' ? '10.96.0.1' : 'fd00:96::1'

    beforeAll(async () => {
      world = await ServiceWorld.create(2)
    })
    afterAll(() => world?.dispose())

    const endpoints = (count: number) =>
      sliceChange(
        slice(
          'web',
          world.servers.slice(0, count).map(({ addresses }) => addresses[family]),
        ),
      )
    const open = (): Promise<IptablesProxy> => IptablesProxy.open(world.node, iptablesConfig(family))

    it('live through a change, a rebuild and a new process', async () => {
      const proxy = await open()
      await proxy.rebuild(serviceChange(service('web', vip)), endpoints(1))
      await world.client.hold('long', vip, 80)
      const isAlive = async (): Promise<void> => {
        expect(await world.client.talk('long')).toMatchObject({ kind: 'answered', from: 'pod-1' })
      }
      await isAlive()
      await proxy.update(endpoints(2))
      await isAlive()
      await proxy.rebuild()
      await isAlive()
      await proxy.backend.close()
      const next = await open()
      await next.rebuild()
      await isAlive()
      await next.backend.close()
    })
  },
)
