import { describe, expect, test } from 'vitest'
import { formatBindAddress, parseBindAddress } from '../../../src/config/bind-address.ts'
import { parseCidrPair } from '../../../src/config/cidr-pair.ts'
import { hostNodeName, parseNodeName } from '../../../src/config/node-name.ts'
import { parsePortRange } from '../../../src/config/port-range.ts'
import { parseRuntimeEndpoint } from '../../../src/config/runtime-endpoint.ts'
import { formatCidr } from '../../../src/util/address.ts'

test.each([
  ['30000-32767', { first: 30_000, last: 32_767 }],
  ['30000+10', { first: 30_000, last: 30_010 }],
  ['80-80', { first: 80, last: 80 }],
  ['0-10', undefined],
  ['10-9', undefined],
  ['65000-65536', undefined],
  ['30000', undefined],
  ['a-b', undefined],
])('the port range %s is %j', (text, range) => {
  expect(parsePortRange(text)).toEqual(range)
})

describe('a bind address', () => {
  test.each(['127.0.0.1:10249', '[::1]:0', '0.0.0.0:65535'])('%s comes out as it went in', (text) => {
    const parsed = parseBindAddress(text)
    expect(parsed && formatBindAddress(parsed)).toBe(text)
  })

  test.each(['10249', ':10249', 'localhost:1', '127.0.0.1', '127.0.0.1:65536', '::1:80', '[127.0.0.1:80'])(
    'is not %s',
    (text) => {
      expect(parseBindAddress(text)).toBeUndefined()
    },
  )
})

test.each([
  ['10.96.0.0/16', ['10.96.0.0/16']],
  ['10.96.0.0/16, fd00::/112', ['10.96.0.0/16', 'fd00::/112']],
  ['10.96.0.0/16,10.97.0.0/16', undefined],
  ['10.96.0.0', undefined],
  ['', undefined],
])('%j are the CIDRs %j', (text, cidrs) => {
  expect(parseCidrPair(text)?.map(formatCidr)).toEqual(cidrs)
})

test.each([
  ['unix:///run/containerd/containerd.sock', true],
  ['unix://run/containerd.sock', false],
  ['/run/containerd.sock', false],
  ['tcp://127.0.0.1:1', false],
])('%s is a runtime endpoint: %j', (text, is) => {
  expect(parseRuntimeEndpoint(text) !== undefined).toBe(is)
})

test.each([
  ['Node-1.Example', 'node-1.example'],
  ['node_1', undefined],
  ['-node', undefined],
  ['', undefined],
])('the node name of %j is %j', (text, name) => {
  expect(parseNodeName(text)).toBe(name)
})

test('the host has a node name', () => {
  expect(parseNodeName(hostNodeName())).toBe(hostNodeName())
})
