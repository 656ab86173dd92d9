import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { SteadyClient } from '../support/steady-client.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'
import { PODS, PodsOnNode, SETTLED_MS, SLEEP, shell, type ToldPod } from './pods-on-node.ts'

/** What a node lives through while its pods serve: whatever goes away, they don't. A client never stops asking them. */
const SERVERS = ['server-0', 'server-1']
const PORT = 8080

/** How long the API server is out of reach beside what happens meanwhile; 60 is what an operator would call a minute. */
const AWAY_SECONDS = Number(process.env.HAWSER_TEST_AWAY_SECONDS ?? 0)

let cluster: TestCluster
let node: TestNode
let pods: PodsOnNode
let client: SteadyClient
const first = new Map<string, ToldPod>()
/** Undoes what a test did to its surroundings, however it ends. */
let mend: () => Promise<void> = async () => undefined

beforeAll(async () => {
  cluster = await TestCluster.start({
    ...{ controllerManager: true, network: true },
    // A node that is silent for longer is given up, and its pods taken out of their Services.
    managerFlags: ['--node-monitor-grace-period=1h'],
  })
  node = await TestNode.start(cluster, { name: 'resilience', command: 'node' })
  pods = new PodsOnNode(cluster, node)
  await serve()
  for (const name of SERVERS) first.set(name, await pods.whenReady(name))
  client = await SteadyClient.start(node.netns, [
    { protocol: 'TCP', address: await whenServed(), port: PORT },
  ])
}, 240_000)

afterEach(() => mend())

afterAll(async () => {
  await client?.stop()
  pods?.close()
  await node?.dispose()
  await cluster?.dispose()
}, 240_000)

/** A Service of two pods that answer on every connection for as long as it lasts. */
async function serve(): Promise<void> {
  const labels = { app: 'server' }
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/services' },
    body: { metadata: { name: 'server' }, spec: { selector: labels, ports: [{ port: PORT }] } },
  })
  const spec = {
    nodeName: node.name,
    terminationGracePeriodSeconds: 1,
    containers: [shell(`exec nc -ll -p ${PORT} -e cat`)],
  }
  for (const name of SERVERS)
    await cluster.admin.json({ method: 'POST', path: PODS, body: { metadata: { name, labels }, spec } })
}

/** The Service's address, once it leads to its pods. */
async function whenServed(): Promise<string> {
  const { spec } = (await cluster.admin.json({ path: '/api/v1/namespaces/default/services/server' })) as {
    readonly spec: { readonly clusterIP: string }
  }
  const ask = ['-c', `echo ? | nc -w 5 ${spec.clusterIP} ${PORT} | head -c 1`]
  await eventually(
    async () => ((await node.exec('busybox', 'sh', ...ask)) === '?' ? true : undefined),
    SETTLED_MS,
  )
  return spec.clusterIP
}

/** The servers are the same containers as ever, ready all the time, and nobody who asked them went without an answer. */
async function expectServed(): Promise<void> {
  await client.goesOn(5)
  for (const { held, fresh } of await client.report())
    expect([...held.failures, ...fresh.failures]).toEqual([])
  for (const name of SERVERS) expect(await pods.told(name)).toEqual(first.get(name))
  for (const name of SERVERS) expect(await pods.starts(name)).toEqual([0])
}

/** Ready as the Node tells it. */
async function readiness(): Promise<{ readonly status: string; readonly at: number }> {
  const { status } = (await cluster.admin.json({ path: `/api/v1/nodes/${node.name}` })) as {
    readonly status: {
      readonly conditions: readonly { type: string; status: string; lastHeartbeatTime: string }[]
    }
  }
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  return { status: ready?.status ?? '', at: Date.parse(ready?.lastHeartbeatTime ?? '') }
}

const whenNodeIs = (wanted: string): Promise<boolean> =>
  eventually(async () => {
    const { status } = await readiness()
    if (status === wanted) return true
    throw new Error(`Ready of the Node is ${status}, not ${wanted}\n${await node.lastWords()}`)
  }, SETTLED_MS)

test(
  'while the API server is out of reach nothing restarts but what ends, and it is told of that afterwards',
  async () => {
    await pods.create('restarting', { containers: [shell(SLEEP)] })
    await pods.create('finishing', { restartPolicy: 'Never', containers: [shell(SLEEP)] })
    for (const name of ['restarting', 'finishing']) await pods.whenReady(name)
    // Packets to the node are lost on their way: neither side is told.
    const route = ['blackhole', `${node.address}/32`]
    mend = async () => {
      mend = async () => undefined
      await cluster.network.netns.exec('ip', 'route', 'del', ...route)
    }
    await cluster.network.netns.exec('ip', 'route', 'add', ...route)
    for (const name of ['restarting', 'finishing']) await pods.exec(name, 'sh', '-c', 'kill 1')
    await eventually(
      async () => ((await pods.starts('restarting')).includes(1) ? true : undefined),
      SETTLED_MS,
    )
    await sleep(AWAY_SECONDS * 1_000)
    expect((await pods.told('restarting')).containers[0]?.restarts).toBe(0)
    await mend()
    await pods.when('restarting', 'was restarted once', ({ containers }) => containers[0]?.restarts === 1)
    await pods.when('finishing', 'has succeeded', ({ phase }) => phase === 'Succeeded')
    await whenNodeIs('True')
    expect(await pods.starts('restarting')).toEqual([0, 1])
    await expectServed()
    for (const name of ['restarting', 'finishing']) await pods.remove(name)
    for (const name of ['restarting', 'finishing']) await pods.whenGone(name)
  },
  90_000 + AWAY_SECONDS * 1_000,
)

test('a Hawser that is killed while pods start, run and end is followed by one that goes on with all of them', async () => {
  const starting = ['starting-0', 'starting-1', 'starting-2']
  await pods.create('ending', {
    containers: [shell('trap "sleep 1; exit 0" TERM; while :; do sleep 1000 & wait; done')],
  })
  await pods.whenReady('ending')
  await pods.remove('ending')
  for (const name of starting) await pods.create(name, { containers: [shell(SLEEP)] })
  // The first of them has a container by now, others are on their way.
  await eventually(async () => ((await pods.starts('starting-0')).length > 0 ? true : undefined), SETTLED_MS)
  await node.kill()
  await client.goesOn(5)
  await node.startHawser()
  await pods.whenGone('ending')
  for (const name of starting) {
    await pods.whenReady(name)
    // A start that the kill cut short is undone by the runtime, and made good under the next number.
    expect(await pods.runs(name)).toHaveLength(1)
  }
  await expectServed()
})

test('a runtime that dies takes the node out of service, and its pods go on until it is back and after', async () => {
  const runtime = node.containerd
  // containerd waits for the lock of its database before it serves anybody.
  const database = join(node.folder, 'containerd', 'root', 'io.containerd.metadata.v1.bolt', 'meta.db')
  const lock: ChildProcess = spawn('flock', ['--no-fork', database, 'sleep', 'infinity'])
  mend = async () => {
    mend = async () => undefined
    const ended = once(lock, 'exit')
    lock.kill('SIGKILL')
    await ended
  }
  process.kill(runtime.pid, 'SIGKILL')
  await whenNodeIs('False')
  await client.goesOn(5)
  await mend()
  await whenNodeIs('True')
  await pods.create('made-afterwards', { containers: [shell(SLEEP)] })
  await pods.whenReady('made-afterwards')
  await expectServed()
})
