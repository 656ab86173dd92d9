import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Container } from '../../src/gen/runtime.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import type { ClusterProcess } from './harness/process.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'
import { startUpstreamKubelet } from './harness/upstream-kubelet.ts'

/** Upstream's kubelet and Hawser follow each other on one machine under one node name; each test is a turn. */
const NODE = 'turns'
const PODS = '/api/v1/namespaces/default/pods'
const SETTLED_MS = 30_000

/** What a pod's containers are to the API server; `since`: when it was last found ready or not. */
interface Seen {
  readonly phase: string
  readonly ready: string
  readonly since: string
  readonly startTime: string
  readonly podIP: string
  readonly containers: readonly { readonly id: string; readonly restarts: number }[]
}

let cluster: TestCluster
let node: TestNode
let runtime: CriClient
let upstream: ClusterProcess | undefined

beforeAll(async () => {
  cluster = await TestCluster.start({ controllerManager: true, network: true })
  node = await TestNode.start(cluster, { name: NODE, command: 'kubelet' })
  runtime = new CriClient(node.containerd.endpoint, () => undefined)
  await node.stop()
  upstream = await startUpstreamKubelet(cluster, node)
}, 240_000)

afterAll(async () => {
  await upstream?.stop('SIGKILL')
  runtime?.close()
  await node?.dispose()
  await cluster?.dispose()
}, 120_000)

const container = (script: string, more: object = {}): object => ({
  name: 'main',
  image: TEST_IMAGE,
  command: ['sh', '-c', script],
  ...more,
})

/** A pod that the scheduler has bound to the node. */
const create = (name: string, spec: object): Promise<unknown> =>
  cluster.admin.json({
    ...{ method: 'POST', path: PODS },
    body: { metadata: { name }, spec: { nodeName: NODE, terminationGracePeriodSeconds: 1, ...spec } },
  })

const remove = (name: string): Promise<unknown> =>
  cluster.admin.json({ method: 'DELETE', path: `${PODS}/${name}` })

const SLEEP = 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'

async function seen(name: string): Promise<Seen> {
  const { status } = (await cluster.admin.json({ path: `${PODS}/${name}` })) as PodObject
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  return {
    phase: status.phase,
    ready: ready?.status ?? '',
    since: ready?.lastTransitionTime ?? '',
    startTime: status.startTime ?? '',
    podIP: status.podIP ?? '',
    containers: (status.containerStatuses ?? []).map(({ containerID = '', restartCount }) => ({
      id: containerID.replace('containerd://', ''),
      restarts: restartCount,
    })),
  }
}

interface PodObject {
  readonly status: {
    readonly phase: string
    readonly startTime?: string
    readonly podIP?: string
    readonly conditions?: readonly { type: string; status: string; lastTransitionTime: string }[]
    readonly containerStatuses?: readonly { containerID?: string; restartCount: number }[]
  }
}

const whenReady = (name: string): Promise<Seen> =>
  eventually(async () => {
    const pod = await seen(name)
    if (pod.ready === 'True') return pod
    throw new Error(`pod ${name} is ${JSON.stringify(pod)}; the kubelets: ${await node.said()}`)
  }, SETTLED_MS)

/** Neither the API server nor the runtime knows anything of it any more. */
const whenGone = (name: string): Promise<boolean> =>
  eventually(async () => {
    const there = await cluster.admin.json({ path: `${PODS}/${name}` }).then(
      () => true,
      () => false,
    )
    const left = (await containers()).filter((it) => podOf(it) === name)
    if (!there && left.length === 0) return true
    throw new Error(`pod ${name} is there: ${there}, in the runtime: ${left.length} containers`)
  }, SETTLED_MS)

const containers = (): Promise<readonly Container[]> => runtime.listContainers({})
const podOf = ({ labels }: Container): string | undefined => labels['io.kubernetes.pod.name']

/** Every start of a container that there was, whoever made it: what the runtime calls them is unique for each. */
const starts = async (pod: string): Promise<readonly number[]> =>
  (await containers())
    .filter((it) => podOf(it) === pod)
    .map(({ metadata }) => metadata?.attempt ?? -1)
    .sort((a, b) => a - b)

/** How often the crash-looping one was started so far. */
const crashes = async (): Promise<number> => (await seen('crashing')).containers[0]?.restarts ?? 0

