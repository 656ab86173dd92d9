import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FamilyConfig } from '../../src/dataplane/family-config.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { IptablesProxy, iptablesConfig, iptablesSave } from '../support/iptables-world.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { port, service, serviceChange, slice, sliceChange } from '../support/services.ts'

const ABOUT =
  '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'

describe.each(['IPv4', 'IPv6'] as const satisfies readonly IpFamily[])(
  'iptables backend: where node ports answer, %s',
  (family) => {
    let world: ServiceWorld
    const places = PLACES[family]
    const [vip, late, bits] =
      family === 'IPv4' ? ['10.96.0.1', '203.0.113.7', 32] : ['fd00:96::1', '2001:db8:113::7', 128]
    const nodePort = { protocol: 'TCP', port: 30080 } as const

    beforeAll(async () => {
      world = await ServiceWorld.create(1)
    })
    afterAll(() => world?.dispose())

    async function withNodePort(fields: Partial<FamilyConfig>, look: () => Promise<void>): Promise<void> {
      const proxy = await IptablesProxy.open(world.node, iptablesConfig(family, fields))
      try {
        await proxy.rebuild(
          serviceChange(
            service('web', vip, { type: 'NodePort', ports: [port({ nodePort: nodePort.port })] }),
          ),
          sliceChange(slice('web', [places.subnet(1).server])),
        )
        await look()
      } finally {
        await proxy.backend.remove()
        await proxy.backend.close()
      }
    }
    const rules = async (): Promise<string[]> =>
      (await iptablesSave(world.node, family)).filter(
        (line) => line.endsWith('-j KUBE-NODEPORTS') && line.includes('-A KUBE-'),
      )

    it('is the addresses that are named', () =>
      withNodePort({}, async () => {
        expect(await rules()).toEqual([
          `-A KUBE-SERVICES -d ${places.node}/${bits} ${ABOUT} -j KUBE-NODEPORTS`,
        ])
        expect(await world.client.ask({ ...nodePort, address: places.node })).toMatchObject({
          kind: 'answered',
        })
        expect(await world.client.ask({ ...nodePort, address: places.subnet(1).gateway })).toMatchObject({
          kind: 'refused',
        })
      }))

    it('is every address of the node, but for loopback, also one that it is given later', () =>
      withNodePort({ nodePortsEverywhere: true }, async () => {
        const loopback = family === 'IPv4' ? '127.0.0.0/8' : '::1/128'
        expect(await rules()).toEqual([
          `-A KUBE-SERVICES ! -d ${loopback} ${ABOUT} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
        ])
        await world.node.exec('ip', 'addr', 'add', `${late}/${bits}`, 'dev', 'lo')
        for (const address of [places.node, places.subnet(1).gateway, late])
          expect(await world.client.ask({ ...nodePort, address })).toMatchObject({ kind: 'answered' })
        const own = family === 'IPv4' ? '127.0.0.1' : '::1'
        expect(await world.host.ask({ ...nodePort, address: own })).toMatchObject({ kind: 'refused' })
      }))

    it('is every address of the node and localhost, where that can be', () =>
      withNodePort({ nodePortsEverywhere: true, localhostNodePorts: true }, async () => {
        const but = family === 'IPv4' ? '' : '! -d ::1/128 '
        expect(await rules()).toEqual([
          `-A KUBE-SERVICES ${but}${ABOUT} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
        ])
        const own = family === 'IPv4' ? '127.0.0.1' : '::1'
        const fate = family === 'IPv4' ? 'answered' : 'refused'
        expect(await world.host.ask({ ...nodePort, address: own })).toMatchObject({ kind: fate })
      }))
  },
)
