import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ClusterProcess } from './process.ts'
import type { TestCluster } from './test-cluster.ts'
import type { TestNode } from './test-node.ts'

const run = promisify(execFile)

/** Where pods ask for names; nobody answers there unless a test sees to that. */
export const CLUSTER_DNS = '10.96.0.10'

/** A kubelet on a busy machine asks for its certificate, its Node and the runtime, each in its time. */
const READY_MS = 120_000

/**
 * Paths that a kubelet insists on whatever it is told: it gets private ones. What it mounts below its own folder is
 * shared with whoever runs containers.
 */
const IN_PRIVATE = `
  for folder in /var/lib/kubelet /var/log; do
    mkdir -p $folder
    mount --make-private "$(findmnt --noheadings --output TARGET --target $folder)"
    mount -t tmpfs none $folder
  done
  exec "$@"`

/** Starts upstream's kubelet on a machine whose Hawser, if any, has ended; resolves when the Node is Ready by its word. */
export async function startUpstreamKubelet(
  cluster: TestCluster,
  node: TestNode,
  program = join(cluster.place.binaries, 'kubelet'),
): Promise<ClusterProcess> {
  await shareMounts(node.kubeletFolder)
  const resolvConf = join(node.folder, 'resolv.conf')
  await writeFile(resolvConf, 'nameserver 192.0.2.53\n')
  const config = join(node.folder, 'kubelet.yaml')
  const surroundings = {
    clientCAFile: cluster.authority,
    containerRuntimeEndpoint: node.containerd.endpoint,
    clusterDNS: [CLUSTER_DNS],
    resolvConf,
  }
  const configuration = { ...kubeletConfiguration(surroundings), podLogsDir: node.logsFolder }
  await writeFile(config, JSON.stringify(configuration))
  const flags = [
    `--config=${config}`,
    `--kubeconfig=${node.kubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
    `--root-dir=${node.kubeletFolder}`,
    `--cert-dir=${join(node.folder, 'certificates')}`,
  ]
  const inPrivate = ['--mount', '--propagation=unchanged', '--', 'sh', '-euc', IN_PRIVATE, 'sh']
  const since = Math.floor(Date.now() / 1000) * 1000
  const kubelet = ClusterProcess.start(
    'unshare',
    { binaries: '/usr/bin', folder: node.folder },
    [...inPrivate, program, ...flags],
    { netns: node.netns.path, logName: 'upstream-kubelet' },
  )
  await kubelet.whenReady(() => node.isReady(since), READY_MS)
  return kubelet
}

/** Makes a folder one whose mounts are seen on both sides of a mount namespace made from now on. */
async function shareMounts(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const { stdout } = await run('findmnt', ['--noheadings', '--output', 'TARGET', '--target', folder])
  if (stdout.trim() === folder) return
  await run('mount', ['--bind', folder, folder])
  await run('mount', ['--make-shared', folder])
}

/** Where a kubelet finds what it needs, by the names of its configuration. */
export interface KubeletSurroundings {
  readonly clientCAFile: string
  readonly containerRuntimeEndpoint: string
  readonly clusterDNS: readonly string[]
  readonly resolvConf: string
}

/** KubeletConfiguration of an upstream's kubelet in namespaces of a test. */
export const kubeletConfiguration = ({ clientCAFile, ...surroundings }: KubeletSurroundings) => ({
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile },
  },
  authorization: { mode: 'Webhook' },
  ...surroundings,
  clusterDomain: 'cluster.local',
  cgroupDriver: 'cgroupfs',
  // The pods' cgroups are containerd's then, and go with their containers.
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failCgroupV1: false,
  failSwapOn: false,
  evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
  localStorageCapacityIsolation: false,
})
