import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceProxy } from '../../src/dataplane/proxy.ts'
import type { Change } from '../../src/model/change.ts'
import { Netns } from '../support/netns.ts'
import { openProxy } from '../support/proxy.ts'
import {
  address,
  cidr,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../support/services.ts'

/** A world with every kind of frontend, in both families, with and without endpoints. */
const WORLD: readonly Change[] = [
  serviceChange(
    service('web', '10.96.0.1', {
      type: 'NodePort',
      ports: [port({ nodePort: 30080 }), port({ name: 'dns', protocol: 'UDP', port: 53 })],
    }),
  ),
  sliceChange(slice('web', ['10.1.0.2', '10.1.0.3', '10.1.0.4'])),
  serviceChange(service('none', '10.96.0.2')),
  serviceChange(service('six', 'fd00:96::1', { type: 'NodePort', ports: [port({ nodePort: 30081 })] })),
  sliceChange(slice('six', ['fd00:1::2', 'fd00:1::3'])),
]

/** Every policy on every way in, in one family; on this node are only the first two endpoints. */
const withPolicies = (family: 'IPv4' | 'IPv6', affinitySeconds: number): readonly Change[] => {
  const at = (host: number): string => (family === 'IPv4' ? `10.96.1.${host}` : `fd00:96::1:${host}`)
  const outside = (host: number): string => (family === 'IPv4' ? `203.0.113.${host}` : `2001:db8::${host}`)
  const pod = (host: number): string => (family === 'IPv4' ? `10.1.0.${host}` : `fd00:1::${host}`)
  const ranges = family === 'IPv4' ? ['192.0.2.0/24', '192.0.2.7/32', '0.0.0.0/1'] : ['2001:db8:1::/48']
  const ports = (nodePort: number) => [port({ nodePort })]
  const endpoints = [2, 3, 4, 5].map((host) =>
    sliceEndpoint(pod(host), {
      nodeName: host < 4 ? 'here' : 'there',
      ready: host !== 3,
      terminating: host === 3,
    }),
  )
  const name = (what: string): string => `${what}-${family.toLowerCase()}-${affinitySeconds}`
  const number = affinitySeconds > 0 ? 10 : 20
  return [
    service(name('cluster'), at(number + 1), {
      type: 'NodePort',
      affinitySeconds,
      ports: ports(31000 + number),
    }),
    service(name('local'), at(number + 2), {
      type: 'LoadBalancer',
      affinitySeconds,
      externalTrafficPolicy: 'Local',
      loadBalancerIPs: [address(outside(number + 2))],
      loadBalancerSourceRanges: ranges.map(cidr),
      ports: ports(31001 + number),
    }),
    service(name('empty'), at(number + 3), {
      type: 'LoadBalancer',
      loadBalancerIPs: [address(outside(number + 3))],
      loadBalancerSourceRanges: ranges.map(cidr),
    }),
    service(name('inside'), at(number + 4), { internalTrafficPolicy: 'Local' }),
  ].flatMap((made) => {
    const [, short = ''] = made.name.split('/')
    const listed = short.startsWith('empty') ? [] : endpoints
    return [serviceChange(made), sliceChange(slice(short, listed, { family }))]
  })
}
const POLICIES = [...withPolicies('IPv4', 0), ...withPolicies('IPv4', 600)]

const NOBODY = 65_534

let netns: Netns
let proxy: ServiceProxy

beforeEach(async () => {
  netns = await Netns.create('table')
  proxy = await openProxy(netns.path, { families: ['IPv4', 'IPv6'], masqueradePodEgress: true })
})

afterEach(async () => {
  await proxy?.close()
  await netns?.dispose()
})

async function apply(...changes: readonly Change[]): Promise<void> {
  proxy.apply(changes)
  await proxy.synced()
}

/** nft lists elements in the order of its hash tables, which differs from one listing to the next. */
const sorted = (listing: string): string[] =>
  listing
    .replace(/elements = \{([^}]*)\}/g, (_, elements: string) => elements.split(/,\s*/).sort().join(','))
    .split('\n')
    .map((line) => line.trim())

