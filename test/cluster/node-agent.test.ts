import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import type { EventReport } from '../../src/kube/event-series.ts'
import { NodeLease } from '../../src/kubelet/node/lease.ts'
import type { Machine } from '../../src/kubelet/node/machine.ts'
import { NodeAgent } from '../../src/kubelet/node/node-agent.ts'
import type { NodeImage } from '../../src/kubelet/node/node-images.ts'
import type { NodeIdentity } from '../../src/kubelet/node/node-object.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { eventually } from '../support/eventually.ts'
import { address } from '../support/services.ts'
import { TestCluster } from './harness/test-cluster.ts'

const MACHINE: Machine = {
  architecture: 'amd64',
  kernelVersion: '6.12.0',
  osImage: 'Debian',
  machineId: 'machine-1',
  systemUuid: 'uuid-1',
  bootId: 'boot-1',
  cpus: 2,
  memoryBytes: 2 ** 32,
  swapBytes: 0,
  storageBytes: 10 ** 11,
  hugePages: [{ pageBytes: 2 ** 21, pages: 4 }],
}

const identity = (name: string, changes: Partial<NodeIdentity> = {}): NodeIdentity => ({
  name,
  addresses: [address('192.0.2.1')],
  labels: new Map([['tier', 'edge']]),
  taints: [],
  maxPods: 110,
  machine: MACHINE,
  reserved: { cpuMilli: 500, memoryBytes: 0, storageBytes: 0 },
  kubeletVersion: 'v1.36.0',
  kubeletPort: 10_250,
  ...changes,
})

let cluster: TestCluster
let client: KubeClient
const agents: NodeAgent[] = []
/** What people were told in the test under way. */
let events: string[]

beforeAll(async () => {
  cluster = await TestCluster.start()
})
afterAll(() => cluster?.dispose())

/** A client with a node's own certificate: the Node authorizer and NodeRestriction watch over it. */
async function nodeClient(name: string): Promise<KubeClient> {
  const { cert, key } = await cluster.clientCertificate(`system:node:${name}`, ['system:nodes'])
  const user = { 'client-certificate': cert, 'client-key': key }
  const file = await cluster.writeKubeconfig(`${name}.kubeconfig`, user)
  return new KubeClient({
    access: await kubeconfigAccess({ file }),
    userAgent: 'hawser-test',
    qps: 0,
    burst: 0,
  })
}

let name: string
let nodes = 0
beforeEach(async () => {
  name = `node-${++nodes}`
  events = []
  images = IMAGES
  client = await nodeClient(name)
})
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close()
  client.close()
})

let notReady: string | undefined
const IMAGES = Promise.resolve([{ names: ['localhost/web:1'], sizeBytes: 7 }])
let images: Promise<NodeImage[]>
let pressure = { memory: false, disk: false, pids: false }

function agentOf(
  changes: Partial<NodeIdentity> = {},
  checkMs = 3_600_000,
  onAsked: () => void = () => undefined,
): NodeAgent {
  const options = {
    client,
    identity: identity(name, changes),
    health: () => {
      onAsked()
      return { notReady, pressure }
    },
    runtime: () => ({ version: 'containerd://1.6.20', handlers: [], features: undefined }),
    images: () => images,
    onEvent: ({ type, reason }: EventReport) => events.push(`${type} ${reason}`),
    log: silentLogger,
    checkMs,
  }
  const agent = new NodeAgent(options)
  agents.push(agent)
  return agent
}

interface NodeObject {
  readonly metadata: {
    readonly uid: string
    readonly labels: Record<string, string>
    readonly annotations: Record<string, string>
  }
  readonly spec: { readonly taints?: readonly { readonly key: string }[] }
  readonly status: {
    readonly addresses: unknown
    readonly capacity: Record<string, string>
    readonly allocatable: Record<string, string>
    readonly daemonEndpoints: unknown
    readonly images: unknown
    readonly nodeInfo: Record<string, string>
    readonly conditions: readonly Record<string, string>[]
  }
}

