import { beforeEach, describe, expect, it } from 'vitest'
import type { Endpoint, Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { IpvsState } from '../../../../src/dataplane/ipvs/ipvs-state.ts'
import { cidr, ip } from '../../../support/addresses.ts'
import { configOf, frontend } from '../../../support/ipvs-frontends.ts'
import { linesOf, Planner } from './planner.ts'

/** An endpoint on another node. */
const there = (host: number): Endpoint => ({
  address: ip(`10.2.0.${host}`),
  port: 8080,
  local: false,
  mayHairpin: false,
})
const here = (host: number): Endpoint => ({
  address: ip(`10.1.0.${host}`),
  port: 8080,
  local: true,
  mayHairpin: true,
})

const web = (...hosts: readonly number[]): Frontend => frontend('10.96.0.1', 80, hosts.map(there))
const dns = (...hosts: readonly number[]): Frontend =>
  frontend('10.96.0.1', 53, hosts.map(there), { protocol: 'UDP' })

let planner: Planner

beforeEach(() => {
  planner = new Planner()
  planner.change()
})

describe('a first plan', () => {
  it('fills IPVS, makes the table with all that is in it, and only then puts VIPs on the machine', () => {
    expect(new Planner().lines(web(1, 2))).toEqual([
      'add-server TCP 10.96.0.1:80 rr',
      'add-dest TCP 10.96.0.1:80 10.2.0.1:8080 masq weight 1',
      'add-dest TCP 10.96.0.1:80 10.2.0.2:8080 masq weight 1',
      'destroy table',
      'add table',
      'add element frontends 10.96.0.1 . tcp . 80 : cluster',
      'add element vips 10.96.0.1',
      'add address 10.96.0.1/32',
    ])
  })

  it('takes over what is right, changes what is not and deletes what nobody wants', () => {
    const before = new Planner()
    before.change(web(1, 2), frontend('10.96.0.2', 80, [there(1)]), frontend('10.96.0.3', 80, [there(1)]))
    const found = new IpvsState()
    for (const server of before.state.servers.values()) found.restore(server)
    for (const address of before.state.addresses) found.addresses.add(address)
    const plan = new Planner({}, found).rebuild(web(1, 2), frontend('10.96.0.2', 80, [there(3)]))
    expect(linesOf({ ...plan, table: { creation: false, removed: [], added: [] } })).toEqual([
      'add-dest TCP 10.96.0.2:80 10.2.0.3:8080 masq weight 1',
      'change-dest TCP 10.96.0.2:80 10.2.0.1:8080 masq weight 0',
      'delete-server TCP 10.96.0.3:80',
      'delete address 10.96.0.3/32',
    ])
    expect(plan.table.creation).toBe(true)
  })
})

describe('endpoints', () => {
  it('one more is one request', () => {
    planner.change(web(1))
    expect(planner.lines(web(1, 2))).toEqual(['add-dest TCP 10.96.0.1:80 10.2.0.2:8080 masq weight 1'])
  })

  it('one less takes no new connections over TCP, and is deleted over UDP', () => {
    planner.change(web(1, 2), dns(1, 2))
    expect(planner.lines(web(1), dns(1))).toEqual([
      'change-dest TCP 10.96.0.1:80 10.2.0.2:8080 masq weight 0',
      'delete-dest UDP 10.96.0.1:53 10.2.0.2:8080',
    ])
  })

  it('that only finishes its connections stays so through other changes', () => {
    planner.change(web(1, 2))
    planner.change(web(1))
    expect(planner.lines(web(1, 3))).toEqual(['add-dest TCP 10.96.0.1:80 10.2.0.3:8080 masq weight 1'])
  })

  it('that returns gets its weight back', () => {
    planner.change(web(1, 2))
    planner.change(web(1))
    expect(planner.lines(web(1, 2))).toEqual(['change-dest TCP 10.96.0.1:80 10.2.0.2:8080 masq weight 1'])
  })

  it('a replacement is there before the replaced one goes', () => {
    planner.change(web(1))
    expect(planner.lines(web(2))).toEqual([
      'add-dest TCP 10.96.0.1:80 10.2.0.2:8080 masq weight 1',
      'change-dest TCP 10.96.0.1:80 10.2.0.1:8080 masq weight 0',
    ])
  })

  it('before the last one goes, the table refuses connections', () => {
    planner.change(dns(1))
    expect(planner.lines(dns())).toEqual([
      'delete element frontends 10.96.0.1 . udp . 53 : cluster',
      'add element frontends 10.96.0.1 . udp . 53 : reject-it',
      'delete-dest UDP 10.96.0.1:53 10.2.0.1:8080',
    ])
  })

  it('the first one is there before the table lets connections in', () => {
    planner.change(web())
    expect(planner.lines(web(1))).toEqual([
      'add-dest TCP 10.96.0.1:80 10.2.0.1:8080 masq weight 1',
      'delete element frontends 10.96.0.1 . tcp . 80 : reject-it',
      'add element frontends 10.96.0.1 . tcp . 80 : cluster',
    ])
  })

  it('on this node is no more to the table than one elsewhere', () => {
    planner.change(frontend('10.96.0.1', 80, [there(1)]))
    expect(planner.lines(frontend('10.96.0.1', 80, [there(1), here(1)]))).toEqual([
      'add-dest TCP 10.96.0.1:80 10.1.0.1:8080 masq weight 1',
    ])
  })
})

describe('addresses', () => {
  it('a frontend in the place of another keeps the virtual server of both', () => {
    const nodePlanner = new Planner({ nodeAddresses: [ip('192.0.2.1')] })
    const [nodePort, external] = [undefined, '192.0.2.1'].map((at) => frontend(at, 30080, [there(1)]))
    if (nodePort === undefined || external === undefined) throw new Error('two frontends')
    nodePlanner.change(nodePort)
    const lines = nodePlanner.lines([nodePort], { ...external, kind: 'ExternalIP' })
    expect(lines.filter((line) => line.includes('-server'))).toEqual([])
  })

  it('a VIP goes with the last of its frontends, behind its virtual server', () => {
    planner.change(web(1), dns(1))
    expect(planner.lines([dns(1)])).toEqual([
      'delete element frontends 10.96.0.1 . udp . 53 : cluster',
      'delete-server UDP 10.96.0.1:53',
    ])
    expect(planner.lines([web(1)])).toEqual([
      'delete element frontends 10.96.0.1 . tcp . 80 : cluster',
      'delete element vips 10.96.0.1',
      'delete-server TCP 10.96.0.1:80',
      'delete address 10.96.0.1/32',
    ])
  })

  it('one that the machine has anyway is not put on it, and keeps its other ports', () => {
    const state = new IpvsState(new Set([ip('192.0.2.7')]))
    const lines = new Planner({}, state).lines(
      frontend('192.0.2.7', 80, [there(1)], { kind: 'ExternalIP' }),
      frontend('172.20.0.1', 80, [there(1)], { kind: 'ExternalIP' }),
    )
    expect(lines).toContain('add element frontends 192.0.2.7 . tcp . 80 : external')
    expect(lines.filter((line) => line.includes('vips') || line.includes('address'))).toEqual([])
  })

  it('a node port has a virtual server on every address of the node', () => {
    const nodes = new Planner({ nodeAddresses: [ip('172.20.0.1'), ip('172.21.0.1')] })
    nodes.change()
    expect(nodes.lines(frontend(undefined, 30080, [there(1)]))).toEqual([
      'add-server TCP 172.20.0.1:30080 rr',
      'add-dest TCP 172.20.0.1:30080 10.2.0.1:8080 masq weight 1',
      'add-server TCP 172.21.0.1:30080 rr',
      'add-dest TCP 172.21.0.1:30080 10.2.0.1:8080 masq weight 1',
      'add element frontends 172.20.0.1 . tcp . 30080 : external',
      'add element frontends 172.21.0.1 . tcp . 30080 : external',
    ])
  })
})

describe('externalTrafficPolicy Local', () => {
  const local = (localEndpoints: readonly Endpoint[], fields: Partial<Frontend> = {}): Frontend =>
    frontend('203.0.113.1', 80, [here(1), there(2)], { kind: 'LoadBalancer', localEndpoints, ...fields })

  it('gives inside clients a virtual server of their own, by mark', () => {
    expect(planner.lines(local([here(1)]))).toEqual([
      'add-server TCP 203.0.113.1:80 rr',
      'add-dest TCP 203.0.113.1:80 10.1.0.1:8080 masq weight 1',
      'add-server IPv4 mark 1207959552 rr',
      'add-dest IPv4 mark 1207959552 10.1.0.1:8080 masq weight 1',
      'add-dest IPv4 mark 1207959552 10.2.0.2:8080 masq weight 1',
      'add element frontends 203.0.113.1 . tcp . 80 : local',
      'add element short-circuit 203.0.113.1 . tcp . 80 : 0x48000000',
      'add element vips 203.0.113.1',
      'add address 203.0.113.1/32',
    ])
  })

  it('needs no second virtual server when all endpoints are on this node', () => {
    const lines = planner.lines(local([here(1)], { endpoints: [here(1)] }))
    expect(lines.filter((line) => line.includes('mark') || line.includes('short-circuit'))).toEqual([])
  })

  it('drops outside clients without an endpoint on this node', () => {
    expect(planner.lines(local([]))).toContain('add element frontends 203.0.113.1 . tcp . 80 : local-none')
  })

  it('keeps the mark of a frontend through its changes', () => {
    planner.change(local([here(1)]))
    planner.change(local([here(1)], { endpoints: [here(1)] }))
    expect(planner.lines(local([here(1)]))).toContain(
      'add element short-circuit 203.0.113.1 . tcp . 80 : 0x48000000',
    )
  })

  it('under affinity hashes inside clients, since persistence by mark loses the endpoint port', () => {
    const lines = planner.lines(local([here(1)], { affinitySeconds: 600 }))
    expect(lines).toContain('add-server TCP 203.0.113.1:80 rr persistent 600 s')
    expect(lines).toContain('add-server IPv4 mark 1207959552 mh scheduler-1')
  })
})

describe('options', () => {
  const withOptions = (
    ipvs: Partial<Frontend['ipvs']>,
    fields: Partial<Frontend> = {},
  ): string | undefined => {
    const asked = frontend('10.96.0.9', 80, [there(1)], fields)
    const [line] = planner.lines({ ...asked, ipvs: { ...asked.ipvs, ...ipvs } })
    return line
  }

  it.each([
    ['a scheduler', { scheduler: 'wlc' }, 'wlc'],
    ['ports in the hash', { scheduler: 'mh', flags: ['mh-port'] }, 'mh scheduler-1 scheduler-2'],
    ['always a fallback where clients are hashed', { scheduler: 'sh' }, 'sh scheduler-1'],
    ['one packet, which TCP has no use for', { flags: ['one-packet'] }, 'rr'],
  ] as const)('%s', (_, ipvs, said) => {
    expect(withOptions(ipvs)).toBe(`add-server TCP 10.96.0.9:80 ${said}`)
  })

  it('one packet over UDP', () => {
    expect(withOptions({ flags: ['one-packet'] }, { protocol: 'UDP' })).toBe(
      'add-server UDP 10.96.0.9:80 rr one-packet',
    )
  })

  it('a change of them is one request', () => {
    planner.change(web(1))
    expect(planner.lines({ ...web(1), affinitySeconds: 60 })).toEqual([
      'change-server TCP 10.96.0.1:80 rr persistent 60 s',
    ])
  })

  it('direct return keeps port and source', () => {
    const asked = frontend('203.0.113.1', 80, [here(1)], { kind: 'LoadBalancer' })
    expect(planner.lines({ ...asked, ipvs: { ...asked.ipvs, forward: 'dr' } })).toEqual([
      'add-server TCP 203.0.113.1:80 rr',
      'add-dest TCP 203.0.113.1:80 10.1.0.1:80 dr weight 1',
      'add element frontends 203.0.113.1 . tcp . 80 : direct',
      'add element vips 203.0.113.1',
      'add address 203.0.113.1/32',
    ])
  })
})

describe('source ranges', () => {
  const ranged = (...ranges: readonly string[]): Frontend =>
    frontend('203.0.113.1', 80, [there(1)], { kind: 'LoadBalancer', sourceRanges: ranges.map(cidr) })
  const sources = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(' sources '))

  it('without those inside of others, which the kernel refuses', () => {
    expect(sources(planner.lines(ranged('10.0.0.0/8', '10.7.0.0/16', '10.0.0.0/8', '192.0.2.0/24')))).toEqual(
      [
        'add element sources 203.0.113.1 . tcp . 80 . 10.0.0.0/8',
        'add element sources 203.0.113.1 . tcp . 80 . 192.0.2.0/24',
      ],
    )
  })

  it('with the VIP itself where the node is inside: that is where its own connections come from', () => {
    expect(sources(planner.lines(ranged('172.20.0.0/24')))).toEqual([
      'add element sources 203.0.113.1 . tcp . 80 . 172.20.0.0/24',
      'add element sources 203.0.113.1 . tcp . 80 . 203.0.113.1/32',
    ])
  })

  it('a change of them touches no more than the difference', () => {
    planner.change(ranged('10.0.0.0/8', '192.0.2.0/24'))
    expect(planner.lines(ranged('10.0.0.0/8'))).toEqual([
      'delete element sources 203.0.113.1 . tcp . 80 . 192.0.2.0/24',
    ])
  })
})

it('IPv6 addresses are whole ones of 128 bits', () => {
  const planner6 = new Planner(configOf('IPv6'))
  const endpoint = { ...there(1), address: ip('fd00:2::1') }
  expect(planner6.lines(frontend('fd00:96::1', 80, [endpoint]))).toEqual([
    'add-server TCP [fd00:96::1]:80 rr',
    'add-dest TCP [fd00:96::1]:80 [fd00:2::1]:8080 masq weight 1',
    'destroy table',
    'add table',
    'add element frontends fd00:96::1 . tcp . 80 : cluster',
    'add element vips fd00:96::1',
    'add address fd00:96::1/128',
  ])
})
