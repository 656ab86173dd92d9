import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  configurationOfFile,
  configurationOfFlags,
} from '../../../../src/cli/proxy/configuration/read-configuration.ts'
import { writeConfiguration } from '../../../../src/cli/proxy/configuration/write-configuration.ts'
import { type OwnSettings, type ProxyConfig, proxyConfig } from '../../../../src/cli/proxy/proxy-config.ts'
import { formatProblem } from '../../../../src/model/problem.ts'
import { cidr } from '../../../support/services.ts'

const HEAD = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'

/** As kubeadm 1.36 writes it, empty values and all. */
const KUBEADM = `${HEAD}bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: iptables
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`

const OWN: OwnSettings = {
  folder: undefined,
  master: undefined,
  serviceCidrs: undefined,
  resetsStaleTcp: false,
  countingEngine: 'auto',
  metricsServices: 100,
  metricsEndpoints: 100,
  stateDir: '/state',
  verbose: false,
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-config-'))
})

afterEach(() => rm(folder, { recursive: true }))

async function write(text: string): Promise<string> {
  const file = join(folder, 'config.yaml')
  await writeFile(file, text)
  return file
}

/** Lines of a refusal, without the folder. */
async function refusal(text: string, flags = {}): Promise<readonly string[]> {
  const file = await write(text)
  const error = await configurationOfFile(file, flags).then(
    () => new Error('it was taken'),
    (error: unknown) => error,
  )
  const lines = error instanceof Error ? error.message.split('\nhawser: ') : []
  return lines.map((line) => line.replaceAll(`${folder}/`, ''))
}

async function warnings(text: string, flags = {}): Promise<readonly string[]> {
  const { warnings } = await configurationOfFile(await write(text), flags)
  return warnings.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''))
}

async function configOf(text: string, own: Partial<OwnSettings> = {}): Promise<ProxyConfig> {
  const { configuration } = await configurationOfFile(await write(text), {})
  return proxyConfig(configuration, { ...OWN, ...own })
}

