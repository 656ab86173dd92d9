import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import { explain } from '../../../src/dataplane/explain/explain.ts'
import { parseQuestion } from '../../../src/dataplane/explain/question.ts'
import type { ExplainWorld } from '../../../src/dataplane/explain/world.ts'
import type { Change } from '../../../src/model/change.ts'
import {
  address,
  cidr,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'

const NODE = '192.0.2.10'
const POD = '10.1.1.9'
const OUTSIDE = '198.51.100.7'

/** A node `here` after these changes. */
function world(changes: readonly Change[], fields: Partial<ExplainWorld> = {}): ExplainWorld {
  const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here', zone: 'a' })
  for (const change of changes) compiler.apply(change)
  compiler.compile()
  return {
    nodeName: 'here',
    nodeAddresses: [address(NODE)],
    serviceCidrs: [cidr('10.96.0.0/16')],
    podCidrs: [cidr('10.1.0.0/16')],
    masqueradeAll: false,
    ownsVips: false,
    frontends: compiler.frontends('IPv4'),
    service: (name) => compiler.service(name),
    slices: (name) => compiler.slices(name),
    isInForce: () => true,
    ...fields,
  }
}

function ask(of: ExplainWorld, to: string, from?: string) {
  const question = parseQuestion(to, from === undefined ? undefined : address(from))
  if (question === undefined) throw new Error(`${to} is no question`)
  return explain(question, of)
}

/** Fate and reason for the first group of clients. */
function fate(of: ExplainWorld, to: string, from?: string): string {
  const [treatment] = ask(of, to, from).treatments
  return `${treatment?.fate}: ${treatment?.why}`
}

/** Every endpoint with why it is taken (+) or not (-). */
const endpoints = (of: ExplainWorld, to: string, from?: string): readonly string[] =>
  (ask(of, to, from).treatments[0]?.endpoints ?? []).map(
    ({ address, taken, why }) => `${taken ? '+' : '-'} ${address} ${why}`,
  )

const web = (...more: Parameters<typeof slice>[1]) => [
  serviceChange(service('web', '10.96.0.1')),
  sliceChange(slice('web', more)),
]

describe('an address that no Service answers on', () => {
  it.each([
    [
      '10.96.0.1:81',
      'rejected: 10.96.0.1 is the cluster IP of Service default/web, which has port 80/TCP there only',
    ],
    [
      '10.96.0.1:80/UDP',
      'rejected: 10.96.0.1 is the cluster IP of Service default/web, which has port 80/TCP there only',
    ],
    ['10.96.9.9:80', 'dropped: no Service has 10.96.9.9, an address of the service range 10.96.0.0/16'],
    ['198.51.100.1:80', 'passed: no Service has 198.51.100.1'],
    [`${NODE}:22`, `passed: ${NODE} is this node's, and no Service has node port 22/TCP`],
  ])('%s', (to, expected) => {
    expect(fate(world(web('10.1.1.2')), to)).toBe(expected)
  })

  it('is refused on every VIP where VIPs are the machine’s own', () => {
    const changes = [serviceChange(service('web', '10.96.0.1', { externalIPs: [address('203.0.113.5')] }))]
    expect(fate(world(changes), '203.0.113.5:81')).toMatch(/^passed: /)
    expect(fate(world(changes, { ownsVips: true }), '203.0.113.5:81')).toMatch(/^rejected: /)
  })
})

describe('endpoints', () => {
  it('are taken when ready, refused when not, each with its reason', () => {
    const of = world(
      web(
        '10.1.1.2',
        sliceEndpoint('10.1.1.3', { ready: false, serving: false }),
        sliceEndpoint('10.1.1.4', { ready: false, terminating: true }),
        sliceEndpoint('10.1.1.5', { ready: false, serving: false, terminating: true }),
      ),
    )
    expect(fate(of, '10.96.0.1:80')).toBe('balanced: 1 endpoint takes all')
    expect(endpoints(of, '10.96.0.1:80')).toEqual([
      '+ 10.1.1.2 ready',
      '- 10.1.1.3 not ready',
      '- 10.1.1.4 terminating, and others are ready; it keeps the connections it has',
      '- 10.1.1.5 terminating, and no longer serving',
    ])
  })

  it('that terminate are taken when none is ready', () => {
    const of = world(web(sliceEndpoint('10.1.1.4', { ready: false, terminating: true })))
    expect(endpoints(of, '10.96.0.1:80')).toEqual(['+ 10.1.1.4 terminating but serving, and none is ready'])
  })

  it('elsewhere are refused under internalTrafficPolicy Local', () => {
    const of = world([
      serviceChange(service('web', '10.96.0.1', { internalTrafficPolicy: 'Local' })),
      sliceChange(slice('web', [sliceEndpoint('10.1.2.2', { nodeName: 'there' })])),
    ])
    expect(fate(of, '10.96.0.1:80')).toBe(
      'dropped: internalTrafficPolicy is Local, and no endpoint is on this node',
    )
    expect(endpoints(of, '10.96.0.1:80')).toEqual([
      '- 10.1.2.2 internalTrafficPolicy is Local, and it is on node there',
    ])
  })

  it('hinted to another zone are refused', () => {
    const of = world(
      web(sliceEndpoint('10.1.1.2', { forZones: ['a'] }), sliceEndpoint('10.1.2.2', { forZones: ['b'] })),
    )
    expect(endpoints(of, '10.96.0.1:80')).toEqual([
      '+ 10.1.1.2 ready',
      '- 10.1.2.2 its hints give it to zones b',
    ])
  })

  it('that there are none of is a refusal', () => {
    expect(fate(world(web()), '10.96.0.1:80')).toBe('rejected: no endpoint can take it')
  })
})

describe('externalTrafficPolicy Local', () => {
  const of = world([
    serviceChange(
      service('web', '10.96.0.1', {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        ports: [port({ nodePort: 30080 })],
      }),
    ),
    sliceChange(slice('web', [sliceEndpoint('10.1.2.2', { nodeName: 'there' })])),
  ])

  it('treats clients from outside apart', () => {
    const { treatments } = ask(of, `${NODE}:30080`)
    expect(treatments.map(({ clients, fate }) => [clients, fate])).toEqual([
      [['pod'], 'balanced'],
      [['node'], 'balanced'],
      [['outside'], 'dropped'],
    ])
  })

  it.each([
    [POD, 'balanced', false],
    [NODE, 'balanced', true],
    [OUTSIDE, 'dropped', false],
  ])('from %s: %s', (from, expected, masqueraded) => {
    const [treatment] = ask(of, `${NODE}:30080`, from).treatments
    expect([treatment?.fate, treatment?.masquerade.applies]).toEqual([expected, masqueraded])
  })
})

describe('masquerade', () => {
  const of = world(web('10.1.1.2'))

  it.each([
    ['of a pod towards a cluster IP', of, POD, false],
    ['of a client from outside towards a cluster IP', of, OUTSIDE, true],
    ['without a pod CIDR', world(web('10.1.1.2'), { podCidrs: [] }), OUTSIDE, false],
    ['of everything', world(web('10.1.1.2'), { masqueradeAll: true }), POD, true],
  ])('%s', (_, of, from, applies) => {
    expect(ask(of, '10.96.0.1:80', from).treatments[0]?.masquerade.applies).toBe(applies)
  })
})

it('both pods and others may have an address where they are told by where they come in', () => {
  const of = world(web('10.1.1.2'), { podInterface: { name: 'veth', isPrefix: true } })
  expect(
    ask(of, '10.96.0.1:80', POD).treatments.map(({ clients, masquerade }) => [clients, masquerade.why]),
  ).toEqual([
    [['pod'], 'clients that come in by veth* keep their source'],
    [['outside'], 'clients that do not come in by veth* are'],
  ])
  expect(ask(of, '10.96.0.1:80', NODE).treatments[0]).toMatchObject({ clients: ['node'] })
})

it('masqueradeAll is for cluster IPs: policy Local keeps sources all the same', () => {
  const changes = [
    serviceChange(
      service('web', '10.96.0.1', {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        ports: [port({ nodePort: 30080 })],
      }),
    ),
    sliceChange(slice('web', ['10.1.1.2'])),
  ]
  const of = world(changes, { masqueradeAll: true })
  expect(ask(of, `${NODE}:30080`, OUTSIDE).treatments[0]?.masquerade.applies).toBe(false)
})

it('clients who get the same are one group, those whose source is hidden another', () => {
  const groups = ask(world(web('10.1.1.2')), '10.96.0.1:80').treatments
  expect(groups.map(({ clients, masquerade }) => [clients, masquerade.applies])).toEqual([
    [['pod'], false],
    [['node', 'outside'], true],
  ])
})

it('a client outside of loadBalancerSourceRanges is dropped', () => {
  const of = world([
    serviceChange(
      service('web', '10.96.0.1', {
        type: 'LoadBalancer',
        loadBalancerIPs: [address('203.0.113.1')],
        loadBalancerSourceRanges: [cidr('198.51.100.0/28')],
      }),
    ),
    sliceChange(slice('web', ['10.1.1.2'])),
  ])
  expect(fate(of, '203.0.113.1:80', '198.51.100.200')).toBe(
    'dropped: 198.51.100.200 is in none of the loadBalancerSourceRanges',
  )
  expect(fate(of, '203.0.113.1:80', OUTSIDE)).toBe('balanced: 1 endpoint takes all')
})

describe('a question', () => {
  it.each([
    ['10.96.0.1:80', { address: '10.96.0.1', port: 80, protocol: 'TCP' }],
    ['10.96.0.1:53/udp', { port: 53, protocol: 'UDP' }],
    ['[FD00::1]:80/SCTP', { address: 'fd00::1', protocol: 'SCTP' }],
  ])('%s', (text, expected) => {
    expect(parseQuestion(text)).toMatchObject(expected)
  })

  it.each(['10.96.0.1', '10.96.0.1:0', '10.96.0.1:70000', 'fd00::1:80', 'web:80', '10.96.0.1:80/icmp'])(
    '%s is none',
    (text) => {
      expect(parseQuestion(text)).toBeUndefined()
    },
  )
})
