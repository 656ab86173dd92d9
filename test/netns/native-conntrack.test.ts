import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ConntrackFilter,
  ConntrackSocket,
  type ConntrackStatistics,
  StaleFlows,
} from '../../src/native/conntrack.ts'
import { ip } from '../support/addresses.ts'
import { Netns } from '../support/netns.ts'

let netns: Netns
let socket: ConntrackSocket

beforeEach(async () => {
  netns = await Netns.create('ct')
  socket = await ConntrackSocket.open({ netns: netns.path })
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

/** Puts a flow into the table: from a client port to a VIP, answered by an endpoint. */
async function flow(flow: {
  protocol?: 'udp' | 'tcp'
  port: number
  vip?: string
  endpoint?: string
  mark?: number
}): Promise<void> {
  const { protocol = 'udp', port, vip = '10.96.0.10', endpoint = '10.0.0.2', mark = 0 } = flow
  const client = vip.includes(':') ? 'fd00::99' : '192.0.2.1'
  const target = endpoint.includes(':') ? `[${endpoint}]:5353` : `${endpoint}:5353`
  await netns.exec(
    'conntrack',
    ...['-I', '-p', protocol, '-t', '600', '-m', String(mark), '--dst-nat', target],
    ...['-s', client, '-d', vip, '--sport', String(port), '--dport', '53'],
    ...(protocol === 'tcp' ? ['--state', 'ESTABLISHED'] : []),
  )
}

/** Puts `count` flows to 10.96.0.10 into the table, from the client ports 1, 2, … */
async function fill(count: number): Promise<void> {
  const line = 'echo "-I -p udp -t 600 -s 192.0.2.1 -d 10.96.0.10 --sport $port --dport 53"'
  await netns.exec('sh', '-c', `for port in $(seq ${count}); do ${line}; done | conntrack -R -`)
}

const clientPorts = async (): Promise<number[]> =>
  [...(await socket.list())].map(({ original }) => original.sourcePort).sort()

const toVip: ConntrackFilter = {
  family: 'IPv4',
  protocol: 'UDP',
  original: { destination: ip('10.96.0.10'), destinationPort: 53 },
}

describe('listing connections', () => {
  it('shows both directions, mark and translation', async () => {
    await flow({ port: 4000, mark: 0x4000 })
    const [entry] = await socket.list()
    expect(entry).toMatchObject({
      family: 'IPv4',
      protocol: 17,
      mark: 0x4000,
      translated: true,
      original: { source: '192.0.2.1', destination: '10.96.0.10', sourcePort: 4000, destinationPort: 53 },
      reply: { source: '10.0.0.2', destination: '192.0.2.1', sourcePort: 5353, destinationPort: 4000 },
    })
    expect(entry?.timeoutSeconds).toBeGreaterThan(500)
    expect(entry?.timeoutSeconds).toBeLessThanOrEqual(600)
  })

  it('is split by family', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, vip: 'fd00::10', endpoint: 'fd00::2' })
    expect((await socket.list('IPv6')).at(0)?.original.destination).toBe('fd00::10')
    expect((await socket.list('IPv4')).length).toBe(1)
    expect((await socket.list()).length).toBe(2)
    expect(await socket.count()).toBe(2)
  })

  it('keeps only what a filter names', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, vip: '10.96.0.11' })
    await flow({ port: 4002, protocol: 'tcp' })
    await flow({ port: 4003, endpoint: '10.0.0.3', mark: 1 })
    const ports = async (...filters: ConntrackFilter[]) =>
      [...(await socket.find(filters))].map(({ original }) => original.sourcePort).sort()
    const family = 'IPv4'
    expect(await ports(toVip)).toEqual([4000, 4003])
    expect(
      await ports({ family, protocol: 'UDP', reply: { source: ip('10.0.0.3'), sourcePort: 5353 } }),
    ).toEqual([4003])
    expect(await ports({ family, mark: { value: 1, mask: 1 } })).toEqual([4003])
    expect(await ports({ family, protocol: 'TCP' })).toEqual([4002])
    expect(await ports({ family, translated: false })).toEqual([])
    expect(await ports({ family, protocol: 'TCP' }, { family, mark: { value: 1, mask: 1 } })).toEqual([
      4002, 4003,
    ])
    expect(await ports()).toEqual([])
  })
})

