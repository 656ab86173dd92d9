import { createInterface } from 'node:readline'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startClusterKubelet } from '../../src/cli/kubelet/cluster-kubelet.ts'
import { Teardown } from '../../src/cli/process/teardown.ts'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { unmountAllUnder } from '../../src/kubelet/host/mounts.ts'
import { readMachine } from '../../src/kubelet/node/machine.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { address } from '../support/services.ts'
import { TestCluster } from './harness/test-cluster.ts'

const NODE = 'worker'
const PODS = '/api/v1/namespaces/default/pods'
const SLEEP = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done']

let cluster: TestCluster
let machine: TestContainerd
let teardown: Teardown

async function client(): Promise<KubeClient> {
  const file = `${cluster.place.folder}/${NODE}.kubeconfig`
  return new KubeClient({
    access: await kubeconfigAccess({ file }),
    userAgent: 'hawser-test',
    qps: 0,
    burst: 0,
  })
}

/** As one process of the node begins. */
async function start(): Promise<void> {
  teardown = new Teardown()
  const clients = [await client(), await client()] as const
  for (const opened of clients) teardown.add('a client', async () => opened.close())
  await startClusterKubelet(
    {
      client: clients[0],
      leaseClient: clients[1],
      identity: {
        name: NODE,
        addresses: [address('192.0.2.1')],
        labels: new Map(),
        taints: [],
        maxPods: 110,
        machine: await readMachine(machine.stateDir),
        reserved: { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 },
        kubeletPort: 0,
        kubeletVersion: 'v1.36.0',
      },
      endpoint: machine.containerd.endpoint,
      stateDir: machine.stateDir,
      registry: new Registry(),
      log: silentLogger,
    },
    teardown,
  )
}

const stop = () => teardown.run(() => undefined)

beforeAll(async () => {
  cluster = await TestCluster.start()
  machine = await startTestContainerd()
  const { cert, key } = await cluster.clientCertificate(`system:node:${NODE}`, ['system:nodes'])
  await cluster.writeKubeconfig(`${NODE}.kubeconfig`, { 'client-certificate': cert, 'client-key': key })
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/serviceaccounts' },
    body: { metadata: { name: 'robot' } },
  })
  await start()
})

afterAll(async () => {
  await stop()
  // The pods run on, and with them what is mounted for them.
  await unmountAllUnder(machine.stateDir)
  await machine?.remove()
  await cluster?.dispose()
})

interface PodObject {
  readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string }
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly hostIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly {
      readonly ready: boolean
      readonly restartCount: number
      readonly containerID?: string
      readonly imageID: string
      readonly state: Record<string, { readonly reason?: string; readonly message?: string }>
    }[]
  }
}

const create = (name: string, spec: object, container: object = {}) =>
  cluster.admin.json({
    method: 'POST',
    path: PODS,
    body: {
      metadata: { name },
      spec: {
        ...{ nodeName: NODE, serviceAccountName: 'robot', automountServiceAccountToken: false },
        terminationGracePeriodSeconds: 2,
        containers: [{ name: 'main', image: TEST_IMAGE, command: SLEEP, ...container }],
        ...spec,
      },
    },
  })

const read = async (name: string) => (await cluster.admin.json({ path: `${PODS}/${name}` })) as PodObject

const when = (name: string, matches: (pod: PodObject) => boolean) =>
  eventually(async () => {
    const pod = await read(name)
    if (!matches(pod)) throw new Error(`pod ${name} is ${JSON.stringify(pod.status)}`)
    return pod
  }, 30_000)

const isReady = ({ status }: PodObject) =>
  status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true

const output = async (name: string, ...command: readonly string[]): Promise<string> => {
  const { status } = await read(name)
  const id = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? ''
  const cri = new CriClient(machine.containerd.endpoint, () => undefined)
  try {
    const { stdout } = await cri.execSync(id, command, 10_000)
    return Buffer.from(stdout).toString('utf8')
  } finally {
    cri.close()
  }
}

const gone = (name: string) =>
  eventually(async () => {
    const pod = await read(name).catch(() => undefined)
    if (pod !== undefined) throw new Error(`pod ${name} is still there: ${JSON.stringify(pod)}`)
    return true
  }, 30_000)

/** Each phase that the pod is told to be in, once, until it is gone. */
async function watchPhases(name: string): Promise<readonly string[]> {
  const { metadata, status } = (await read(name)) as PodObject & { metadata: { resourceVersion: string } }
  const phases = [status.phase]
  const response = await cluster.admin.stream({
    path: PODS,
    query: {
      watch: true,
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: 30,
    },
  })
  for await (const line of createInterface({ input: response })) {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: PodObject }
    if (type === 'DELETED') break
    if (phases.at(-1) !== object.status.phase) phases.push(object.status.phase)
  }
  response.destroy()
  return phases
}

it('a pod that is bound to the node runs, is told, and ends with its deletion', async () => {
  await create('web', {})
  const { status } = await when('web', isReady)
  expect(status).toMatchObject({ phase: 'Running', hostIP: '192.0.2.1' })
  expect(status.podIP).toMatch(/^10\.133\.0\./)
  expect(status.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 })
  const phases = watchPhases('web')
  await cluster.admin.json({ method: 'DELETE', path: `${PODS}/web` })
  await gone('web')
  expect(await phases).toEqual(['Running', 'Succeeded'])
})

it('a pod waits for its Secret with the reason told, and starts as soon as that is there', async () => {
  const from = { secretKeyRef: { name: 'login', key: 'password' } }
  await create('reader', {}, { env: [{ name: 'PASSWORD', valueFrom: from }] })
  const waiting = await when(
    'reader',
    ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === 'CreateContainerConfigError',
  )
  expect(waiting.status.containerStatuses?.[0]?.state.waiting?.message).toContain('Secret login is not there')
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/secrets' },
    body: { metadata: { name: 'login' }, stringData: { password: 'open sesame' } },
  })
  await when('reader', isReady)
  expect(await output('reader', 'sh', '-c', 'echo $PASSWORD')).toBe('open sesame\n')
})

it('a container gets a token of its service account, bound to the pod', async () => {
  const { metadata } = (await create('robot', { automountServiceAccountToken: true })) as PodObject
  await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/configmaps' },
    body: { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': 'x' } },
  })
  await when('robot', isReady)
  const token = await output('robot', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token')
  const review = (await cluster.admin.json({
    ...{ method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews' },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
  })) as { readonly status: object }
  expect(review.status).toMatchObject({
    authenticated: true,
    user: {
      username: 'system:serviceaccount:default:robot',
      extra: { 'authentication.kubernetes.io/pod-uid': [metadata.uid] },
    },
  })
})

it('a restart of the process restarts nothing, and what happened meanwhile is caught up with', async () => {
  await create('stays', {})
  await create('leaves', {})
  const [before] = [await when('stays', isReady), await when('leaves', isReady)]
  await stop()
  await cluster.admin.json({ method: 'DELETE', path: `${PODS}/leaves` })
  await create('comes', {})
  await start()
  await gone('leaves')
  await when('comes', isReady)
  const after = await when('stays', isReady)
  expect(after.status.containerStatuses).toEqual(before.status.containerStatuses)
})

it('a pod that ran to its end is told to have succeeded', async () => {
  await create('job', { restartPolicy: 'Never' }, { command: ['sh', '-c', 'exit 0'] })
  const { status } = await when('job', (pod) => pod.status.phase === 'Succeeded')
  expect(status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
})
