import { describe, expect, test } from 'vitest'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parseService } from '../../../src/sources/objects/service.ts'

const written = (spec: object, metadata: object = {}, rest: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...metadata },
  spec: { ports: [{ port: 80 }], ...spec },
  ...rest,
})

const problemsOf = (object: unknown) =>
  parseService(object).problems.map(
    ({ severity, path, reason }) => `${severity} ${formatPath(path)} ${reason}`,
  )

test('what is not written gets the defaults of the API server', () => {
  expect(parseService(written({ selector: { app: 'web' } }))).toEqual({
    problems: [],
    value: {
      name: 'default/web',
      type: 'ClusterIP',
      ipFamilies: ['IPv4'],
      clusterIPs: [],
      externalIPs: [],
      loadBalancerIPs: [],
      loadBalancerSourceRanges: [],
      ports: [{ name: '', protocol: 'TCP', port: 80, targetPort: 80, nodePort: 0 }],
      selector: new Map([['app', 'web']]),
      affinitySeconds: 0,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
      annotations: new Map(),
    },
  })
})

test('everything that is written is taken over', () => {
  const object = written(
    {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7', 'FD00:0::7'],
      ipFamilies: ['IPv4', 'IPv6'],
      externalIPs: ['192.0.2.1'],
      loadBalancerSourceRanges: [' 198.51.100.7/24 '],
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 'dns-udp', nodePort: 30053 },
        { name: 'web', port: 80, targetPort: 8080 },
      ],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 32000,
    },
    { namespace: 'shop', annotations: { a: 'b' } },
    {
      status: {
        loadBalancer: { ingress: [{ ip: '203.0.113.9' }, { ip: '203.0.113.10', ipMode: 'Proxy' }] },
      },
    },
  )
  expect(parseService(object)).toMatchObject({
    problems: [],
    value: {
      name: 'shop/web',
      type: 'LoadBalancer',
      ipFamilies: ['IPv4', 'IPv6'],
      clusterIPs: ['10.96.0.7', 'fd00::7'],
      externalIPs: ['192.0.2.1'],
      loadBalancerIPs: ['203.0.113.9'],
      loadBalancerSourceRanges: [{ family: 'IPv4', address: '198.51.100.0', prefix: 24 }],
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 'dns-udp', nodePort: 30053 },
        { name: 'web', protocol: 'TCP', port: 80, targetPort: 8080, nodePort: 0 },
      ],
      affinitySeconds: 60,
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 32000,
      annotations: new Map([['a', 'b']]),
    },
  })
})

test('client IP affinity lasts three hours unless told otherwise', () => {
  expect(parseService(written({ sessionAffinity: 'ClientIP' })).value?.affinitySeconds).toBe(10_800)
})

test.each([
  ['2026-11-22T06:00:00Z', Date.UTC(2026, 10, 22, 6)],
  ['yesterday', undefined],
  [undefined, undefined],
])('a creationTimestamp of %s is %s', (creationTimestamp, createdAt) => {
  const object = { ...written({}), metadata: { name: 'web', creationTimestamp } }
  expect(parseService(object).value?.createdAt).toBe(createdAt)
})

test('an empty selector is none', () => {
  expect(parseService(written({ selector: {} })).value?.selector).toBeUndefined()
})

test('an empty field is one that is not written', () => {
  const object = written({ selector: null, clusterIP: null, externalIPs: null }, { labels: null })
  expect(parseService(object)).toMatchObject({ problems: [], value: { clusterIPs: [] } })
})

describe('has no value and no problem where no proxy has work:', () => {
  test.each([
    ['headless', written({ clusterIP: 'None' })],
    ['headless without ports', written({ clusterIPs: ['None'], ports: [] })],
    ['ExternalName', written({ type: 'ExternalName', externalName: 'example.org', ports: [] })],
    ["another proxy's", written({}, { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } })],
  ])('%s', (_, object) => {
    expect(parseService(object)).toEqual({ value: undefined, problems: [] })
  })
})

describe('is refused with the field and the reason:', () => {
  test.each([
    [written({ ports: [] }), 'error spec.ports must have at least one port'],
    [
      written({ ports: [{ port: 70000 }] }),
      'error spec.ports[0].port must be a port number from 1 to 65535, not 70000',
    ],
    [written({ ports: [{ port: '80' }] }), 'error spec.ports[0].port must be a number, not "80"'],
    [written({ ports: [{}] }), 'error spec.ports[0].port is required'],
    [
      written({ ports: [{ port: 80, protocol: 'ICMP' }] }),
      'error spec.ports[0].protocol must be "TCP" or "UDP" or "SCTP", not "ICMP"',
    ],
    [
      written({ ports: [{ port: 1 }, { name: 'b', port: 2 }] }),
      'error spec.ports[0].name is required where a Service has several ports',
    ],
    [
      written({
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      }),
      'error spec.ports[1].name repeats the name a',
    ],
    [
      written({
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 1 },
        ],
      }),
      'error spec.ports[1].port repeats TCP 1',
    ],
    [
      written({ ports: [{ port: 80, nodePort: 30000 }] }),
      'error spec.ports[0].nodePort cannot be used by a Service of type ClusterIP',
    ],
    [written({ type: 'nodePort' }), /error spec\.type must be .*"NodePort".*, not "nodePort"/],
    [written({ clusterIP: '10.96.0.300' }), /error spec\.clusterIP must be an IP address or None/],
    [
      written({ clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.2'] }),
      'error spec.clusterIP must be the first of clusterIPs, not 10.96.0.1',
    ],
    [
      written({ clusterIPs: ['10.96.0.1', '10.96.0.2'] }),
      'error spec.clusterIPs must have one address a family',
    ],
    [
      written({ clusterIP: '10.96.0.1', ipFamilies: ['IPv6'] }),
      'error spec.ipFamilies[0] is IPv6, but the cluster IP is 10.96.0.1',
    ],
    [
      written({ externalTrafficPolicy: 'Local' }),
      'error spec.externalTrafficPolicy cannot be used by a Service of type ClusterIP',
    ],
    [
      written({ sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } }),
      'error spec.sessionAffinityConfig.clientIP.timeoutSeconds must be a number of seconds from 1 to 86400, not 0',
    ],
    [
      written({}, { name: 'Web' }),
      'error metadata.name must be lower-case letters, digits and inner dashes, not "Web"',
    ],
    [written({}, { labels: { a: true } }), 'error metadata.labels.a must be text, not true'],
  ])('%#', (object, problem) => {
    const found = problemsOf(object)
    expect(found).toEqual([problem instanceof RegExp ? expect.stringMatching(problem) : problem])
    expect(parseService(object).value).toBeUndefined()
  })
})

test('a field that nobody reads is named, and the word that may have been meant', () => {
  const { value, problems } = parseService(written({ clusterIp: '10.96.0.1', shoe: { size: 43 } }))
  expect(value).toBeDefined()
  expect(problems).toEqual([
    {
      path: ['spec', 'clusterIp'],
      severity: 'warning',
      reason: 'is not supported by this node and ignored',
      remedy: 'did you mean clusterIP?',
    },
    { path: ['spec', 'shoe'], severity: 'warning', reason: 'is not supported by this node and ignored' },
  ])
})

test('where nobody hears of warnings unread fields are not looked for, and errors are found all the same', () => {
  const reading = { warnsOfUnread: false }
  const { value, problems } = parseService(written({ shoe: { size: 43 } }), reading)
  expect(value).toEqual(parseService(written({})).value)
  expect(problems).toEqual([])
  expect(parseService(written({ type: 'Shoe' }), reading).problems).toMatchObject([{ severity: 'error' }])
})