describe('a configuration file', () => {
  it('that kubeadm writes is taken without a word, and empty values are the defaults', async () => {
    expect(await warnings(KUBEADM)).toEqual([])
    const { configuration } = await configurationOfFile(await write(KUBEADM), {})
    const { configuration: defaults } = configurationOfFlags({})
    expect(configuration).toEqual({
      ...defaults,
      clientConnection: { ...defaults.clientConnection, kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
      clusterCIDR: '10.244.0.0/16',
      logging: { ...defaults.logging, flushFrequency: 0, options: expect.anything() },
      mode: 'iptables',
    })
  })

  it('may be JSON', async () => {
    const text =
      '{"apiVersion":"kubeproxy.config.k8s.io/v1alpha1","kind":"KubeProxyConfiguration","mode":"ipvs"}'
    expect((await configOf(text)).mode).toBe('ipvs')
  })

  it.each([
    ['', ['config.yaml: there is no KubeProxyConfiguration in it']],
    [
      'a: [',
      ['config.yaml:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    [`${HEAD}---\n${HEAD}`, ['config.yaml:4: only one document may be in it']],
    ['- 1', ['config.yaml:1: it must be a mapping']],
    [
      'kind: Deployment',
      [
        'config.yaml:1: apiVersion is required',
        'config.yaml:1: kind must be KubeProxyConfiguration, not "Deployment"',
      ],
    ],
    [`${HEAD}mode: ebpf`, ['config.yaml:3: mode must be nftables, ipvs or iptables, not "ebpf"']],
    [
      `${HEAD}ipvs:\n  strictArp: true\n  scheduler: best`,
      [
        'config.yaml:5: ipvs.scheduler must be a scheduler of the kernel, such as rr, wlc or mh, not "best"',
        'config.yaml:4: ipvs.strictArp is no field of KubeProxyConfiguration (did you mean strictARP?)',
      ],
    ],
    [
      `${HEAD}iptables: {syncPeriod: 30}`,
      ['config.yaml:3: iptables.syncPeriod must be text, not 30 (put the value in quotes)'],
    ],
    [
      `${HEAD}nftables:\n  minSyncPeriod: 2m`,
      ['config.yaml:4: nftables.minSyncPeriod must not be longer than nftables.syncPeriod, which is 1m0s'],
    ],
    [
      `${HEAD}conntrack: {udpTimeout: -1s}`,
      [
        'config.yaml:3: conntrack.udpTimeout must be a duration of 0 or more, such as 500ms, 30s or 1h2m3s, not "-1s"',
      ],
    ],
    [
      `${HEAD}nodePortAddresses: [primary, 10.0.0.1]`,
      ['config.yaml:3: nodePortAddresses[1] must be a CIDR, or primary, localhost or all, not "10.0.0.1"'],
    ],
    [
      `${HEAD}clusterCIDR: 10.0.0.0/8,10.1.0.0/16`,
      [
        'config.yaml:3: clusterCIDR must be a CIDR such as 10.244.0.0/16, or one of each family joined by a comma, not "10.0.0.0/8,10.1.0.0/16"',
      ],
    ],
    [
      `${HEAD}healthzBindAddress: 10256`,
      ['config.yaml:3: healthzBindAddress must be text, not 10256 (put the value in quotes)'],
    ],
    [
      `${HEAD}metricsBindAddress: localhost:10249`,
      [
        'config.yaml:3: metricsBindAddress must be an address and a port, such as 127.0.0.1:10249 or [::1]:10249, not "localhost:10249"',
      ],
    ],
    [
      `${HEAD}oomScoreAdj: 1001`,
      ['config.yaml:3: oomScoreAdj must be a whole number from -1000 to 1000, not 1001'],
    ],
    [
      `${HEAD}hostnameOverride: a_b`,
      ['config.yaml:3: hostnameOverride must be the name of a Node, not "a_b"'],
    ],
    [
      `${HEAD}detectLocalMode: BridgeInterface`,
      [
        'config.yaml:1: detectLocal.bridgeInterface must be the name of the bridge of pods, of 1 to 15 characters, for detectLocalMode BridgeInterface',
      ],
    ],
    [
      `${HEAD}mode: ipvs\niptables:\n  masqueradeBit: 24`,
      [
        'config.yaml:5: iptables.masqueradeBit cannot be 24 in mode ipvs, where bits 24 to 31 tell the marks of IPVS from others (name a bit from 0 to 23)',
      ],
    ],
    [
      `${HEAD}nftables: {masqueradeBit: 32}`,
      ['config.yaml:3: nftables.masqueradeBit must be a whole number from 0 to 31, not 32'],
    ],
    [
      `${HEAD}detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: veth*}`,
      [
        'config.yaml:4: detectLocal.interfaceNamePrefix must be how names of interfaces of pods begin, of 1 to 15 characters, for detectLocalMode InterfaceNamePrefix',
      ],
    ],
    [`${HEAD}featureGates: {A: on, B: 1}`, ['config.yaml:3: featureGates.B must be true or false, not 1']],
  ])('is refused with every line that is wrong: %j', async (text, lines) => {
    expect(await refusal(text)).toEqual(lines)
  })

  it('that is not there is said with its name', async () => {
    await expect(configurationOfFile(join(folder, 'none.yaml'), {})).rejects.toThrow(
      /cannot read the configuration .*none.yaml: ENOENT/,
    )
  })

  const POD_RANGE = 'clusterCIDR: 10.244.0.0/16\nmode: nftables\n'

  it.each([
    ['clientConnection: {contentType: text/plain}', 'clientConnection.contentType has no use'],
    ['configSyncPeriod: 1m', 'configSyncPeriod has no use'],
    ['enableProfiling: true', 'enableProfiling has no use'],
    ['featureGates: {A: true}', 'featureGates has no use'],
    ['nodePortAddresses: [localhost]', 'nodePortAddresses has no use for localhost but in mode iptables'],
    ['portRange: 1-2', 'portRange has no use'],
    ['showHiddenMetricsForVersion: "1.35"', 'showHiddenMetricsForVersion has no use'],
    ['winkernel: {enableDSR: true}', 'winkernel has no use on Linux'],
    ['windowsRunAsService: true', 'windowsRunAsService has no use on Linux'],
    ['udpIdleTimeout: 250ms', 'udpIdleTimeout has no use in any version'],
  ])('may have a field without use, which is said: %s', async (text, said) => {
    const lines = await warnings(HEAD + POD_RANGE + text)
    expect(lines).toEqual([expect.stringContaining(`config.yaml:5: ${said}`)])
  })

  it('without a mode is nftables, which is said, since kube-proxy would take iptables', async () => {
    const text = `${HEAD}clusterCIDR: 10.0.0.0/8\nmode: ""\niptables: {masqueradeAll: true}`
    expect(await warnings(text)).toEqual([
      'config.yaml:4: mode is empty, which means nftables here and iptables to kube-proxy (name the mode)',
      'config.yaml:5: iptables.masqueradeAll has no effect in mode nftables (set nftables.masqueradeAll)',
    ])
    expect((await configOf(text)).mode).toBe('nftables')
  })

  it('wins over flags that have a field in it, but for those that win over it in kube-proxy, and ours', async () => {
    const flags = { 'proxy-mode': 'ipvs', 'hostname-override': 'other', 'audit-interval': '5s' }
    const text = `${HEAD}clusterCIDR: 10.0.0.0/8\nmode: iptables\nhostnameOverride: this`
    const { configuration, warnings } = await configurationOfFile(await write(text), flags)
    expect(configuration).toMatchObject({
      mode: 'iptables',
      hostnameOverride: 'other',
      iptables: { syncPeriod: '5s' },
    })
    expect(warnings.map(({ place }) => place)).toEqual(['--proxy-mode'])
    expect(await refusal(text, { 'audit-interval': '5' })).toEqual([
      expect.stringMatching(/^--audit-interval: must be a duration/),
    ])
  })

  it('that is written is read as the same', async () => {
    const { configuration } = configurationOfFlags({
      'ipvs-scheduler': 'mh',
      'nodeport-addresses': ['primary'],
    })
    const file = join(folder, 'written.yaml')
    await writeConfiguration(configuration, file)
    expect(await readFile(file, 'utf8')).toContain('tcpEstablishedTimeout: 24h0m0s')
    expect(await configurationOfFile(file, {})).toMatchObject({ configuration })
  })
})

describe('flags', () => {
  it.each([
    [{ 'proxy-mode': 'ebpf' }, '--proxy-mode must be nftables, ipvs or iptables, not "ebpf"'],
    [
      { 'ipvs-exclude-cidrs': ['10.0.0.0/8', 'x'] },
      '--ipvs-exclude-cidrs must be a CIDR such as 192.0.2.0/24, not "x"',
    ],
    [
      { 'proxy-mode': 'ipvs', 'iptables-masquerade-bit': 31 },
      '--iptables-masquerade-bit cannot be 31 in mode ipvs',
    ],
    [{ 'oom-score-adj': 1.5 }, '--oom-score-adj must be a whole number from -1000 to 1000, not 1.5'],
  ])('are refused by their own names: %j', (flags, message) => {
    expect(() => configurationOfFlags(flags)).toThrow(message)
  })

  it('that are not given are not complained about', () => {
    expect(configurationOfFlags({}).warnings).toEqual([])
    expect(configurationOfFlags({ profiling: true }).warnings).toMatchObject([{ place: '--profiling' }])
  })

  it('may name any bit for masquerade where IPVS has no marks', () => {
    const { configuration } = configurationOfFlags({ 'iptables-masquerade-bit': 31 })
    expect(proxyConfig(configuration, OWN).masqueradeMark).toBe(0x8000_0000)
  })

  it("of kube-proxy's iptables are meant for nftables as well", () => {
    const { configuration } = configurationOfFlags({ 'iptables-sync-period': '10s', 'masquerade-all': true })
    expect(configuration).toMatchObject({
      nftables: { syncPeriod: '10s', masqueradeAll: true },
      iptables: { syncPeriod: '10s', masqueradeAll: true },
      ipvs: { syncPeriod: '1m0s' },
    })
  })
})

describe('what a configuration means', () => {
  it.each([
    ['BridgeInterface', { name: 'cni0', isPrefix: false }],
    ['InterfaceNamePrefix', { name: 'veth', isPrefix: true }],
    ['NodeCIDR', undefined],
  ])('may be that pods are told by where they come in: %s', async (mode, podInterface) => {
    const names = 'detectLocal: {bridgeInterface: cni0, interfaceNamePrefix: veth}'
    expect((await configOf(`${HEAD}detectLocalMode: ${mode}\n${names}`)).podInterface).toEqual(podInterface)
  })

  it('is taken from the part of its mode', async () => {
    const text = `${HEAD}mode: ipvs
ipvs: {minSyncPeriod: 2s, scheduler: wlc, strictARP: true, excludeCIDRs: [10.9.0.0/16], tcpTimeout: 1500ms}
nftables: {minSyncPeriod: 7s}
iptables: {masqueradeAll: true, masqueradeBit: 15}`
    expect(await configOf(text)).toMatchObject({
      minSyncPeriodMs: 2000,
      auditIntervalMs: 60_000,
      masqueradeAll: true,
      masqueradeMark: 0x8000,
      ipvsScheduler: 'wlc',
      ipvs: {
        strictArp: true,
        excludeCidrs: [cidr('10.9.0.0/16')],
        timeouts: { tcpSeconds: 2, tcpFinSeconds: 0, udpSeconds: 0 },
      },
    })
  })

  it.each([
    ['nftables', ['primary']],
    ['ipvs', [cidr('0.0.0.0/0'), cidr('::/0')]],
    ['iptables', [cidr('0.0.0.0/0'), cidr('::/0')]],
  ])('node ports of %s answer where kube-proxy has them when nothing is said', async (mode, expected) => {
    expect((await configOf(`${HEAD}mode: ${mode}`)).nodePortAddresses).toEqual(expected)
  })

  it.each([
    ['mode: iptables', true],
    ['mode: iptables\nnodePortAddresses: [localhost, 10.0.0.0/8]', true],
    ['mode: iptables\nnodePortAddresses: [10.0.0.0/8]', false],
    ['mode: iptables\niptables: {localhostNodePorts: false}', false],
    ['mode: nftables\nnodePortAddresses: [all]', false],
  ])('has node ports at localhost as kube-proxy: %s', async (text, expected) => {
    expect((await configOf(HEAD + text)).localhostNodePorts).toBe(expected)
  })

  it('has servers of the family of its bind address', async () => {
    expect(await configOf(`${HEAD}bindAddress: fd00::1`)).toMatchObject({
      nodeAddress: 'fd00::1',
      health: { address: '::', port: 10_256 },
      metrics: { address: '::1', port: 10_249 },
    })
    expect((await configOf(`${HEAD}metricsBindAddress: "::"`)).metrics).toEqual({
      address: '::',
      port: 10_249,
    })
  })

  it('leaves the ranges of cluster IPs to the API server, where that is the source', async () => {
    expect((await configOf(HEAD)).serviceCidrs).toBeUndefined()
    expect((await configOf(HEAD, { folder: '/manifests' })).serviceCidrs).toEqual([cidr('10.96.0.0/16')])
  })

  it.each([
    [0, false],
    [2, false],
    [4, true],
  ])('logs verbosely at verbosity %d: %j', async (verbosity, verbose) => {
    expect((await configOf(`${HEAD}logging: {verbosity: ${verbosity}}`)).verbose).toBe(verbose)
  })
})
