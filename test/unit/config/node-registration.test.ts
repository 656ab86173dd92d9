import { describe, expect, test } from 'vitest'
import { parseNodeLabels, parseTaints } from '../../../src/config/node-registration.ts'

describe('labels of a node', () => {
  test.each([
    ['', {}],
    ['tier=edge', { tier: 'edge' }],
    ['example.com/tier=edge, empty=', { 'example.com/tier': 'edge', empty: '' }],
  ])('%j', (text, labels) => {
    expect(Object.fromEntries(parseNodeLabels(text) ?? [['?', '?']])).toEqual(labels)
  })

  test.each(['tier', '=edge', 'tier=a b', '-a=b', 'Example.com/a=b', `a=${'x'.repeat(64)}`])(
    '%j is none',
    (text) => {
      expect(parseNodeLabels(text)).toBeUndefined()
    },
  )
})

describe('taints of a node', () => {
  test.each([
    ['gpu=yes:NoSchedule', [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }]],
    [
      'gpu:NoExecute,a=:PreferNoSchedule',
      [
        { key: 'gpu', value: '', effect: 'NoExecute' },
        { key: 'a', value: '', effect: 'PreferNoSchedule' },
      ],
    ],
  ])('%s', (text, taints) => {
    expect(parseTaints(text)).toEqual(taints)
  })

  test.each(['gpu', 'gpu=yes', 'gpu=yes:Never', ':NoSchedule', 'a b:NoSchedule'])('%j is none', (text) => {
    expect(parseTaints(text)).toBeUndefined()
  })
})
