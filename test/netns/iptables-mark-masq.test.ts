import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NftablesBackend } from '../../src/dataplane/nftables/nftables-backend.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { IptablesProxy, iptablesConfig, iptablesSave } from '../support/iptables-world.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'

/** A port of the node that a tool like the CNI plugin portmap leads to a pod, with KUBE-MARK-MASQ for masquerade. */
const HOST_PORT = 9999

describe.each(['IPv4', 'IPv6'] as const satisfies readonly IpFamily[])(
  'iptables backend: others who jump to KUBE-MARK-MASQ, %s',
  (family) => {
    let world: ServiceWorld
    const places = PLACES[family]
    const program = family === 'IPv4' ? 'iptables-nft' : 'ip6tables-nft'

    beforeAll(async () => {
      world = await ServiceWorld.create(1)
    })
    afterAll(() => world?.dispose())

    const nat = (...words: string[]): Promise<string> => world.node.exec(program, '-t', 'nat', ...words)
    const vip = family === 'IPv4' ? '10.96.0.1' : 'fd00:96::1'
    const pod = places.subnet(1).server
    const objects = [serviceChange(service('web', vip)), sliceChange(slice('web', [pod]))]
    const open = (): Promise<IptablesProxy> => IptablesProxy.open(world.node, iptablesConfig(family))
    const seenAs = async (): Promise<unknown> => {
      const answer = await world.client.ask({ protocol: 'TCP', address: places.node, port: HOST_PORT })
      return answer.kind === 'answered' ? answer.seenAs : answer
    }
    const ourChains = async (): Promise<string[]> =>
      (await iptablesSave(world.node, family)).filter((line) => line.startsWith(':KUBE-'))

    it('are masqueraded through rebuilds, restarts, repairs, a change of mode, and as long as they are there', async () => {
      const first = await open()
      await first.rebuild(...objects)
      const target = family === 'IPv4' ? `${pod}:8080` : `[${pod}]:8080`
      await nat('-N', 'TOOL')
      await nat('-A', 'TOOL', '-p', 'tcp', '--dport', String(HOST_PORT), '-j', 'KUBE-MARK-MASQ')
      const to = ['--dport', String(HOST_PORT), '-j', 'DNAT', '--to-destination', target]
      await nat('-A', 'TOOL', '-p', 'tcp', ...to)
      await nat('-A', 'PREROUTING', '-j', 'TOOL')
      const masqueraded = places.subnet(1).gateway
      expect(await seenAs()).toBe(masqueraded)

      await first.rebuild()
      expect(await seenAs()).toBe(masqueraded)

      await nat('-F', 'KUBE-MARK-MASQ')
      expect(await seenAs()).toBe(places.client)
      expect(await first.backend.audit()).toHaveLength(1)
      expect(await first.backend.repair()).toBe(true)
      expect(await seenAs()).toBe(masqueraded)
      await first.backend.close()

      const second = await open()
      await second.rebuild(...objects)
      expect(await seenAs()).toBe(masqueraded)

      // As another mode is taken up: its rules first, then those of this one go.
      const nftables = await NftablesBackend.open(iptablesConfig(family), world.node.path)
      expect(await nftables.rebuild([])).toEqual({ kind: 'committed' })
      await second.backend.remove()
      expect(await seenAs()).toBe(masqueraded)
      await nftables.remove()
      await nftables.close()
      expect(await seenAs()).toBe(masqueraded)
      expect(await ourChains()).toEqual([':KUBE-MARK-MASQ -', ':KUBE-POSTROUTING -'])

      await second.rebuild(...objects)
      expect(await seenAs()).toBe(masqueraded)
      expect(await second.backend.audit()).toEqual([])

      await nat('-F', 'TOOL')
      await second.backend.remove()
      expect(await ourChains()).toEqual([])
      await second.backend.close()
    })
  },
)
