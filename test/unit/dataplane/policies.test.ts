import { describe, expect, it } from 'vitest'
import { DesiredCompiler } from '../../../src/dataplane/desired/compiler.ts'
import type { Endpoint, Frontend } from '../../../src/dataplane/desired/frontend.ts'
import type { SliceEndpoint } from '../../../src/model/endpoint-slice.ts'
import type { Service } from '../../../src/model/service.ts'
import {
  address,
  cidr,
  port,
  service,
  serviceChange,
  slice,
  sliceChange,
  sliceEndpoint,
} from '../../support/services.ts'

const READY = {}
const ENDING = { ready: false, terminating: true }

/** Endpoints in the order given: where each is and how it does. */
const endpoints = (...fields: readonly Partial<SliceEndpoint>[]): readonly SliceEndpoint[] =>
  fields.map((each, i) => sliceEndpoint(`10.1.0.${i + 1}`, each))

function compile(fields: Partial<Service>, listed: readonly SliceEndpoint[], zone?: string): DesiredCompiler {
  const compiler = new DesiredCompiler({ families: ['IPv4'], nodeName: 'here', zone })
  compiler.apply(serviceChange(service('web', '10.96.0.1', fields)))
  compiler.apply(sliceChange(slice('web', listed, { family: 'IPv4' })))
  compiler.compile()
  return compiler
}

const frontendOf = (compiler: DesiredCompiler, kind: Frontend['kind']): Frontend | undefined =>
  [...compiler.frontends('IPv4').values()].find((frontend) => frontend.kind === kind)

const hosts = (list: readonly Endpoint[] | undefined): readonly number[] | undefined =>
  list?.map((endpoint) => Number(endpoint.address.split('.')[3]))

describe('external policy Local', () => {
  const LOCAL: Partial<Service> = {
    type: 'NodePort',
    externalTrafficPolicy: 'Local',
    ports: [port({ nodePort: 30080 })],
  }
  const there = { nodeName: 'there' }

  it.each([
    { name: 'endpoints of this node', listed: [READY, there], all: [1, 2], local: [1] },
    { name: 'none of this node', listed: [there], all: [1], local: [] },
    {
      name: 'terminating ones of this node when others are ready',
      listed: [ENDING, there],
      all: [2],
      local: [1],
    },
    {
      name: 'ready ones of this node before terminating ones',
      listed: [ENDING, READY, there],
      all: [2, 3],
      local: [2],
    },
    { name: 'none anywhere', listed: [], all: [], local: [] },
  ])('gives clients from outside $name', ({ listed, all, local }) => {
    const frontend = frontendOf(compile(LOCAL, endpoints(...listed)), 'NodePort')
    expect({ all: hosts(frontend?.endpoints), local: hosts(frontend?.localEndpoints) }).toEqual({
      all,
      local,
    })
    expect(frontend?.whenEmpty).toBe('reject')
  })

  it('has no say on the cluster IP', () => {
    expect(frontendOf(compile(LOCAL, endpoints(there)), 'ClusterIP')).toMatchObject({
      localEndpoints: undefined,
    })
  })
})

describe('connections stay with endpoints that get no new ones', () => {
  const there = { nodeName: 'there' }
  const outOfUse = { ready: false, serving: false, terminating: true }
  const LOCAL = { internalTrafficPolicy: 'Local' } as const

  it.each([
    { name: 'but serve while they end', fields: {}, listed: [ENDING, READY], takes: [2], keeps: [1] },
    {
      name: 'but serve without being ready',
      fields: {},
      listed: [{ ready: false }, READY],
      takes: [2],
      keeps: [1],
    },
    { name: 'as policy leaves them out', fields: LOCAL, listed: [READY, there], takes: [1], keeps: [2] },
    {
      name: 'as hints leave them out',
      fields: {},
      listed: [{ forNodes: ['here'] }, { forNodes: ['there'] }],
      takes: [1],
      keeps: [2],
    },
    { name: 'unless they no longer serve', fields: {}, listed: [outOfUse, READY], takes: [2], keeps: [] },
    {
      name: 'which are none when all take some',
      fields: {},
      listed: [READY, READY],
      takes: [1, 2],
      keeps: [],
    },
    {
      name: 'which are none when only such serve',
      fields: {},
      listed: [ENDING, ENDING],
      takes: [1, 2],
      keeps: [],
    },
  ])('$name', ({ fields, listed, takes, keeps }) => {
    const frontend = frontendOf(compile(fields, endpoints(...listed)), 'ClusterIP')
    expect({ takes: hosts(frontend?.endpoints), keeps: hosts(frontend?.keptEndpoints) }).toEqual({
      takes,
      keeps,
    })
  })

  it('and those that only clients from outside get are not named twice', () => {
    const fields = {
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      ports: [port({ nodePort: 30080 })],
    } as const
    const frontend = frontendOf(
      compile(fields, endpoints(ENDING, there, { ...ENDING, ...there })),
      'NodePort',
    )
    expect(hosts(frontend?.localEndpoints)).toEqual([1])
    expect(hosts(frontend?.keptEndpoints)).toEqual([3])
  })
})

