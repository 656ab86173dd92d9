import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Generator } from '../../bench/conntrack/generator.ts'
import { tableOf } from '../../bench/conntrack/services.ts'
import { Teardown } from '../../bench/teardown.ts'
import {
  ConntrackEvents,
  type ConntrackEventsOptions,
  ConntrackTable,
  FLOW_COLUMNS,
  FLOW_ROW_WIDTH,
} from '../../src/native/conntrack-events.ts'
import { ip } from '../support/addresses.ts'
import { eventually } from '../support/eventually.ts'
import { ENDPOINT_PORT, ENDPOINTS, TranslatedFlows, VIP_PORT, VIPS } from '../support/translated-flows.ts'

const BUILT_EVENTS = join(import.meta.dirname, '../../dist/src/native/conntrack-events.js')
/** A Service whose endpoint has no server. */
const DEAF_VIP = '10.96.0.11'
const DEAF_PORT = 9

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

const ROWS = { udp: 0, tcp: 1, deaf: 2 } as const

function table(): ConntrackTable {
  const table = new ConntrackTable()
  const v4 = { family: 'IPv4', address: ip(VIPS.IPv4), port: VIP_PORT, group: 1 } as const
  table.setFrontend(ROWS.udp, { ...v4, protocol: 17 })
  table.setFrontend(ROWS.tcp, { ...v4, protocol: 6 })
  table.setFrontend(ROWS.deaf, { ...v4, protocol: 17, address: ip(DEAF_VIP), group: 2 })
  table.setEndpoint(0, { address: ip(ENDPOINTS.IPv4), port: ENDPOINT_PORT, group: 1 })
  table.setEndpoint(1, { address: ip(ENDPOINTS.IPv4), port: DEAF_PORT, group: 2 })
  return table
}

async function open(options: ConntrackEventsOptions): Promise<ConntrackEvents> {
  const opened = await ConntrackEvents.open({ netns: flows.netns.path, bufferBytes: 4 << 20, ...options })
  events = opened
  await opened.setTable(table())
  return opened
}

/** Waits until a column of a frontend's row shows a number. */
async function counted(row: number, column: keyof typeof FLOW_COLUMNS, wanted: number): Promise<void> {
  await eventually(() => {
    const numbers = new Float64Array((row + 1) * FLOW_ROW_WIDTH)
    events?.readFrontends(numbers)
    expect(numbers[row * FLOW_ROW_WIDTH + FLOW_COLUMNS[column]], column).toBe(wanted)
    return true
  })
}

/** Sockets of the namespace that hear of NEW and DESTROY, the groups 1 and 3: a mask of 5. */
async function listeners(): Promise<number> {
  const sockets = await flows.netns.exec('cat', '/proc/net/netlink')
  return sockets.split('\n').filter((line) => line.split(/\s+/)[3] === '00000005').length
}

/** `conntrack -E` shows so many events of the flows of a destination while `work` goes on. */
async function showsMeanwhile(
  destination: string,
  wanted: { readonly new: number; readonly destroy: number },
  work: () => Promise<void>,
): Promise<void> {
  const before = await listeners()
  const args = [`--net=${flows.netns.path}`, 'conntrack', '-E', '-e', 'NEW,DESTROY', '-d', destination]
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const shown = () => ({ new: text.split('[NEW]').length - 1, destroy: text.split('[DESTROY]').length - 1 })
  try {
    await eventually(async () => {
      expect(await listeners()).toBe(before + 1)
      return true
    })
    await work()
    await eventually(() => {
      expect(shown()).toEqual(wanted)
      return true
    })
  } finally {
    child.kill('SIGINT')
    await once(child, 'close')
  }
  expect(shown()).toEqual(wanted)
}

