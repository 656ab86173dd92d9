import { describe, expect, it } from 'vitest'
import { FailingEndpoints } from '../../../../src/cli/top/failing-endpoints.ts'
import { RateMeter } from '../../../../src/cli/top/rates.ts'
import { endpoint, numbers, reply, service } from './numbers.ts'

describe('rates', () => {
  it('are what was added between two answers, by second', () => {
    const meter = new RateMeter()
    meter.next(reply(10, [service('web', { opened: 100, originalBytes: 10, replyBytes: 10 })]))
    const { seconds, services, total } = meter.next(
      reply(
        12,
        [service('web', { opened: 110, active: 3, unreplied: 1, originalBytes: 1010, replyBytes: 3010 })],
        {
          total: numbers({ opened: 8 }),
        },
      ),
    )
    expect(seconds).toBe(2)
    expect(services[0]).toMatchObject({
      service: 'default/web',
      opened: 5,
      active: 3,
      bytes: 2000,
      unreplied: 0.5,
    })
    expect(total.opened).toBe(4)
  })

  it('are zero at first, when nothing is known of before', () => {
    const snapshot = new RateMeter().next(reply(10, [service('web', { opened: 100, active: 3 })]))
    expect(snapshot).toMatchObject({ seconds: 0, services: [{ opened: 0, active: 3 }] })
  })

  it('count all of a Service that had no connection before', () => {
    const meter = new RateMeter()
    meter.next(reply(10, []))
    expect(meter.next(reply(11, [service('web', { opened: 4 })])).services[0]?.opened).toBe(4)
  })

  it('begin anew with another process, and never go below zero', () => {
    const meter = new RateMeter()
    meter.next(reply(10, [service('web', { opened: 100 })]))
    expect(meter.next(reply(11, [service('web', { opened: 40 })], { pid: 8 })).seconds).toBe(0)
    expect(meter.next(reply(12, [service('web', { opened: 30 })], { pid: 8 })).services[0]?.opened).toBe(0)
  })

  it('of an endpoint that was not asked for before are unknown yet', () => {
    const meter = new RateMeter()
    meter.next(reply(10, [service('web', { opened: 100 })]))
    const later = (seconds: number, opened: number) =>
      meter.next(reply(seconds, [service('web', { opened }, [endpoint('10.0.0.1:80', { opened })])]))
    expect(later(11, 100).services[0]?.endpoints[0]).toMatchObject({ port: 'http/TCP', opened: 0 })
    expect(later(12, 106).services[0]?.endpoints[0]?.opened).toBe(6)
  })
})

describe('an endpoint fails', () => {
  const at = (seconds: number, closed: number, unreplied: number) =>
    [seconds * 1000, [['web', endpoint('10.0.0.1:80', { closed, unreplied })]] as const] as const

  function failsAfter(...seen: readonly (readonly [number, number, number])[]): boolean {
    const failing = new FailingEndpoints()
    for (const [seconds, closed, unreplied] of seen) failing.see(...at(seconds, closed, unreplied))
    return failing.has('web')
  }

  it.each([
    [
      'when half of what ended had no answer',
      true,
      [
        [0, 10, 0],
        [1, 12, 1],
      ],
    ],
    [
      'not when most had one',
      false,
      [
        [0, 10, 0],
        [1, 14, 1],
      ],
    ],
    ['not for what was before the first look', false, [[0, 10, 10]]],
    [
      'for the minute in which that happened',
      true,
      [
        [0, 10, 0],
        [1, 12, 2],
        [50, 12, 2],
      ],
    ],
    [
      'no longer than that',
      false,
      [
        [0, 10, 0],
        [1, 12, 2],
        [62, 12, 2],
        [63, 12, 2],
      ],
    ],
    [
      'not by what another process counted',
      false,
      [
        [0, 50, 50],
        [1, 3, 1],
      ],
    ],
  ] as const)('%s', (_, expected, seen) => {
    expect(failsAfter(...seen)).toBe(expected)
  })

  it('from its first unanswered connection on, with which it is first heard of', () => {
    const failing = new FailingEndpoints()
    failing.see(0, [])
    failing.see(...at(1, 500, 2))
    expect(failing.has('web')).toBe(true)
  })

  it('never when nobody heard of it', () => {
    expect(new FailingEndpoints().has('web')).toBe(false)
  })
})
