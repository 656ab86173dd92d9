import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { IpFamily } from '../../src/util/address.ts'
import type { Answer, Question } from '../support/agent.ts'
import { IptablesProxy, iptablesConfig } from '../support/iptables-world.ts'
import { PLACES, SERVER_PORT, ServiceWorld } from '../support/service-world.ts'
import {
  address,
  cidr,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../support/services.ts'

const ALL = ['pod-1', 'pod-2', 'pod-3']
const IN = {
  IPv4: { web: '10.96.0.1', free: '10.96.0.200', external: '192.0.2.1', balancer: '192.0.2.2' },
  IPv6: { web: 'fd00:96::1', free: 'fd00:96::200', external: 'fd00:c0::1', balancer: 'fd00:c0::2' },
} as const

const answering = (answers: readonly Answer[]): string[] =>
  [...new Set(answers.map((answer) => (answer.kind === 'answered' ? answer.from : answer.kind)))].sort()
const seenAs = (answer: Answer): string => (answer.kind === 'answered' ? answer.seenAs : answer.kind)

describe.each(['IPv4', 'IPv6'] as const satisfies readonly IpFamily[])(
  'iptables backend: %s traffic',
  (family) => {
    let world: ServiceWorld
    let proxy: IptablesProxy
    const places = PLACES[family]
    const at = IN[family]

    beforeAll(async () => {
      world = await ServiceWorld.create(3)
    })
    afterAll(() => world.dispose())
    beforeEach(async () => {
      proxy = await IptablesProxy.open(world.node, iptablesConfig(family))
      await proxy.rebuild()
    })
    afterEach(async () => {
      await proxy.backend.remove()
      await proxy.backend.close()
    })

    const tcp: Question = { protocol: 'TCP', address: at.web, port: 80 }
    const udp: Question = { protocol: 'UDP', address: at.web, port: 80 }
    const nodePort = { address: places.node, port: 30080 }
    const silent = { timeoutMs: 300 }

    /** The Service `web`, on all ways in, over endpoints that are on this node (`here`) or on another. */
    async function serve(
      names: readonly string[],
      fields: Parameters<typeof service>[2] = {},
      nodeName = 'here',
    ): Promise<void> {
      const web = service('web', at.web, {
        type: 'LoadBalancer',
        ports: [
          port({ name: 'tcp', nodePort: 30080 }),
          port({ name: 'udp', protocol: 'UDP', nodePort: 30080 }),
        ],
        externalIPs: [address(at.external)],
        loadBalancerIPs: [address(at.balancer)],
        ...fields,
      })
      const ports = (['TCP', 'UDP'] as const).map((protocol) => ({
        name: protocol.toLowerCase(),
        protocol,
        port: SERVER_PORT,
      }))
      const endpoints = world.servers
        .filter(({ name }) => names.includes(name))
        .map(({ addresses }) => sliceEndpoint(addresses[family], { nodeName }))
      await proxy.update(serviceChange(web), sliceChange(slice('web', endpoints, { family, ports })))
    }

    it.each([
      ['its cluster IP over TCP', tcp],
      ['its cluster IP over UDP', udp],
      ['its node port over TCP', { ...tcp, ...nodePort }],
      ['its node port over UDP', { ...udp, ...nodePort }],
      ['its external IP', { ...tcp, address: at.external }],
      ['its load balancer', { ...tcp, address: at.balancer }],
    ])('reaches every endpoint from outside through %s', async (_, question) => {
      await serve(ALL)
      expect(answering(await world.client.askOften(question, 40))).toEqual(ALL)
    })

    it('reaches a Service from the node and from pods', async () => {
      await serve(ALL)
      expect(answering(await world.host.askOften(tcp, 40))).toEqual(ALL)
      expect(answering((await world.servers[0]?.agent.askOften(tcp, 40)) ?? [])).toEqual(ALL)
    })

    it('shows an endpoint its client, but for those that have to come back through the node', async () => {
      await serve(['pod-1'])
      const [first, second] = world.servers
      const ask = async (who: { ask(question: Question): Promise<Answer> } | undefined, question: Question) =>
        seenAs((await who?.ask(question)) ?? { kind: 'silent', ms: 0 })
      const gateway = places.subnet(1).gateway
      expect(await ask(second?.agent, tcp)).toBe(second?.addresses[family])
      // Hairpin, a client from outside of the pod CIDR, and a node port under policy Cluster.
      expect(await ask(first?.agent, tcp)).toBe(gateway)
      expect(await ask(world.client, tcp)).toBe(gateway)
      expect(await ask(world.client, { ...tcp, ...nodePort })).toBe(gateway)
    })

    it('refuses at once what has no endpoint, and takes it up when one comes', async () => {
      await serve([])
      for (const question of [tcp, udp, { ...tcp, ...nodePort }, { ...tcp, address: at.external }]) {
        expect(await world.client.ask(question)).toMatchObject({ kind: 'refused' })
        expect(await world.host.ask(question)).toMatchObject({ kind: 'refused' })
      }
      await serve(['pod-2'])
      expect(answering(await world.client.askOften(tcp, 3))).toEqual(['pod-2'])
    })

    it('refuses other ports of a cluster IP and drops what no Service has', async () => {
      await serve(ALL)
      expect(await world.client.ask({ ...tcp, port: 81 })).toMatchObject({ kind: 'refused' })
      expect(await world.client.ask({ ...tcp, address: at.free, ...silent })).toMatchObject({
        kind: 'silent',
      })
    })

    it('keeps external traffic under policy Local on this node, with its source', async () => {
      await serve(['pod-1'], { externalTrafficPolicy: 'Local' })
      expect(seenAs(await world.client.ask({ ...tcp, ...nodePort }))).toBe(places.client)
      await serve(['pod-1'], { externalTrafficPolicy: 'Local' }, 'there')
      expect(await world.client.ask({ ...tcp, ...nodePort, ...silent })).toMatchObject({ kind: 'silent' })
      // Pods and the node reach all endpoints, as if they went out and came back.
      expect(answering([await world.host.ask({ ...tcp, address: at.external })])).toEqual(['pod-1'])
      const pod = world.servers[1]
      expect(
        seenAs((await pod?.agent.ask({ ...tcp, address: at.external })) ?? { kind: 'silent', ms: 0 }),
      ).toBe(pod?.addresses[family])
    })

    it('drops what is to stay on this node and has no endpoint here', async () => {
      await serve(ALL, { internalTrafficPolicy: 'Local' }, 'there')
      expect(await world.host.ask({ ...tcp, ...silent })).toMatchObject({ kind: 'silent' })
      expect(answering(await world.client.askOften({ ...tcp, ...nodePort }, 40))).toEqual(ALL)
    })

    it('lets only its source ranges reach a load balancer, with endpoints and without', async () => {
      const balancer = { ...tcp, address: at.balancer, ...silent }
      const elsewhere = cidr(family === 'IPv4' ? '203.0.113.0/24' : 'fd00:dead::/64')
      const here = cidr(`${places.client}/${family === 'IPv4' ? 32 : 128}`)
      await serve(ALL, { loadBalancerSourceRanges: [elsewhere] })
      expect(await world.client.ask(balancer)).toMatchObject({ kind: 'silent' })
      expect(answering(await world.client.askOften(tcp, 40))).toEqual(ALL)
      await serve(ALL, { loadBalancerSourceRanges: [elsewhere, here] })
      expect(await world.client.ask(balancer)).toMatchObject({ kind: 'answered' })
      await serve([], { loadBalancerSourceRanges: [elsewhere] })
      expect(await world.client.ask(balancer)).toMatchObject({ kind: 'silent' })
      await serve([], { loadBalancerSourceRanges: [elsewhere, here] })
      expect(await world.client.ask({ ...tcp, address: at.balancer })).toMatchObject({ kind: 'refused' })
    })

    it('sends a client with affinity where it went before, until that endpoint is gone', async () => {
      await serve(ALL, { affinitySeconds: 600 })
      const [chosen = '', ...others] = answering(await world.client.askOften(tcp, 20))
      expect(others).toEqual([])
      await serve(
        ALL.filter((name) => name !== chosen),
        { affinitySeconds: 600 },
      )
      const [next, ...more] = answering(await world.client.askOften(tcp, 20))
      expect(more).toEqual([])
      expect(next).not.toBe(chosen)
      expect(ALL).toContain(next)
    })

    it('keeps established connections through a change, a rebuild and a new process', async () => {
      await serve(['pod-1'])
      await world.client.hold('long', at.web, 80)
      await serve(['pod-1', 'pod-2'])
      await proxy.rebuild()
      const next = await IptablesProxy.open(world.node, iptablesConfig(family))
      await next.rebuild()
      await next.backend.close()
      expect(await world.client.talk('long')).toMatchObject({ kind: 'answered', from: 'pod-1' })
    })
  },
)
