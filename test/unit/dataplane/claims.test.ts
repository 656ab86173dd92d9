import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Change } from '../../../src/model/change.ts'
import { formatProblem } from '../../../src/model/problem.ts'
import { address, goneChange, port, service, serviceChange } from '../../support/services.ts'

const NODE = '172.20.0.1'

/** Applies each change on its own, so that every order shows. */
function compiled(...changes: readonly Change[]): DesiredCompiler {
  const compiler = new DesiredCompiler({
    families: ['IPv4'],
    nodeName: 'here',
    nodeAddresses: [address(NODE)],
  })
  for (const change of changes) {
    compiler.apply(change)
    compiler.compile()
  }
  return compiler
}

/** Who holds each frontend, by key. */
const holders = (...changes: readonly Change[]): Record<string, string> =>
  Object.fromEntries(
    [
      ...compiled(...changes)
        .frontends('IPv4')
        .values(),
    ].map(({ key, service }) => [key, service]),
  )

describe('two Services that want the same frontend', () => {
  const claim = (name: string, createdAt?: number): Change =>
    serviceChange(service(name, '10.96.0.1', { createdAt }))
  const a = claim('a')
  const b = claim('b')

  it.each([
    { order: 'a then b', changes: [a, b], expected: 'default/a' },
    { order: 'b then a', changes: [b, a], expected: 'default/a' },
    { order: 'b, a, a gone', changes: [b, a, goneChange(a)], expected: 'default/b' },
    { order: 'a, b, b gone', changes: [a, b, goneChange(b)], expected: 'default/a' },
    { order: 'a, b, both gone', changes: [a, b, goneChange(b), goneChange(a)], expected: undefined },
    { order: 'young a then old b', changes: [claim('a', 20), claim('b', 10)], expected: 'default/b' },
    { order: 'old b then young a', changes: [claim('b', 10), claim('a', 20)], expected: 'default/b' },
    { order: 'a of unknown age then b', changes: [a, claim('b', 10)], expected: 'default/b' },
    {
      order: 'old a, b, and a made again',
      changes: [claim('a', 10), claim('b', 20), claim('a', 30)],
      expected: 'default/b',
    },
  ])('$order: the older holds it, else the name that sorts first', ({ changes, expected }) => {
    expect(holders(...changes)['10.96.0.1/TCP/80']).toBe(expected)
  })

  it('is a problem of the other, until the first is gone', () => {
    const compiler = compiled(a, b)
    expect(compiler.problems().map(formatProblem)).toEqual([
      'Service default/b: 10.96.0.1 port 80/TCP is already held by Service default/a ' +
        '(give one of the two Services another address or port)',
    ])
    compiler.apply(goneChange(a))
    compiler.compile()
    expect(compiler.problems()).toEqual([])
  })
})

describe('a node port and an external IP of the node at the same port', () => {
  const nodePort = (name: string, createdAt?: number): Change =>
    serviceChange(
      service(name, '10.96.0.1', { createdAt, type: 'NodePort', ports: [port({ nodePort: 30080 })] }),
    )
  const external = (name: string, at = NODE, createdAt?: number): Change =>
    serviceChange(
      service(name, '10.96.0.2', { createdAt, externalIPs: [address(at)], ports: [port({ port: 30080 })] }),
    )
  const ON_NODE = [`${NODE}/TCP/30080`, 'node/TCP/30080']
  const onNode = (...changes: readonly Change[]): Record<string, string> =>
    Object.fromEntries(Object.entries(holders(...changes)).filter(([key]) => ON_NODE.includes(key)))

  it.each([
    {
      name: 'the first wins',
      changes: [nodePort('a'), external('b')],
      left: { 'node/TCP/30080': 'default/a' },
    },
    {
      name: 'also when it comes later',
      changes: [nodePort('b'), external('a')],
      left: { [`${NODE}/TCP/30080`]: 'default/a' },
    },
    {
      name: 'the older wins',
      changes: [nodePort('a', 20), external('b', NODE, 10)],
      left: { [`${NODE}/TCP/30080`]: 'default/b' },
    },
    {
      name: 'the other comes in when the first goes',
      changes: [nodePort('a'), external('b'), goneChange(nodePort('a'))],
      left: { [`${NODE}/TCP/30080`]: 'default/b' },
    },
    {
      name: 'an address elsewhere is in nobody’s way',
      changes: [external('a', '203.0.113.1'), nodePort('b')],
      left: { 'node/TCP/30080': 'default/b' },
    },
  ])('$name', ({ changes, left }) => {
    expect(onNode(...changes)).toEqual(left)
  })

  it('is a problem that names both', () => {
    expect(compiled(nodePort('a'), external('b')).problems().map(formatProblem)).toEqual([
      `Service default/b: ${NODE} port 30080/TCP is in the way of node port 30080/TCP of Service default/a ` +
        '(give one of the two Services another address or port)',
    ])
  })

  it('of one Service is its node port, and no problem', () => {
    const both = serviceChange(
      service('a', '10.96.0.1', {
        type: 'NodePort',
        externalIPs: [address(NODE)],
        ports: [port({ port: 30080, nodePort: 30080 })],
      }),
    )
    expect(onNode(both)).toEqual({ 'node/TCP/30080': 'default/a' })
    expect(compiled(both).problems()).toEqual([])
  })
})
