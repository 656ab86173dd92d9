import { expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/config/duration.ts'
import { findNodePortAddresses, parseNodePortAddresses } from '../../../src/config/node-port-addresses.ts'
import { address, cidr } from '../../support/services.ts'

it.each([
  ['0', 0],
  ['0s', 0],
  ['500ms', 500],
  ['60s', 60_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['1h2m3.5s', 3_723_500],
  ['250us', 0.25],
  ['.5s', 500],
])('the duration %s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['0s', '500ms', '2.5s', '1m0s', '1m30s', '24h0m0s', '1h2m3.5s', '250µs'])(
  'the duration %s is written as Go writes it',
  (text) => {
    expect(formatDuration(parseDuration(text) ?? -1)).toBe(text)
  },
)

it.each(['', '60', '1d', '-1s', '1s ', 's'])('"%s" is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

it.each([
  [['primary'], ['primary']],
  [['all'], [cidr('0.0.0.0/0'), cidr('::/0')]],
  [['localhost'], [cidr('127.0.0.0/8'), cidr('::1/128')]],
  [
    ['10.0.0.0/8', ' primary', 'fd00::/8'],
    [cidr('10.0.0.0/8'), 'primary', cidr('fd00::/8')],
  ],
  [[], []],
  [['10.0.0.0/8', '10.0.0.1'], undefined],
])('node-port addresses %j', (texts, expected) => {
  expect(parseNodePortAddresses(texts)).toEqual(expected)
})

it("node ports are on the Node's addresses, where it says some", async () => {
  expect(await findNodePortAddresses(['primary'], [], [address('192.0.2.7')])).toEqual(['192.0.2.7'])
})

it('node ports are on no loopback address, even when it is in the range', async () => {
  expect(await findNodePortAddresses([cidr('127.0.0.0/8')], [])).toEqual([])
})
