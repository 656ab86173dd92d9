import { stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Agent, Answer } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'

const VIP = '10.96.0.10'

const manifest = (endpoints: readonly string[]): string => `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: ${VIP}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, targetPort: 8080, protocol: UDP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}, {name: dns, port: 8080, protocol: UDP}]
endpoints: [${endpoints.map((address) => `{addresses: [${address}], nodeName: here}`).join(', ')}]
`

const FLAGS = ['--cluster-cidr', PLACES.IPv4.podCidr]

let world: ServiceWorld
let daemon: ProxyDaemon

beforeAll(async () => {
  world = await ServiceWorld.create(2)
})

afterAll(() => world?.dispose())

beforeEach(async () => {
  daemon = await ProxyDaemon.create(world.node)
  await daemon.save('web.yaml', manifest(world.servers.map(({ addresses }) => addresses.IPv4)))
})

afterEach(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
})

const ask = (agent: Agent): Promise<Answer> => agent.ask({ protocol: 'TCP', address: VIP, port: 80 })

const tables = (): Promise<string> => world.node.exec('nft', 'list', 'tables')

describe('hawser proxy', () => {
  it('serves a folder, leaves the rules at SIGTERM, and removes them at --cleanup, nothing else', async () => {
    await world.node.exec('nft', 'add table ip theirs')
    await daemon.start(...FLAGS)
    expect((await ask(world.client)).kind).toBe('answered')
    expect(await daemon.stop()).toBe(0)
    expect((await ask(world.client)).kind).toBe('answered')
    await daemon.cleanup()
    expect((await tables()).trim()).toBe('table ip theirs')
    await world.node.exec('nft', 'delete table ip theirs')
  })

  it('follows the folder, and has no use for pods', async () => {
    await daemon.save(
      'pod.yaml',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n',
    )
    await daemon.start(...FLAGS)
    expect(daemon.said).toContain('Pod default/p: hawser proxy runs no containers')
    await daemon.save('web.yaml', manifest([]))
    await eventually(async () => ((await ask(world.client)).kind === 'refused' ? true : undefined))
  })

  it('deletes connections that lead to something gone', async () => {
    await daemon.start(...FLAGS)
    const datagram = { protocol: 'UDP', address: VIP, port: 53 } as const
    expect((await world.client.ask(datagram)).kind).toBe('answered')
    await daemon.save('web.yaml', manifest([]))
    await eventually(async () => ((await world.client.ask(datagram)).kind === 'refused' ? true : undefined))
    await eventually(async () => {
      const told = JSON.parse(await daemon.ask('explain', `${VIP}:53/udp`, '--json'))
      return told.connections.total === 0 ? true : undefined
    })
  })

  it('says how it is over HTTP as kube-proxy does', async () => {
    await daemon.start(...FLAGS)
    expect(JSON.parse(await get('http://127.0.0.1:10256/healthz'))).toEqual({
      lastUpdated: expect.any(String),
      currentTime: expect.any(String),
      nodeEligible: true,
      healthy: true,
      status: { IPv4: expect.objectContaining({ healthy: true }), IPv6: expect.anything() },
    })
    expect(Object.keys(JSON.parse(await get('http://127.0.0.1:10256/livez')))).not.toContain('nodeEligible')
    expect(await get('http://127.0.0.1:10249/proxyMode')).toBe('nftables')
    expect(await get('http://127.0.0.1:10249/metrics')).toContain(
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending 0',
    )
  })
})

