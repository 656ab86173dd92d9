import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { SteadyClient } from '../support/steady-client.ts'
import { TestCluster } from './harness/test-cluster.ts'
import { TestNode } from './harness/test-node.ts'

const RIGHTS = fileURLToPath(new URL('../../deploy/node/rbac.yaml', import.meta.url))
const main = resolve(process.env.HAWSER_COMMAND ?? 'dist/src/cli/main.js')
/** For what a busy machine may take its time over. */
const PATIENCE_MS = 60_000

let cluster: TestCluster
let node: TestNode
/** Cluster IP of a Service that says what it hears. */
let echo: string

interface NodeObject {
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly message: string
      readonly lastTransitionTime: string
    }[]
  }
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string }
    readonly status: {
      readonly containerStatuses?: readonly { readonly containerID: string; readonly restartCount: number }[]
    }
  }[]
}

async function readyCondition(name: string) {
  const { status } = (await cluster.admin.json({ path: `/api/v1/nodes/${name}` })) as NodeObject
  return status.conditions?.find(({ type }) => type === 'Ready')
}

/** What the Node says of why it is not ready, once that has the text in it. */
const notReadyFor = (name: string, text: string) =>
  eventually(async () => {
    const ready = await readyCondition(name)
    if (ready?.status === 'False' && ready.message.includes(text)) return ready.message
    throw new Error(`the Node's Ready is ${JSON.stringify(ready)}`)
  }, PATIENCE_MS)

/** Containers that run, and how often each was started again. */
async function containers(): Promise<readonly string[]> {
  const { items } = (await cluster.admin.json({ path: '/api/v1/namespaces/default/pods' })) as PodList
  return items
    .flatMap(({ metadata, status }) =>
      (status.containerStatuses ?? []).map(
        ({ containerID, restartCount }) => `${metadata.uid} ${containerID} ${restartCount}`,
      ),
    )
    .sort()
}

beforeAll(async () => {
  cluster = await TestCluster.start({ network: true, controllerManager: true, scheduler: true })
  // What a cluster that was not made for this gives its nodes, and no more.
  const bindings = ['hawser-test:system:nodes', 'hawser:node']
  await cluster.kubectl(['delete', 'clusterrolebinding', '--ignore-not-found', ...bindings])
})

afterAll(async () => {
  await node?.dispose()
  await cluster?.dispose()
})

it('a node is not ready before its proxy may read the endpoints of Services, and says what is missing', async () => {
  const flags = ['--node-labels=tier=edge']
  const started = TestNode.start(cluster, { name: 'worker', command: 'node', flags })
  try {
    const message = await notReadyFor('worker', 'endpointslices')
    expect(message).toContain('the service proxy does not know the Services yet')
    expect(message).toContain('deploy/node/rbac.yaml')
    await cluster.kubectl(['apply', '-f', RIGHTS])
  } finally {
    node = await started
  }
  expect(await readyCondition('worker')).toMatchObject({ status: 'True' })
})

it('a Deployment answers through its Service, and a kill -9 breaks no connection and starts nothing again', async () => {
  const labels = { app: 'echo' }
  const container = { name: 'main', image: TEST_IMAGE, command: ['nc', '-ll', '-p', '8080', '-e', 'cat'] }
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 }
  await cluster.admin.json({
    ...{ method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments' },
    body: {
      metadata: { name: 'echo' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{ ...container, readinessProbe }],
            nodeSelector: { tier: 'edge' },
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 0,
          },
        },
      },
    },
  })
  const made = (await cluster.admin.json({
    ...{ method: 'POST', path: '/api/v1/namespaces/default/services' },
    body: { metadata: { name: 'echo' }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } },
  })) as { readonly spec: { readonly clusterIP: string } }
  const address = made.spec.clusterIP
  echo = address
  const serving = () => node.exec(process.execPath, main, 'status', '--json', '--socket', socket())
  await eventually(async () => {
    const { services } = JSON.parse(await serving()) as StatusReport
    if (services.find(({ service }) => service === 'default/echo')?.endpoints === 2) return true
    throw new Error(`hawser status says ${JSON.stringify(services)}`)
  }, PATIENCE_MS)

  const client = await SteadyClient.start(node.netns, [{ protocol: 'TCP', address, port: 80 }])
  try {
    const before = { containers: await containers(), ready: await readyCondition('worker') }
    await node.kill()
    await client.goesOn(5)
    await node.startHawser()
    // Until then the Service is what the killed one left.
    await eventually(async () => {
      await page('10256/healthz')
      return (await page('10249/metrics')).includes('\nkubelet_running_pods 2\n') ? true : undefined
    }, PATIENCE_MS)
    await client.goesOn(5)
    const [report] = await client.rest()
    expect([report?.held.failures, report?.fresh.failures]).toEqual([[], []])
    expect(await containers()).toEqual(before.containers)
    // The Node was ready all along by its own word: to be unready for a moment takes its pods out of every Service.
    expect(await readyCondition('worker')).toMatchObject({
      lastTransitionTime: before.ready?.lastTransitionTime,
    })
  } finally {
    await client.stop()
  }
})

it('metrics of both parts are in one place, health where it is known from kubelet and kube-proxy', async () => {
  const [kubelet, proxy] = await Promise.all([page('10248/metrics'), page('10249/metrics')])
  for (const metrics of [kubelet, proxy])
    expect(metrics.split('\n')).toEqual(
      expect.arrayContaining([
        'kubelet_running_pods 2',
        expect.stringMatching(/^kubeproxy_sync_proxy_rules_duration_seconds_count/),
      ]),
    )
  expect(await page('10248/healthz')).toBe('ok\n')
  expect(JSON.parse(await page('10256/healthz'))).toMatchObject({ healthy: true })
})

it('SIGTERM ends it in order, and the Service goes on to answer', async () => {
  const before = await containers()
  expect(await node.stop()).toBe(0)
  expect(await containers()).toEqual(before)
  const asked = `echo anybody there | timeout 30 busybox nc ${echo} 80 | head -n 1`
  expect(await node.exec('sh', '-c', asked)).toBe('anybody there\n')
})

interface StatusReport {
  readonly services: readonly { readonly service: string; readonly endpoints: number }[]
}

/** What the node serves at this port and path; rejects where it serves no such thing. */
const page = (at: string): Promise<string> => node.exec('curl', '-s', '--fail', `http://127.0.0.1:${at}`)

/** Where `hawser status` asks. */
const socket = (): string => join(node.kubeletFolder, 'control.sock')
