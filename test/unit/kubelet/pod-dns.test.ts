import { describe, expect, test } from 'vitest'
import { parseResolvConf } from '../../../src/kubelet/host/resolv-conf.ts'
import { type DnsContext, podDns } from '../../../src/kubelet/pods/pod-dns.ts'
import type { Pod } from '../../../src/model/pod.ts'
import type { PodDns } from '../../../src/model/pod-network.ts'
import { ip } from '../../support/addresses.ts'
import { buildPod } from '../../support/pod-builder.ts'

const NOTHING = { servers: [], searches: [], options: [] }
const host = { servers: ['192.0.2.1'], searches: ['corp.example'], options: ['timeout:1'] }
const cluster = { addresses: [ip('10.96.0.10')], domain: 'cluster.local' }
const inCluster = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local']

const formed = (
  dns: Partial<PodDns> = {},
  context: Partial<DnsContext> = {},
  changes: Partial<Omit<Pod, 'name'>> = {},
) => {
  const pod = buildPod('web', { ...changes, dns: { ...buildPod('web').dns, ...dns } })
  return podDns(pod, { cluster, host, nodeAddresses: [], ...context })
}

describe('a pod asks', () => {
  test.each([
    ['ClusterFirst', false, 'the cluster'],
    ['ClusterFirst', true, 'the node'],
    ['ClusterFirstWithHostNet', true, 'the cluster'],
    ['ClusterFirstWithHostNet', false, 'the cluster'],
    ['Default', false, 'the node'],
    ['None', false, 'nobody'],
  ] as const)('by policy %s (in the network of the node: %s) %s', (policy, hostNetwork, asked) => {
    const expected = {
      'the cluster': {
        servers: ['10.96.0.10'],
        searches: [...inCluster, 'corp.example'],
        options: ['ndots:5'],
      },
      'the node': host,
      nobody: NOTHING,
    }
    expect(formed({ policy }, {}, { hostNetwork })).toEqual({ config: expected[asked], warnings: [] })
  })

  test('what its own configuration adds, each once, and an option of its own ahead of another', () => {
    const own = {
      nameservers: [ip('10.96.0.10'), ip('192.0.2.53')],
      searches: ['corp.example', 'lab.example'],
      options: [
        { name: 'ndots', value: '2' },
        { name: 'edns0', value: undefined },
      ],
    }
    expect(formed(own).config).toEqual({
      servers: ['10.96.0.10', '192.0.2.53'],
      searches: [...inCluster, 'corp.example', 'lab.example'],
      options: ['ndots:2', 'edns0'],
    })
  })

  test('the node where the servers of the cluster are not known, and is told so', () => {
    expect(formed({}, { cluster: { addresses: [], domain: 'cluster.local' } })).toEqual({
      config: host,
      warnings: [
        {
          reason: 'MissingClusterDNS',
          message:
            'pod: "web_default(uid-web)". kubelet does not have ClusterDNS IP configured and cannot create Pod using ' +
            '"ClusterFirst" policy. Falling back to "Default" policy.',
        },
      ],
    })
  })

  test('the node where there is no cluster', () => {
    expect(formed({}, { cluster: undefined })).toEqual({ config: host, warnings: [] })
  })

  test('itself where the node looks up nothing', () => {
    const context = { host: undefined, nodeAddresses: [ip('192.0.2.1'), ip('2001:db8::1')] }
    expect(formed({ policy: 'Default' }, context).config).toEqual({
      servers: ['127.0.0.1', '::1'],
      searches: ['.'],
      options: [],
    })
    expect(formed({}, context).config.searches).toEqual(inCluster)
    expect(formed({ policy: 'Default' }, { host: undefined }).config.servers).toEqual(['127.0.0.1'])
  })

  test('without a domain of the cluster, only for what the node searches', () => {
    const { config } = formed({}, { cluster: { ...cluster, domain: '' } })
    expect(config.searches).toEqual(['corp.example'])
  })
})

describe('beyond what resolvers take, the end is left out and the pod is told:', () => {
  const domains = (count: number, length: number) =>
    Array.from({ length: count }, (_, index) => `${index}`.padEnd(length, 'd'))

  test('more than three servers', () => {
    const nameservers = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(ip)
    const { config, warnings } = formed({ nameservers })
    expect(config.servers).toEqual(['10.96.0.10', '192.0.2.1', '192.0.2.2'])
    expect(warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message:
          'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ' +
          '10.96.0.10 192.0.2.1 192.0.2.2',
      },
    ])
  })

  test.each([
    ['more than 32 domains', domains(33, 10), 32],
    ['more than 2048 characters', domains(21, 100), 20],
    ['a domain of more than 253', [...domains(1, 254), ...domains(1, 253)], 1],
  ])('%s', (_, searches, kept) => {
    const { config, warnings } = formed({ policy: 'None', searches })
    expect(config.searches).toHaveLength(kept)
    expect(warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message:
          'Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ' +
          config.searches.join(' '),
      },
    ])
  })

  test.each([
    ['32 domains', domains(32, 10)],
    ['2048 characters', [...domains(20, 100), ...domains(1, 28)]],
  ])('not for %s', (_, searches) => {
    expect(formed({ policy: 'None', searches })).toEqual({ config: { ...NOTHING, searches }, warnings: [] })
  })
})

test('of a resolv.conf the last search list and the last of each option count, without dots behind domains', () => {
  const text = [
    '# nameserver 9.9.9.9',
    'nameserver 10.0.0.1 extra',
    'search a',
    '',
    'search b. . c',
    'options ndots:1 edns0',
    'options ndots:5',
    'nameserver ::1',
  ].join('\n')
  expect(parseResolvConf(text)).toEqual({
    servers: ['10.0.0.1', '::1'],
    searches: ['b', 'c'],
    options: ['ndots:5', 'edns0'],
  })
})
