import { expect, it } from 'vitest'
import { parseLogQuery } from '../../../../src/kubelet/server/log-query.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const parse = (query: string) => parseLogQuery(new URLSearchParams(query), NOW)

it('by default it is all that both streams have, once', () => {
  expect(parse('')).toEqual({
    ...{ follow: false, previous: false, timestamps: false },
    ...{ tailLines: undefined, limitBytes: undefined, sinceMs: undefined, stream: undefined },
  })
})

it.each([
  ['follow=true', { follow: true }],
  ['follow=1&previous=TRUE', { follow: true, previous: true }],
  ['follow=false&previous=0&timestamps=False', { follow: false, previous: false, timestamps: false }],
  ['timestamps', { timestamps: true }],
  ['tailLines=0', { tailLines: 0 }],
  ['tailLines=%2B7', { tailLines: 7 }],
  ['tail=3', { tailLines: 3 }],
  ['tail=3&tailLines=4', { tailLines: 3 }],
  ['tail=all&tailLines=4', { tailLines: undefined }],
  ['limitBytes=1', { limitBytes: 1 }],
  ['sinceSeconds=90', { sinceMs: NOW - 90_000 }],
  ['sinceTime=2026-11-22T09:00:00Z', { sinceMs: NOW - 3_600_000 }],
  ['sinceTime=2026-11-22T10:00:00%2B01:00', { sinceMs: NOW - 3_600_000 }],
  ['stream=Stdout', { stream: 'stdout' }],
  ['stream=Stderr', { stream: 'stderr' }],
  ['stream=All&tailLines=2', { stream: undefined, tailLines: 2 }],
  ['container=main&pretty=1', { follow: false }],
])('%s', (query, expected) => {
  expect(parse(query)).toMatchObject(expected)
})

it.each([
  ['tailLines=-1', 422, 'tailLines must be 0 or more'],
  ['limitBytes=0', 422, 'limitBytes must be 1 or more'],
  ['sinceSeconds=0', 422, 'sinceSeconds must be 1 or more'],
  ['sinceSeconds=1&sinceTime=2026-11-22T09:00:00Z', 422, 'at most one of `sinceTime` or `sinceSeconds`'],
  ['stream=stdout', 422, 'none of All, Stdout and Stderr'],
  ['stream=Stdout&tailLines=2', 422, 'mutually exclusive'],
  ['tailLines=', 400, 'tailLines must be a whole number'],
  ['tailLines=1e3', 400, 'tailLines must be a whole number'],
  ['sinceTime=yesterday', 400, 'sinceTime must be a time'],
  ['sinceTime=2026-13-22T09:00:00Z', 400, 'sinceTime must be a time'],
])('%s is refused with %d', (query, status, message) => {
  expect(() => parse(query)).toThrow(
    expect.objectContaining({ status, message: expect.stringContaining(message) }),
  )
})
