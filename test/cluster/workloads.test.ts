import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cgroupRoots } from '../../src/kubelet/host/cgroups.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { eventually } from '../support/eventually.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'
import { pagesOf, WebClient } from './harness/web-client.ts'
import {
  configMap,
  configServer,
  daemonSet,
  job,
  type Manifest,
  serviceOf,
  statefulSet,
  webDeployment,
} from './workload-objects.ts'

/** For whatever the cluster has to come to, on a machine with much else to do. */
const LIMIT_MS = 60_000
/** A test has several things to wait for. */
const PATIENT = { timeout: 4 * LIMIT_MS }
/** Pods are chosen at random: one of three is not among so many once in two million runs. */
const REQUESTS = 40

let cluster: TestCluster
let node: TestNode
let client: WebClient

beforeAll(async () => {
  cluster = await TestCluster.start({ controllerManager: true, scheduler: true, network: true })
  node = await TestNode.start(cluster, { name: 'one' })
  client = await WebClient.start(node.netns)
  // Tried again after 10 s only (the Job controller's first back-off): others go on meanwhile.
  await apply(job('fails', 'exit 3', 1))
}, PATIENT.timeout)

afterAll(async () => {
  await client?.stop()
  await node?.dispose()
  await cluster?.dispose()
})

const kubectl = async (...args: readonly string[]): Promise<string> => (await cluster.kubectl(args)).stdout

const apply = (...items: readonly Manifest[]): Promise<unknown> =>
  cluster.kubectl(['apply', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))

const rolledOut = (object: string): Promise<string> =>
  kubectl('rollout', 'status', object, `--timeout=${LIMIT_MS}ms`)

const waitFor = (object: string, condition: string): Promise<string> =>
  kubectl('wait', object, `--for=${condition}`, `--timeout=${LIMIT_MS}ms`)

interface PodItem {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase: string
    readonly startTime: string
    readonly podIP?: string
    readonly conditions: readonly { readonly type: string; readonly lastTransitionTime: string }[]
  }
}

async function podsOf(app: string): Promise<readonly PodItem[]> {
  const query = { labelSelector: `app=${app}` }
  const list = await cluster.admin.json({ path: '/api/v1/namespaces/default/pods', query })
  return (list as { readonly items: readonly PodItem[] }).items
}

const names = (pods: readonly PodItem[]): readonly string[] =>
  pods.map(({ metadata }) => metadata.name).sort()

const clusterIP = (service: string): Promise<string> =>
  kubectl('get', 'service', service, '--output=jsonpath={.spec.clusterIP}')

/** Waits until a Service is answered by these pods and no others, whatever they say. */
async function answeredBy(address: string, pods: readonly string[]): Promise<void> {
  await eventually(async () => {
    const pages = pagesOf(await client.ask(`http://${address}/`, REQUESTS))
    const met = [...new Set([...pages].map((page) => page.split(' ')[0]))].sort()
    expect(met).toEqual(pods)
    return true
  }, LIMIT_MS)
}

describe('a Deployment with a Service', PATIENT, () => {
  let address: string

  beforeAll(async () => {
    await apply(webDeployment('web', 3, 'first'), serviceOf('web'))
    address = await clusterIP('web')
    await rolledOut('deployment/web')
  }, PATIENT.timeout)

  it('answers the node from all of its pods', async () => {
    const pods = await podsOf('web')
    expect(pods).toHaveLength(3)
    await answeredBy(address, names(pods))
  })

  it('answers a pod from all of its pods, which is a Job that runs to completion', async () => {
    const ask = `for i in $(/bin/busybox seq ${REQUESTS}); do wget -qO- http://$WEB_SERVICE_HOST/ || exit 1; done`
    await apply(
      job('asks', `set -o pipefail; test $( (${ask}) | /bin/busybox sort -u | /bin/busybox wc -l) = 3`),
    )
    await waitFor('job/asks', 'condition=Complete')
  })

  it('has as many pods as it is scaled to, and is answered by those alone', async () => {
    await kubectl('scale', 'deployment/web', '--replicas=5')
    await rolledOut('deployment/web')
    const five = names(await podsOf('web'))
    expect(five).toHaveLength(5)
    await answeredBy(address, five)
    await kubectl('scale', 'deployment/web', '--replicas=3')
    const three = await eventually(async () => {
      const left = (await podsOf('web')).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      return left.length === 3 ? names(left) : undefined
    }, LIMIT_MS)
    await answeredBy(address, three)
  })

  it('is updated and rolled back without a request unanswered', async () => {
    await client.keepAsking(`http://${address}/`)
    try {
      await apply(webDeployment('web', 3, 'second'))
      await rolledOut('deployment/web')
      await saysAlone(address, 'second')
      await kubectl('rollout', 'undo', 'deployment/web')
      await rolledOut('deployment/web')
      await saysAlone(address, 'first')
    } finally {
      const answers = await client.stopAsking()
      const said = new Set([...pagesOf(answers)].map((page) => page.split(' ')[1]))
      expect(said).toEqual(new Set(['first', 'second']))
    }
  })
})

