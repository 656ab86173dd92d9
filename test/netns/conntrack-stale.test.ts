import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Conntrack, type ConntrackOptions } from '../../src/dataplane/conntrack/conntrack.ts'
import { scrape } from '../../src/metrics/rendered.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { cidr, ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import { frontend, frontendChange, frontendEndpoint, frontendGone } from '../support/frontends.ts'
import { ENDPOINTS, NODE_ADDRESS, TranslatedFlows, VIPS } from '../support/translated-flows.ts'

const HERE = ENDPOINTS.IPv4
const GONE = '10.0.0.3'

let flows: TranslatedFlows
let conntrack: Conntrack
let registry: Registry
let synced: () => Promise<void>

async function start(options: Partial<ConntrackOptions> = {}): Promise<void> {
  registry = new Registry()
  conntrack = await Conntrack.open({
    netns: flows.netns.path,
    synced: () => synced(),
    serviceCidrs: [cidr('10.96.0.0/16')],
    nodeAddresses: [ip(NODE_ADDRESS)],
    bufferBytes: 4 * 1024 * 1024,
    registry,
    log: silentLogger,
    ...options,
  })
}

beforeEach(async () => {
  flows = await TranslatedFlows.create()
  synced = async () => {}
  await start()
})
afterEach(async () => {
  await conntrack.close()
  await flows.dispose()
})

/** Flows in the table by the endpoint that they lead to. */
const leadingTo = (endpoint: string): Promise<number> => flows.listed('-p', 'udp', '--reply-src', endpoint)

async function change(...changes: Parameters<Conntrack['change']>[0]): Promise<void> {
  conntrack.change(changes)
  await conntrack.idle()
}

