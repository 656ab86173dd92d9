import { describe, expect, test } from 'vitest'
import { parseConfigMap } from '../../../src/sources/objects/config-map.ts'
import { parseDeployment } from '../../../src/sources/objects/deployment.ts'
import { parseEndpointSlice } from '../../../src/sources/objects/endpoint-slice.ts'
import { formatPath } from '../../../src/sources/objects/object-path.ts'
import { parseManifest } from '../../../src/sources/objects/parse-manifest.ts'
import type { ObjectProblem } from '../../../src/sources/objects/parsed.ts'
import { parseQuantity } from '../../../src/sources/objects/quantity.ts'
import { parseSecret } from '../../../src/sources/objects/secret.ts'

const lines = (problems: readonly ObjectProblem[]) =>
  problems.map(({ severity, path, reason }) => `${severity} ${formatPath(path)} ${reason}`)

describe('ConfigMap', () => {
  const written = (fields: object) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm' },
    ...fields,
  })

  test('text and binary data become one map', () => {
    const { value, problems } = parseConfigMap(written({ data: { a: 'x' }, binaryData: { b: 'AAH/' } }))
    expect(problems).toEqual([])
    expect(value?.name).toBe('default/cm')
    expect(value?.data).toEqual(
      new Map<string, unknown>([
        ['a', 'x'],
        ['b', new Uint8Array([0, 1, 255])],
      ]),
    )
  })

  test.each([
    [written({ data: { a: 1 } }), 'error data.a must be text, not 1'],
    [written({ binaryData: { a: '%' } }), 'error binaryData.a must be base64, not "%"'],
    [written({ data: { a: '' }, binaryData: { a: '' } }), 'error binaryData.a is a key of data too'],
    [written({ data: { '../a': '' } }), /^error data\["\.\.\/a"\] must be letters, digits/],
  ])('is refused: %#', (object, problem) => {
    const { value, problems } = parseConfigMap(object)
    expect(value).toBeUndefined()
    expect(lines(problems)).toEqual([problem instanceof RegExp ? expect.stringMatching(problem) : problem])
  })
})

describe('Secret', () => {
  const written = (fields: object) => ({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type: 'Opaque' },
    ...fields,
  })

  test('text holds where there are bytes of the same key', () => {
    const { value, problems } = parseSecret(
      written({ data: { a: 'AAH/', b: 'AA==' }, stringData: { b: 'x' } }),
    )
    expect(problems).toEqual([])
    expect(value).toMatchObject({ kind: 'Secret', name: 'default/s' })
    const hex = [...(value?.data ?? [])].map(([key, bytes]) => [key, Buffer.from(bytes).toString('hex')])
    expect(hex).toEqual([
      ['a', '0001ff'],
      ['b', '78'],
    ])
  })

  test('bytes that are no base64 are refused without being told', () => {
    expect(lines(parseSecret(written({ data: { a: 'hunter2!' } })).problems)).toEqual([
      'error data.a must be base64',
    ])
  })
})

describe('EndpointSlice', () => {
  const written = (fields: object = {}, labels: object = { 'kubernetes.io/service-name': 'web' }) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', labels },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: [{ addresses: ['192.0.2.1'] }],
    ...fields,
  })

  test('conditions that are not said are those of a ready endpoint', () => {
    expect(parseEndpointSlice(written())).toEqual({
      problems: [],
      value: {
        name: 'default/web-1',
        service: 'default/web',
        family: 'IPv4',
        ports: [{ name: '', protocol: 'TCP', port: 8080 }],
        endpoints: [
          {
            address: '192.0.2.1',
            ready: true,
            serving: true,
            terminating: false,
            nodeName: undefined,
            zone: undefined,
            forZones: [],
            forNodes: [],
          },
        ],
        triggerTime: undefined,
      },
    })
  })

  test('serving follows ready, and hints and the trigger time are kept', () => {
    const object = written({
      metadata: {
        name: 'web-1',
        labels: { 'kubernetes.io/service-name': 'web' },
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-11-01T00:00:00Z' },
      },
      endpoints: [
        {
          addresses: ['192.0.2.1'],
          conditions: { ready: false },
          zone: 'a',
          hints: { forZones: [{ name: 'a' }], forNodes: [{ name: 'n' }] },
        },
      ],
    })
    expect(parseEndpointSlice(object).value).toMatchObject({
      endpoints: [{ ready: false, serving: false, zone: 'a', forZones: ['a'], forNodes: ['n'] }],
      triggerTime: Date.UTC(2026, 10, 1),
    })
  })

  test('a slice of no Service or of host names has no value and a warning', () => {
    expect(parseEndpointSlice(written({}, {}))).toMatchObject({
      value: undefined,
      problems: [{ severity: 'warning', path: ['metadata', 'labels'] }],
    })
    expect(
      parseEndpointSlice(written({ addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] })),
    ).toMatchObject({ value: undefined, problems: [{ severity: 'warning', path: ['addressType'] }] })
  })

  test('an address of the other family is refused', () => {
    const { value, problems } = parseEndpointSlice(written({ endpoints: [{ addresses: ['fd00::1'] }] }))
    expect(value).toBeUndefined()
    expect(lines(problems)).toEqual([
      'error endpoints[0].addresses[0] must be an IPv4 address, not "fd00::1"',
    ])
  })
})

