import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { containerEnvironment } from '../../../src/kubelet/pods/environment.ts'
import { expand } from '../../../src/kubelet/pods/expand.ts'
import type { ConfigKind, ConfigObject } from '../../../src/model/config-object.ts'
import { objectName } from '../../../src/model/object-name.ts'
import type { Container, EnvFrom } from '../../../src/model/pod.ts'
import type { Service } from '../../../src/model/service.ts'
import { parseService } from '../../../src/sources/objects/service.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

describe('$(VAR)', () => {
  const lookup = (name: string) => ({ A: 'one', B: '$(A)' })[name]
  test.each([
    ['plain', 'plain'],
    ['$(A)', 'one'],
    ['<$(A)$(A)>', '<oneone>'],
    ['$(B)', '$(A)'],
    ['$(NOBODY)', '$(NOBODY)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
    ['$()', '$()'],
  ])('%s becomes %s', (text, expanded) => {
    expect(expand(text, lookup)).toBe(expanded)
  })

  test('doubling every dollar keeps any text as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(expand(text.replaceAll('$', '$$$$'), () => 'never')).toBe(text)
      }),
    )
  })
})

const configMap: ConfigObject = {
  kind: 'ConfigMap',
  name: objectName('default', 'settings'),
  data: new Map<string, string | Uint8Array>([
    ['COLOUR', 'red'],
    ['0-9', 'x'],
    ['bytes', new Uint8Array([1])],
  ]),
}
const secret: ConfigObject = {
  kind: 'Secret',
  name: objectName('default', 'login'),
  data: new Map([['PASSWORD', Buffer.from('pä55')]]),
}
const environment = (
  changes: Partial<Container>,
  known = [configMap, secret],
  services: readonly Service[] = [],
) => {
  const container = buildContainer({ name: 'main', ...changes })
  const map = containerEnvironment(buildPod('web'), container, {
    nodeName: 'node',
    hostIPs: [],
    podIPs: [],
    services,
    config: (kind, name) => known.find((it) => it.kind === kind && it.name === name),
    node: { cpuMilli: 4000, memoryBytes: 2 ** 30, ephemeralStorageBytes: 2 ** 34 },
  })
  return Object.fromEntries(map)
}
const all = (kind: ConfigKind, name: string, prefix = '', optional = false): EnvFrom => ({
  from: { kind, name, optional },
  prefix,
})
const literal = (name: string, value: string) => ({ name, value: { kind: 'literal', value } as const })
const key = (name: string, configMapKey: string, optional: boolean, from = 'settings') => ({
  name,
  value: {
    kind: 'configKey',
    from: { kind: 'ConfigMap', name: from, optional },
    key: configMapKey,
  } as const,
})

test('envFrom takes every text, whatever its key, under its prefix', () => {
  expect(environment({ envFrom: [all('ConfigMap', 'settings', 'S_')] })).toEqual({
    S_COLOUR: 'red',
    'S_0-9': 'x',
  })
})

test('the values of a Secret are text', () => {
  const from = { kind: 'Secret', name: 'login', optional: false } as const
  const value = { kind: 'configKey', from, key: 'PASSWORD' } as const
  expect(environment({ env: [{ name: 'A', value }] })).toEqual({ A: 'pä55' })
  expect(environment({ envFrom: [all('Secret', 'login')] })).toEqual({ PASSWORD: 'pä55' })
})

test.each([
  ['limits.cpu', 1, '1'],
  ['limits.cpu', 0.001, '250'],
  ['requests.cpu', 0.001, '100'],
  ['limits.memory', 2 ** 20, '1024'],
  ['requests.memory', 1, '0'],
  ['limits.ephemeral-storage', 2 ** 30, '16'],
  ['requests.ephemeral-storage', 2 ** 30, '2'],
] as const)(
  '%s in parts of %d is %s, where a limit that is not set is the node',
  (resource, divisor, text) => {
    const value = { kind: 'resource', container: undefined, resource, divisor } as const
    const limits = { cpuMilli: 250, memoryBytes: undefined }
    const requests = { cpuMilli: 100, memoryBytes: undefined, ephemeralStorageBytes: 2 ** 31 }
    expect(environment({ limits, requests, env: [{ name: 'A', value }] })).toEqual({ A: text })
  },
)

test('env wins over envFrom and sees it', () => {
  const envFrom = [all('ConfigMap', 'settings')]
  expect(environment({ envFrom, env: [literal('COLOUR', 'dark $(COLOUR)')] })).toMatchObject({
    COLOUR: 'dark red',
  })
})

test('what is told of Services comes last, and is seen by all', () => {
  const { value: db } = parseService({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 5432 }] },
  })
  const env = [literal('URL', 'pg://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)'), literal('DB_PORT', 'mine')]
  const variables = environment({ env }, [], db === undefined ? [] : [db])
  expect(variables).toMatchObject({
    URL: 'pg://10.96.0.7:5432',
    DB_PORT: 'mine',
    DB_PORT_5432_TCP_ADDR: '10.96.0.7',
  })
  expect(Object.keys(variables).slice(0, 2)).toEqual(['URL', 'DB_PORT'])
})

test('the service account is told by its name', () => {
  const value = { kind: 'field', path: 'spec.serviceAccountName' } as const
  expect(environment({ env: [{ name: 'A', value }] })).toEqual({ A: 'default' })
})

test('a variable sees only those before it', () => {
  expect(environment({ env: [literal('A', '$(B)'), literal('B', 'b')] })).toEqual({ A: '$(B)', B: 'b' })
})

test('what is optional and missing is left out', () => {
  const env = [key('A', 'absent', true), key('B', 'COLOUR', true, 'absent')]
  const envFrom = [all('ConfigMap', 'absent', '', true)]
  expect(environment({ env, envFrom })).toEqual({})
})

test.each([
  ['a missing ConfigMap', { env: [key('A', 'COLOUR', false, 'absent')] }, 'configmap "absent" not found'],
  [
    'a missing key',
    { env: [key('A', 'absent', false)] },
    "couldn't find key absent in ConfigMap default/settings",
  ],
  [
    'a key that holds bytes',
    { env: [key('A', 'bytes', false)] },
    "couldn't find key bytes in ConfigMap default/settings",
  ],
  ['a missing envFrom', { envFrom: [all('ConfigMap', 'absent')] }, 'configmap "absent" not found'],
  [
    'a field that is none',
    { env: [{ name: 'A', value: { kind: 'field', path: 'spec.colour' } as const }] },
    'there is no field spec.colour',
  ],
])('%s is named', (_, changes, message) => {
  expect(() => environment(changes)).toThrow(message)
})
