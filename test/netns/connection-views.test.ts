import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListedFlow } from '../../src/dataplane/conntrack/list-flows.ts'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { Terminal } from '../support/terminal.ts'

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

let world: ServiceWorld
let daemon: ProxyDaemon
/** Where the two servers of the world are. */
let endpoints: readonly string[]

beforeAll(async () => {
  world = await ServiceWorld.create(2)
  endpoints = world.servers.map(({ addresses }) => addresses.IPv4)
  daemon = await ProxyDaemon.create(world.node)
  await daemon.save('web.yaml', manifest(endpoints))
  await daemon.start('--cluster-cidr', PLACES.IPv4.podCidr)
  await askTcp(1)
})

afterAll(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
  await world?.dispose()
})

const askTcp = (count: number) => world.client.askOften({ protocol: 'TCP', address: VIP, port: 80 }, count)
const askUdp = (count: number) => world.client.askOften({ protocol: 'UDP', address: VIP, port: 53 }, count)

describe('hawser flows', () => {
  const listed = async (...args: readonly string[]): Promise<readonly ListedFlow[]> =>
    (await daemon.ask('flows', '--json', ...args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))

  beforeAll(async () => {
    await askUdp(6)
    await askTcp(1)
  })

  it('lists connections with their Service, client, endpoint and state', async () => {
    const flows = await listed('--service', 'web')
    expect(flows.filter(({ protocol }) => protocol === 'UDP')).toHaveLength(6)
    expect(flows.filter(({ protocol }) => protocol === 'TCP')).toHaveLength(2)
    for (const flow of flows) {
      expect(flow).toMatchObject({ service: 'default/web', replied: true })
      expect(flow.client).toContain(`${PLACES.IPv4.client}:`)
      expect(endpoints.map((address) => `${address}:8080`)).toContain(flow.endpoint)
    }
  })

  it('lists those of one endpoint, as conntrack does', async () => {
    const [endpoint = ''] = endpoints
    const flows = await listed('--endpoint', endpoint)
    const text = await world.node.exec('conntrack', '-L', '--reply-src', endpoint)
    expect(flows).toHaveLength(text.split('\n').filter((line) => line !== '').length)
    expect(new Set(flows.map((flow) => flow.endpoint))).toEqual(new Set([`${endpoint}:8080`]))
  })

  it('says how many there are beyond the limit', async () => {
    const lines = (await daemon.ask('flows', '--limit', '3')).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^SERVICE +PROTOCOL +CLIENT +TO +ENDPOINT +STATE +FORGOTTEN IN$/)
    expect(lines.filter((line) => line.startsWith('default/web'))).toHaveLength(3)
    expect(lines.at(-1)).toBe('and 5 more: --limit shows them')
  })

  it('of a Service without any says so', async () => {
    expect(await daemon.ask('flows', '--service', 'kube-system/none')).toBe('No connection.\n')
  })
})