it('some of a long list come with how many there are', async () => {
  await fill(300)
  for (const filters of [[toVip], [toVip, { ...toVip, protocol: 'TCP' as const }]]) {
    const { entries, matched } = await socket.findSome(filters, 7)
    expect(entries.length).toBe(7)
    expect([...entries].every(({ original }) => original.destination === '10.96.0.10')).toBe(true)
    expect(matched).toBe(300)
  }
  expect(await socket.findSome([toVip], 1000)).toMatchObject({ entries: { length: 300 }, matched: 300 })
})

it('a single filter is applied by the kernel, which sends what matches alone', async () => {
  await flow({ port: 4000, vip: '10.96.0.11' })
  await fill(1000)
  const receivedBy = async (action: () => Promise<unknown>): Promise<number> => {
    const before = socket.stats().received
    await action()
    return socket.stats().received - before
  }
  const original = { destination: ip('10.96.0.11'), destinationPort: 53 }
  const filter: ConntrackFilter = { family: 'IPv4', protocol: 'UDP', original }
  expect((await socket.find([filter])).length).toBe(1)
  const filtered = await receivedBy(() => socket.find([filter]))
  const whole = await receivedBy(() => socket.list())
  expect(filtered).toBeLessThan(whole / 100)
})

describe('deleting connections', () => {
  it('by filter takes exactly those that match, and counts them', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, vip: '10.96.0.11' })
    await flow({ port: 4002 })
    expect(await socket.delete([toVip])).toBe(2)
    expect(await clientPorts()).toEqual([4001])
  })

  it('by several filters takes what any of them matches', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, vip: 'fd00::10', endpoint: 'fd00::2' })
    await flow({ port: 4002, vip: '10.96.0.11' })
    const v6: ConntrackFilter = { family: 'IPv6', original: { destination: ip('fd00::10') } }
    expect(await socket.delete([toVip, v6])).toBe(2)
    expect(await clientPorts()).toEqual([4002])
  })

  it('without a condition is refused, and deletes nothing', async () => {
    await flow({ port: 4000 })
    await expect(socket.delete([toVip, { family: 'IPv4' }])).rejects.toMatchObject({
      code: 'ERR_NATIVE_PROGRAM',
      message: expect.stringContaining('would delete every connection'),
    })
    expect(await socket.delete([])).toBe(0)
    expect(await clientPorts()).toEqual([4000])
  })

  it('by a filter of the kernel’s own takes exactly those that match, whether or not it counts them', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, vip: '10.96.0.11' })
    await flow({ port: 4002, endpoint: '10.0.0.3' })
    const deleted = await socket.deleteFiltered({
      ...toVip,
      reply: { source: ip('10.0.0.3') },
      translated: true,
    })
    expect([undefined, 1]).toContain(deleted)
    expect(await clientPorts()).toEqual([4000, 4001])
    await socket.deleteFiltered({ ...toVip, translated: false })
    expect(await clientPorts()).toEqual([4000, 4001])
    await socket.deleteFiltered(toVip)
    expect(await clientPorts()).toEqual([4001])
  })

  it('by a filter that a kernel without filters could misread is refused', async () => {
    await flow({ port: 4000 })
    await expect(socket.deleteFiltered({ family: 'IPv4' })).rejects.toMatchObject({
      code: 'ERR_NATIVE_PROGRAM',
    })
    const reply: ConntrackFilter = { family: 'IPv4', translated: true, reply: { source: ip('10.0.0.2') } }
    await expect(socket.deleteFiltered(reply)).rejects.toMatchObject({ code: 'ERR_NATIVE_PROGRAM' })
    expect(await clientPorts()).toEqual([4000])
  })

  it('that are stale has the kernel list their family alone', async () => {
    const stale = new StaleFlows().add({
      ...{ family: 'IPv4', protocol: 17, address: ip('10.96.0.10'), port: 53 },
      ...{ translated: 'unlisted', untranslated: true, endpoints: [{ address: ip('10.0.0.2'), port: 5353 }] },
    })
    await flow({ port: 4000 })
    const listedBytes = async (): Promise<number> => {
      const before = socket.stats().received
      expect(await socket.deleteStale(stale)).toBe(0)
      return socket.stats().received - before
    }
    const bytes = await listedBytes()
    expect(bytes).toBeGreaterThan(0)
    await flow({ port: 4001, vip: 'fd00:96::10', endpoint: 'fd00::2' })
    expect(await listedBytes()).toBe(bytes)
    await flow({ port: 4002 })
    expect(await listedBytes()).toBeGreaterThan(bytes)
  })

  it('entry by entry counts those that were still there', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001 })
    const listed = await socket.list()
    await netns.exec('conntrack', '-D', '-p', 'udp', '--orig-port-src', '4000')
    await flow({ port: 4002 })
    expect(await socket.deleteEntries(listed)).toBe(1)
    expect(await clientPorts()).toEqual([4002])
  })

  it('takes the entries that were picked from a list', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, mark: 1 })
    await flow({ port: 4002 })
    const picked = (await socket.list()).filter(({ mark }) => mark === 1)
    expect([...picked].map(({ original }) => original.sourcePort)).toEqual([4001])
    expect(await socket.deleteEntries(picked)).toBe(1)
    expect(await clientPorts()).toEqual([4000, 4002])
  })

  it('works for ICMP, whose tuples have no ports', async () => {
    await netns.exec(
      'conntrack',
      '-I',
      '-p',
      'icmp',
      '-t',
      '60',
      '-s',
      '192.0.2.1',
      '-d',
      '10.0.0.2',
      '--icmp-type',
      '8',
      '--icmp-code',
      '0',
      '--icmp-id',
      '77',
    )
    const listed = await socket.list()
    expect(listed.at(0)).toMatchObject({ protocol: 1, original: { sourcePort: 77, destinationPort: 0x0800 } })
    expect(await socket.deleteEntries(listed)).toBe(1)
    expect(await socket.count()).toBe(0)
  })

  it('in thousands takes few system calls', async () => {
    await fill(2000)
    const before = socket.stats().syscalls
    expect(await socket.delete([toVip])).toBe(2000)
    expect(socket.stats().syscalls - before).toBeLessThan(40)
    expect(await socket.count()).toBe(0)
  })
})