describe('what is asked of a running daemon', () => {
  beforeEach(() => daemon.start(...FLAGS))

  it('is asked over a socket of its owner alone', async () => {
    const socket = join(dirname(daemon.folder), 'state', 'control.sock')
    expect((await stat(socket)).mode & 0o777).toBe(0o600)
    expect(await daemon.status()).toMatchObject({
      families: [{ family: 'IPv4', mode: 'nftables', error: null, pendingSince: null }, { family: 'IPv6' }],
      services: [
        { service: 'default/web', address: VIP, number: 53, endpoints: 2, inForce: true },
        { service: 'default/web', address: VIP, number: 80, endpoints: 2, inForce: true },
      ],
    })
    expect(await daemon.ask('status')).toMatch(
      /^default\/web +http +ClusterIP +10\.96\.0\.10:80\/TCP +2 +answers$/m,
    )
  })

  it('is explained with the elements that nft shows, and live connections', async () => {
    await world.client.hold('one', VIP, 80)
    const told = JSON.parse(await daemon.ask('explain', `${VIP}:80`, '--from', PLACES.IPv4.client, '--json'))
    expect(told).toMatchObject({
      frontend: { service: 'default/web', inForce: true },
      treatments: [{ clients: ['outside'], fate: 'balanced', masquerade: { applies: true } }],
      connections: {
        listed: expect.arrayContaining([
          expect.objectContaining({ client: expect.stringContaining(PLACES.IPv4.client) }),
        ]),
      },
    })
    const listed = await world.node.exec('nft', 'list', 'table', 'ip', 'hawser')
    const element = told.kernel.lines.find((line: string) => line.startsWith('eps {'))
    expect(listed.replace(/\s+/g, ' ')).toContain(element.replace('eps { ', '').replace(' }', ''))
  })
})

describe('a restart with another mode', () => {
  it('keeps connections and refuses no new one, and leaves one mode only', async () => {
    await daemon.start(...FLAGS)
    await world.client.hold('before', VIP, 80)
    expect((await world.client.talk('before')).kind).toBe('answered')
    const answers: Answer[] = []
    let switching = true
    const asking = (async () => {
      while (switching) answers.push(await ask(world.client))
    })()
    await world.node.exec('nft', 'add table ip kube-proxy')
    for (const mode of ['iptables', 'nftables']) {
      await daemon.stop()
      await daemon.start(...FLAGS, '--proxy-mode', mode)
      const rules = await world.node.exec('nft', 'list', 'ruleset')
      expect(rules.includes('table ip hawser')).toBe(mode === 'nftables')
      expect(rules.includes('KUBE-SVC-')).toBe(mode === 'iptables')
      expect(rules).not.toContain('table ip kube-proxy')
    }
    switching = false
    await asking
    expect(answers.filter(({ kind }) => kind !== 'answered')).toEqual([])
    expect(answers.length).toBeGreaterThan(10)
    expect((await world.client.talk('before')).kind).toBe('answered')
  })
})

/** A configuration file of the daemon's own, with what a test has to say in it. */
async function configure(text: string): Promise<string> {
  const file = join(dirname(daemon.folder), 'config.yaml')
  const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration'
  const limits = 'conntrack: {maxPerCore: 0}'
  await writeFile(file, `${head}\nclusterCIDR: ${PLACES.IPv4.podCidr}\n${limits}\n${text}\n`)
  return file
}

const said = (text: string, times = 1): Promise<true> =>
  eventually(() => (daemon.said.split(text).length > times ? true : undefined))

const get = (url: string): Promise<string> => world.node.exec('curl', '-sf', url)

