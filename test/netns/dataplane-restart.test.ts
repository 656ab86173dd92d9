import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import type { Agent, Answer, Question } from '../support/agent.ts'
import { openProxy } from '../support/proxy.ts'
import { ServiceWorld } from '../support/service-world.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'

const VIP = '10.96.0.1'
const TCP: Question = { protocol: 'TCP', address: VIP, port: 80 }

let world: ServiceWorld
let proxy: ServiceProxy

beforeAll(async () => {
  world = await ServiceWorld.create(3)
})

afterAll(() => world?.dispose())

beforeEach(async () => {
  proxy = await openProxy(world.node.path)
  await serve(...world.servers.map((server) => server.addresses.IPv4))
})

afterEach(async () => {
  await proxy.cleanup()
  await proxy.close()
})

async function serve(...addresses: readonly string[]): Promise<void> {
  proxy.apply([serviceChange(service('web', VIP)), sliceChange(slice('web', addresses))])
  await proxy.synced()
}

/** Goes on asking until `work` is done, and returns every answer. */
async function askDuring(agent: Agent, work: () => Promise<void>): Promise<Answer[]> {
  const answers: Answer[] = []
  let working = true
  const asking = (async () => {
    do answers.push(...(await agent.askOften(TCP, 10)))
    while (working)
  })()
  await work().finally(() => {
    working = false
  })
  await asking
  return answers
}

const unanswered = (answers: readonly Answer[]): Answer[] =>
  answers.filter((answer) => answer.kind !== 'answered')

describe('a service proxy that starts over the rules of one that ended without a word', () => {
  it('drops no connection and refuses no new one', async () => {
    await world.client.hold('before', VIP, 80)
    const held = await world.client.talk('before')
    await proxy.close()
    const answers = await askDuring(world.client, async () => {
      for (let restart = 0; restart < 5; restart++) {
        proxy = await openProxy(world.node.path)
        await serve(...world.servers.map((server) => server.addresses.IPv4))
        if (restart < 4) await proxy.close()
      }
    })
    expect(unanswered(answers)).toEqual([])
    expect(held.kind).toBe('answered')
    expect(await world.client.talk('before')).toMatchObject({
      kind: 'answered',
      from: held.kind === 'answered' ? held.from : '',
    })
  })

  it('takes away what is no longer wanted', async () => {
    proxy.apply([serviceChange(service('old', '10.96.0.9')), sliceChange(slice('old', ['10.1.1.2']))])
    await proxy.synced()
    await proxy.close()
    proxy = await openProxy(world.node.path)
    await serve(...world.servers.map((server) => server.addresses.IPv4))
    expect(await world.node.exec('nft', 'list', 'map', 'ip', 'hawser', 'svcs')).not.toContain('10.96.0.9')
  })
})

describe('endpoints that come and go all the time', () => {
  it('lose no new connection while one stays', async () => {
    const [first = '', ...others] = world.servers.map((server) => server.addresses.IPv4)
    const answers = await askDuring(world.client, async () => {
      for (let step = 0; step < 300; step++) {
        await serve(first, ...others.slice(0, step % (others.length + 1)))
      }
    })
    expect(unanswered(answers)).toEqual([])
  })
})
