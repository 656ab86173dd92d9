import { describe, expect, it } from 'vitest'
import {
  DEFAULT_IPVS_OPTIONS,
  type IpvsOptions,
  readIpvsOptions,
} from '../../../../src/dataplane/desired/ipvs-options.ts'
import { serversOf } from '../../../../src/dataplane/ipvs/virtual-servers.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import type { Problem } from '../../../../src/model/problem.ts'
import { frontend, pod } from '../../../support/ipvs-frontends.ts'

const WEB = objectName('default', 'web')

function read(annotations: Readonly<Record<string, string>>, defaults = DEFAULT_IPVS_OPTIONS) {
  const problems: Problem[] = []
  return { options: readIpvsOptions(WEB, new Map(Object.entries(annotations)), defaults, problems), problems }
}

/** Flags of the virtual server that a Service with these options gets. */
const flagsOf = (ipvs: Partial<IpvsOptions>, protocol: 'TCP' | 'UDP' = 'TCP'): readonly string[] =>
  serversOf(
    frontend('10.96.0.1', 80, [pod(1)], { protocol, ipvs: { ...DEFAULT_IPVS_OPTIONS, ...ipvs } }),
    [],
    undefined,
  )[0]?.flags ?? []

describe('hawser.dev/ipvs-scheduler', () => {
  it.each('rr wrr lc wlc fo ovf lblc lblcr dh sh mh sed nq twos'.split(' '))('%s', (scheduler) => {
    expect(read({ 'hawser.dev/ipvs-scheduler': scheduler })).toEqual({
      options: { ...DEFAULT_IPVS_OPTIONS, scheduler },
      problems: [],
    })
  })

  it('of another name is reported, and the one configured is used', () => {
    const lc = { ...DEFAULT_IPVS_OPTIONS, scheduler: 'lc' }
    const { options, problems } = read({ 'hawser.dev/ipvs-scheduler': 'fastest' }, lc)
    expect(options).toEqual(lc)
    expect(problems).toEqual([
      {
        place: 'Service default/web',
        severity: 'warning',
        reason: 'annotation hawser.dev/ipvs-scheduler has no use for "fastest"',
        remedy: expect.stringContaining('use rr, wrr, lc'),
      },
    ])
  })
})

describe('hawser.dev/ipvs-flags', () => {
  it.each([
    { scheduler: 'mh', flag: 'mh-port', kernel: ['scheduler-1', 'scheduler-2'] },
    { scheduler: 'mh', flag: 'mh-fallback', kernel: ['scheduler-1'] },
    { scheduler: 'sh', flag: 'sh-port', kernel: ['scheduler-1', 'scheduler-2'] },
    { scheduler: 'sh', flag: 'sh-fallback', kernel: ['scheduler-1'] },
  ] as const)('$flag of $scheduler, which falls back in any case', ({ scheduler, flag, kernel }) => {
    const { options, problems } = read({
      'hawser.dev/ipvs-scheduler': scheduler,
      'hawser.dev/ipvs-flags': flag,
    })
    expect(problems).toEqual([])
    expect(flagsOf(options)).toEqual(kernel)
  })

  it('one-packet is for UDP, whatever the scheduler', () => {
    const { options, problems } = read({ 'hawser.dev/ipvs-flags': 'one-packet' })
    expect(problems).toEqual([])
    expect(flagsOf(options, 'UDP')).toEqual(['one-packet'])
    expect(flagsOf(options, 'TCP')).toEqual([])
  })

  it('of another scheduler are reported, the others taken', () => {
    const { options, problems } = read({ 'hawser.dev/ipvs-flags': 'sh-port, one-packet' })
    expect(options.flags).toEqual(['one-packet'])
    expect(problems).toMatchObject([{ reason: expect.stringContaining('"sh-port"') }])
  })
})

describe('hawser.dev/forward-method', () => {
  it.each(['masq', 'dr', 'tunnel'] as const)('%s', (forward) => {
    expect(read({ 'hawser.dev/forward-method': forward })).toEqual({
      options: { ...DEFAULT_IPVS_OPTIONS, forward },
      problems: [],
    })
  })

  it('of another name is reported', () => {
    const { options, problems } = read({ 'hawser.dev/forward-method': 'fly' })
    expect(options).toEqual(DEFAULT_IPVS_OPTIONS)
    expect(problems).toMatchObject([{ remedy: 'use masq, dr, tunnel' }])
  })
})

describe('hawser.dev/ipvs-drain-timeout', () => {
  it.each([
    ['0s', 0],
    ['90s', 90],
    ['5m', 300],
    ['1h30m', 5400],
    ['24h', 86_400],
  ])('%s', (written, drainSeconds) => {
    expect(read({ 'hawser.dev/ipvs-drain-timeout': written })).toEqual({
      options: { ...DEFAULT_IPVS_OPTIONS, drainSeconds },
      problems: [],
    })
  })

  it.each(['', '5', '-1s', '1.5h', '30s5m', '25h', 'for ever'])('%j is reported', (written) => {
    const { options, problems } = read({ 'hawser.dev/ipvs-drain-timeout': written })
    expect(options).toEqual(DEFAULT_IPVS_OPTIONS)
    expect(problems).toMatchObject([
      {
        reason: `annotation hawser.dev/ipvs-drain-timeout has no use for ${JSON.stringify(written)}`,
        remedy: expect.stringContaining('a duration up to 24h'),
      },
    ])
  })
})
