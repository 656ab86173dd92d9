import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { runCommandLine } from '../../../src/cli/run-command-line.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../../deploy/${path}`, import.meta.url))
const text = (path: string): Promise<string> => readFile(at(path), 'utf8')

const container = async () => {
  const daemonSet = parse(await text('kube-proxy-replacement/daemonset.yaml'))
  return { pod: daemonSet.spec.template.spec, main: daemonSet.spec.template.spec.containers[0] }
}

let folder: string
const complaints: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-deploy-'))
  complaints.length = 0
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => complaints.push(String(line)) > 0)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

/** The whole configuration that a command line comes to, as the command itself sees it. */
async function configurationOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const file = join(folder, 'config.yaml')
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const status = await runCommandLine([...args, '--write-config-to', file])
  expect([status, complaints]).toEqual([0, []])
  return parse(await readFile(file, 'utf8'))
}

const CONFIG = at('kube-proxy-replacement/config/config.conf')

describe('the DaemonSet', () => {
  it('starts the command with flags and a configuration that it takes without a warning', async () => {
    const { main } = await container()
    const args = main.args.map((arg: string) =>
      arg.replace('/var/lib/kube-proxy/config.conf', CONFIG).replace('$(NODE_NAME)', 'node-1'),
    )
    expect(await configurationOf(args)).toMatchObject({
      mode: 'nftables',
      hostnameOverride: 'node-1',
      clusterCIDR: '10.244.0.0/16',
      clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
    })
  })

  it('has one capability and nothing to write to but its state', async () => {
    const { pod, main } = await container()
    expect(main.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
    const writable = main.volumeMounts.filter((mount: { readOnly?: boolean }) => mount.readOnly !== true)
    expect(writable).toEqual([{ name: 'state', mountPath: '/var/lib/hawser' }])
    expect(pod.volumes.some((volume: object) => 'hostPath' in volume)).toBe(false)
  })

  it('is asked how it is where the configuration says', async () => {
    const { main } = await container()
    const { healthzBindAddress } = parse(await readFile(CONFIG, 'utf8'))
    for (const probe of [main.livenessProbe, main.readinessProbe])
      expect(healthzBindAddress).toBe(`0.0.0.0:${probe.httpGet.port}`)
    expect([main.livenessProbe.httpGet.path, main.readinessProbe.httpGet.path]).toEqual([
      '/livez',
      '/healthz',
    ])
  })

  it('runs on every node, as kube-proxy does', async () => {
    const { pod } = await container()
    expect(pod).toMatchObject({
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
    })
  })
})

it('the service account has the role that Kubernetes has for kube-proxy', async () => {
  const [account, binding] = parseAllDocuments(await text('kube-proxy-replacement/rbac.yaml')).map(
    (document) => document.toJS(),
  )
  const { pod } = await container()
  expect(pod.serviceAccountName).toBe(account.metadata.name)
  expect(binding).toMatchObject({
    roleRef: { kind: 'ClusterRole', name: 'system:node-proxier' },
    subjects: [{ kind: 'ServiceAccount', name: account.metadata.name, namespace: 'kube-system' }],
  })
})

it('the image is the one that is built', async () => {
  const { images } = parse(await text('kube-proxy-replacement/kustomization.yaml'))
  const { version } = JSON.parse(await readFile(at('../package.json'), 'utf8'))
  const { main } = await container()
  expect(images).toEqual([{ name: main.image, newTag: version }])
})

describe('the systemd unit', () => {
  it('starts the command with flags that it takes', async () => {
    const [, line = ''] = /^ExecStart=(.*)$/m.exec(await text('systemd/hawser-proxy.service')) ?? []
    const [node, main, ...args] = line.split(' ')
    expect([node, main]).toEqual(['/usr/bin/node', '/usr/lib/hawser/dist/src/cli/main.js'])
    const given = args.map((arg) => arg.replace('/etc/hawser/proxy.conf', at('systemd/proxy.conf')))
    const kubeconfig = '/run/credentials/hawser-proxy.service/kubeconfig'
    expect(await configurationOf(given)).toMatchObject({ clientConnection: { kubeconfig } })
  })

  it('has one capability', async () => {
    const unit = await text('systemd/hawser-proxy.service')
    expect(unit.match(/^(?:Ambient|CapabilityBounding)\w+=.*$/gm)).toEqual([
      'AmbientCapabilities=CAP_NET_ADMIN',
      'CapabilityBoundingSet=CAP_NET_ADMIN',
    ])
  })
})
