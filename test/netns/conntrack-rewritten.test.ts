/** Entries as IPVS leaves them, whose replies come from elsewhere without a status that says so; kernels without IPVS have them too. */
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Conntrack } from '../../src/dataplane/conntrack/conntrack.ts'
import {
  ConntrackEvents,
  ConntrackTable,
  type CountingEngine,
  FLOW_COLUMNS,
  FLOW_ROW_WIDTH,
} from '../../src/native/conntrack-events.ts'
import type { IpFamily } from '../../src/util/address.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { cidr, ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import { frontend, frontendChange } from '../support/frontends.ts'
import { Netns } from '../support/netns.ts'

const VIPS = { IPv4: '10.96.0.10', IPv6: 'fd00:96::10' } as const
const ENDPOINTS = { IPv4: '10.0.0.2', IPv6: 'fd00::2' } as const
const CLIENTS = { IPv4: '192.0.2.1', IPv6: '2001:db8::1' } as const
const VIP_PORT = 53
const ENDPOINT_PORT = 5353
const FAMILIES = ['IPv4', 'IPv6'] as const

let netns: Netns
let events: ConntrackEvents | undefined

/** Each family has the row of its place in FAMILIES. */
async function count(engine: CountingEngine): Promise<ConntrackEvents> {
  events = await ConntrackEvents.open({
    netns: netns.path,
    bufferBytes: 1 << 20,
    engine,
    selection: 'rewritten',
  })
  const table = new ConntrackTable()
  for (const [row, family] of FAMILIES.entries()) {
    const address = ip(VIPS[family])
    table.setFrontend(row, { family, protocol: 17, address, port: VIP_PORT, group: row })
    table.setEndpoint(row, { address: ip(ENDPOINTS[family]), port: ENDPOINT_PORT, group: row })
  }
  await events.setTable(table)
  return events
}

/** UDP flows to the family's VIP with replies from the address and the port given, as many as there are client ports. */
async function insert(
  family: IpFamily,
  clientPorts: readonly number[],
  replies: { readonly from: string; readonly port: number },
): Promise<void> {
  for (const port of clientPorts)
    await netns.exec(
      ...(['conntrack', '-I', '-p', 'udp', '-t', '600'] as const),
      ...['-s', CLIENTS[family], '--sport', `${port}`, '-d', VIPS[family], '--dport', `${VIP_PORT}`],
      ...['-r', replies.from, '--reply-port-src', `${replies.port}`],
      ...['-q', CLIENTS[family], '--reply-port-dst', `${port}`],
    )
}

const toEndpoint = (family: IpFamily) => ({ from: ENDPOINTS[family], port: ENDPOINT_PORT })
const untranslated = (family: IpFamily) => ({ from: VIPS[family], port: VIP_PORT })

type Counted = Pick<Record<keyof typeof FLOW_COLUMNS, number>, 'opened' | 'closed' | 'active'>

function rows(events: ConntrackEvents, read: 'readFrontends' | 'readEndpoints'): readonly Counted[] {
  const numbers = new Float64Array(FAMILIES.length * FLOW_ROW_WIDTH)
  events[read](numbers)
  return FAMILIES.map((_, row) => {
    const at = (column: keyof Counted) => numbers[row * FLOW_ROW_WIDTH + FLOW_COLUMNS[column]] ?? Number.NaN
    return { opened: at('opened'), closed: at('closed'), active: at('active') }
  })
}

const settled = (events: ConntrackEvents, wanted: readonly Counted[]) =>
  eventually(() => {
    expect(rows(events, 'readFrontends')).toEqual(wanted)
    return true
  })

beforeEach(async () => {
  netns = await Netns.create('ipvs-ct')
})
afterEach(async () => {
  await events?.close()
  events = undefined
  await netns.dispose()
})

describe.each(['thread', 'ebpf'] as const)('rewritten flows, counted by %s,', (engine) => {
  it('are of the frontend that they go to and of the endpoint that replies', async () => {
    const events = await count(engine)
    await insert('IPv4', [1, 2, 3], toEndpoint('IPv4'))
    await insert('IPv6', [1, 2], toEndpoint('IPv6'))
    await netns.exec('conntrack', '-D', '-p', 'udp', '--orig-port-src', '3')
    const wanted = [
      { opened: 3, closed: 1, active: 2 },
      { opened: 2, closed: 0, active: 2 },
    ]
    await settled(events, wanted)
    expect(rows(events, 'readEndpoints')).toEqual(wanted)
    expect(events.status()).toMatchObject({ openEvents: 5, closeEvents: 1, foreignEvents: 0, engine })
  })

  it('are told from those that nobody translates, by the port alone if need be', async () => {
    const events = await count(engine)
    for (const family of FAMILIES) {
      await insert(family, [1, 2], untranslated(family))
      await insert(family, [3], { from: VIPS[family], port: ENDPOINT_PORT })
    }
    await settled(
      events,
      FAMILIES.map(() => ({ opened: 1, closed: 0, active: 1 })),
    )
    expect(events.status()).toMatchObject({ openEvents: 2, foreignEvents: 0 })
  })

  it('that were there before are found by a resync', async () => {
    for (const family of FAMILIES) {
      await insert(family, [1, 2], toEndpoint(family))
      await insert(family, [3], untranslated(family))
    }
    const events = await count(engine)
    await events.resync()
    expect(rows(events, 'readFrontends')).toEqual(FAMILIES.map(() => ({ opened: 0, closed: 0, active: 2 })))
  })
})

it('when another mode takes over, only those that nobody translates count as passing a Service by', async () => {
  for (const port of [1, 2]) await insert('IPv4', [port], toEndpoint('IPv4'))
  await insert('IPv4', [3], untranslated('IPv4'))
  const conntrack = await Conntrack.open({
    ...{ netns: netns.path, serviceCidrs: [cidr('10.96.0.0/16')], nodeAddresses: [] },
    ...{ synced: async () => {}, bufferBytes: 1 << 20, registry: new Registry(), log: silentLogger },
  })
  const wanted = (endpoints: readonly string[]) =>
    frontendChange(frontend(endpoints, { address: VIPS.IPv4, port: VIP_PORT }))
  try {
    conntrack.change([wanted([ENDPOINTS.IPv4])])
    await conntrack.idle()
    expect(conntrack.status().deleted).toBe(1)
    // The Service's first endpoint after a time without, which one filter of the kernel's finds.
    conntrack.change([wanted([])])
    await conntrack.idle()
    await insert('IPv4', [4], untranslated('IPv4'))
    conntrack.change([wanted([ENDPOINTS.IPv4])])
    await conntrack.idle()
    const left = await netns.exec('conntrack', '-L', '-p', 'udp')
    expect([...left.matchAll(/src=192\.0\.2\.1 .* sport=(\d) /g)].map(([, port]) => port).sort()).toEqual([
      '1',
      '2',
    ])
  } finally {
    await conntrack.close()
  }
})
