import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { ClusterProcess } from './harness/process.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'
import { startUpstreamKubelet } from './harness/upstream-kubelet.ts'
import { PodsOnNode, SETTLED_MS, SLEEP, shell, type ToldPod } from './pods-on-node.ts'

/** Upstream's kubelet and Hawser follow each other on one machine under one node name; each test is a turn. */
let cluster: TestCluster
let node: TestNode
let pods: PodsOnNode
let upstream: ClusterProcess | undefined

beforeAll(async () => {
  cluster = await TestCluster.start({ controllerManager: true, network: true })
  node = await TestNode.start(cluster, { name: 'turns', command: 'kubelet' })
  pods = new PodsOnNode(cluster, node)
  await node.stop()
  upstream = await startUpstreamKubelet(cluster, node)
}, 240_000)

afterAll(async () => {
  pods?.close()
  await upstream?.stop('SIGKILL')
  await node?.dispose()
  await cluster?.dispose()
}, 240_000)

/** How often the crash-looping pod was started again so far. */
const crashes = async (): Promise<number> => (await pods.told('crashing')).containers[0]?.restarts ?? 0

const whenCrashedAgain = (before: number): Promise<ToldPod> =>
  pods.when('crashing', `has crashed more than ${before} times`, ({ containers }) =>
    containers.some(({ restarts }) => restarts > before),
  )

const endedInPart = ({ containers }: ToldPod): boolean =>
  containers.some(({ message }) => message === 'last words')

/** Pods that nothing may happen to: in every turn they are what they were in the first. */
const STEADY = ['keeping', 'probed']
const first = new Map<string, ToldPod>()

async function expectSteady(): Promise<void> {
  for (const name of STEADY) expect(await pods.whenReady(name)).toEqual(first.get(name))
  expect(await pods.told('unready')).toEqual(first.get('unready'))
  for (const name of STEADY) expect(await pods.starts(name)).toEqual([0])
  expect(await pods.starts('unready')).toEqual([0, 0])
  expect(await pods.exec('keeping', 'cat', '/data/kept')).toBe('of the first turn')
}

test("the first turn is upstream's: it starts pods", async () => {
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/configmaps' },
    body: { metadata: { name: 'settings' }, data: { colour: 'red' } },
  })
  const volumes = [
    { name: 'data', emptyDir: {} },
    { name: 'settings', configMap: { name: 'settings' } },
  ]
  const volumeMounts = [
    { name: 'data', mountPath: '/data' },
    { name: 'settings', mountPath: '/settings' },
  ]
  await pods.create('keeping', {
    containers: [shell(`printf 'of the first turn' > /data/kept; ${SLEEP}`, { volumeMounts })],
    volumes,
  })
  await pods.create('probed', {
    containers: [
      shell('echo ok > /www/index.html; exec httpd -f -p 8080 -h /www', {
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      }),
    ],
  })
  await pods.create('unready', {
    restartPolicy: 'OnFailure',
    containers: [
      shell(SLEEP, { readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 } }),
      shell("printf 'last words' > /dev/termination-log", { name: 'ended' }),
    ],
  })
  await pods.create('crashing', { containers: [shell('exit 3')] })
  const others = ['gone-between', 'gone-by-force', 'gone-with-hawser']
  for (const name of others) await pods.create(name, { containers: [shell(SLEEP)] })
  for (const name of STEADY) first.set(name, await pods.whenReady(name))
  first.set('unready', await pods.when('unready', 'has ended in part', endedInPart))
  for (const name of others) await pods.whenReady(name)
  await whenCrashedAgain(0)
  await expectSteady()
})

test('Hawser goes on where upstream ended, and ends what was deleted meanwhile', async () => {
  await upstream?.stop()
  const crashed = await crashes()
  await pods.remove('gone-between')
  await pods.remove('gone-by-force', { gracePeriodSeconds: 0 })
  await node.startHawser()
  await pods.whenGone('gone-between')
  await pods.whenGone('gone-by-force')
  await pods.remove('gone-with-hawser')
  await pods.whenGone('gone-with-hawser')
  await whenCrashedAgain(crashed)
  await expectSteady()
})

test('a volume that upstream made goes on to follow its ConfigMap', async () => {
  await cluster.admin.json({
    ...{ method: 'PATCH', path: '/api/v1/namespaces/default/configmaps/settings' },
    contentType: 'application/merge-patch+json',
    body: { data: { colour: 'green' } },
  })
  await eventually(async () => {
    const colour = await pods.exec('keeping', 'cat', '/settings/colour')
    if (colour === 'green') return true
    throw new Error(`the container sees ${colour}`)
  }, SETTLED_MS)
})

test('upstream goes on where Hawser ended, with the pods of both', async () => {
  await pods.create('made-by-hawser', {
    containers: [
      shell(`printf 'it is here' > /data/kept; ${SLEEP}`, {
        ports: [{ containerPort: 80 }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      }),
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  })
  await pods.create('gone-with-upstream', { containers: [shell(SLEEP)] })
  const made = await pods.whenReady('made-by-hawser')
  await pods.whenReady('gone-with-upstream')
  await node.stop()
  const crashed = await crashes()
  await pods.remove('gone-with-upstream')
  upstream = await startUpstreamKubelet(cluster, node)
  await pods.whenGone('gone-with-upstream')
  await whenCrashedAgain(crashed)
  await expectSteady()
  expect(await pods.whenReady('made-by-hawser')).toEqual(made)
  expect(await pods.starts('made-by-hawser')).toEqual([0])
  expect(await pods.exec('made-by-hawser', 'cat', '/data/kept')).toBe('it is here')
})