const node = async () => (await cluster.admin.json({ path: `/api/v1/nodes/${name}` })) as NodeObject
const condition = async (type: string) =>
  (await node()).status.conditions?.find((condition) => condition.type === type)
const said = (status: string, type = 'Ready') =>
  eventually(async () => {
    const now = await condition(type)
    return now?.status === status ? now : undefined
  }, 30_000)

/** What happened is announced once the API server has answered. */
const announced = (event: string) => eventually(() => (events.includes(event) ? true : undefined), 30_000)

function patch(body: object, subresource = ''): Promise<unknown> {
  const contentType = 'application/strategic-merge-patch+json'
  const path = `/api/v1/nodes/${name}${subresource}`
  return cluster.admin.json({ method: 'PATCH', path, contentType, body })
}

describe('a machine', () => {
  it('becomes a Node with labels, capacity and conditions', async () => {
    notReady = undefined
    await agentOf({ taints: [{ key: 'edge', value: '', effect: 'NoSchedule' }] }).start()
    await said('True')
    const { metadata, spec, status } = await node()
    expect(metadata.labels).toMatchObject({
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      tier: 'edge',
    })
    expect(metadata.annotations['volumes.kubernetes.io/controller-managed-attach-detach']).toBe('true')
    expect(spec.taints).toContainEqual({ key: 'edge', effect: 'NoSchedule' })
    expect(status.addresses).toEqual([
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'Hostname', address: name },
    ])
    expect(status.capacity).toEqual({
      cpu: '2',
      memory: '4Gi',
      'ephemeral-storage': '100G',
      pods: '110',
      'hugepages-2Mi': '8Mi',
    })
    expect(status.allocatable).toMatchObject({
      cpu: '1500m',
      memory: '3988Mi',
      'ephemeral-storage': '90G',
      'hugepages-2Mi': '8Mi',
    })
    expect(status.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: 10_250 } })
    expect(status.images).toEqual([{ names: ['localhost/web:1'], sizeBytes: 7 }])
    expect(status.nodeInfo).toMatchObject({
      machineID: 'machine-1',
      containerRuntimeVersion: 'containerd://1.6.20',
    })
    expect(status.conditions.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'MemoryPressure False',
      'DiskPressure False',
      'PIDPressure False',
      'Ready True',
    ])
  })

  it('tells at once that it has become unfit, and what it is short of', async () => {
    notReady = undefined
    const agent = agentOf()
    await agent.start()
    await said('True')
    notReady = 'container runtime is down: gone'
    pressure = { ...pressure, disk: true }
    agent.changed()
    expect(await said('False')).toMatchObject({ reason: 'KubeletNotReady', message: notReady })
    expect(await said('True', 'DiskPressure')).toMatchObject({ reason: 'KubeletHasDiskPressure' })
    pressure = { ...pressure, disk: false }
    await announced('Normal NodeHasDiskPressure')
    await announced('Normal NodeNotReady')
  })

  it('says how it is without the images of a runtime that hangs', async () => {
    notReady = undefined
    images = new Promise(() => undefined)
    await agentOf().start()
    await said('True')
    expect((await node()).status.images).toBeUndefined()
  })

  it('keeps its Node over a restart, with what others wrote into it', async () => {
    notReady = undefined
    const first = agentOf()
    await first.start()
    await said('True')
    await announced('Normal NodeReady')
    const before = await node()
    await first.close()
    await patch({ metadata: { labels: { owner: 'ops', tier: 'core' } } })
    await agentOf().start()
    const after = await node()
    expect(after.metadata).toMatchObject({ uid: before.metadata.uid, labels: { owner: 'ops', tier: 'edge' } })
    const since = ({ status }: NodeObject) =>
      status.conditions.map(({ lastTransitionTime }) => lastTransitionTime)
    expect(since(after)).toEqual(since(before))
    expect(events.filter((event) => !event.includes('NodeHas'))).toEqual([
      'Normal Starting',
      'Normal NodeReady',
      'Normal Starting',
    ])
  })

  it('that has booted meanwhile says so', async () => {
    notReady = undefined
    const first = agentOf()
    await first.start()
    await said('True')
    await first.close()
    events = []
    await agentOf({ machine: { ...MACHINE, bootId: 'boot-2' } }).start()
    expect(events).toContain('Warning Rebooted')
  })

  it('that was ready stays so while its next process looks around', async () => {
    notReady = undefined
    const first = agentOf()
    await first.start()
    await said('True')
    await first.close()
    notReady = 'nothing is known yet'
    let asked = 0
    const next = agentOf({ kubeletPort: 10_251 }, 3_600_000, () => asked++)
    await next.start()
    await eventually(() => (asked > 0 ? true : undefined))
    next.changed()
    await eventually(() => (asked > 1 ? true : undefined))
    expect((await condition('Ready'))?.status).toBe('True')
    notReady = undefined
    next.changed()
    await eventually(async () =>
      JSON.stringify((await node()).status.daemonEndpoints).includes('10251') ? true : undefined,
    )
  })

  it('that was given up says that it is there', async () => {
    notReady = undefined
    await agentOf().start()
    await said('True')
    // What the node controller writes when no heartbeat has come for long.
    const givenUp = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }
    await patch({ status: { conditions: [givenUp] } }, '/status')
    expect(await said('True')).toMatchObject({ reason: 'KubeletReady' })
  })

  it('has no huge pages of sizes that its kernel no longer has, and what device plugins said', async () => {
    notReady = undefined
    const first = agentOf()
    await first.start()
    await said('True')
    await first.close()
    await patch({ status: { capacity: { 'example.com/gpu': '1' } } }, '/status')
    await agentOf({ machine: { ...MACHINE, hugePages: [] }, kubeletPort: 10_251 }).start()
    const capacity = await eventually(async () => {
      const { capacity } = (await node()).status
      return 'hugepages-2Mi' in capacity ? undefined : capacity
    })
    expect(capacity['example.com/gpu']).toBe('1')
  })

  it('whose Node was deleted makes it anew', async () => {
    notReady = undefined
    await agentOf().start()
    await said('True')
    const { metadata } = await node()
    await cluster.admin.json({ method: 'DELETE', path: `/api/v1/nodes/${name}` })
    const made = await eventually(async () => {
      const now = await node()
      return now.metadata.uid === metadata.uid || now.status.conditions === undefined ? undefined : now
    })
    expect(made.status.conditions.map(({ status }) => status)).toContain('True')
  })

  it('does not take the name of another one that lives', async () => {
    notReady = undefined
    await agentOf().start()
    await said('True')
    const lease = new NodeLease({ client, nodeName: name, nodeUid: () => undefined, log: silentLogger })
    await eventually(() => lease.renewedAt)
    const other = agentOf({ machine: { ...MACHINE, machineId: 'machine-2' } })
    await expect(other.start()).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' })
    await lease.close()
  })
})

describe('the heartbeat of a node', () => {
  const leasePath = () => `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`
  const read = async () =>
    (await cluster.admin.json({ path: leasePath() })) as {
      readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string }[] }
      readonly spec: { readonly renewTime: string; readonly leaseDurationSeconds: number }
    }

  it('is a Lease of the Node that is renewed again and again, whoever writes in between', async () => {
    notReady = undefined
    const agent = agentOf()
    await agent.start()
    const lease = new NodeLease({
      client,
      nodeName: name,
      nodeUid: () => agent.uid,
      log: silentLogger,
      renewMs: 50,
    })
    try {
      await eventually(() => lease.renewedAt)
      const first = await read()
      expect(first.spec.leaseDurationSeconds).toBe(40)
      expect(first.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([agent.uid])
      const old = '2020-01-01T00:00:00.000000Z'
      await eventually(async () => {
        const renewTime = { spec: { renewTime: old } }
        const request = { path: leasePath(), body: renewTime, contentType: 'application/merge-patch+json' }
        return cluster.admin.json({ ...request, method: 'PATCH' })
      })
      await eventually(async () => ((await read()).spec.renewTime > first.spec.renewTime ? true : undefined))
    } finally {
      await lease.close()
    }
  })
})
