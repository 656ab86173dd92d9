import { expect, it } from 'vitest'
import { ResyncPolicy } from '../../../../src/dataplane/conntrack/resync-policy.ts'

it('the first resync is due at once', () => {
  expect(new ResyncPolicy().due(0, 0)).toBe(true)
})

it('without loss the next one is ten minutes away', () => {
  const policy = new ResyncPolicy()
  policy.succeeded(0, 5, 0)
  expect(policy.due(599_999, 0)).toBe(false)
  expect(policy.due(600_000, 0)).toBe(true)
})

it('a loss makes one due, a second after the last at the earliest', () => {
  const policy = new ResyncPolicy()
  policy.succeeded(0, 5, 0)
  expect(policy.due(999, 1)).toBe(false)
  expect(policy.due(1000, 1)).toBe(true)
})

it('a loss that a resync has met makes no other due', () => {
  const policy = new ResyncPolicy()
  policy.succeeded(0, 5, 7)
  expect(policy.due(5000, 7)).toBe(false)
})

it('dumps that take long are rare: a twentieth of the time', () => {
  const policy = new ResyncPolicy()
  policy.succeeded(0, 1000, 0)
  expect(policy.due(19_999, 1)).toBe(false)
  expect(policy.due(20_000, 1)).toBe(true)
})

it('failures in a row wait longer each time, up to a minute', () => {
  const policy = new ResyncPolicy()
  for (const wait of [1000, 2000, 4000]) {
    policy.failed(0, 10)
    expect(policy.due(wait - 1, 1)).toBe(false)
    expect(policy.due(wait, 1)).toBe(true)
  }
  for (let i = 0; i < 10; i++) policy.failed(0, 10)
  expect(policy.due(59_999, 1)).toBe(false)
  expect(policy.due(60_000, 1)).toBe(true)
})