describe('a configuration that changes while the proxy runs', () => {
  it('moves it to another mode and back: connections stay, and no new one is refused', async () => {
    const file = await configure('mode: nftables')
    await daemon.start('--config', file)
    await world.client.hold('before', VIP, 80)
    const answers: Answer[] = []
    let switching = true
    const asking = (async () => {
      while (switching) answers.push(await ask(world.client))
    })()
    for (const mode of ['iptables', 'nftables']) {
      await configure(`mode: ${mode}`)
      daemon.reload()
      await said(`in mode ${mode}`, mode === 'nftables' ? 2 : 1)
      const rules = await world.node.exec('nft', 'list', 'ruleset')
      expect(rules.includes('table ip hawser')).toBe(mode === 'nftables')
      expect(rules.includes('KUBE-SVC-')).toBe(mode === 'iptables')
      expect(await get('http://127.0.0.1:10249/proxyMode')).toBe(mode)
      const { 'kubeproxy.config.k8s.io': shown } = JSON.parse(await get('http://127.0.0.1:10249/configz'))
      expect(shown).toMatchObject({ mode, clusterCIDR: PLACES.IPv4.podCidr })
    }
    switching = false
    await asking
    expect(answers.filter(({ kind }) => kind !== 'answered')).toEqual([])
    expect(answers.length).toBeGreaterThan(10)
    expect((await world.client.talk('before')).kind).toBe('answered')
    // Changes go to the one that is in force now.
    await daemon.save('web.yaml', manifest([]))
    await eventually(async () => ((await ask(world.client)).kind === 'refused' ? true : undefined))
  })

  it('stays as it is where the kernel has not what the new one needs', async () => {
    const file = await configure('mode: nftables')
    await daemon.start('--config', file)
    await configure('mode: ipvs')
    daemon.reload()
    // Where the kernel has IPVS there is nothing to refuse.
    const outcome = /the kernel has no IPVS: .*\n.*the configuration stays as it was|in mode ipvs/
    await eventually(() => (outcome.test(daemon.said) ? true : undefined))
    expect((await ask(world.client)).kind).toBe('answered')
    await daemon.save('web.yaml', manifest([]))
    await eventually(async () => ((await ask(world.client)).kind === 'refused' ? true : undefined))
  })

  it('moves its servers', async () => {
    const file = await configure('healthzBindAddress: 127.0.0.1:10256')
    await daemon.start('--config', file)
    await get('http://127.0.0.1:10256/healthz')
    await configure('healthzBindAddress: 127.0.0.1:10257')
    daemon.reload()
    await said('config.yaml is in use')
    await get('http://127.0.0.1:10257/healthz')
    await expect(get('http://127.0.0.1:10256/healthz')).rejects.toThrow()
  })

  it('is read when it is replaced, and one that is wrong is said and changes nothing', async () => {
    const file = await configure('mode: nftables')
    await daemon.start('--config', file)
    await configure('mode: ebpf')
    await said(`${file}:5: mode must be nftables, ipvs or iptables, not "ebpf"`)
    await said('the configuration stays as it was')
    expect((await ask(world.client)).kind).toBe('answered')
    expect((await daemon.status()).families).toMatchObject([{ mode: 'nftables' }, { mode: 'nftables' }])
  })
})

it.each([
  ['nftables', `add element ip hawser svcs { ${VIP} . tcp . 80`],
  ['iptables', '-t nat -A KUBE-SERVICES'],
  ['ipvs', `add-server TCP ${VIP}:80 rr`],
])('a dry run in mode %s prints what would be done, and does nothing', async (mode, line) => {
  const before = await world.node.exec('nft', 'list', 'ruleset')
  const printed = await daemon.run('--manifests', daemon.folder, '--dry-run', '--proxy-mode', mode)
  expect(printed).toContain('# IPv4\n')
  expect(printed).toContain('# IPv6\n')
  expect(printed.split('\n').some((found) => found.startsWith(line))).toBe(true)
  expect(await world.node.exec('nft', 'list', 'ruleset')).toBe(before)
})

it('sets the sysctls of a node ahead of a proxy that may not', async () => {
  const flags = ['--conntrack-max-per-core', '0', '--conntrack-udp-timeout', '77s']
  await daemon.run('--init-only', ...flags)
  const timeout = await world.node.exec('sysctl', '-n', 'net.netfilter.nf_conntrack_udp_timeout')
  expect(timeout.trim()).toBe('77')
})

it('a kernel without the chosen mode is said in one line that names the modules', async () => {
  const refusal = await daemon.start(...FLAGS, '--proxy-mode', 'ipvs').catch((error: Error) => error.message)
  // Where the kernel has IPVS there is nothing to refuse.
  if (refusal !== undefined) expect(refusal).toMatch(/hawser: the kernel has no IPVS: .*modprobe -a ip_vs/)
})
