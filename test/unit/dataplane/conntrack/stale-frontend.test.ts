import { describe, expect, it } from 'vitest'
import { staleAfterChange, staleAtStart } from '../../../../src/dataplane/conntrack/stale-frontend.ts'
import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { ip } from '../../../support/addresses.ts'
import { frontend, frontendEndpoint } from '../../../support/frontends.ts'

const NODE = [ip('172.20.0.1'), ip('192.0.2.7'), ip('fd00::1')]
const CONFIG = { nodeAddresses: NODE, resetsTcp: false }
const A = '10.0.0.1'
const B = '10.0.0.2'
const place = { family: 'IPv4', protocol: 17, address: '10.96.0.10', port: 80 }

const stale = (before: Frontend | undefined, now: Frontend | undefined) =>
  staleAfterChange(before, now, CONFIG)

describe('after a change, stale are', () => {
  it('flows to the endpoints that are gone, and no others', () => {
    expect(stale(frontend([A, B]), frontend([B]))).toEqual([
      {
        ...place,
        translated: 'listed',
        untranslated: false,
        endpoints: [expect.objectContaining({ address: A })],
      },
    ])
  })

  it('flows to the last endpoint', () => {
    expect(stale(frontend([A]), frontend([]))).toMatchObject([
      { translated: 'listed', endpoints: [{ address: A }] },
    ])
  })

  it('all translated flows of a frontend that is gone', () => {
    expect(stale(frontend([A]), undefined)).toEqual([
      { ...place, translated: 'all', untranslated: false, endpoints: [] },
    ])
  })

  it('flows that pass a Service by when it gets its first endpoint', () => {
    for (const before of [undefined, frontend([])])
      expect(stale(before, frontend([A]))).toMatchObject([
        { translated: 'none', untranslated: true, endpoints: [] },
      ])
  })

  it('an endpoint’s flows when only its port changed', () => {
    const moved = frontend([A])
    const other = { ...moved, endpoints: moved.endpoints.map((endpoint) => ({ ...endpoint, port: 9090 })) }
    expect(stale(moved, other)).toMatchObject([
      { translated: 'listed', endpoints: [{ address: A, port: 8080 }] },
    ])
  })

  it.each([
    ['nothing that stayed', frontend([A, B]), frontend([A, B])],
    ['nothing when endpoints are added', frontend([A]), frontend([A, B])],
    [
      'nothing when other things change',
      frontend([A]),
      frontend([A], { affinitySeconds: 60, localEndpoints: [] }),
    ],
    ['nothing when there was and is no endpoint', frontend([]), frontend([])],
    ['nothing of TCP', frontend([A], { protocol: 'TCP' }), undefined],
  ])('%s', (_, before, now) => {
    expect(stale(before, now)).toEqual([])
  })

  it('nothing of an endpoint that only clients from outside still get', () => {
    const both = frontend([A, B])
    const draining = {
      ...frontend([B]),
      localEndpoints: both.endpoints.filter(({ address }) => address === A),
    }
    expect(stale(both, draining)).toEqual([])
    expect(stale(draining, frontend([B]))).toMatchObject([
      { translated: 'listed', endpoints: [{ address: A }] },
    ])
  })

  it('nothing of an endpoint that keeps its connections, until it keeps them no longer', () => {
    const keeping = frontend([B], { keptEndpoints: [frontendEndpoint(A)] })
    expect(stale(frontend([A, B]), keeping)).toEqual([])
    expect(stale(keeping, frontend([B]))).toMatchObject([
      { translated: 'listed', endpoints: [{ address: A }] },
    ])
  })

  it('flows that pass by also where endpoints keep theirs and took no new ones', () => {
    const keeping = frontend([], { keptEndpoints: [frontendEndpoint(A)] })
    expect(stale(keeping, frontend([A]))).toMatchObject([{ translated: 'none', untranslated: true }])
  })

  it('flows of SCTP as those of UDP', () => {
    expect(stale(frontend([A], { protocol: 'SCTP' }), undefined)).toMatchObject([{ protocol: 132 }])
  })

  it('those to a node port on each of the node’s addresses, never on others', () => {
    const nodePort = frontend([A], { address: 'node', port: 30053 })
    expect(stale(nodePort, undefined)).toMatchObject([
      { address: '172.20.0.1', port: 30053 },
      { address: '192.0.2.7', port: 30053 },
    ])
  })
})

