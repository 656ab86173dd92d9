import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient } from '../../src/kube/client.ts'
import type { EventReport } from '../../src/kube/event-series.ts'
import { EventRecorder } from '../../src/kube/events.ts'
import { isRecord } from '../../src/kube/kube-object.ts'
import { endpointSlices, oneNode, services } from '../../src/sources/api/collections.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { eventually } from '../support/eventually.ts'
import { TestCluster } from './harness/test-cluster.ts'

const deploy = (folder: string): string => fileURLToPath(new URL(`../../deploy/${folder}`, import.meta.url))

let cluster: TestCluster
const clients: KubeClient[] = []

beforeAll(async () => {
  cluster = await TestCluster.start()
})
afterAll(async () => {
  for (const client of clients) client.close()
  await cluster?.dispose()
})

async function kubectl(...args: readonly string[]): Promise<string> {
  const program = join(cluster.place.binaries, 'kubectl')
  const { stdout } = await promisify(execFile)(program, ['--kubeconfig', cluster.kubeconfig, ...args])
  return stdout
}

/** A client with the rights of a service account of kube-system, and no others. */
async function clientOf(account: string): Promise<KubeClient> {
  const token = await cluster.serviceAccountToken('kube-system', account, 600)
  const file = await cluster.writeKubeconfig(`${account}.kubeconfig`, { token })
  const access = await kubeconfigAccess({ file })
  const client = new KubeClient({ access, userAgent: 'hawser-test', qps: 0, burst: 0 })
  clients.push(client)
  return client
}

const report = (reason: string): EventReport => ({
  regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'kubernetes' },
  type: 'Warning',
  reason,
  action: 'Listen',
  note: 'port 30123 is taken',
})

/** Events of the namespace default with this reason, once there are any. */
const eventsOf = (reason: string): Promise<readonly Record<string, unknown>[]> =>
  eventually(async () => {
    const list = await cluster.admin.json({ path: '/apis/events.k8s.io/v1/namespaces/default/events' })
    const items = isRecord(list) && Array.isArray(list.items) ? list.items.filter(isRecord) : []
    const found = items.filter((item) => item.reason === reason)
    return found.length === 0 ? undefined : found
  })

describe('the manifests', () => {
  it.each(['kube-proxy-replacement', 'kubeadm', 'cleanup'])(
    'of %s are what the API server takes',
    async (folder) => {
      const said = await kubectl('apply', '--dry-run=server', '-k', deploy(folder))
      expect(said).toMatch(/^daemonset\.apps\/hawser-\S+ created \(server dry run\)$/m)
    },
  )

  it('give the proxy what it reads', async () => {
    await kubectl('apply', '-n', 'kube-system', '-f', join(deploy('kube-proxy-replacement'), 'rbac.yaml'))
    const client = await clientOf('hawser-proxy')
    for (const { path } of [services, endpointSlices, oneNode('here')])
      await expect(client.json({ path })).resolves.toMatchObject({ items: expect.any(Array) })
    await expect(client.json({ path: '/api/v1/secrets' })).rejects.toMatchObject({ status: 403 })
  })
})

describe('Events', () => {
  it('are written with the proxy’s own rights, repeats as a series', async () => {
    const client = await clientOf('hawser-proxy')
    const recorder = new EventRecorder({ client, component: 'kube-proxy', host: 'here', log: silentLogger })
    recorder.report(report('Repeated'))
    const [first] = await eventsOf('Repeated')
    expect(first).toMatchObject({
      ...report('Repeated'),
      reportingController: 'kube-proxy',
      reportingInstance: 'kube-proxy-here',
    })
    recorder.report(report('Repeated'))
    await eventually(async () => {
      const [event, ...more] = await eventsOf('Repeated')
      expect([event?.series, more]).toMatchObject([{ count: 2 }, []])
      return true
    })
    expect(await kubectl('get', 'events', '-n', 'default')).toContain('port 30123 is taken')
    await recorder.close()
  })

  it('that may not be written are said once', async () => {
    const said: unknown[] = []
    const log = { ...silentLogger, warn: (fields: object) => said.push(fields) }
    const client = await clientOf('default')
    const backoff = { firstMs: 1, maxMs: 1 }
    const recorder = new EventRecorder({ client, component: 'kube-proxy', host: 'here', log, backoff })
    for (const reason of ['One', 'Two', 'Three']) recorder.report(report(reason))
    await eventually(() => (said.length > 0 ? true : undefined))
    expect(said).toEqual([{ error: expect.stringContaining('403') }])
    await recorder.close()
  })
})