const whenCrashedAgain = (before: number): Promise<boolean> =>
  eventually(async () => {
    if ((await crashes()) > before) return true
    const { status } = (await cluster.admin.json({ path: `${PODS}/crashing` })) as PodObject
    throw new Error(`${JSON.stringify(status)}; the kubelets: ${await node.said()}`)
  }, SETTLED_MS)

const inContainer = async (pod: string, ...command: readonly string[]): Promise<string> => {
  const [id = ''] = (await seen(pod)).containers.map(({ id }) => id)
  const { stdout } = await runtime.execSync(id, command, 10_000)
  return Buffer.from(stdout).toString()
}

/** Pods that nothing may happen to: in every turn they are as they were in the first. */
const STEADY = ['keeping', 'probed']
const first = new Map<string, Seen>()

async function expectSteady(): Promise<void> {
  for (const name of STEADY) expect(await whenReady(name)).toEqual(first.get(name))
  for (const name of STEADY) expect(await starts(name)).toEqual([0])
  expect(await inContainer('keeping', 'cat', '/data/kept')).toBe('of the first turn')
}

test("the first turn is upstream's: it starts pods", async () => {
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/configmaps' },
    body: { metadata: { name: 'settings' }, data: { colour: 'red' } },
  })
  await create('keeping', {
    containers: [
      container(`printf 'of the first turn' > /data/kept; ${SLEEP}`, {
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'settings', mountPath: '/settings' },
        ],
      }),
    ],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'settings', configMap: { name: 'settings' } },
    ],
  })
  await create('probed', {
    containers: [
      container('echo ok > /www/index.html; exec httpd -f -p 8080 -h /www', {
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      }),
    ],
  })
  await create('crashing', { containers: [container('echo crashed > /dev/termination-log; exit 3')] })
  for (const name of ['gone-between', 'gone-by-force', 'gone-with-hawser'])
    await create(name, { containers: [container(SLEEP)] })
  for (const name of [...STEADY, 'gone-between', 'gone-by-force', 'gone-with-hawser']) {
    const pod = await whenReady(name)
    if (STEADY.includes(name)) first.set(name, pod)
  }
  await whenCrashedAgain(0)
  await expectSteady()
})

test('Hawser goes on where upstream ended, and ends what was deleted meanwhile', async () => {
  await upstream?.stop()
  const crashed = await crashes()
  await remove('gone-between')
  await cluster.admin.json({
    ...{ method: 'DELETE', path: `${PODS}/gone-by-force` },
    body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 },
  })
  await node.startHawser()
  await whenGone('gone-between')
  await whenGone('gone-by-force')
  await remove('gone-with-hawser')
  await whenGone('gone-with-hawser')
  await whenCrashedAgain(crashed)
  await expectSteady()
})

test('a volume that upstream made goes on to follow its ConfigMap', async () => {
  await setColour('green')
  await eventually(async () => {
    const colour = await inContainer('keeping', 'cat', '/settings/colour')
    if (colour === 'green') return true
    throw new Error(`the container sees ${colour}`)
  }, SETTLED_MS)
})

test('upstream goes on where Hawser ended, with the pods of both', async () => {
  await create('made-by-hawser', {
    containers: [
      container(`printf "it is here" > /data/kept; ${SLEEP}`, {
        ports: [{ containerPort: 80 }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      }),
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  })
  const made = await whenReady('made-by-hawser')
  await create('gone-with-upstream', { containers: [container(SLEEP)] })
  await whenReady('gone-with-upstream')
  await node.stop()
  const crashed = await crashes()
  await remove('gone-with-upstream')
  upstream = await startUpstreamKubelet(cluster, node)
  await whenGone('gone-with-upstream')
  await whenCrashedAgain(crashed)
  await expectSteady()
  expect(await whenReady('made-by-hawser')).toEqual(made)
  expect(await starts('made-by-hawser')).toEqual([0])
  expect(await inContainer('made-by-hawser', 'cat', '/data/kept')).toBe('it is here')
})

const setColour = (colour: string): Promise<unknown> =>
  cluster.admin.json({
    ...{ method: 'PATCH', path: '/api/v1/namespaces/default/configmaps/settings' },
    contentType: 'application/merge-patch+json',
    body: { data: { colour } },
  })
