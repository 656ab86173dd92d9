import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Agent, Answer } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES } from '../support/service-world.ts'
import { NODE, ProxiedWorld, SERVICES } from './harness/proxied-world.ts'
import type { TestCluster } from './harness/test-cluster.ts'

const NODE_PORT = 30_080

let place: ProxiedWorld
let cluster: TestCluster
let world: ProxiedWorld['world']
let daemon: ProxyDaemon
let vip: string

beforeAll(async () => {
  place = await ProxiedWorld.start(2)
  cluster = place.cluster
  world = place.world
  vip = await place.createWeb({
    type: 'NodePort',
    ports: [{ port: 80, targetPort: 8080, nodePort: NODE_PORT }],
  })
})

beforeEach(async () => {
  daemon = await ProxyDaemon.create(world.node)
})

afterEach(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
  await cluster?.admin.json({ method: 'DELETE', path: NODE }).catch(() => undefined)
})

afterAll(async () => place?.dispose())

const ask = (agent: Agent, address = vip, port = 80): Promise<Answer> =>
  agent.ask({ protocol: 'TCP', address, port })

const answers = (address = vip, port = 80): Promise<true | undefined> =>
  ask(world.client, address, port).then(({ kind }) => (kind === 'answered' ? true : undefined))

const healthz = (): Promise<string> =>
  world.node.exec('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://127.0.0.1:10256/healthz')

