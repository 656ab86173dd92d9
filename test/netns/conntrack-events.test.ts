import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ConntrackEvents,
  type ConntrackEventsOptions,
  ConntrackTable,
  FLOW_COLUMNS,
  FLOW_ROW_WIDTH,
} from '../../src/native/conntrack-events.ts'
import { ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import {
  ENDPOINT_PORT,
  ENDPOINTS,
  NODE_ADDRESS,
  NODE_PORT,
  TranslatedFlows,
  VIP_PORT,
  VIPS,
} from '../support/translated-flows.ts'

const BUILT_EVENTS = join(import.meta.dirname, '../../dist/src/native/conntrack-events.js')

/** Who counts, unless a test says otherwise. */
let engine: 'thread' | 'ebpf' = 'thread'
let flows: TranslatedFlows
let events: ConntrackEvents | undefined

beforeEach(async () => {
  flows = await TranslatedFlows.create()
})
afterEach(async () => {
  await events?.close()
  events = undefined
  await flows.dispose()
})

const ROWS = { tcp: 0, udp: 1, nodePort: 2, v6: 3 } as const
const ENDPOINT_ROWS = { v4: 0, v6: 1 } as const
const GROUP = 7

function table(): ConntrackTable {
  const table = new ConntrackTable()
  const v4 = { family: 'IPv4', address: ip(VIPS.IPv4), port: VIP_PORT, group: GROUP } as const
  table.setFrontend(ROWS.tcp, { ...v4, protocol: 6 })
  table.setFrontend(ROWS.udp, { ...v4, protocol: 17 })
  table.setFrontend(ROWS.nodePort, { ...v4, protocol: 6, address: undefined, port: NODE_PORT })
  table.setFrontend(ROWS.v6, { ...v4, family: 'IPv6', protocol: 6, address: ip(VIPS.IPv6) })
  table.setEndpoint(ENDPOINT_ROWS.v4, { address: ip(ENDPOINTS.IPv4), port: ENDPOINT_PORT, group: GROUP })
  table.setEndpoint(ENDPOINT_ROWS.v6, { address: ip(ENDPOINTS.IPv6), port: ENDPOINT_PORT, group: GROUP })
  return table
}

async function open(options: ConntrackEventsOptions = {}): Promise<ConntrackEvents> {
  const opened = await ConntrackEvents.open({
    netns: flows.netns.path,
    bufferBytes: 4 * 1024 * 1024,
    engine,
    ...options,
  })
  events = opened
  await opened.setTable(table())
  return opened
}

type Row = Record<keyof typeof FLOW_COLUMNS, number>

function rowOf(numbers: Float64Array, row: number): Row {
  const at = (column: keyof typeof FLOW_COLUMNS): number =>
    numbers[row * FLOW_ROW_WIDTH + FLOW_COLUMNS[column]] ?? Number.NaN
  return Object.fromEntries(
    (Object.keys(FLOW_COLUMNS) as (keyof typeof FLOW_COLUMNS)[]).map((column) => [column, at(column)]),
  ) as Row
}

function frontend(row: number): Row {
  const numbers = new Float64Array(4 * FLOW_ROW_WIDTH)
  events?.readFrontends(numbers)
  return rowOf(numbers, row)
}

function endpoint(row: number): Row {
  const numbers = new Float64Array(2 * FLOW_ROW_WIDTH)
  events?.readEndpoints(numbers)
  return rowOf(numbers, row)
}

/** Waits until the row shows these numbers. */
async function counted(read: () => Row, wanted: Partial<Row>): Promise<void> {
  await eventually(() => {
    expect(read()).toMatchObject(wanted)
    return true
  })
}

describe.each(['thread', 'ebpf'] as const)('flows of real clients, counted by %s,', (counting) => {
  beforeEach(() => {
    engine = counting
  })
  afterEach(() => {
    engine = 'thread'
  })

  it('are counted for the frontend and the endpoint that they have, and only for these', async () => {
    await open()
    await flows.ask('TCP', 12)
    await flows.ask('UDP', 5)
    await flows.ask('TCP', 3, NODE_ADDRESS, NODE_PORT)
    await flows.ask('TCP', 4, VIPS.IPv6)
    await counted(() => frontend(ROWS.tcp), { opened: 12, active: 12, closed: 0 })
    await counted(() => frontend(ROWS.udp), { opened: 5, active: 5, closed: 0 })
    await counted(() => frontend(ROWS.nodePort), { opened: 3, active: 3 })
    await counted(() => frontend(ROWS.v6), { opened: 4, active: 4 })
    await counted(() => endpoint(ENDPOINT_ROWS.v4), { opened: 20, active: 20 })
    await counted(() => endpoint(ENDPOINT_ROWS.v6), { opened: 4, active: 4 })
    expect(events?.status()).toMatchObject({ openEvents: 24, foreignEvents: 0, droppedEvents: 0 })
  })

  it('are counted as conntrack -L lists them, while they open and close', async () => {
    await open()
    await flows.ask('TCP', 20)
    await flows.ask('UDP', 20)
    await flows.delete('-p', 'udp')
    await flows.ask('UDP', 7)
    await counted(() => frontend(ROWS.udp), { opened: 27, closed: 20, active: 7, unreplied: 0 })
    expect(frontend(ROWS.tcp).active).toBe(await flows.listed('-p', 'tcp', '-d', VIPS.IPv4))
    expect(frontend(ROWS.udp).active).toBe(await flows.listed('-p', 'udp', '-d', VIPS.IPv4))
  })

  it('have traffic and life times where the kernel keeps them', async () => {
    await flows.netns.sysctl({
      'net.netfilter.nf_conntrack_acct': 1,
      'net.netfilter.nf_conntrack_timestamp': 1,
    })
    await open()
    await flows.ask('UDP', 5)
    await flows.delete('-p', 'udp')
    await counted(() => frontend(ROWS.udp), { closed: 5, originalPackets: 5, replyPackets: 5 })
    // 20 bytes of IPv4, 8 of UDP and the question mark.
    expect(frontend(ROWS.udp).originalBytes).toBe(5 * 29)
    expect(endpoint(ENDPOINT_ROWS.v4).originalBytes).toBe(5 * 29)
    const lifetimes = new Float64Array(4 * FLOW_ROW_WIDTH)
    events?.readLifetimes(lifetimes)
    const ofUdp = lifetimes.subarray(ROWS.udp * FLOW_ROW_WIDTH, (ROWS.udp + 1) * FLOW_ROW_WIDTH)
    expect(ofUdp.reduce((sum, count) => sum + count, 0)).toBe(5)
  })

  it('that end without a reply count as unreplied', async () => {
    await open()
    await flows.synthesize(4)
    await flows.ask('UDP', 2)
    await flows.delete('-p', 'udp')
    await counted(() => frontend(ROWS.udp), { opened: 6, closed: 6, unreplied: 4, active: 0 })
  })

  it('are left to the kernel when nobody translated them', async () => {
    await open()
    await flows.ask('UDP', 3, ENDPOINTS.IPv4, ENDPOINT_PORT)
    await flows.ask('UDP', 1)
    await counted(() => frontend(ROWS.udp), { opened: 1 })
    expect(events?.status()).toMatchObject({ openEvents: 1, foreignEvents: 0 })
  })

  it('are seen and not counted when the kernel is not asked to filter', async () => {
    await open({ selection: 'every' })
    await flows.ask('UDP', 3, ENDPOINTS.IPv4, ENDPOINT_PORT)
    await flows.ask('UDP', 1)
    await counted(() => frontend(ROWS.udp), { opened: 1 })
    expect(events?.status()).toMatchObject({ openEvents: 4, foreignEvents: 3 })
  })
})

describe.each(['thread', 'ebpf'] as const)('a resync of what is counted by %s', (counting) => {
  beforeEach(() => {
    engine = counting
  })
  afterEach(() => {
    engine = 'thread'
  })

  it('finds the flows that were there before', async () => {
    await flows.ask('UDP', 6)
    await flows.ask('TCP', 2)
    await open()
    await events?.resync()
    expect(frontend(ROWS.udp)).toMatchObject({ opened: 0, active: 6 })
    expect(frontend(ROWS.tcp)).toMatchObject({ opened: 0, active: 2 })
    expect(endpoint(ENDPOINT_ROWS.v4).active).toBe(8)
  })

  it('after events were lost puts active right, keeps what was counted, and the loss is exact', async () => {
    const count = 6000
    // Nothing is delivered where the kernel counts, so nothing can be lost.
    await open({ bufferBytes: 1, engine: 'thread' })
    // A buffer of the kernel's least size holds a handful of events, and a batch sends thousands in a millisecond.
    await flows.synthesize(count)
    const dropped = await eventually(() => {
      const { openEvents, droppedEvents } = events?.status() ?? { openEvents: 0, droppedEvents: 0 }
      expect(openEvents + droppedEvents).toBe(count)
      return droppedEvents
    })
    expect(dropped).toBeGreaterThan(0)
    expect(frontend(ROWS.udp).active).toBe(count - dropped)
    await events?.resync()
    expect(frontend(ROWS.udp)).toMatchObject({ active: count, opened: count - dropped })
  })

  it('is right while flows come and go', async () => {
    await open()
    await flows.synthesize(3000)
    const churn = (async () => {
      for (let round = 0; round < 5; round++) {
        await flows.synthesize(500, { from: 10_000 + round * 1000 })
        await flows.delete('-p', 'udp', '--orig-port-src', String(1 + round))
        await flows.ask('UDP', 10)
      }
    })()
    let ended = false
    churn.then(() => {
      ended = true
    })
    while (!ended) await events?.resync()
    await churn
    const listed = await flows.listed('-p', 'udp', '-d', VIPS.IPv4)
    expect(listed).toBeGreaterThan(5000)
    await counted(() => frontend(ROWS.udp), { active: listed })
  })
})

describe('a new table', () => {
  it('keeps the counters of rows that stay and zeroes those that it frees', async () => {
    await open()
    await flows.ask('UDP', 3)
    await flows.ask('TCP', 2)
    await counted(() => frontend(ROWS.tcp), { opened: 2 })
    const next = table()
    next.clearFrontend(ROWS.udp)
    await events?.setTable(next)
    expect(frontend(ROWS.udp)).toMatchObject({ opened: 0, active: 0 })
    expect(frontend(ROWS.tcp)).toMatchObject({ opened: 2 })
    await flows.ask('UDP', 1)
    await eventually(() => {
      expect(events?.status().foreignEvents).toBe(1)
      return true
    })
  })
})

describe('where events cannot come', () => {
  it('says that they are switched off', async () => {
    await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_events': 0 })
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_CONNTRACK_EVENTS_OFF',
      message: expect.stringContaining('nf_conntrack_events=1'),
    })
  })

  it('says what permission is missing', async () => {
    const script = `
      const { ConntrackEvents } = await import(${JSON.stringify(BUILT_EVENTS)})
      await ConntrackEvents.open().then(() => console.log('opened'), (error) => console.log(error.code))
    `
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const without = ['--bounding-set=-net_admin', '--inh-caps=-net_admin']
    const said = await flows.netns.exec('setpriv', ...without, ...node)
    expect(said.trim()).toBe('EPERM')
  })

  it('names the namespace that is gone', async () => {
    await expect(open({ netns: '/var/run/netns/hw-none' })).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('hw-none'),
    })
  })
})

it('events are switched on while someone counts, and the setting is put back in the end', async () => {
  const setting = async () =>
    (await flows.netns.exec('sysctl', '-n', 'net.netfilter.nf_conntrack_events')).trim()
  await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_events': 2 })
  const opened = await open()
  expect(await setting()).toBe('1')
  await opened.close()
  expect(await setting()).toBe('2')
})

it('a thread that is closed twice, or while it reads, ends', async () => {
  const opened = await open()
  const resync = opened.resync()
  await Promise.all([opened.close(), opened.close(), resync])
  await expect(opened.resync()).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
})
