import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { NodeLease } from '../../src/kubelet/node/lease.ts'
import type { Machine } from '../../src/kubelet/node/machine.ts'
import { NodeAgent } from '../../src/kubelet/node/node-agent.ts'
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
}

const identity = (name: string, changes: Partial<NodeIdentity> = {}): NodeIdentity => ({
  name,
  addresses: [address('192.0.2.1')],
  labels: new Map([['tier', 'edge']]),
  taints: [],
  maxPods: 110,
  machine: MACHINE,
  runtimeVersion: 'containerd://1.6.20',
  kubeletVersion: 'v1.36.0',
  ...changes,
})

let cluster: TestCluster
let client: KubeClient
const agents: NodeAgent[] = []

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
  client = await nodeClient(name)
})
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close()
  client.close()
})

let notReady: string | undefined

function agentOf(changes: Partial<NodeIdentity> = {}, checkMs = 3_600_000): NodeAgent {
  const options = {
    client,
    identity: identity(name, changes),
    health: () => ({ notReady }),
    log: silentLogger,
    checkMs,
  }
  const agent = new NodeAgent(options)
  agents.push(agent)
  return agent
}

interface NodeObject {
  readonly metadata: { readonly uid: string; readonly labels: Record<string, string> }
  readonly spec: { readonly taints?: readonly { readonly key: string }[] }
  readonly status: {
    readonly addresses: unknown
    readonly capacity: Record<string, string>
    readonly allocatable: Record<string, string>
    readonly nodeInfo: Record<string, string>
    readonly conditions: readonly Record<string, string>[]
  }
}

const node = async () => (await cluster.admin.json({ path: `/api/v1/nodes/${name}` })) as NodeObject
const ready = async () => (await node()).status.conditions.find(({ type }) => type === 'Ready')

describe('a machine', () => {
  it('becomes a Node with labels, capacity and conditions', async () => {
    notReady = undefined
    await agentOf({ taints: [{ key: 'edge', value: '', effect: 'NoSchedule' }] }).start()
    const { metadata, spec, status } = await node()
    expect(metadata.labels).toMatchObject({
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      tier: 'edge',
    })
    expect(spec.taints).toContainEqual({ key: 'edge', effect: 'NoSchedule' })
    expect(status.addresses).toEqual([
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'Hostname', address: name },
    ])
    expect(status.capacity).toMatchObject({ cpu: '2', memory: '4Gi', pods: '110' })
    expect(status.allocatable).toMatchObject({ memory: '3996Mi' })
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

  it('tells at once that it has become unfit, and since when', async () => {
    notReady = undefined
    const agent = agentOf()
    await agent.start()
    notReady = 'the container runtime does not answer'
    agent.changed()
    const condition = await eventually(async () => {
      const now = await ready()
      return now?.status === 'False' ? now : undefined
    })
    expect(condition).toMatchObject({ reason: 'KubeletNotReady', message: notReady })
  })

  it('keeps its Node over a restart, with what others wrote into it', async () => {
    notReady = undefined
    const first = agentOf()
    await first.start()
    const before = await node()
    await first.close()
    await cluster.admin.json({
      ...{ method: 'PATCH', path: `/api/v1/nodes/${name}`, contentType: 'application/merge-patch+json' },
      body: { metadata: { labels: { owner: 'ops', tier: 'core' } } },
    })
    await agentOf().start()
    const after = await node()
    expect(after.metadata).toMatchObject({ uid: before.metadata.uid, labels: { owner: 'ops', tier: 'edge' } })
    const since = ({ status }: NodeObject) =>
      status.conditions.map(({ lastTransitionTime }) => lastTransitionTime)
    expect(since(after)).toEqual(since(before))
  })

  it('whose Node was deleted makes it anew', async () => {
    notReady = undefined
    const agent = agentOf({}, 100)
    await agent.start()
    const { metadata } = await node()
    await cluster.admin.json({ method: 'DELETE', path: `/api/v1/nodes/${name}` })
    notReady = 'anything'
    agent.changed()
    const made = await eventually(async () => {
      const now = await node()
      return now.metadata.uid === metadata.uid || now.status.conditions === undefined ? undefined : now
    })
    expect(made.status.conditions.map(({ status }) => status)).toContain('False')
  })

  it('does not take the name of another one that lives', async () => {
    notReady = undefined
    await agentOf().start()
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