describe('topology hints', () => {
  const zone = (...names: readonly string[]): Partial<SliceEndpoint> => ({ forZones: names })
  const node = (...names: readonly string[]): Partial<SliceEndpoint> => ({ forNodes: names })

  it.each([
    { name: 'for this zone', own: 'east', listed: [zone('east'), zone('west')], chosen: [1] },
    { name: 'for several zones', own: 'east', listed: [zone('east', 'west'), zone('west')], chosen: [1] },
    {
      name: 'for other zones only do not apply',
      own: 'north',
      listed: [zone('east'), zone('west')],
      chosen: [1, 2],
    },
    {
      name: 'that one endpoint lacks do not apply',
      own: 'east',
      listed: [zone('east'), READY],
      chosen: [1, 2],
    },
    {
      name: 'do not apply while the zone is not known',
      own: undefined,
      listed: [zone('east'), zone('west')],
      chosen: [1, 2],
    },
    { name: 'for this node', own: undefined, listed: [node('here'), node('there')], chosen: [1] },
    {
      name: 'for this node come before those for zones',
      own: 'east',
      listed: [
        { ...node('there'), ...zone('east') },
        { ...node('here'), ...zone('west') },
      ],
      chosen: [2],
    },
    {
      name: 'of endpoints that are not ready do not count',
      own: 'east',
      listed: [zone('east'), ENDING],
      chosen: [1],
    },
    {
      name: 'have no say among terminating ones',
      own: 'east',
      listed: [{ ...ENDING, ...zone('west') }],
      chosen: [1],
    },
  ])('$name', ({ own, listed, chosen }) => {
    expect(hosts(frontendOf(compile({}, endpoints(...listed), own), 'ClusterIP')?.endpoints)).toEqual(chosen)
  })
})

describe('source ranges', () => {
  const balanced: Partial<Service> = {
    type: 'LoadBalancer',
    loadBalancerIPs: [address('203.0.113.1')],
    externalIPs: [address('203.0.113.2')],
    loadBalancerSourceRanges: [cidr('192.0.2.0/24'), cidr('2001:db8::/32')],
  }

  it('restrict load-balancer addresses, by those of their family', () => {
    const compiler = compile(balanced, [])
    expect(frontendOf(compiler, 'LoadBalancer')?.sourceRanges).toEqual([cidr('192.0.2.0/24')])
    for (const kind of ['ClusterIP', 'ExternalIP'] as const)
      expect(frontendOf(compiler, kind)?.sourceRanges).toEqual([])
    expect(compiler.problems()).toEqual([])
  })

  it('restrict an address that is external too', () => {
    const both = compile({ ...balanced, externalIPs: [address('203.0.113.1')] }, [])
    expect(frontendOf(both, 'LoadBalancer')?.sourceRanges).toHaveLength(1)
    expect(frontendOf(both, 'ExternalIP')).toBeUndefined()
  })

  it('of the other family alone restrict nobody, which is a warning', () => {
    const compiler = compile({ ...balanced, loadBalancerSourceRanges: [cidr('2001:db8::/32')] }, [])
    expect(frontendOf(compiler, 'LoadBalancer')?.sourceRanges).toEqual([])
    expect(compiler.problems()).toMatchObject([
      { severity: 'warning', reason: expect.stringContaining('no IPv4 range') },
    ])
  })
})

describe('IPVS annotations', () => {
  const annotated = (annotations: Readonly<Record<string, string>>): DesiredCompiler =>
    compile({ annotations: new Map(Object.entries(annotations)) }, [])
  const RR = { scheduler: 'rr', flags: [], forward: 'masq' }

  it.each([
    { annotations: {}, ipvs: RR, problems: 0 },
    { annotations: { 'hawser.dev/ipvs-scheduler': 'wlc' }, ipvs: { ...RR, scheduler: 'wlc' }, problems: 0 },
    {
      annotations: { 'hawser.dev/ipvs-scheduler': 'mh', 'hawser.dev/ipvs-flags': 'mh-port, mh-fallback' },
      ipvs: { ...RR, scheduler: 'mh', flags: ['mh-port', 'mh-fallback'] },
      problems: 0,
    },
    { annotations: { 'hawser.dev/forward-method': 'dr' }, ipvs: { ...RR, forward: 'dr' }, problems: 0 },
    { annotations: { 'hawser.dev/ipvs-scheduler': 'fastest' }, ipvs: RR, problems: 1 },
    {
      annotations: { 'hawser.dev/ipvs-flags': 'mh-port,one-packet' },
      ipvs: { ...RR, flags: ['one-packet'] },
      problems: 1,
    },
    { annotations: { 'hawser.dev/forward-method': 'fly' }, ipvs: RR, problems: 1 },
  ])('$annotations', ({ annotations, ipvs, problems }) => {
    const compiler = annotated(annotations)
    expect(frontendOf(compiler, 'ClusterIP')?.ipvs).toEqual(ipvs)
    expect(compiler.problems()).toHaveLength(problems)
  })
})