/** A number of the text that a scrape gives; undefined when there is no such series. */
async function metric(series: string): Promise<number | undefined> {
  const line = (await scrape(registry)).split('\n').find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('the UDP flows of an endpoint', () => {
  beforeEach(async () => {
    await change(frontendChange(frontend([HERE, GONE])))
    await flows.synthesize(20, { from: 1000, endpoint: GONE })
    await flows.ask('UDP', 5)
  })

  it('go when it goes, and those of others stay', async () => {
    await change(frontendChange(frontend([HERE])))
    expect(await leadingTo(GONE)).toBe(0)
    expect(await leadingTo(HERE)).toBe(5)
    expect(await metric('kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"}')).toBe(20)
  })

  it('go with the last endpoint', async () => {
    await change(frontendChange(frontend([])))
    expect(await flows.listed('-p', 'udp')).toBe(0)
  })

  it('go with the Service, and TCP stays', async () => {
    await flows.ask('TCP', 3)
    await change(frontendGone(frontend([])))
    expect(await flows.listed('-p', 'udp')).toBe(0)
    expect(await flows.listed('-p', 'tcp')).toBe(3)
  })

  it('stay until the rules that end them are in force', async () => {
    let inForce = (): void => {}
    synced = () =>
      new Promise((resolve) => {
        inForce = resolve
      })
    conntrack.change([frontendChange(frontend([HERE]))])
    await eventually(async () => ((await leadingTo(GONE)) === 20 && inForce !== undefined ? true : undefined))
    inForce()
    await conntrack.idle()
    expect(await leadingTo(GONE)).toBe(0)
  })

  it('go at last when the rules take more than one attempt', async () => {
    let attempts = 0
    synced = async () => {
      if (++attempts === 1) throw new Error('not yet')
    }
    await change(frontendChange(frontend([HERE])))
    expect(await leadingTo(GONE)).toBe(20)
    await eventually(async () => ((await leadingTo(GONE)) === 0 ? true : undefined))
  })

  it('stay when a frontend of the same Service elsewhere changes', async () => {
    await change(frontendChange(frontend([GONE], { port: 81 })))
    await change(frontendChange(frontend([HERE], { port: 81 })))
    expect(await leadingTo(GONE)).toBe(20)
  })
})

it('flows to an endpoint that ends stay for as long as it serves', async () => {
  const ending = frontend([HERE], { keptEndpoints: [frontendEndpoint(GONE)] })
  await change(frontendChange(frontend([HERE, GONE])))
  await flows.synthesize(20, { from: 1000, endpoint: GONE })
  await change(frontendChange(ending))
  expect(await leadingTo(GONE)).toBe(20)
  await conntrack.close()
  await start()
  await change(frontendChange(ending))
  expect(await leadingTo(GONE)).toBe(20)
  await change(frontendChange(frontend([HERE])))
  expect(await leadingTo(GONE)).toBe(0)
})

describe.each([
  { name: 'a node port', fields: { address: 'node', port: 30053 }, asked: NODE_ADDRESS },
  { name: 'an external IP', fields: { address: '198.51.100.1', kind: 'ExternalIP' }, asked: '198.51.100.1' },
  { name: 'a load balancer', fields: { address: '203.0.113.1', kind: 'LoadBalancer' }, asked: '203.0.113.1' },
] as const)('the flows of $name', ({ fields, asked }) => {
  const at = { address: asked, port: 'port' in fields ? fields.port : 80 }

  it('go with the last endpoint of the Service', async () => {
    await change(frontendChange(frontend([GONE], fields)))
    await flows.synthesize(5, { ...at, endpoint: GONE })
    await change(frontendChange(frontend([], fields)))
    expect(await flows.listed('-p', 'udp')).toBe(0)
  })

  it('go when the last endpoint went while no process was there, and others stay', async () => {
    await flows.synthesize(5, { ...at, endpoint: GONE })
    await flows.synthesize(3, { address: '192.0.2.99', endpoint: GONE })
    await change(frontendChange(frontend([], fields)))
    expect(await leadingTo(GONE)).toBe(3)
  })
})

it('many endpoints that go at once take one pass, and no flow of another', async () => {
  const gone = Array.from({ length: 6 }, (_, i) => `10.0.1.${i + 1}`)
  await change(frontendChange(frontend([HERE, ...gone])))
  for (const [i, endpoint] of gone.entries()) await flows.synthesize(5, { from: 1000 + i * 10, endpoint })
  await flows.ask('UDP', 3)
  await change(frontendChange(frontend([HERE])))
  expect(await flows.listed('-p', 'udp')).toBe(3)
  expect(await metric('kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"}')).toBe(30)
})

it('SCTP flows go as those of UDP do', async () => {
  const sctp = (endpoints: readonly string[]) => frontendChange(frontend(endpoints, { protocol: 'SCTP' }))
  await change(sctp([HERE, GONE]))
  for (const [port, endpoint] of [
    ['4000', HERE],
    ['4001', GONE],
  ] as const)
    await flows.netns.exec(
      ...(['conntrack', '-I', '-p', 'sctp', '-t', '600', '--state', 'ESTABLISHED'] as const),
      ...['--orig-vtag', '1', '--reply-vtag', '2', '--dst-nat', `${endpoint}:8080`],
      ...['-s', '192.0.2.1', '-d', VIPS.IPv4, '--sport', port, '--dport', '80'],
    )
  await change(sctp([HERE]))
  expect(await flows.listed('-p', 'sctp', '--orig-port-src', '4000')).toBe(1)
  expect(await flows.listed('-p', 'sctp', '--orig-port-src', '4001')).toBe(0)
})

it('flows that passed a Service by go when it gets its first endpoint', async () => {
  await change(frontendChange(frontend([])))
  await flows.netns.exec(
    ...(['conntrack', '-I', '-p', 'udp', '-t', '600', '-s', '192.0.2.1'] as const),
    ...['-d', VIPS.IPv4, '--sport', '4000', '--dport', '80'],
  )
  await change(frontendChange(frontend([HERE])))
  expect(await flows.listed('-p', 'udp')).toBe(0)
})

it('where IPVS translates, flows that conntrack does not translate are left alone', async () => {
  await conntrack.close()
  await start({ translates: false })
  const passesBy = [
    '-p',
    'udp',
    '-t',
    '600',
    '-s',
    '192.0.2.1',
    '-d',
    VIPS.IPv4,
    '--sport',
    '4000',
    '--dport',
    '80',
  ]
  await flows.netns.exec('conntrack', '-I', ...passesBy)
  await flows.synthesize(4, { from: 1000, endpoint: GONE })
  await change(frontendChange(frontend([HERE])))
  expect(await flows.listed('-p', 'udp')).toBe(1)
  await change(frontendChange(frontend([])))
  await change(frontendChange(frontend([HERE])))
  expect(await flows.listed('-p', 'udp')).toBe(1)
})

describe('a process that starts again', () => {
  beforeEach(async () => {
    await change(frontendChange(frontend([HERE, GONE])))
    await flows.ask('UDP', 5)
    await flows.ask('TCP', 2)
    await flows.synthesize(7, { from: 1000, endpoint: GONE })
    await conntrack.close()
    await start()
  })

  it('deletes what lost its endpoint meanwhile, and no live flow', async () => {
    await change(frontendChange(frontend([HERE])))
    expect(await leadingTo(GONE)).toBe(0)
    expect(await leadingTo(HERE)).toBe(5)
    expect(await flows.listed('-p', 'tcp')).toBe(2)
  })

  it('deletes what lost its Service meanwhile', async () => {
    await change(frontendChange(frontend([HERE], { address: '10.96.0.99' })))
    expect(await flows.listed('-p', 'udp')).toBe(0)
    expect(await flows.listed('-p', 'tcp')).toBe(2)
  })

  it('touches nothing when all is as it was', async () => {
    await change(frontendChange(frontend([HERE, GONE])))
    expect(await flows.listed('-p', 'udp')).toBe(12)
  })

  it('counts the connections of before as active', async () => {
    await change(
      frontendChange(frontend([HERE, GONE])),
      frontendChange(frontend([HERE], { protocol: 'TCP' })),
    )
    expect(await metric('hawser_conntrack_connections_active')).toBe(14)
    expect(await metric('hawser_conntrack_connections_opened_total')).toBe(0)
  })
})

it('metrics tell connections by Service, of all Services, and of the table', async () => {
  await change(frontendChange(frontend([HERE])))
  await flows.ask('UDP', 4)
  await eventually(async () => {
    const labels = '{namespace="default",service="web"}'
    expect(await metric(`hawser_conntrack_service_connections_opened_total${labels}`)).toBe(4)
    return true
  })
  expect(await metric('hawser_conntrack_connections_opened_total')).toBe(4)
  expect(await metric('hawser_conntrack_up{reason=""}')).toBe(1)
  expect(await metric('hawser_conntrack_entries')).toBe(await flows.listed())
  expect(await metric('hawser_conntrack_entries_limit')).toBeGreaterThan(0)
  const endpoint = `{namespace="default",service="web",port="web",protocol="UDP",endpoint="${HERE}:8080"}`
  expect(await metric(`hawser_conntrack_endpoint_connections_opened_total${endpoint}`)).toBe(4)
  for (const name of ['insert_failures', 'drops', 'early_drops', 'dropped_events'])
    expect(await metric(`hawser_conntrack_${name}_total`)).toBe(0)
  await change(frontendGone(frontend([])))
  expect(await metric('hawser_conntrack_connections_opened_total')).toBe(4)
})

it('a Service tells how long its connections lasted, and what they carried', async () => {
  await conntrack.close()
  await flows.netns.sysctl({
    'net.netfilter.nf_conntrack_acct': 1,
    'net.netfilter.nf_conntrack_timestamp': 1,
  })
  await start()
  await change(frontendChange(frontend([HERE])))
  await flows.ask('UDP', 4)
  await flows.delete('-p', 'udp')
  const labels = 'namespace="default",service="web"'
  await eventually(async () => {
    expect(await metric(`hawser_conntrack_service_connection_lifetime_seconds_count{${labels}}`)).toBe(4)
    return true
  })
  expect(await metric(`hawser_conntrack_service_received_packets_total{${labels}}`)).toBe(4)
  expect(await metric(`hawser_conntrack_service_sent_bytes_total{${labels}}`)).toBeGreaterThan(4 * 28)
})

it('where events are switched off, flows are not counted and stale ones go all the same', async () => {
  await conntrack.close()
  await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_events': 0 })
  await start()
  expect(await metric('hawser_conntrack_up{reason="ERR_CONNTRACK_EVENTS_OFF"}')).toBe(0)
  await change(frontendChange(frontend([HERE, GONE])))
  await flows.synthesize(3, { endpoint: GONE })
  await change(frontendChange(frontend([HERE])))
  expect(await leadingTo(GONE)).toBe(0)
})
