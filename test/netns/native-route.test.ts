import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Link, NetlinkError, type Route, RouteSocket, RouteTransaction } from '../../src/native/route.ts'
import { formatCidr } from '../../src/util/address.ts'
import { cidr, ip } from '../support/addresses.ts'
import { Netns } from '../support/netns.ts'

let netns: Netns
let socket: RouteSocket

beforeEach(async () => {
  netns = await Netns.create('route')
  socket = await RouteSocket.open({ netns: netns.path })
})
afterEach(async () => {
  await socket.close()
  await netns.dispose()
})

async function link(name: string): Promise<Link> {
  const found = (await socket.links()).find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`there is no interface ${name}`)
  return found
}

/** What `ip -j` says, from the namespace. */
const ipJson = async (...words: string[]): Promise<unknown> =>
  JSON.parse((await netns.exec('ip', '-j', ...words)) || '[]')

async function failureOf(attempt: Promise<unknown>): Promise<NetlinkError> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof NetlinkError)) throw new Error(`expected a NetlinkError, got ${error}`)
  return error
}

/** A veth pair a-b, up, with 10.1.0.1/24 and fd00::1/64 on a. */
const pair = (): RouteTransaction =>
  new RouteTransaction()
    .addLink({ name: 'a', kind: 'veth', peer: 'b', up: true })
    .setLink({ name: 'b', up: true })
    .addAddress({ link: 'a', address: ip('10.1.0.1'), prefix: 24 })
    .addAddress({ link: 'a', address: ip('fd00::1'), prefix: 64, withoutDetection: true })

describe('interfaces', () => {
  it('made in one transaction can be addressed and routed in the same one', async () => {
    await socket.apply(pair().addRoute({ destination: cidr('10.9.0.0/16'), via: ip('10.1.0.2'), link: 'a' }))
    expect(await ipJson('route', 'show', '10.9.0.0/16')).toEqual([
      expect.objectContaining({ dst: '10.9.0.0/16', gateway: '10.1.0.2', dev: 'a' }),
    ])
  })

  it('of kind bridge take ports, and let them go', async () => {
    await socket.apply(
      pair().addLink({ name: 'br0', kind: 'bridge', up: true }).setLink({ name: 'b', master: 'br0' }),
    )
    expect(await link('b')).toMatchObject({ kind: 'veth', master: (await link('br0')).index })
    await socket.apply(new RouteTransaction().setLink({ name: 'b', master: null }))
    expect(await link('b')).not.toHaveProperty('master')
  })

  it('change MTU and state, and nothing else with it', async () => {
    await socket.apply(pair())
    await socket.apply(new RouteTransaction().setLink({ name: 'a', mtu: 1400 }))
    expect(await link('a')).toMatchObject({ mtu: 1400, up: true })
    await socket.apply(new RouteTransaction().setLink({ name: 'a', up: false }))
    expect(await link('a')).toMatchObject({ mtu: 1400, up: false })
  })

  it('get a peer of a name that the kernel makes up, when none is given', async () => {
    await socket.apply(new RouteTransaction().addLink({ name: 'a', kind: 'veth' }))
    expect((await socket.links()).map(({ name, kind }) => [name, kind])).toEqual([
      ['lo', ''],
      ['veth0', 'veth'],
      ['a', 'veth'],
    ])
  })

  it('can be made with the peer in another namespace', async () => {
    const other = await Netns.create('peer')
    try {
      await socket.apply(
        new RouteTransaction().addLink({ name: 'here', kind: 'veth', peer: 'there', peerNetns: other.path }),
      )
      expect((await socket.links()).map(({ name }) => name)).toEqual(['lo', 'here'])
      expect(await other.exec('ip', '-br', 'link', 'show', 'there')).toMatch(/^there@/)
    } finally {
      await other.dispose()
    }
  })

  it('can be moved to another namespace', async () => {
    const other = await Netns.create('target')
    try {
      await socket.apply(pair().setLink({ name: 'b', netns: other.path }))
      expect((await socket.links()).map(({ name }) => name)).toEqual(['lo', 'a'])
      expect(await other.exec('ip', '-br', 'link', 'show', 'b')).toMatch(/^b@/)
    } finally {
      await other.dispose()
    }
  })

  it('are gone when deleted, the peer of a veth with it', async () => {
    await socket.apply(pair())
    await socket.apply(new RouteTransaction().deleteLink('a'))
    expect((await socket.links()).map(({ name }) => name)).toEqual(['lo'])
  })
})

