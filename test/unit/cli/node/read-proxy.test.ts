import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { parseFlags } from '../../../../src/cli/flags.ts'
import { kubeletConfig } from '../../../../src/cli/kubelet/flags.ts'
import { nodeFlags } from '../../../../src/cli/node/flags.ts'
import { readProxy } from '../../../../src/cli/node/read-proxy.ts'

const COMMON = ['--kubeconfig=/etc/node.kubeconfig', '--hostname-override=worker', '--root-dir=/var/lib/node']

/** What `hawser node` with these flags has its proxy do. */
async function read(...args: readonly string[]) {
  const parsed = parseFlags(nodeFlags, [...COMMON, ...args])
  if (parsed.kind === 'help') throw new Error('no help was asked for')
  const { flags } = parsed
  return readProxy(flags, kubeletConfig(flags, flags.kubeconfig ?? '', flags.verbose))
}

let folder: string
let said: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-node-flags-'))
  said = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text))
    return true
  })
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

async function file(text: string): Promise<string> {
  const path = join(folder, 'proxy.conf')
  await writeFile(path, `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${text}`)
  return path
}

it("name, connection and state folder are the kubelet's", async () => {
  const { proxy, proxyFile } = await read('--cluster-cidr=10.133.0.0/16')
  expect(proxy).toMatchObject({ nodeName: 'worker', stateDir: '/var/lib/node' })
  expect(proxy.source).toMatchObject({ kind: 'api', kubeconfig: '/etc/node.kubeconfig', qps: 50, burst: 100 })
  expect(proxyFile).toBeUndefined()
})

it("healthz-bind-address is the kubelet's, and the proxy has its own names and ports", async () => {
  const { proxy } = await read('--healthz-bind-address=127.0.0.1:1')
  expect([proxy.health?.port, proxy.metrics?.port]).toEqual([10_256, 10_249])
  const other = await read('--proxy-healthz-bind-address=0.0.0.0:2', '--proxy-metrics-bind-address=0.0.0.0:3')
  expect([other.proxy.health?.port, other.proxy.metrics?.port]).toEqual([2, 3])
})

it("flags of kube-proxy that the kubelet has none of keep their names, and a wrong one is named by the user's", async () => {
  const { proxy } = await read('--proxy-mode=iptables', '--conntrack-max-per-core=0', '--masquerade-all')
  expect(proxy).toMatchObject({ mode: 'iptables', conntrack: { maxPerCore: 0 }, masqueradeAll: true })
  await expect(read('--proxy-mode=userspace')).rejects.toThrow('--proxy-mode')
  await expect(read('--proxy-metrics-bind-address=here')).rejects.toThrow('--proxy-metrics-bind-address')
})

it('a file takes the place of the flags, but neither of the name nor of the connection', async () => {
  const path = await file(
    'mode: iptables\nhostnameOverride: other\nclientConnection: {kubeconfig: /k, qps: 1}\n',
  )
  const { proxy, proxyFile } = await read(`--proxy-config=${path}`, '--proxy-mode=nftables')
  expect(proxyFile?.path).toBe(path)
  expect(proxy).toMatchObject({ mode: 'iptables', nodeName: 'worker' })
  expect(proxy.source).toMatchObject({ kubeconfig: '/etc/node.kubeconfig', qps: 50 })
  expect(said.join('')).toContain('clientConnection.kubeconfig (/k) is ignored')
  expect(said.join('')).toContain('--proxy-mode')
})
