import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '../../src/model/service.ts'
import type { Question } from '../support/agent.ts'
import { IptablesProxy, iptablesConfig } from '../support/iptables-world.ts'
import { PLACES, SERVER_PORT, ServiceWorld } from '../support/service-world.ts'
import { port, service, serviceChange, slice, sliceChange, sliceEndpoint } from '../support/services.ts'

const places = PLACES.IPv4
const ROUTE_LOCALNET = 'net.ipv4.conf.all.route_localnet'
const local: Question = { protocol: 'TCP', address: '127.0.0.1', port: 30080 }

const web = (fields: Partial<Service> = {}) =>
  serviceChange(
    service('web', '10.96.0.1', { type: 'NodePort', ports: [port({ nodePort: 30080 })], ...fields }),
  )
const endpoints = (nodeName = 'here') =>
  sliceChange(slice('web', [sliceEndpoint(places.subnet(1).server, { nodeName })]))

describe('iptables backend: node ports on localhost', () => {
  let world: ServiceWorld
  let proxy: IptablesProxy

  beforeAll(async () => {
    world = await ServiceWorld.create(1)
  })
  afterAll(() => world?.dispose())
  afterEach(async () => {
    await proxy.backend.remove()
    await proxy.backend.close()
    await world.node.sysctl({ [ROUTE_LOCALNET]: 0 })
  })

  const open = async (localhostNodePorts: boolean): Promise<void> => {
    proxy = await IptablesProxy.open(world.node, iptablesConfig('IPv4', { localhostNodePorts }))
  }

  it('reach endpoints from the node itself, under either policy, and are refused without any', async () => {
    await open(true)
    await proxy.rebuild(web(), endpoints())
    expect(await world.host.ask(local)).toMatchObject({ kind: 'answered', seenAs: places.subnet(1).gateway })
    expect(await world.host.ask({ ...local, address: '127.1.2.3' })).toMatchObject({ kind: 'answered' })
    await proxy.update(web({ externalTrafficPolicy: 'Local' }), endpoints('there'))
    expect(await world.host.ask(local)).toMatchObject({ kind: 'answered' })
    await proxy.update(sliceChange(slice('web', [], { family: 'IPv4' })))
    expect(await world.host.ask(local)).toMatchObject({ kind: 'refused' })
    expect(await proxy.backend.audit()).toEqual([])
  })

  it('do not open to neighbours what listens on 127.0.0.1 only', async () => {
    await open(true)
    await proxy.rebuild(web(), endpoints())
    await world.host.serve(SERVER_PORT, 'node')
    const own: Question = { protocol: 'TCP', address: '127.0.0.1', port: SERVER_PORT, timeoutMs: 300 }
    expect(await world.host.ask(own)).toMatchObject({ kind: 'answered', from: 'node' })
    const lead = async (verb: 'add' | 'del'): Promise<void> => {
      await world.outside.exec('ip', 'rule', verb, 'pref', '0', 'to', '127.0.0.1', 'lookup', '100')
      await world.outside.exec('ip', 'route', verb, '127.0.0.1', 'via', places.node, 'table', '100')
    }
    // A neighbour who leads 127.0.0.1 to the node, and whom nothing but the rules keeps out.
    await world.outside.sysctl({ [ROUTE_LOCALNET]: 1 })
    await world.outside.exec('ip', 'rule', 'add', 'pref', '10', 'lookup', 'local')
    await world.outside.exec('ip', 'rule', 'del', 'pref', '0')
    await lead('add')
    try {
      const asked = { ...own, from: places.client }
      expect(await world.client.ask(asked)).toMatchObject({ kind: 'silent' })
      expect((await world.node.exec('iptables-nft', '-nvL', 'KUBE-LOCALNET')).split('\n')[2]).toMatch(
        /^ *[1-9]\d* .*DROP/,
      )
    } finally {
      await lead('del')
    }
  })

  it('are closed, and the kernel left as it is, unless asked for', async () => {
    await open(false)
    await proxy.rebuild(web(), endpoints())
    expect(await world.host.ask(local)).toMatchObject({ kind: 'refused' })
    expect((await world.node.exec('sysctl', '-n', ROUTE_LOCALNET)).trim()).toBe('0')
    expect(await world.host.ask({ ...local, address: places.node })).toMatchObject({ kind: 'answered' })
  })
})