describe.each(['thread', 'ebpf'] as const)('counted by %s,', (engine) => {
  it('flows are as many as conntrack -E shows', async () => {
    await open({ engine })
    await showsMeanwhile(VIPS.IPv4, { new: 13, destroy: 9 }, async () => {
      await flows.ask('UDP', 9)
      await flows.ask('TCP', 4)
      await flows.delete('-p', 'udp')
      await counted(ROWS.udp, 'closed', 9)
      await counted(ROWS.tcp, 'opened', 4)
    })
  })

  it('a flow that is answered by an ICMP error alone ends unreplied, and the error is no flow', async () => {
    await flows.netns.exec('ip', 'route', 'add', DEAF_VIP, 'dev', 'lo', 'src', ENDPOINTS.IPv4)
    const rule = `ip daddr ${DEAF_VIP} udp dport ${VIP_PORT} dnat ip to ${ENDPOINTS.IPv4}:${DEAF_PORT}`
    await flows.netns.exec('nft', `add rule inet test output ${rule}`)
    const opened = await open({ engine })
    const [answer] = await flows.ask('UDP', 1, DEAF_VIP)
    expect(answer).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' })
    await counted(ROWS.deaf, 'active', 1)
    expect(await flows.listed('-d', DEAF_VIP)).toBe(1)
    await flows.delete('-d', DEAF_VIP)
    await counted(ROWS.deaf, 'closed', 1)
    await counted(ROWS.deaf, 'unreplied', 1)
    expect(opened.status()).toMatchObject({ openEvents: 1, closeEvents: 1 })
  })

  it('flows without ports are seen where untranslated ones are, and left to the kernel else', async () => {
    const echo = ['-p', 'icmp', '--icmp-type', '8', '--icmp-code', '0', '--icmp-id', '7']
    const insert = (source: string): Promise<string> =>
      flows.netns.exec('conntrack', '-I', '-t', '60', '-s', source, '-d', VIPS.IPv4, ...echo)
    const translated = await open({ engine })
    await insert('192.0.2.1')
    await flows.synthesize(1)
    await counted(ROWS.udp, 'opened', 1)
    expect(translated.status()).toMatchObject({ openEvents: 1, foreignEvents: 0 })
    await translated.close()
    const all = await open({ engine, selection: 'every' })
    await insert('192.0.2.2')
    await eventually(() => {
      expect(all.status()).toMatchObject({ openEvents: 1, foreignEvents: 1, malformedEvents: 0 })
      return true
    })
  })

  it('traffic stays at zero where the kernel keeps none', async () => {
    await flows.netns.sysctl({ 'net.netfilter.nf_conntrack_acct': 0 })
    await open({ engine })
    await flows.ask('UDP', 3)
    await flows.delete('-p', 'udp')
    await counted(ROWS.udp, 'closed', 3)
    await counted(ROWS.udp, 'originalBytes', 0)
    await counted(ROWS.udp, 'replyPackets', 0)
  })

  it('a namespace that loses its name is counted on, until nobody does', async () => {
    const teardown = new Teardown()
    try {
      const generator = await Generator.start(flows.netns.path, teardown)
      const opened = await open({ engine })
      await opened.setTable(tableOf(10))
      await flows.netns.exec('umount', flows.netns.path)
      await generator.insert(1000, 10)
      await opened.resync()
      await eventually(() => {
        expect(opened.status()).toMatchObject({ openEvents: 1000, resyncEntries: 1000 })
        return true
      })
    } finally {
      await teardown.end()
    }
  })

  it('100,000 flows are all counted, open and closed, as the kernel counts them itself', async () => {
    const teardown = new Teardown()
    try {
      const generator = await Generator.start(flows.netns.path, teardown)
      const opened = await open({ engine, bufferBytes: 64 << 20 })
      await opened.setTable(tableOf(100))
      await generator.insert(100_000, 100)
      const total = (column: keyof typeof FLOW_COLUMNS): number => {
        const numbers = new Float64Array(100 * FLOW_ROW_WIDTH)
        opened.readFrontends(numbers)
        return numbers.reduce(
          (sum, value, i) => sum + (i % FLOW_ROW_WIDTH === FLOW_COLUMNS[column] ? value : 0),
          0,
        )
      }
      await eventually(() => {
        expect(total('active')).toBe(100_000)
        return true
      })
      expect(Number(await flows.netns.exec('conntrack', '-C'))).toBe(100_000)
      await opened.resync()
      expect(total('active')).toBe(100_000)
      await generator.flush()
      await eventually(() => {
        expect([total('opened'), total('closed'), total('active')]).toEqual([100_000, 100_000, 0])
        return true
      })
      expect(opened.status().droppedEvents).toBe(0)
    } finally {
      await teardown.end()
    }
  })
})

describe('who counts', () => {
  it('is the kernel where it can, and loses nothing whatever the buffer', async () => {
    const opened = await open({ bufferBytes: 1 })
    expect(opened.status().engine).toBe('ebpf')
    await flows.synthesize(6000)
    await counted(ROWS.udp, 'opened', 6000)
    expect(opened.status().droppedEvents).toBe(0)
  })

  it('is the thread without permission for programs, unless the kernel must', async () => {
    const script = `
      const { ConntrackEvents, ConntrackTable } = await import(${JSON.stringify(BUILT_EVENTS)})
      const events = await ConntrackEvents.open()
      await events.setTable(new ConntrackTable())
      console.log(events.status().engine)
      await events.close()
      await ConntrackEvents.open({ engine: 'ebpf' }).catch((error) => console.log(error.code))
    `
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const without = ['--bounding-set=-sys_admin,-cap_39', '--inh-caps=-sys_admin,-cap_39']
    const said = await flows.netns.exec('setpriv', ...without, ...node)
    expect(said.trim().split('\n')).toEqual(['thread', 'ERR_CONNTRACK_EBPF'])
  })

  it('may change under way, and every event is counted once', async () => {
    const teardown = new Teardown()
    try {
      const generator = await Generator.start(flows.netns.path, teardown)
      const opened = await open({ engine: 'ebpf', bufferBytes: 64 << 20 })
      const services = tableOf(1000)
      await opened.setTable(services)
      let ended = false
      const churning = generator.churn(0, 2, 1000).finally(() => {
        ended = true
      })
      // The thread counts for as long as a resync or a change of the table takes.
      while (!ended) {
        await opened.resync()
        await opened.setTable(services)
      }
      const { events: made } = await churning
      await eventually(() => {
        const { openEvents, closeEvents, droppedEvents } = opened.status()
        expect({ openEvents, closeEvents, droppedEvents }).toEqual({
          openEvents: made / 2,
          closeEvents: made / 2,
          droppedEvents: 0,
        })
        return true
      })
      const numbers = new Float64Array(1000 * FLOW_ROW_WIDTH)
      opened.readFrontends(numbers)
      const active = numbers.filter((_, i) => i % FLOW_ROW_WIDTH === FLOW_COLUMNS.active)
      expect(active.every((count) => count === 0)).toBe(true)
    } finally {
      await teardown.end()
    }
  })

  it('follows a table that grows beyond its first counters, and keeps what was counted', async () => {
    const opened = await open({ engine: 'ebpf' })
    await flows.ask('UDP', 3)
    await counted(ROWS.udp, 'opened', 3)
    const larger = table()
    for (let row = 3; row < 2000; row++)
      larger.setFrontend(row, {
        family: 'IPv4',
        protocol: 6,
        address: ip(`10.97.${row >> 8}.${row & 255}`),
        port: 80,
        group: 3,
      })
    await opened.setTable(larger)
    expect(opened.status().engine).toBe('ebpf')
    await flows.ask('UDP', 2)
    await counted(ROWS.udp, 'opened', 5)
  })
})
