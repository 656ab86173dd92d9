import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { unmountAllUnder } from '../../src/kubelet/host/mounts.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { TestCluster } from './harness/test-cluster.ts'

const NODE = 'daemon'
const main = join(import.meta.dirname, '../../dist/src/cli/main.js')

let cluster: TestCluster
let machine: TestContainerd
let stateDir: string
let daemon: ChildProcess | undefined

beforeEach(async () => {
  cluster = await TestCluster.start({ controllerManager: true, scheduler: true })
  machine = await startTestContainerd()
  stateDir = machine.stateDir
  const { cert, key } = await cluster.clientCertificate(`system:node:${NODE}`, ['system:nodes'])
  await cluster.writeKubeconfig('node.kubeconfig', { 'client-certificate': cert, 'client-key': key })
})

afterEach(async () => {
  daemon?.kill('SIGKILL')
  await unmountAllUnder(stateDir)
  await machine?.remove()
  await cluster?.dispose()
})

const kubelet = (...args: readonly string[]) =>
  spawn(process.execPath, [main, 'kubelet', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })

it('a Deployment becomes ready on a machine that hawser kubelet has made a node', async () => {
  const running = kubelet(
    `--kubeconfig=${cluster.place.folder}/node.kubeconfig`,
    `--hostname-override=${NODE}`,
    `--container-runtime-endpoint=${machine.containerd.endpoint}`,
    `--root-dir=${stateDir}/kubelet`,
    '--node-ip=192.0.2.1',
    '--healthz-bind-address=127.0.0.1:0',
    '--port=0',
    '--node-labels=tier=edge',
  )
  daemon = running
  try {
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: {
        nodeSelector: { tier: 'edge' },
        containers: [{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', 'sleep 1000'] }],
        terminationGracePeriodSeconds: 0,
      },
    }
    await cluster.admin.json({
      ...{ method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments' },
      body: {
        metadata: { name: 'web' },
        spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template },
      },
    })
    await eventually(async () => {
      const path = '/apis/apps/v1/namespaces/default/deployments/web'
      const { status } = (await cluster.admin.json({ path })) as {
        readonly status: { readonly readyReplicas?: number }
      }
      if (status.readyReplicas !== 3) throw new Error(`the Deployment is ${JSON.stringify(status)}`)
      return true
    }, 60_000)
  } finally {
    running.kill('SIGTERM')
    await new Promise((resolve) => running.once('exit', resolve))
  }
  expect(running.exitCode).toBe(0)
})