/** Waits until nobody behind the address says anything else. */
async function saysAlone(address: string, greeting: string): Promise<void> {
  await eventually(async () => {
    const pages = [...pagesOf(await client.ask(`http://${address}/`, REQUESTS))]
    return pages.every((page) => page.endsWith(` ${greeting}`)) ? true : undefined
  }, LIMIT_MS)
}

describe('other workloads', PATIENT, () => {
  it('a Job whose pods fail is tried as often as it says, and fails', async () => {
    await waitFor('job/fails', 'condition=Failed')
    const pods = await podsOf('fails')
    expect(pods.map(({ status }) => status.phase)).toEqual(['Failed', 'Failed'])
  })

  it('a StatefulSet starts its second pod when the first is ready', async () => {
    await apply(serviceOf('state', 'None'), statefulSet('state', 2))
    await rolledOut('statefulset/state')
    const [first, second] = await podsOf('state')
    const ready = first?.status.conditions.find(({ type }) => type === 'Ready')
    expect(names(await podsOf('state'))).toEqual(['state-0', 'state-1'])
    expect(Date.parse(second?.status.startTime ?? '')).toBeGreaterThanOrEqual(
      Date.parse(ready?.lastTransitionTime ?? ''),
    )
  })

  it('a ConfigMap that changes changes in the pod that has it as a volume', async () => {
    await apply(configMap('page', { 'index.html': 'old' }), configServer('config', 'page'))
    await waitFor('pod/config', 'condition=Ready')
    const address = await kubectl('get', 'pod/config', '--output=jsonpath={.status.podIP}')
    const page = (): Promise<string> => client.page(`http://${address}:8080/index.html`)
    expect(await eventually(page, LIMIT_MS)).toBe('old')
    await apply(configMap('page', { 'index.html': 'new' }))
    await eventually(async () => ((await page()) === 'new' ? true : undefined), LIMIT_MS)
  })
})

describe('a node that is drained', PATIENT, () => {
  it('keeps what a DaemonSet has put on it, and gets the others back when it is uncordoned', async () => {
    await apply(daemonSet('everywhere'))
    await rolledOut('daemonset/everywhere')
    const before = names(await podsOf('everywhere'))
    const limits = ['--grace-period=1', `--timeout=${LIMIT_MS}ms`]
    await kubectl('drain', node.name, '--ignore-daemonsets', '--delete-emptydir-data', '--force', ...limits)
    await eventually(async () => {
      expect((await podsOf('web')).map(({ spec }) => spec.nodeName)).toEqual(Array(3).fill(undefined))
      return true
    }, LIMIT_MS)
    expect(names(await podsOf('everywhere'))).toEqual(before)
    await kubectl('uncordon', node.name)
    await rolledOut('deployment/web')
    await answeredBy(await clusterIP('web'), names(await podsOf('web')))
  })
})

describe('workloads that are deleted', PATIENT, () => {
  it("leave nothing in the runtime, cgroups, mounts, the network and the kubelet's folder", async () => {
    const uids = await Promise.all(['web', 'everywhere', 'state'].map(podsOf)).then((pods) =>
      pods.flat().map(({ metadata }) => metadata.uid),
    )
    expect((await tracesOf(uids)).mounts).not.toEqual([])
    // With their pods, and before others: a ReplicaSet that is still there would make new ones.
    const owners = ['deployments,daemonsets,statefulsets,jobs', '--cascade=foreground']
    for (const what of [owners, ['pods']])
      await kubectl('delete', ...what, '--all', `--timeout=${LIMIT_MS}ms`)
    await eventually(async () => {
      expect(await tracesOf(uids)).toEqual({ sandboxes: [], cgroups: [], mounts: [], links: [], folders: [] })
      return true
    }, LIMIT_MS)
  })
})

/** What there is of pods on the node: of these anywhere, and of all in what is the node's own. */
async function tracesOf(uids: readonly string[]) {
  const runtime = new CriClient(node.containerd.endpoint, () => undefined)
  try {
    const paths = await Promise.all((await cgroupRoots()).map((root) => readdir(root, { recursive: true })))
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
    const links = (await node.exec('ip', '-oneline', 'link')).split('\n')
    return {
      sandboxes: (await runtime.listPodSandboxes({})).map(({ id }) => id),
      cgroups: paths.flat().filter((path) => uids.some((uid) => path.includes(uid))),
      mounts: mounts.filter((line) => uids.some((uid) => line.includes(uid))),
      links: links.filter((line) => line.includes('veth')),
      folders: await readdir(`${node.kubeletFolder}/pods`),
    }
  } finally {
    runtime.close()
  }
}