describe('hawser proxy on a real API server', () => {
  it('serves what is there, follows what changes, and goes on over a restart of the API server', async () => {
    await place.createNode()
    await place.setNodeAddress()
    await daemon.startOn('--kubeconfig', cluster.kubeconfig)
    expect((await ask(world.client)).kind).toBe('answered')
    expect(await healthz()).toBe('200')
    await place.setEndpoints({ count: 0 })
    await eventually(async () => ((await ask(world.client)).kind === 'refused' ? true : undefined))
    await cluster.stopApiServer()
    expect((await ask(world.client)).kind).toBe('refused')
    await cluster.startApiServer()
    await place.setEndpoints({})
    // A watch is tried again after half a minute at most.
    await eventually(answers, 120_000)
    expect(daemon.said).not.toContain('there is no such Node')
  }, 180_000)

  it('serves without a Node, says once that it is missing, and takes its address when it comes', async () => {
    await daemon.startOn('--kubeconfig', cluster.kubeconfig)
    expect((await ask(world.client)).kind).toBe('answered')
    expect(daemon.said.match(/Node here: there is no such Node/g)).toHaveLength(1)
    expect(await healthz()).toBe('503')
    await place.createNode()
    await eventually(() => (daemon.said.includes('Node here: it has no address') ? true : undefined))
    await eventually(async () => ((await healthz()) === '200' ? true : undefined))
    // An address of the node that no default route leads through.
    const other = PLACES.IPv4.subnet(1).gateway
    expect(await answers(PLACES.IPv4.node, NODE_PORT)).toBe(true)
    await place.setNodeAddress(other)
    await eventually(() => answers(other, NODE_PORT))
    expect((await ask(world.client, PLACES.IPv4.node, NODE_PORT)).kind).not.toBe('answered')
    expect((await ask(world.client)).kind).toBe('answered')
  })

  it('waits for permission without touching what is in force, and says once for each collection what it may not', async () => {
    const nobody = await cluster.clientCertificate('stranger')
    const user = { 'client-certificate': nobody.cert, 'client-key': nobody.key }
    const kubeconfig = await cluster.writeKubeconfig('stranger.kubeconfig', user)
    await world.node.exec('nft', 'add table ip kube-proxy')
    const started = daemon.startOn('--kubeconfig', kubeconfig)
    await eventually(() => (daemon.said.match(/403 Forbidden/g)?.length === 4 ? true : undefined))
    expect(await healthz()).toBe('503')
    expect(await world.node.exec('nft', 'list', 'tables')).toContain('table ip kube-proxy')
    await cluster.admin.json({
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      body: {
        metadata: { name: 'stranger' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
        subjects: [{ kind: 'User', name: 'stranger', apiGroup: 'rbac.authorization.k8s.io' }],
      },
    })
    await started
    expect((await ask(world.client)).kind).toBe('answered')
    expect(daemon.said.match(/403 Forbidden/g)).toHaveLength(4)
    expect(await world.node.exec('nft', 'list', 'tables')).not.toContain('table ip kube-proxy')
  })

  it('has its API server and its ways from a configuration, and drops what no Service of the cluster has', async () => {
    await place.createNode()
    await place.setNodeAddress()
    const file = await writeConfiguration('detectLocalMode: NodeCIDR')
    await daemon.startOn('--config', file)
    expect(daemon.said).toContain('Node here: it has no podCIDRs')
    expect((await ask(world.client)).kind).toBe('answered')
    expect((await ask(world.client, vip, 81)).kind).toBe('refused')
    // The range of cluster IPs is the API server's own; nobody else was told of it.
    const unused = vip.replace(/\d+$/, '254')
    expect((await ask(world.client, unused)).kind).toBe('silent')
    await place.merge(NODE, { spec: { podCIDR: PLACES.IPv4.podCidr, podCIDRs: [PLACES.IPv4.podCidr] } })
    // A client from outside of the pods is now one that needs masquerade.
    await eventually(async () => {
      const told = JSON.parse(
        await daemon.ask('explain', `${vip}:80`, '--from', PLACES.IPv4.client, '--json'),
      )
      return told.treatments[0]?.masquerade.applies === true ? true : undefined
    })
    expect((await ask(world.client)).kind).toBe('answered')
    await writeConfiguration('clientConnection: {kubeconfig: /nonexistent}')
    daemon.reload()
    await eventually(() => (daemon.said.includes('cannot change while the proxy runs') ? true : undefined))
    expect((await ask(world.client)).kind).toBe('answered')
  })

  it('tells the cluster that it serves, and what it cannot', async () => {
    await place.createNode()
    await place.setNodeAddress()
    await createColliding()
    await daemon.startOn('--kubeconfig', cluster.kubeconfig)
    const events = await eventually(async () => {
      const listed = await cluster.admin.json({ path: '/apis/events.k8s.io/v1/events' })
      const { items } = listed as { items: readonly { reason: string; note: string }[] }
      return items.some(({ reason }) => reason === 'FailedToServe') ? items : undefined
    }, 20_000)
    expect(events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ reason: 'Starting', regarding: expect.objectContaining({ kind: 'Node' }) }),
        expect.objectContaining({
          reason: 'FailedToServe',
          regarding: expect.objectContaining({ kind: 'Service', namespace: 'default', name: 'second' }),
          note: expect.stringContaining('on node here'),
        }),
      ]),
    )
  })
})

/** Two Services that want one external address and port: the older has it. */
async function createColliding(): Promise<void> {
  for (const name of ['first', 'second']) {
    const spec = { ports: [{ port: 90 }], externalIPs: ['198.51.100.9'] }
    await cluster.admin.json({ method: 'POST', path: SERVICES, body: { metadata: { name }, spec } })
    // Ages are told apart by whole seconds.
    const made = Date.now()
    await eventually(() => (Date.now() - made > 1_100 ? true : undefined))
  }
}

/** A KubeProxyConfiguration in the cluster's folder; its path. */
async function writeConfiguration(text: string): Promise<string> {
  const file = join(cluster.place.folder, 'proxy-config.yaml')
  const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables'
  const client = text.includes('clientConnection')
    ? ''
    : `clientConnection: {kubeconfig: ${cluster.kubeconfig}}\n`
  await writeFile(file, `${head}\n${client}conntrack: {maxPerCore: 0}\n${text}\n`)
  return file
}