describe('hawser top', () => {
  /** Opens connections for as long as `watching` takes. */
  async function underLoad<Result>(watching: Promise<Result>): Promise<Result> {
    let over = false
    const watched = watching.finally(() => {
      over = true
    })
    while (!over) await askTcp(5)
    return watched
  }

  it('prints what happens within an interval as JSON', async () => {
    const text = await underLoad(daemon.ask('top', '--json', '--interval', '300ms', '--service', 'web'))
    const { seconds, total, services } = JSON.parse(text)
    expect(seconds).toBeGreaterThan(0.25)
    expect(total.opened).toBeGreaterThan(0)
    expect(services).toMatchObject([{ service: 'default/web', failing: [] }])
    expect(services[0].opened).toBeCloseTo(total.opened)
    // A few datagrams may all have met the same one; the connections under way meet both.
    expect(new Set(services[0].endpoints.map(({ endpoint }: { endpoint: string }) => endpoint))).toEqual(
      new Set(endpoints.map((address) => `${address}:8080`)),
    )
  })

  it('prints tables into a pipe', async () => {
    const text = await underLoad(daemon.ask('top', '--interval', '300ms', '--count', '2'))
    const lines = text.split('\n')
    expect(lines.filter((line) => line.startsWith('# '))).toHaveLength(2)
    expect(lines.filter((line) => /^default\/web +[1-9]/.test(line)).length).toBeGreaterThan(0)
  })

  describe('on a terminal', () => {
    const NORMAL_SCREEN = '\u001b[?1049l'

    it('shows Services and endpoints, follows keys, and leaves the terminal as it was', async () => {
      const top = `${daemon.commandLine('top')} --interval 200ms`
      const terminal = new Terminal(world.node.path, `stty -a; ${top}; echo "status $?"; stty -a`)
      try {
        await terminal.says('default/web')
        const began = terminal.output.length
        await askTcp(5)
        terminal.type('\r')
        await terminal.says(`${endpoints[0]}:8080`, began)
        terminal.type('q')
        expect(await terminal.ended()).toBe(0)
      } finally {
        await terminal.dispose()
      }
      const [before = '', after = ''] = terminal.output.split('\u001b[?1049h')
      expect(after).toContain('\u001b[?25h')
      expect(after).toContain('status 0')
      const settings = (text: string): readonly string[] =>
        text.match(/(?:^| )-?(?:icanon|echo|isig)\b/gm) ?? []
      expect(settings(before)).toHaveLength(3)
      expect(settings(after.slice(after.indexOf(NORMAL_SCREEN)))).toEqual(settings(before))
    })

    it('leaves it so at a signal too', async () => {
      const terminal = new Terminal(world.node.path, `echo "pid $$."; exec ${daemon.commandLine('top')}`)
      try {
        await terminal.says('default/web')
        process.kill(Number(/pid (\d+)\./.exec(terminal.output)?.[1]), 'SIGTERM')
        await terminal.ended()
      } finally {
        await terminal.dispose()
      }
      expect(terminal.output.slice(terminal.output.lastIndexOf('\u001b[?25h'))).toContain(NORMAL_SCREEN)
    })

    it('names an endpoint that leaves clients without an answer', async () => {
      const [silent = ''] = endpoints
      // Before the kernel's table of connections can see the answer.
      const drop = `type filter hook prerouting priority -400; ip saddr ${silent} udp sport 8080 drop;`
      await world.node.exec('nft', `table ip silence { chain answers { ${drop} }; }`)
      const terminal = new Terminal(world.node.path, `${daemon.commandLine('top')} --interval 200ms`)
      try {
        await terminal.says('default/web')
        const questions = Array.from({ length: 24 }, () =>
          world.client.ask({ protocol: 'UDP', address: VIP, port: 53, timeoutMs: 100 }),
        )
        await Promise.all(questions)
        // The kernel forgets them in half a minute; tests have no such time.
        await world.node.exec('conntrack', '-D', '-p', 'udp', '--reply-src', silent)
        await terminal.says(`${silent}:8080`)
        terminal.type('q')
        await terminal.ended()
      } finally {
        await terminal.dispose()
        await world.node.exec('nft', 'delete table ip silence')
      }
    })
  })
})

it('hawser status says how connection tracking does', async () => {
  expect(await daemon.status()).toMatchObject({
    connections: { notCounted: null, notCleaned: null, lostEvents: 0 },
    families: [{ audit: { result: 'clean' } }, { audit: { result: 'clean' } }],
  })
  expect(await daemon.ask('status')).toContain('Connections are counted')
})

describe('hawser explain', () => {
  it('counts by conntrack what nf_tables sets do not count', async () => {
    await askTcp(2)
    const text = await daemon.ask('explain', `${VIP}:80`)
    expect(text).toContain('In the kernel; what is counted here is connections, by conntrack:')
    expect(text).toMatch(/^Counted since the daemon began: [1-9]\d* opened, /m)
    expect(text).toMatch(new RegExp(`^ {2}${endpoints[0]}:8080, of all its frontends: \\d+ opened`, 'm'))
    expect(text).toMatch(/^Live connections:$/m)
  })

  it('reads the counters of iptables rules', async () => {
    await daemon.stop()
    await daemon.start('--cluster-cidr', PLACES.IPv4.podCidr, '--proxy-mode', 'iptables')
    await askTcp(4)
    const { kernel } = JSON.parse(await daemon.ask('explain', `${VIP}:80`, '--json'))
    expect(kernel.counts).toBe('read')
    const passed = (kernel.lines as string[])
      .filter((line) => line.includes('-j DNAT'))
      .map((line) => Number(/^\[(\d+):\d+\]/.exec(line)?.[1]))
    expect(passed.reduce((sum, packets) => sum + packets, 0)).toBe(4)
  })
})
