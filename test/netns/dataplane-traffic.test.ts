import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import type { Agent, Answer, Question } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { openProxy } from '../support/proxy.ts'
import { PLACES, SERVER_PORT, ServiceWorld } from '../support/service-world.ts'
import { port, service, serviceChange, slice, sliceChange } from '../support/services.ts'

const NODE_PORT = 30080
/** A TCP client tries again after this; an answer before is one to its first packet. */
const FIRST_RETRY_MS = 1000

/** Asks until a refusal has come at once. One that only answers the second packet never does, a busy machine at times. */
const refusedAtOnce = (agent: Agent, question: Question): Promise<true> =>
  eventually(async () => {
    const answer = await agent.ask(question)
    expect(answer).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' })
    return answer.ms < FIRST_RETRY_MS ? true : undefined
  })
const ALL = ['pod-1', 'pod-2', 'pod-3']

let world: ServiceWorld

beforeAll(async () => {
  world = await ServiceWorld.create(3)
})

afterAll(() => world?.dispose())

/** Names of the servers that answered, each once; a refusal or silence shows as itself. */
const answering = (answers: readonly Answer[]): string[] =>
  [...new Set(answers.map((answer) => (answer.kind === 'answered' ? answer.from : answer.kind)))].sort()

/** Client addresses that the servers saw, each once. */
const seen = (answers: readonly Answer[]): string[] => [
  ...new Set(answers.map((answer) => (answer.kind === 'answered' ? answer.seenAs : answer.kind))),
]

describe.each([
  { family: 'IPv4', vip: '10.96.0.1', unused: '10.96.0.77' },
  { family: 'IPv6', vip: 'fd00:96::1', unused: 'fd00:96::77' },
] as const)('over $family', ({ family, vip, unused }) => {
  const { node, client } = PLACES[family]
  const tcp: Question = { protocol: 'TCP', address: vip, port: 80 }
  const udp: Question = { ...tcp, protocol: 'UDP' }
  const nodePort = { address: node, port: NODE_PORT }
  const web = service('web', vip, {
    type: 'NodePort',
    ports: [
      port({ name: 'tcp', port: 80, nodePort: NODE_PORT }),
      port({ name: 'udp', protocol: 'UDP', port: 80, nodePort: NODE_PORT }),
    ],
  })
  const waysIn: readonly [string, Question][] = [
    ['its cluster IP over TCP', tcp],
    ['its cluster IP over UDP', udp],
    ['its node port over TCP', { ...tcp, ...nodePort }],
    ['its node port over UDP', { ...udp, ...nodePort }],
  ]
  let proxy: ServiceProxy

  beforeEach(async () => {
    proxy = await openProxy(world.node.path, { families: [family] })
  })

  afterEach(async () => {
    await proxy.cleanup()
    await proxy.close()
  })

  /** The Service `web` over these servers, in force. */
  async function serve(...names: readonly string[]): Promise<void> {
    const servers = world.servers.filter(({ name }) => names.includes(name))
    const ports = (['TCP', 'UDP'] as const).map((protocol) => ({
      name: protocol.toLowerCase(),
      protocol,
      port: SERVER_PORT,
    }))
    const addresses = servers.map((server) => server.addresses[family])
    proxy.apply([serviceChange(web), sliceChange(slice('web', addresses, { family, ports }))])
    await proxy.synced()
  }

  describe('a Service with three endpoints', () => {
    beforeEach(() => serve(...ALL))

    it.each(waysIn)('reaches every one of them from outside through %s', async (_, question) => {
      expect(answering(await world.client.askOften(question, 60))).toEqual(ALL)
    })

    it.each(waysIn)('reaches every one of them from the node itself through %s', async (_, question) => {
      expect(answering(await world.host.askOften(question, 60))).toEqual(ALL)
    })

    it('shows pods the address of a pod, and masquerades clients from outside', async () => {
      const [pod, ...others] = world.servers
      const asked = (await pod?.agent.askOften(tcp, 40)) ?? []
      const byOthers = asked.filter(
        (answer) => answer.kind === 'answered' && others.some(({ name }) => name === answer.from),
      )
      expect(seen(byOthers)).toEqual([pod?.addresses[family]])
      expect(seen(await world.client.askOften(tcp, 10))).not.toContain(client)
    })

    it('rejects a port that it does not have, at once', async () => {
      await refusedAtOnce(world.client, { ...tcp, port: 81 })
    })

    it('leaves an address of the range that no Service has unanswered', async () => {
      const answer = await world.client.ask({ ...tcp, address: unused, timeoutMs: 300 })
      expect(answer.kind).toBe('silent')
    })
  })

  it.each([
    ['TCP', tcp],
    ['UDP', udp],
  ])('a pod that is the only endpoint reaches itself through the Service over %s', async (_, question) => {
    await serve('pod-1')
    expect(answering((await world.servers[0]?.agent.askOften(question, 10)) ?? [])).toEqual(['pod-1'])
  })

  it.each(waysIn)('a Service without endpoints refuses at once through %s', async (_, question) => {
    await serve()
    for (const agent of [world.client, world.host]) await refusedAtOnce(agent, question)
  })

  it('scaling moves new connections with every step', async () => {
    for (const names of [['pod-1'], ALL, ['pod-2', 'pod-3'], ['pod-3'], ['pod-1', 'pod-3']]) {
      await serve(...names)
      expect(answering(await world.client.askOften(tcp, 40))).toEqual(names)
    }
  })

  it('scaling to nothing and back refuses in between only', async () => {
    await serve('pod-1')
    await serve()
    expect(answering(await world.client.askOften(tcp, 5))).toEqual(['refused'])
    await serve('pod-1')
    expect(answering(await world.client.askOften(tcp, 5))).toEqual(['pod-1'])
  })

  it('what pods send to the outside has their address, or the node’s where that is asked for', async () => {
    const [pod] = world.servers
    await world.client.serve(family === 'IPv4' ? 9004 : 9006, 'outside')
    const out: Question = { protocol: 'TCP', address: client, port: family === 'IPv4' ? 9004 : 9006 }
    await serve(...ALL)
    expect(seen([await ask(pod, out)])).toEqual([pod?.addresses[family]])
    await proxy.close()
    proxy = await openProxy(world.node.path, { families: [family], masqueradePodEgress: true })
    await serve(...ALL)
    expect(seen([await ask(pod, out)])).toEqual([node])
    expect(seen([await ask(pod, { ...out, address: otherPod(), port: SERVER_PORT })])).toEqual([
      pod?.addresses[family],
    ])
  })

  const otherPod = (): string => world.servers[1]?.addresses[family] ?? ''
})

const ask = async (from: ServiceWorld['servers'][number] | undefined, question: Question): Promise<Answer> =>
  (await from?.agent.ask(question)) ?? { kind: 'silent', ms: 0 }
