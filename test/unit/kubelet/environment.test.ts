import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { containerEnvironment } from '../../../src/kubelet/pods/environment.ts'
import { expand } from '../../../src/kubelet/pods/expand.ts'
import { objectName } from '../../../src/model/object-name.ts'
import type { Container } from '../../../src/model/pod.ts'
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

const configMap = {
  name: objectName('default', 'settings'),
  data: new Map<string, string | Uint8Array>([
    ['COLOUR', 'red'],
    ['not a name', 'x'],
    ['bytes', new Uint8Array([1])],
  ]),
}
const environment = (changes: Partial<Container>, known = [configMap]) => {
  const container = buildContainer({ name: 'main', ...changes })
  const map = containerEnvironment(buildPod('web'), container, {
    nodeName: 'node',
    hostIPs: [],
    podIPs: [],
    configMap: (name) => known.find((it) => it.name === name),
  })
  return Object.fromEntries(map)
}
const literal = (name: string, value: string) => ({ name, value: { kind: 'literal', value } as const })
const key = (name: string, configMapKey: string, optional: boolean, from = 'settings') => ({
  name,
  value: { kind: 'configMapKey', configMap: from, key: configMapKey, optional } as const,
})

test('envFrom takes every text with a usable name, under its prefix', () => {
  expect(environment({ envFrom: [{ configMap: 'settings', prefix: 'S_', optional: false }] })).toEqual({
    S_COLOUR: 'red',
  })
})

test('env wins over envFrom and sees it', () => {
  const envFrom = [{ configMap: 'settings', prefix: '', optional: false }]
  expect(environment({ envFrom, env: [literal('COLOUR', 'dark $(COLOUR)')] })).toEqual({ COLOUR: 'dark red' })
})

test('a variable sees only those before it', () => {
  expect(environment({ env: [literal('A', '$(B)'), literal('B', 'b')] })).toEqual({ A: '$(B)', B: 'b' })
})

test('what is optional and missing is left out', () => {
  const env = [key('A', 'absent', true), key('B', 'COLOUR', true, 'absent')]
  const envFrom = [{ configMap: 'absent', prefix: '', optional: true }]
  expect(environment({ env, envFrom })).toEqual({})
})

test.each([
  ['a missing ConfigMap', { env: [key('A', 'COLOUR', false, 'absent')] }, 'ConfigMap absent is not there'],
  ['a missing key', { env: [key('A', 'absent', false)] }, 'ConfigMap settings has no text absent'],
  ['a key that holds bytes', { env: [key('A', 'bytes', false)] }, 'ConfigMap settings has no text bytes'],
  [
    'a missing envFrom',
    { envFrom: [{ configMap: 'absent', prefix: '', optional: false }] },
    'ConfigMap absent is not there',
  ],
  [
    'a field that is none',
    { env: [{ name: 'A', value: { kind: 'field', path: 'spec.colour' } as const }] },
    'there is no field spec.colour',
  ],
])('%s is named', (_, changes, message) => {
  expect(() => environment(changes)).toThrow(message)
})