describe('statistics', () => {
  it('are what conntrack -S shows, processor by processor', async () => {
    await flow({ port: 4000 })
    await flow({ port: 4001, protocol: 'tcp' })
    await fill(50)
    const { entries, limit, total, processors } = await socket.statistics()
    expect(entries).toBe(52)
    expect(limit).toBe(Number(await netns.exec('sysctl', '-n', 'net.netfilter.nf_conntrack_max')))
    expect(total).toMatchObject({ insert: 52, insertFailed: 0, drop: 0 })
    const shown = await netns.exec('conntrack', '-S')
    expect(processors.map(asConntrackShows)).toEqual(shown.trim().split('\n').map(withSingleSpaces))
  })
})

/** A line of `conntrack -S`. */
function asConntrackShows(counters: ConntrackStatistics['processors'][number]): string {
  return [
    `cpu=${counters.processor}`,
    `found=${counters.found}`,
    `invalid=${counters.invalid}`,
    `insert=${counters.insert}`,
    `insert_failed=${counters.insertFailed}`,
    `drop=${counters.drop}`,
    `early_drop=${counters.earlyDrop}`,
    `error=${counters.error}`,
    `search_restart=${counters.searchRestart}`,
    `clash_resolve=${counters.clashResolve}`,
    `chaintoolong=${counters.chainTooLong}`,
  ].join(' ')
}

const withSingleSpaces = (line: string): string => line.replaceAll(/\s+/g, ' ').trim()
