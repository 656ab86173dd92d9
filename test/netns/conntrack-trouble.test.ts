import { resolve } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Conntrack } from '../../src/dataplane/conntrack/conntrack.ts'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import { scrape } from '../../src/metrics/rendered.ts'
import { type Logger, silentLogger } from '../../src/util/logger.ts'
import { cidr, ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import { frontend, frontendChange } from '../support/frontends.ts'
import { openProxy } from '../support/proxy.ts'
import { ServiceWorld } from '../support/service-world.ts'
import { service, serviceChange, slice, sliceChange } from '../support/services.ts'
import { ENDPOINTS, NODE_ADDRESS, TranslatedFlows } from '../support/translated-flows.ts'

let registry: Registry
/** What is said about connections, in warnings and beside them. */
let said: string[]
const log: Logger = {
  ...silentLogger,
  info: (_, message) => said.push(message),
  warn: (_, message) => said.push(message),
}

beforeEach(() => {
  registry = new Registry()
  said = []
})

const metrics = async (name: string): Promise<readonly string[]> =>
  (await scrape(registry)).split('\n').filter((line) => line.startsWith(name))

const open = (netns: string): Promise<Conntrack> =>
  Conntrack.open({
    netns,
    synced: async () => {},
    serviceCidrs: [cidr('10.96.0.0/16')],
    nodeAddresses: [ip(NODE_ADDRESS)],
    bufferBytes: 4 * 1024 * 1024,
    registry,
    log,
  })

describe('where events are switched off', () => {
  let world: ServiceWorld
  let proxy: ServiceProxy

  beforeEach(async () => {
    world = await ServiceWorld.create(1)
    await world.node.sysctl({ 'net.netfilter.nf_conntrack_events': 0 })
    proxy = await openProxy(world.node.path, { registry, log, tracksConnections: true })
  })
  afterEach(async () => {
    await proxy?.close()
    await world?.dispose()
  })

  it('connections are balanced all the same, and what is not done is said once', async () => {
    proxy.apply([
      serviceChange(service('web', '10.96.0.10')),
      sliceChange(
        slice(
          'web',
          world.servers.map(({ addresses }) => addresses.IPv4),
        ),
      ),
    ])
    await proxy.synced()
    expect((await world.client.ask({ protocol: 'TCP', address: '10.96.0.10', port: 80 })).kind).toBe(
      'answered',
    )
    await eventually(() => proxy.status().conntrack)
    expect(said.filter((line) => line.includes('not counted'))).toHaveLength(1)
    expect(said.join()).toContain('nf_conntrack_events=1')
    expect(await metrics('hawser_conntrack_up')).toEqual([
      'hawser_conntrack_up{reason="ERR_CONNTRACK_EVENTS_OFF"} 0',
    ])
    expect(proxy.status().conntrack?.notCounted?.code).toBe('ERR_CONNTRACK_EVENTS_OFF')
    expect(await proxy.connections()).toBeUndefined()
  })
})

describe('in a namespace', () => {
  let flows: TranslatedFlows
  let conntrack: Conntrack | undefined

  beforeEach(async () => {
    conntrack = undefined
    flows = await TranslatedFlows.create()
  })
  afterEach(async () => {
    await conntrack?.close()
    await flows.dispose().catch(() => undefined)
  })

  it.each([
    { acct: 0, metric: 'hawser_conntrack_accounting 0', messages: 1 },
    { acct: 1, metric: 'hawser_conntrack_accounting 1', messages: 0 },
  ])(
    'with nf_conntrack_acct $acct, it is known whether bytes are counted',
    async ({ acct, metric, messages }) => {
      await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_acct': acct })
      conntrack = await open(flows.netns.path)
      expect(conntrack.status().countsBytes).toBe(acct === 1)
      expect(await metrics('hawser_conntrack_accounting')).toEqual([metric])
      expect(said.filter((line) => line.includes('nf_conntrack_acct=1'))).toHaveLength(messages)
    },
  )

  it('that loses its name, connections are counted on', async () => {
    conntrack = await open(flows.netns.path)
    conntrack.change([frontendChange(frontend([ENDPOINTS.IPv4]))])
    await conntrack.idle()
    await flows.netns.dispose()
    await flows.ask('UDP', 3)
    await eventually(async () => {
      expect(await metrics('hawser_conntrack_connections_opened_total')).toEqual([
        'hawser_conntrack_connections_opened_total 3',
      ])
      return true
    })
    expect(said.filter((line) => line.includes('not'))).toEqual([
      expect.stringContaining('bytes of connections are not counted'),
    ])
  })

  it('without the permission connections are not counted, which is said once', async () => {
    const module = (path: string): string => JSON.stringify(resolve('dist/src', path))
    const script = `
      const { Conntrack } = await import(${module('dataplane/conntrack/conntrack.js')})
      const { createRegistry } = await import(${module('metrics/registry.js')})
      const registry = createRegistry('test')
      const said = []
      const log = { debug() {}, info() {}, error() {}, warn: (fields, message) => said.push(message) }
      const synced = async () => {}
      const conntrack = await Conntrack.open({ synced, serviceCidrs: [], nodeAddresses: [], registry, log })
      conntrack.change([])
      await conntrack.idle()
      const up = await registry.getSingleMetricAsString('hawser_conntrack_up')
      await conntrack.close()
      console.log(JSON.stringify({ said, up: up.split('\\n').at(-1) }))
    `
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const without = ['--bounding-set=-net_admin', '--inh-caps=-net_admin']
    const { said, up } = JSON.parse(await flows.netns.exec('setpriv', ...without, ...node))
    expect(up).toBe('hawser_conntrack_up{reason="EPERM"} 0')
    expect(said).toEqual([expect.stringMatching(/^connections are not counted: .*CAP_NET_ADMIN/)])
  })
})

it('a namespace that is not there leaves both parts off, with why', async () => {
  const conntrack = await open('/var/run/netns/hw-none')
  try {
    conntrack.change([frontendChange(frontend([ENDPOINTS.IPv4]))])
    await conntrack.idle()
    expect(conntrack.status()).toMatchObject({
      notCounted: { code: 'ENOENT' },
      notCleaned: { code: 'ENOENT' },
    })
    for (const name of ['hawser_conntrack_up', 'hawser_conntrack_reconciler_up'])
      expect(await metrics(name)).toEqual([`${name}{reason="ENOENT"} 0`])
    expect(said.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'connections are not counted',
      'stale connections are not deleted',
    ])
  } finally {
    await conntrack.close()
  }
})