describe('addresses and routes', () => {
  it('are listed as they were made', async () => {
    await socket.apply(
      pair()
        .addRoute({ destination: 'default', via: ip('10.1.0.2'), source: ip('10.1.0.1'), metric: 5 })
        .addRoute({ destination: cidr('10.96.0.0/12'), type: 'local', link: 'lo' })
        .addRoute({ destination: cidr('192.0.2.0/24'), type: 'blackhole', table: 1000 })
        .addRoute({ destination: cidr('fd01::/32'), via: ip('fd00::2') }),
    )
    const { index } = await link('a')
    expect(await socket.addresses()).toEqual(
      expect.arrayContaining([
        { link: index, address: '10.1.0.1', prefix: 24, scope: 'global', tentative: false },
        { link: index, address: 'fd00::1', prefix: 64, scope: 'global', tentative: false },
      ]),
    )
    const written = ({ destination, ...rest }: Route) => ({ destination: formatCidr(destination), ...rest })
    const routes = (await socket.routes()).filter(({ protocol }) => protocol === 4).map(written)
    expect(routes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ destination: '0.0.0.0/0', via: '10.1.0.2', source: '10.1.0.1', metric: 5 }),
        expect.objectContaining({ destination: '10.96.0.0/12', type: 'local', table: 255, scope: 'host' }),
        expect.objectContaining({ destination: '192.0.2.0/24', type: 'blackhole', table: 1000 }),
        expect.objectContaining({ destination: 'fd01::/32', via: 'fd00::2', link: index, table: 254 }),
      ]),
    )
    expect(routes).toHaveLength(4)
  })

  it('are replaced and deleted', async () => {
    await socket.apply(pair().addRoute({ destination: cidr('10.9.0.0/16'), via: ip('10.1.0.2') }))
    await socket.apply(
      new RouteTransaction().replaceRoute({ destination: cidr('10.9.0.0/16'), via: ip('10.1.0.3') }),
    )
    expect(await ipJson('route', 'show', '10.9.0.0/16')).toEqual([
      expect.objectContaining({ gateway: '10.1.0.3' }),
    ])
    await socket.apply(
      new RouteTransaction()
        .deleteRoute({ destination: cidr('10.9.0.0/16') })
        .deleteAddress({ link: 'a', address: ip('10.1.0.1'), prefix: 24 }),
    )
    expect(await ipJson('route')).toEqual([])
    expect((await socket.addresses()).map(({ address }) => address)).not.toContain('10.1.0.1')
  })

  it('of one family are listed alone', async () => {
    await socket.apply(pair())
    const families = new Set((await socket.routes('IPv6')).map(({ destination }) => destination.family))
    expect([...families]).toEqual(['IPv6'])
  })

  it('by the thousand take a few system calls', async () => {
    await socket.apply(pair())
    const before = socket.stats()
    const many = new RouteTransaction()
    for (let index = 0; index < 2000; index++)
      many.addAddress({ link: 'a', address: ip(`10.2.${index >> 8}.${index & 255}`), prefix: 32 })
    await socket.apply(many)
    const after = socket.stats()
    expect(after.messages - before.messages).toBe(2000)
    expect(after.syscalls - before.syscalls).toBeLessThan(20)
    expect((await socket.addresses()).filter(({ prefix }) => prefix === 32)).toHaveLength(2000)
  })
})

describe('a refused change', () => {
  it('is named with its operation, and the others are made', async () => {
    const changes = new RouteTransaction()
      .addLink({ name: 'a', kind: 'veth', peer: 'b', up: true })
      .addLink({ name: 'a', kind: 'bridge' })
      .addAddress({ link: 'nowhere', address: ip('10.1.0.1'), prefix: 24 })
      .addAddress({ link: 'a', address: ip('10.1.0.1'), prefix: 24 })
      .deleteRoute({ destination: cidr('10.77.0.0/16') })
    const error = await failureOf(socket.apply(changes))
    expect(error.failures.map(({ op, code }) => [op, code])).toEqual([
      [1, 'EEXIST'],
      [2, 'ENODEV'],
      [4, 'ESRCH'],
    ])
    expect(error.operation).toBe('add bridge a')
    expect(error.failures[1]?.message).toBe('no interface is named nowhere')
    expect((await socket.addresses()).map(({ address }) => address)).toContain('10.1.0.1')
  })

  it("carries the kernel's own words and the attribute at fault", async () => {
    const changes = pair().addRoute({ destination: cidr('10.9.0.0/16'), via: ip('203.0.113.1'), link: 'a' })
    const error = await failureOf(socket.apply(changes))
    expect(error.message).toContain('add route 10.9.0.0/16')
    expect(error.failures[0]?.message).toBe('Nexthop has invalid gateway')
  })

  it('for a namespace that is not there is named with its path', async () => {
    const changes = pair().setLink({ name: 'b', netns: '/var/run/netns/hw-none' })
    const error = await failureOf(socket.apply(changes))
    expect(error.failures).toEqual([
      expect.objectContaining({
        op: 4,
        code: 'ENOENT',
        message: expect.stringContaining('/var/run/netns/hw-none'),
      }),
    ])
  })
})