describe('the table as nft sees it', () => {
  it('is listed, and the listing makes the same table again', async () => {
    await apply(...WORLD, ...POLICIES)
    // nft 1.0.6 lists `update @aff` of IPv6 and cannot read it, so that only IPv4 has affinity here.
    await apply(...withPolicies('IPv6', 0))
    const listing = await netns.exec('nft', 'list', 'ruleset')
    const folder = await mkdtemp(join(tmpdir(), 'hawser-'))
    const other = await Netns.create('again')
    try {
      const file = join(folder, 'ruleset.nft')
      await writeFile(file, listing)
      await other.exec('nft', '-f', file)
      expect(sorted(await other.exec('nft', 'list', 'ruleset'))).toEqual(sorted(listing))
    } finally {
      await other.dispose()
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    { podInterface: { name: 'cni0', isPrefix: false }, words: 'iifname "cni0" goto lb-' },
    { podInterface: { name: 'veth', isPrefix: true }, words: 'iifname "veth*" goto lb-' },
  ])('tells pods by where they come in: $words', async ({ podInterface, words }) => {
    await proxy.close()
    proxy = await openProxy(netns.path, { podInterface })
    await apply(...WORLD)
    expect(await netns.exec('nft', 'list', 'table', 'ip', 'hawser')).toContain(words)
  })

  it.each([
    ['ip', '10.96.0.1 . tcp . 80 . 0 : 10.1.0.2 . 8080'],
    ['ip', '172.20.0.1 . tcp . 30080 . 2 : 10.1.0.4 . 8080'],
    ['ip6', 'fd00:96::1 . tcp . 80 . 1 : fd00:1::3 . 8080'],
    ['ip6', 'fd00:20::1 . tcp . 30081 . 0 : fd00:1::2 . 8080'],
  ])('has for family %s the element %s', async (family, element) => {
    await apply(...WORLD)
    expect(await netns.exec('nft', 'list', 'map', family, 'hawser', 'eps')).toContain(element)
  })
})

describe('the kernel and committed state', () => {
  it('agree after every step of a changing world', async () => {
    const steps: readonly (readonly Change[])[] = [
      WORLD,
      POLICIES,
      [...withPolicies('IPv6', 0), ...withPolicies('IPv6', 600)],
      [sliceChange(slice('web', ['10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']))],
      [sliceChange(slice('none', ['10.1.0.7']))],
      [sliceChange(slice('web', []))],
      WORLD.slice(0, 1).map(goneChange),
      WORLD.map(goneChange),
      WORLD,
      POLICIES.map(goneChange),
    ]
    for (const step of steps) {
      await apply(...step)
      expect(await proxy.audit()).toEqual([])
    }
  })

  it('agree beyond the sizes that the sets began with', async () => {
    await apply(...WORLD)
    const names = Array.from({ length: 1200 }, (_, i) => ({ name: `s${i}`, at: `${i >> 8}.${i & 255}` }))
    await apply(
      ...names.map(({ name, at }) => serviceChange(service(name, `10.96.${at}`.replace('96.0.', '96.9.')))),
      ...names.map(({ name, at }) =>
        sliceChange(slice(name, [`10.1.${at}`, `10.2.${at}`, `10.3.${at}`, `10.4.${at}`])),
      ),
    )
    expect(await proxy.audit()).toEqual([])
    const [v4] = proxy.status().families
    expect(v4?.objects.get('eps')).toBe(4 * 1200 + 2 * 3)
  })

  it('agree on a Service with thousands of endpoints, which come and go one at a time and together', async () => {
    const pods = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
    await apply(serviceChange(service('web', '10.96.0.1')))
    for (const count of [5000, 4999, 5000, 8, 5000]) {
      await apply(sliceChange(slice('web', pods(count))))
      expect(proxy.status().families[0]?.objects.get('eps')).toBe(count)
      expect(await proxy.audit()).toEqual([])
    }
    expect(proxy.status().problems).toEqual([])
  })

  it('agree again after a class of many slots has come, gone and been dropped', async () => {
    const endpoints = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.1.0.${i + 1}`)
    await apply(serviceChange(service('web', '10.96.0.1')))
    for (let count = 1; count <= 48; count++) await apply(sliceChange(slice('web', endpoints(count))))
    await apply(sliceChange(slice('web', endpoints(2))))
    await apply(sliceChange(slice('web', endpoints(3))))
    expect(proxy.status().families[0]?.objects.get('classes')).toBeLessThan(28)
    expect(await proxy.audit()).toEqual([])
  })
})

describe('the memory of clients', () => {
  const remembered = (family: string): Promise<string> =>
    netns.exec('nft', 'list', 'map', family, 'hawser', 'aff')
  const memory = '10.96.1.11 . tcp . 80 . 192.0.2.9 timeout 10m : 0x00000007'

  it('survives the making of a new table, by this or a later process', async () => {
    await apply(...POLICIES)
    await netns.exec('nft', 'add', 'element', 'ip', 'hawser', 'aff', `{ ${memory} }`)
    await netns.exec('nft', 'add', 'element', 'ip', 'hawser', 'cluster-ips', '{ 10.96.0.9 }')
    expect(await proxy.audit()).toHaveLength(1)
    expect(await remembered('ip')).toContain('192.0.2.9')
    await proxy.close()
    proxy = await openProxy(netns.path, { families: ['IPv4'] })
    await apply(...WORLD, ...POLICIES)
    expect(await remembered('ip')).toContain('192.0.2.9')
    expect(await proxy.audit()).toEqual([])
  })

  it('has room for many only where a Service asks for affinity', async () => {
    await apply(...WORLD)
    expect(await remembered('ip')).toContain('size 1536')
    await apply(...POLICIES)
    expect(await remembered('ip')).toContain('size 1000000')
    expect(await remembered('ip6')).toContain('size 1536')
    expect(await proxy.audit()).toEqual([])
  })
})

describe('a table that somebody else', () => {
  beforeEach(() => apply(...WORLD))

  it.each([
    ['deleted', ['delete', 'table', 'ip', 'hawser'], 'table ip hawser is gone'],
    [
      'took an element from',
      ['delete', 'element', 'ip', 'hawser', 'svcs', '{ 10.96.0.1 . tcp . 80 }'],
      'svcs lacks',
    ],
    [
      'added an element to',
      ['add', 'element', 'ip', 'hawser', 'cluster-ips', '{ 10.96.0.9 }'],
      'cluster-ips has foreign 10.96.0.9',
    ],
    ['flushed a chain of', ['flush', 'chain', 'ip', 'hawser', 'nat-pre'], 'chain nat-pre has other rules'],
    [
      'flushed the classes of',
      ['flush', 'map', 'ip6', 'hawser', 'classes'],
      'map classes has other elements',
    ],
  ])('%s is found out and mended by the audit', async (_, command, difference) => {
    await netns.exec('nft', ...command)
    expect(await proxy.audit()).toContainEqual(expect.stringContaining(difference))
    expect(await proxy.audit()).toEqual([])
  })

  it.each([
    { how: 'deleted', command: ['delete', 'table', 'ip', 'hawser'], endpoints: ['10.1.0.8'] },
    {
      how: 'took endpoints from',
      command: ['flush', 'map', 'ip', 'hawser', 'eps'],
      endpoints: ['10.1.0.8'],
    },
    {
      how: 'gave an endpoint to',
      command: ['add', 'element', 'ip', 'hawser', 'eps', '{ 10.96.0.1 . tcp . 80 . 3 : 10.9.9.9 . 9 }'],
      endpoints: ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'],
    },
  ])('$how is mended by the next change that meets it', async ({ command, endpoints }) => {
    await netns.exec('nft', ...command)
    await apply(sliceChange(slice('web', endpoints)))
    expect(await proxy.audit()).toEqual([])
  })
})

describe('an external IP that is the node’s, at the port of another Service’s node port', () => {
  const clash = serviceChange(
    service('zz', '10.96.0.3', { externalIPs: [address('172.20.0.1')], ports: [port({ port: 30080 })] }),
  )

  it('is a problem of its Service and keeps nothing else out', async () => {
    await apply(...WORLD, clash, sliceChange(slice('zz', ['10.1.0.9', '10.1.0.10', '10.1.0.11'])))
    const errors = proxy.status().problems.filter(({ severity }) => severity === 'error')
    expect(errors).toMatchObject([
      {
        place: 'Service default/zz',
        severity: 'error',
        reason: expect.stringContaining('node port 30080/TCP'),
      },
    ])
    expect(proxy.status().frontends.every((frontend) => frontend.inForce)).toBe(true)
    expect(await netns.exec('nft', 'list', 'map', 'ip', 'hawser', 'svcs')).toContain(
      '10.96.0.3 . tcp . 30080',
    )
    expect(await proxy.audit()).toEqual([])
  })

  it('comes in once what was in its way is gone', async () => {
    await apply(...WORLD, clash)
    await apply(...WORLD.map(goneChange))
    expect(proxy.status().problems).toEqual([])
    expect(await netns.exec('nft', 'list', 'map', 'ip', 'hawser', 'svcs')).toContain(
      '172.20.0.1 . tcp . 30080',
    )
    expect(await proxy.audit()).toEqual([])
  })
})

describe('the status', () => {
  it('lists the frontends by Service with their endpoints', async () => {
    await apply(...WORLD)
    const { frontends } = proxy.status()
    expect(frontends.map(({ service, kind, port, endpoints }) => [service, kind, port, endpoints])).toEqual([
      ['default/none', 'ClusterIP', 80, 0],
      ['default/six', 'ClusterIP', 80, 2],
      ['default/six', 'NodePort', 30081, 2],
      ['default/web', 'ClusterIP', 53, 0],
      ['default/web', 'ClusterIP', 80, 3],
      ['default/web', 'NodePort', 30080, 3],
    ])
    expect(frontends.every((frontend) => frontend.inForce)).toBe(true)
  })

  it('counts the objects of each family', async () => {
    await apply(...WORLD)
    const counts = proxy.status().families.map(({ family, mode, objects }) => ({
      family,
      mode,
      eps: objects.get('eps'),
    }))
    expect(counts).toEqual([
      { family: 'IPv4', mode: 'nftables', eps: 6 },
      { family: 'IPv6', mode: 'nftables', eps: 4 },
    ])
  })
})

describe('cleaning up', () => {
  it('removes our tables and leaves others alone', async () => {
    await apply(...WORLD)
    await netns.exec('nft', 'add', 'table', 'ip', 'foreign')
    await proxy.cleanup()
    expect((await netns.exec('nft', 'list', 'tables')).trim()).toBe('table ip foreign')
  })

  it('is not part of closing', async () => {
    await apply(...WORLD)
    await proxy.close()
    expect(await netns.exec('nft', 'list', 'tables')).toContain('table ip hawser')
  })
})

describe('opening', () => {
  it('changes nothing before the first apply', async () => {
    expect(await netns.exec('nft', 'list', 'ruleset')).toBe('')
  })

  it('says what it takes when it may not change rules', async () => {
    process.seteuid?.(NOBODY)
    try {
      await expect(openProxy(netns.path)).rejects.toMatchObject({
        code: 'NO_PERMISSION',
        message: expect.stringContaining('CAP_NET_ADMIN'),
      })
    } finally {
      process.seteuid?.(0)
    }
  })

  it('says which network namespace is not there', async () => {
    await expect(openProxy('/var/run/netns/hw-absent')).rejects.toMatchObject({
      code: 'NETNS_UNAVAILABLE',
      message: expect.stringContaining('/var/run/netns/hw-absent'),
    })
  })
})