describe('at the start, stale are', () => {
  it('translated flows to anything but the endpoints, and those that pass by', () => {
    expect(staleAtStart(frontend([A, B]), CONFIG)).toMatchObject([
      { ...place, translated: 'unlisted', untranslated: true, endpoints: [{ address: A }, { address: B }] },
    ])
  })

  it('all translated flows of a Service without endpoints, and none of those that pass by', () => {
    expect(staleAtStart(frontend([]), CONFIG)).toMatchObject([
      { translated: 'unlisted', untranslated: false, endpoints: [] },
    ])
  })

  it('none to an endpoint that keeps its connections', () => {
    expect(staleAtStart(frontend([B], { keptEndpoints: [frontendEndpoint(A)] }), CONFIG)).toMatchObject([
      { translated: 'unlisted', endpoints: [{ address: B }, { address: A }] },
    ])
  })

  it('none of TCP', () => {
    expect(staleAtStart(frontend([A], { protocol: 'TCP' }), CONFIG)).toEqual([])
  })
})

describe('where TCP is to be reset', () => {
  const RESETTING = { ...CONFIG, resetsTcp: true }
  const tcp = (...[addresses, more]: Parameters<typeof frontend>): Frontend =>
    frontend(addresses, { ...more, protocol: 'TCP' })
  const place = { family: 'IPv4', protocol: 6, address: '10.96.0.10', port: 80, untranslated: false }

  it('connections to endpoints that are gone are stale while another takes new ones', () => {
    expect(staleAfterChange(tcp([A, B]), tcp([B]), RESETTING)).toEqual([
      { ...place, translated: 'listed', endpoints: [expect.objectContaining({ address: A })] },
    ])
  })

  it('all connections are stale when nothing is left but a refusal', () => {
    expect(staleAfterChange(tcp([A]), tcp([]), RESETTING)).toMatchObject([
      { translated: 'listed', endpoints: [{ address: A }] },
    ])
  })

  it('those that nobody would reset wait until somebody does', () => {
    const silent = tcp([], { whenEmpty: 'drop' })
    expect(staleAfterChange(tcp([A]), silent, RESETTING)).toEqual([])
    expect(staleAfterChange(tcp([A]), undefined, RESETTING)).toEqual([])
    expect(staleAfterChange(silent, tcp([B]), RESETTING)).toEqual([
      { ...place, translated: 'unlisted', endpoints: [expect.objectContaining({ address: B })] },
    ])
  })

  it('an endpoint that still serves keeps its connections', () => {
    expect(
      staleAfterChange(tcp([A, B]), tcp([B], { keptEndpoints: [frontendEndpoint(A)] }), RESETTING),
    ).toEqual([])
  })

  it('nothing is stale of a Service that is new', () => {
    expect(staleAfterChange(undefined, tcp([A]), RESETTING)).toEqual([])
  })

  it('at the start connections to other endpoints than there are, and none that pass by', () => {
    expect(staleAtStart(tcp([A]), RESETTING)).toEqual([
      { ...place, translated: 'unlisted', endpoints: [expect.objectContaining({ address: A })] },
    ])
    expect(staleAtStart(tcp([]), RESETTING)).toMatchObject([{ translated: 'unlisted', endpoints: [] }])
    expect(staleAtStart(tcp([], { whenEmpty: 'drop' }), RESETTING)).toEqual([])
  })
})