describe('Deployment', () => {
  const written = (spec: object = {}) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: 'web:1' }] },
      },
      ...spec,
    },
  })

  test('has one replica unless told otherwise', () => {
    expect(parseDeployment(written()).value?.replicas).toBe(1)
    expect(parseDeployment(written({ replicas: 0 })).value?.replicas).toBe(0)
  })

  test('a selector that does not match the template is refused', () => {
    const { value, problems } = parseDeployment(written({ selector: { matchLabels: { app: 'other' } } }))
    expect(value).toBeUndefined()
    expect(lines(problems)).toEqual([
      "error spec.selector.matchLabels.app does not match the template's labels, where app is web",
    ])
  })

  test('a problem of a pod field is told with the whole path', () => {
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: {
        restartPolicy: 'Never',
        containers: [{ name: 'main', image: 'web:1', restartPolicy: 'Never' }],
      },
    }
    expect(lines(parseDeployment(written({ template })).problems)).toEqual([
      'error spec.template.spec.restartPolicy must be Always in a Deployment, not Never',
      "warning spec.template.spec.containers[0].restartPolicy is ignored: the pod's holds",
    ])
  })
})

describe('a document', () => {
  test('can be a List, whose items keep their paths', () => {
    const items = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'B' } },
    ]
    const parsed = parseManifest({ apiVersion: 'v1', kind: 'List', items })
    expect(parsed.map(({ label, path }) => [label, formatPath(path)])).toEqual([
      ['ConfigMap default/a', 'items[0]'],
      ['ConfigMap default/B', 'items[1]'],
    ])
    expect(parsed[0]?.object?.kind).toBe('ConfigMap')
    expect(parsed[1]?.object).toBeUndefined()
  })

  test('of an unknown kind is a warning that names it', () => {
    const [parsed] = parseManifest({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'x' } })
    expect(lines(parsed?.problems ?? [])).toEqual(['warning kind CronJob (batch/v1) is ignored'])
  })

  test('of a known kind with a wrong version is an error that says the right one', () => {
    const [parsed] = parseManifest({ apiVersion: 'extensions/v1beta1', kind: 'Deployment' })
    expect(lines(parsed?.problems ?? [])).toEqual([
      'error apiVersion must be apps/v1 for a Deployment, not extensions/v1beta1',
    ])
  })

  test.each([['text'], [7], [['a']], [{ kind: 7 }]])('that is no object is an error: %j', (document) => {
    const [parsed] = parseManifest(document)
    expect(lines(parsed?.problems ?? [])).toEqual([
      'error  is no Kubernetes object: it has no apiVersion and kind',
    ])
  })
})

test.each([
  ['0', 0],
  ['250m', 0.25],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['2Gi', 2 ** 31],
  ['3k', 3000],
  ['1e3', 1000],
  ['1E', 1e18],
  ['12E-1', 1.2],
])('the quantity %s is %d', (text, number) => {
  expect(parseQuantity(text)).toBeCloseTo(number, 9)
})

test.each(['', '-1', '1 Mi', 'Mi', '1mi', '0x10', '1e', '1e3Mi', 'Infinity'])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined()
})
