import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { PrivateContainerd } from '../../src/kubelet/runtime/private-containerd.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { ClusterProcess } from '../cluster/harness/process.ts'
import type { TestCluster } from '../cluster/harness/test-cluster.ts'
import { kubeletConfiguration } from '../cluster/harness/upstream-kubelet.ts'
import { cidr } from '../support/services.ts'
import { writeConformanceImages } from './images.ts'

const run = promisify(execFile)

export const NODE_ADDRESS = '172.31.0.1'
export const POD_CIDR = '10.1.0.0/16'
export const DNS_ADDRESS = '10.96.0.10'
export const NODE_NAME = hostname().toLowerCase()

/** Gives the network namespace an address that is not loopback, and a way out that leads nowhere. */
export async function prepareNetwork(): Promise<void> {
  await run('ip', ['link', 'add', 'node0', 'type', 'veth', 'peer', 'node1'])
  await run('ip', ['address', 'add', `${NODE_ADDRESS}/24`, 'dev', 'node0'])
  for (const link of ['node0', 'node1']) await run('ip', ['link', 'set', link, 'up'])
  await run('ip', ['route', 'add', 'default', 'via', '172.31.0.254'])
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'])
}

/** A containerd of its own with all images. */
export async function startRuntime(folder: string, binaries: string): Promise<PrivateContainerd> {
  const containerd = await PrivateContainerd.start({
    stateDir: folder,
    podCidr: cidr(POD_CIDR),
    sandboxImage: 'registry.k8s.io/pause:3.10.2',
    log: silentLogger,
  })
  await addHostPorts(join(folder, 'containerd'))
  for (const file of await writeConformanceImages(binaries, join(folder, 'images')))
    await importArchive(containerd.socket, file)
  return containerd
}

/** A pod network like the private containerd's own and before it in order, with the plugin that host ports want. */
async function addHostPorts(containerd: string): Promise<void> {
  const ranges = [[{ subnet: POD_CIDR }]]
  const ipam = {
    type: 'host-local',
    dataDir: join(containerd, 'ipam'),
    ranges,
    routes: [{ dst: '0.0.0.0/0' }],
  }
  const plugins = [
    { type: 'ptp', ipMasq: false, ipam },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ]
  await writeFile(
    join(containerd, 'cni', '00-host-ports.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: 'host-ports', plugins }),
  )
}

/** The node's kubelet, upstream's or Hawser's, registered and ready. */
export async function startKubelet(
  cluster: TestCluster,
  endpoint: string,
  kind: 'upstream' | 'hawser',
): Promise<ClusterProcess> {
  const folder = join(cluster.place.folder, 'kubelet')
  await mkdir(folder, { recursive: true })
  const { cert, key } = await cluster.clientCertificate(`system:node:${NODE_NAME}`, ['system:nodes'])
  const kubeconfig = await cluster.writeKubeconfig('kubelet.kubeconfig', {
    'client-certificate': cert,
    'client-key': key,
  })
  const resolvConf = join(folder, 'resolv.conf')
  await writeFile(resolvConf, `nameserver ${NODE_ADDRESS}\n`)
  const common = [
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
  ]
  const start = kind === 'hawser' ? hawserKubelet : upstreamKubelet
  const kubelet = await start(cluster, { endpoint, resolvConf, folder, common })
  await kubelet.whenReady(async () => {
    const { stdout } = await kubectl(cluster, 'get', 'node', NODE_NAME, '-o', READY)
    return stdout === 'True'
  }, 120_000)
  return kubelet
}

interface KubeletPlace {
  readonly endpoint: string
  readonly resolvConf: string
  readonly folder: string
  /** Flags that both have. */
  readonly common: readonly string[]
}

async function upstreamKubelet(
  { authority, place }: TestCluster,
  { endpoint, resolvConf, folder, common }: KubeletPlace,
): Promise<ClusterProcess> {
  const config = join(folder, 'config.yaml')
  const surroundings = {
    clientCAFile: authority,
    containerRuntimeEndpoint: endpoint,
    clusterDNS: [DNS_ADDRESS],
    resolvConf,
  }
  const configuration = { ...kubeletConfiguration(surroundings), serializeImagePulls: false }
  await writeFile(config, JSON.stringify(configuration))
  return ClusterProcess.start('kubelet', place, [`--config=${config}`, `--cert-dir=${folder}`, ...common])
}

async function hawserKubelet(
  { place }: TestCluster,
  { endpoint, resolvConf, common }: KubeletPlace,
): Promise<ClusterProcess> {
  const main = join(import.meta.dirname, '../../dist/src/cli/main.js')
  const program = { binaries: dirname(process.execPath), folder: place.folder }
  return ClusterProcess.start(
    'node',
    program,
    [
      ...[main, 'kubelet', ...common],
      `--container-runtime-endpoint=${endpoint}`,
      '--root-dir=/var/lib/kubelet',
      `--resolv-conf=${resolvConf}`,
      `--cluster-dns=${DNS_ADDRESS}`,
    ],
    { logName: 'hawser-kubelet' },
  )
}

export const kubectl = (cluster: TestCluster, ...args: readonly string[]) =>
  run(join(cluster.place.binaries, 'kubectl'), [`--kubeconfig=${cluster.kubeconfig}`, ...args])

const READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
