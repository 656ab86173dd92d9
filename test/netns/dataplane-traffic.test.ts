import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import type { Answer, Question } from '../support/agent.ts'
import { openProxy } from '../support/proxy.ts'
import { CLIENT_ADDRESS, NODE_ADDRESS, SERVER_PORT, ServiceWorld } from '../support/service-world.ts'
import { port, service, serviceChange, slice, sliceChange } from '../support/services.ts'

const VIP = '10.96.0.1'
const NODE_PORT = 30080
const WEB = serviceChange(
  service('web', VIP, {
    type: 'NodePort',
    ports: [
      port({ name: 'tcp', port: 80, nodePort: NODE_PORT }),
      port({ name: 'udp', protocol: 'UDP', port: 80, nodePort: NODE_PORT }),
    ],
  }),
)
const TCP: Question = { protocol: 'TCP', address: VIP, port: 80 }
const UDP: Question = { protocol: 'UDP', address: VIP, port: 80 }

let world: ServiceWorld
let proxy: ServiceProxy

beforeAll(async () => {
  world = await ServiceWorld.create(3)
})

afterAll(() => world?.dispose())

beforeEach(async () => {
  proxy = await openProxy(world.node.path)
})

afterEach(async () => {
  await proxy.cleanup()
  await proxy.close()
})

/** The Service `web` over these servers, in force. */
async function serve(...names: readonly string[]): Promise<void> {
  const addresses = world.servers.filter(({ name }) => names.includes(name)).map((server) => server.address)
  proxy.apply([
    WEB,
    sliceChange(
      slice('web', addresses, {
        family: 'IPv4',
        ports: [
          { name: 'tcp', protocol: 'TCP', port: SERVER_PORT },
          { name: 'udp', protocol: 'UDP', port: SERVER_PORT },
        ],
      }),
    ),
  ])
  await proxy.synced()
}

/** Names of the servers that answered, each once; a refusal or silence shows as itself. */
const answering = (answers: readonly Answer[]): string[] =>
  [...new Set(answers.map((answer) => (answer.kind === 'answered' ? answer.from : answer.kind)))].sort()

const ALL = ['pod-1', 'pod-2', 'pod-3']

describe('a Service with three endpoints', () => {
  beforeEach(() => serve(...ALL))

  it.each([
    ['its cluster IP over TCP', TCP],
    ['its cluster IP over UDP', UDP],
    ['its node port over TCP', { ...TCP, address: NODE_ADDRESS, port: NODE_PORT }],
    ['its node port over UDP', { ...UDP, address: NODE_ADDRESS, port: NODE_PORT }],
  ])('reaches every one of them from outside through %s', async (_, question) => {
    expect(answering(await world.client.askOften(question, 60))).toEqual(ALL)
  })

  it.each([
    ['its cluster IP over TCP', TCP],
    ['its cluster IP over UDP', UDP],
    ['its node port', { ...TCP, address: NODE_ADDRESS, port: NODE_PORT }],
  ])('reaches every one of them from the node itself through %s', async (_, question) => {
    expect(answering(await world.host.askOften(question, 60))).toEqual(ALL)
  })

  it('shows a pod its own address, and masquerades clients from outside', async () => {
    const [pod] = world.servers
    const inside = await pod?.agent.askOften(TCP, 30)
    const others = inside?.filter((answer) => answer.kind === 'answered' && answer.from !== pod?.name)
    expect(others?.every((answer) => answer.kind === 'answered' && answer.seenAs === pod?.address)).toBe(true)
    const outside = await world.client.askOften(TCP, 10)
    expect(outside.some((answer) => answer.kind === 'answered' && answer.seenAs === CLIENT_ADDRESS)).toBe(
      false,
    )
  })

  it('rejects a port that it does not have, at once', async () => {
    const answer = await world.client.ask({ ...TCP, port: 81 })
    expect(answer).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' })
    expect(answer.ms).toBeLessThan(500)
  })

  it('leaves an address of the range that no Service has unanswered', async () => {
    expect(await world.client.ask({ ...TCP, address: '10.96.0.77', timeoutMs: 300 })).toMatchObject({
      kind: 'silent',
    })
  })
})

describe('a pod that is the only endpoint of a Service', () => {
  it.each([
    ['TCP', TCP],
    ['UDP', UDP],
  ])('reaches itself through the Service over %s', async (_, question) => {
    await serve('pod-1')
    expect(answering((await world.servers[0]?.agent.askOften(question, 10)) ?? [])).toEqual(['pod-1'])
  })
})

describe('a Service without endpoints', () => {
  it.each([
    ['TCP to its cluster IP', TCP],
    ['UDP to its cluster IP', UDP],
    ['TCP to its node port', { ...TCP, address: NODE_ADDRESS, port: NODE_PORT }],
    ['UDP to its node port', { ...UDP, address: NODE_ADDRESS, port: NODE_PORT }],
  ])('refuses %s at once, from outside and from the node', async (_, question) => {
    await serve()
    for (const agent of [world.client, world.host]) {
      const answer = await agent.ask(question)
      expect(answer).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' })
      expect(answer.ms).toBeLessThan(500)
    }
  })
})

describe('scaling', () => {
  it('moves new connections with every step', async () => {
    for (const names of [['pod-1'], ALL, ['pod-2', 'pod-3'], ['pod-3'], ['pod-1', 'pod-3']]) {
      await serve(...names)
      expect(answering(await world.client.askOften(TCP, 40))).toEqual(names)
    }
  })

  it('to nothing and back refuses in between only', async () => {
    await serve('pod-1')
    await serve()
    expect(answering(await world.client.askOften(TCP, 5))).toEqual(['refused'])
    await serve('pod-1')
    expect(answering(await world.client.askOften(TCP, 5))).toEqual(['pod-1'])
  })
})
