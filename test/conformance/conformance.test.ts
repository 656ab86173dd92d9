import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PrivateContainerd } from '../../src/kubelet/runtime/private-containerd.ts'
import { ClusterProcess } from '../cluster/harness/process.ts'
import { TestCluster } from '../cluster/harness/test-cluster.ts'
import { startDns } from './dns.ts'
import { NODE_ADDRESS, NODE_NAME, POD_CIDR, prepareNetwork, startKubelet, startRuntime } from './node.ts'
import { readReport } from './report.ts'

const proxyName = process.env.HAWSER_CONFORMANCE_PROXY ?? 'nftables'
const kubeletKind = process.env.HAWSER_CONFORMANCE_KUBELET === 'hawser' ? 'hawser' : 'upstream'
/** Unset outside of run.sh, which makes the namespaces that this must not be run without. */
const binaries = process.env.HAWSER_CONFORMANCE_BINARIES ?? ''
const folder = process.env.HAWSER_CONFORMANCE_FOLDER ?? ''
const focus = process.env.FOCUS ?? String.raw`\[sig-network\].*\[Conformance\]`
/** Tests at once: most of their time is waiting. */
const PROCESSES = 8

let cluster: TestCluster | undefined
let runtime: PrivateContainerd | undefined
let kubelet: ClusterProcess | undefined

beforeAll(async () => {
  if (binaries === '') return
  await prepareNetwork()
  cluster = await TestCluster.start({
    controllerManager: true,
    scheduler: true,
    advertiseAddress: NODE_ADDRESS,
  })
  runtime = await startRuntime(folder, binaries)
  await startProxy(cluster)
  kubelet = await startKubelet(cluster, runtime.endpoint, kubeletKind)
  await startDns(cluster, binaries)
}, 300_000)

afterAll(async () => {
  // The pods end here for the sake of their cgroups, which no namespace takes along.
  await kubelet?.stop('SIGKILL')
  await runtime?.stop()
  await cluster?.dispose()
}, 120_000)

async function startProxy({ place, kubeconfig }: TestCluster): Promise<void> {
  const common = [
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${NODE_NAME}`,
    `--cluster-cidr=${POD_CIDR}`,
  ]
  if (proxyName === 'kube-proxy') {
    ClusterProcess.start('kube-proxy', place, [
      ...common,
      '--proxy-mode=nftables',
      '--conntrack-max-per-core=0',
    ])
    return
  }
  const main = join(import.meta.dirname, '../../dist/src/cli/main.js')
  const node = { binaries: join(process.execPath, '..'), folder: place.folder }
  ClusterProcess.start('node', node, [
    ...[main, 'proxy', ...common, `--proxy-mode=${proxyName}`, `--state-dir=${join(place.folder, 'proxy')}`],
  ])
}

it.skipIf(binaries === '')(
  `upstream's tests pass with ${proxyName}`,
  async () => {
    const report = join(folder, 'report.json')
    const output = await open(join(folder, 'suite.log'), 'w')
    const suite = spawn(
      join(binaries, 'ginkgo'),
      [
        ...[
          `--procs=${PROCESSES}`,
          `--focus=${focus}`,
          '--skip=\\[Serial\\]|\\[Disruptive\\]',
          '--timeout=40m',
        ],
        ...['--no-color', `--json-report=${report}`, join(binaries, 'e2e.test'), '--'],
        ...[`--kubeconfig=${cluster?.kubeconfig}`, '--provider=skeleton', '--num-nodes=1'],
        ...['--dump-logs-on-failure=false', '--delete-namespace=true'],
      ],
      { stdio: ['ignore', output.fd, output.fd], env: { ...process.env, KUBECONFIG: cluster?.kubeconfig } },
    )
    await new Promise((resolve) => suite.once('exit', resolve))
    await output.close()
    const { passed, failed } = readReport(await readFile(report, 'utf8'))
    expect(failed, `see ${folder}`).toEqual([])
    expect(passed.length).toBeGreaterThan(0)
    process.stdout.write(`${passed.length} conformance tests passed with ${proxyName}\n`)
  },
  3_000_000,
)
