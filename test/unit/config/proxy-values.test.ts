import { expect, it } from 'vitest'
import { parseDuration } from '../../../src/config/duration.ts'
import { findNodePortAddresses, parseNodePortAddresses } from '../../../src/config/node-port-addresses.ts'
import { cidr } from '../../support/services.ts'

it.each([
  ['0', 0],
  ['0s', 0],
  ['500ms', 500],
  ['60s', 60_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
])('the duration %s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', '60', '1d', '-1s', '1s ', 's'])('"%s" is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

it.each([
  ['primary', 'primary'],
  ['all', 'all'],
  ['10.0.0.0/8, fd00::/8', [cidr('10.0.0.0/8'), cidr('fd00::/8')]],
  ['localhost', undefined],
  ['10.0.0.1', undefined],
])('node-port addresses %s', (text, expected) => {
  expect(parseNodePortAddresses(text)).toEqual(expected)
})

it('node ports are on no loopback address, even when it is in the range', async () => {
  expect(await findNodePortAddresses([cidr('127.0.0.0/8')], [])).toEqual([])
})
