import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Change } from '../../../src/model/change.ts'
import { objectName } from '../../../src/model/object-name.ts'
import type { Service } from '../../../src/model/service.ts'
import {
  address,
  goneChange,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'

const newCompiler = (): DesiredCompiler =>
  new DesiredCompiler({ families: ['IPv4', 'IPv6'], nodeName: 'here' })

/** Frontends in force after the changes: key to endpoints. */
function compiled(...changes: readonly Change[]): Record<string, readonly string[]> {
  const compiler = newCompiler()
  for (const change of changes) compiler.apply(change)
  compiler.compile()
  return table(compiler)
}

const table = (compiler: DesiredCompiler): Record<string, readonly string[]> =>
  Object.fromEntries(
    (['IPv4', 'IPv6'] as const).flatMap((family) =>
      [...compiler.frontends(family).values()].map((frontend) => [
        frontend.address === undefined ? `${family} ${frontend.key}` : frontend.key,
        frontend.endpoints.map((endpoint) => `${endpoint.address}:${endpoint.port}`),
      ]),
    ),
  )

const web = (fields: Partial<Service> = {}): Change => serviceChange(service('web', '10.96.0.1', fields))

describe('frontends of a Service', () => {
  it.each([
    {
      name: 'a cluster IP',
      service: web(),
      frontends: ['10.96.0.1/TCP/80'],
    },
    {
      name: 'several ports',
      service: web({ ports: [port(), port({ name: 'dns', protocol: 'UDP', port: 53 })] }),
      frontends: ['10.96.0.1/TCP/80', '10.96.0.1/UDP/53'],
    },
    {
      name: 'a node port, in each family of the Service',
      service: web({
        type: 'NodePort',
        ipFamilies: ['IPv4', 'IPv6'],
        clusterIPs: [address('10.96.0.1'), address('fd00::1')],
        ports: [port({ nodePort: 30080 })],
      }),
      frontends: ['10.96.0.1/TCP/80', 'IPv4 node/TCP/30080', 'fd00::1/TCP/80', 'IPv6 node/TCP/30080'],
    },
    {
      name: 'no node port while its type is ClusterIP',
      service: web({ ports: [port({ nodePort: 30080 })] }),
      frontends: ['10.96.0.1/TCP/80'],
    },
    {
      name: 'external and load-balancer addresses',
      service: web({
        type: 'LoadBalancer',
        externalIPs: [address('203.0.113.1')],
        loadBalancerIPs: [address('203.0.113.2')],
      }),
      frontends: ['10.96.0.1/TCP/80', '203.0.113.2/TCP/80', '203.0.113.1/TCP/80'],
    },
    {
      name: 'an address only once',
      service: web({ externalIPs: [address('10.96.0.1')] }),
      frontends: ['10.96.0.1/TCP/80'],
    },
  ])('$name', ({ service: change, frontends }) => {
    expect(Object.keys(compiled(change))).toEqual(frontends)
  })

  it('are gone with it', () => {
    expect(compiled(web(), goneChange(web()))).toEqual({})
  })

  it('are not there for endpoints alone', () => {
    expect(compiled(sliceChange(slice('web', ['10.1.0.1'])))).toEqual({})
  })
})

describe('endpoints of a frontend', () => {
  const KEY = '10.96.0.1/TCP/80'

  it.each([
    {
      name: 'are sorted by address, those of this node first',
      slices: [
        slice('web', [
          sliceEndpoint('10.1.0.1', { nodeName: 'there' }),
          sliceEndpoint('10.1.0.3'),
          sliceEndpoint('10.1.0.2'),
        ]),
      ],
      endpoints: ['10.1.0.2:8080', '10.1.0.3:8080', '10.1.0.1:8080'],
    },
    {
      name: 'of several slices are merged, each counted once',
      slices: [
        slice('web', ['10.1.0.1', '10.1.0.2']),
        slice('web', ['10.1.0.2', '10.1.0.3'], { name: objectName('default', 'web-2') }),
      ],
      endpoints: ['10.1.0.1:8080', '10.1.0.2:8080', '10.1.0.3:8080'],
    },
    {
      name: 'at their best when slices disagree',
      slices: [
        slice('web', [sliceEndpoint('10.1.0.1', { ready: false })]),
        slice('web', ['10.1.0.1'], { name: objectName('default', 'web-2') }),
      ],
      endpoints: ['10.1.0.1:8080'],
    },
    {
      name: 'are the ready ones while there are any',
      slices: [
        slice('web', [
          sliceEndpoint('10.1.0.1', { ready: false }),
          sliceEndpoint('10.1.0.2', { ready: false, terminating: true }),
          sliceEndpoint('10.1.0.3'),
        ]),
      ],
      endpoints: ['10.1.0.3:8080'],
    },
    {
      name: 'are the serving terminating ones when none is ready',
      slices: [
        slice('web', [
          sliceEndpoint('10.1.0.1', { ready: false }),
          sliceEndpoint('10.1.0.2', { ready: false, terminating: true }),
          sliceEndpoint('10.1.0.3', { ready: false, serving: false, terminating: true }),
        ]),
      ],
      endpoints: ['10.1.0.2:8080'],
    },
    {
      name: 'are matched by port name and protocol',
      slices: [
        slice('web', ['10.1.0.1'], { port: { name: 'other' } }),
        slice('web', ['10.1.0.2'], { name: objectName('default', 'web-2'), port: { protocol: 'UDP' } }),
      ],
      endpoints: [],
    },
    {
      name: 'are of the family of the address',
      slices: [slice('web', ['fd00::2'])],
      endpoints: [],
    },
    {
      name: 'may have a port in each slice',
      slices: [
        slice('web', ['10.1.0.1']),
        slice('web', ['10.1.0.1'], { name: objectName('default', 'web-2'), port: { port: 9090 } }),
      ],
      endpoints: ['10.1.0.1:8080', '10.1.0.1:9090'],
    },
  ])('$name', ({ slices, endpoints }) => {
    expect(compiled(web(), ...slices.map(sliceChange))[KEY]).toEqual(endpoints)
  })

  it('follow a slice that changes to another Service', () => {
    const moved = slice('api', ['10.1.0.1'], { name: objectName('default', 'web-1') })
    const api = serviceChange(service('api', '10.96.0.2'))
    expect(compiled(web(), api, sliceChange(slice('web', ['10.1.0.1'])), sliceChange(moved))).toEqual({
      '10.96.0.1/TCP/80': [],
      '10.96.0.2/TCP/80': ['10.1.0.1:8080'],
    })
  })

  it.each([
    { nodes: ['here', 'there'], endpoints: ['10.1.0.1:8080'], whenEmpty: 'drop' },
    { nodes: ['there', 'there'], endpoints: [], whenEmpty: 'drop' },
    { nodes: [], endpoints: [], whenEmpty: 'reject' },
  ])('on nodes $nodes under internal policy Local: $endpoints, else $whenEmpty', ({ nodes, ...expected }) => {
    const compiler = newCompiler()
    compiler.apply(web({ internalTrafficPolicy: 'Local' }))
    const endpoints = nodes.map((nodeName, i) => sliceEndpoint(`10.1.0.${i + 1}`, { nodeName }))
    compiler.apply(sliceChange(slice('web', endpoints, { family: 'IPv4' })))
    compiler.compile()
    const [frontend] = compiler.frontends('IPv4').values()
    expect({ endpoints: table(compiler)[KEY], whenEmpty: frontend?.whenEmpty }).toEqual(expected)
  })
})

describe('compiling', () => {
  it('says only what changed', () => {
    const compiler = newCompiler()
    compiler.apply(web())
    compiler.apply(serviceChange(service('api', '10.96.0.2')))
    expect(compiler.compile()).toHaveLength(2)
    compiler.apply(sliceChange(slice('api', ['10.1.0.1'])))
    expect(compiler.compile().map((change) => change.key)).toEqual(['10.96.0.2/TCP/80'])
    compiler.apply(sliceChange(slice('api', ['10.1.0.1'])))
    expect(compiler.compile()).toEqual([])
  })

  it('stops when asked to and goes on from there', () => {
    const compiler = newCompiler()
    for (let i = 1; i <= 5; i++) compiler.apply(serviceChange(service(`s${i}`, `10.96.0.${i}`)))
    expect(compiler.compile(() => false)).toHaveLength(1)
    expect(compiler.dirty).toBe(4)
    expect(compiler.compile()).toHaveLength(4)
  })
})

describe('what a Service asks for and does not get is a problem:', () => {
  function problems(...changes: readonly Change[]): readonly string[] {
    const compiler = newCompiler()
    for (const change of changes) compiler.apply(change)
    compiler.compile()
    return compiler.problems().map(({ place, severity, reason }) => `${severity} ${place} ${reason}`)
  }

  it('a port that no EndpointSlice with endpoints has', () => {
    const named = web({ ports: [port({ name: 'http' }), port({ name: 'dns', protocol: 'UDP', port: 53 })] })
    const slices = (name: string, protocol: 'TCP' | 'UDP') =>
      sliceChange(slice('web', ['10.1.0.1'], { port: { name, protocol } }))
    expect(problems(named, slices('http', 'TCP'))).toEqual([
      'warning Service default/web no EndpointSlice with IPv4 endpoints has a port dns of UDP, so connections to it are refused',
    ])
    expect(problems(named, slices('http', 'UDP'))).toHaveLength(2)
  })

  it('but not a Service without endpoints, nor one whose endpoints are not ready', () => {
    expect(problems(web())).toEqual([])
    expect(problems(web(), sliceChange(slice('web', [])))).toEqual([])
    const unready = sliceEndpoint('10.1.0.1', { ready: false, serving: false })
    expect(problems(web(), sliceChange(slice('web', [unready])))).toEqual([])
  })

  it('an address of another family', () => {
    expect(problems(web({ externalIPs: [address('203.0.113.5'), address('fd00::5')] }))).toEqual([
      'warning Service default/web fd00::5 is an IPv6 address and the Service is not of that family, so nobody answers there',
    ])
  })
})
