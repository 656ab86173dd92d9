import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFile } from '../../../src/sources/files/parse-file.ts'
import { type ParsedManifest, parseManifest } from '../../../src/sources/objects/parse-manifest.ts'
import { Pacer } from '../../../src/util/pacer.ts'

const valid = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', labels: { a: 'b' } },
    spec: {
      type: 'NodePort',
      clusterIP: '10.96.0.9',
      ports: [{ name: 'http', port: 80, targetPort: 'web', nodePort: 30080 }],
      selector: { app: 'web' },
    },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          volumes: [{ name: 'v', configMap: { name: 'cm', items: [{ key: 'k', path: 'p' }] } }],
          containers: [
            {
              name: 'main',
              image: 'web:1',
              env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k' } } }],
              resources: { limits: { cpu: '1', memory: '1Gi' } },
              volumeMounts: [{ name: 'v', mountPath: '/v' }],
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: [
      { addresses: ['192.0.2.1'], conditions: { ready: true }, hints: { forZones: [{ name: 'a' }] } },
    ],
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm' },
    data: { k: 'v' },
    binaryData: { b: 'AA==' },
  },
]

/** Every place in a value that something else could stand at. */
const pathsOf = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] => [
  path,
  ...(typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))
    : []),
]

function replaceAt(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((item, at) => (String(at) === key ? replaceAt(item, rest, by) : item))
  return Object.fromEntries(
    Object.entries(Object(value)).map(([name, inner]) => [
      name,
      name === key ? replaceAt(inner, rest, by) : inner,
    ]),
  )
}

const isWhole = ({ object, problems }: ParsedManifest): boolean =>
  object === undefined || problems.every(({ severity }) => severity !== 'error')

test('the objects that are about to be broken are good ones', () => {
  for (const object of valid) expect(parseManifest(object)).toMatchObject([{ problems: [], object: {} }])
})

test('whatever stands at whatever place of an object, it is a value or a problem, never an exception', () => {
  const broken = fc
    .constantFrom(...valid)
    .chain((object) =>
      fc
        .tuple(fc.constantFrom(...pathsOf(object)), fc.anything({ maxDepth: 2 }))
        .map(([path, by]) => replaceAt(object, path, by)),
    )
  fc.assert(
    fc.property(broken, (object) => {
      for (const manifest of parseManifest(object)) expect(isWhole(manifest)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('whatever bytes a file holds, it is read or its fault has a place', async () => {
  const text = JSON.stringify(valid[0])
  const file = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: 'binary', maxLength: 200 }).map((part) => new TextEncoder().encode(part)),
    fc
      .tuple(fc.nat(text.length), fc.string({ maxLength: 3 }))
      .map(([at, part]) => new TextEncoder().encode(text.slice(0, at) + part + text.slice(at))),
  )
  await fc.assert(
    fc.asyncProperty(file, async (bytes) => {
      const options = { nodeName: 'here', previous: undefined, pacer: new Pacer() }
      const { problems } = await parseFile('f.yaml', bytes, options)
      for (const { place } of problems) expect(place).toMatch(/^f\.yaml:[1-9]\d*:[1-9]\d*$/)
    }),
    { numRuns: 1000 },
  )
})
