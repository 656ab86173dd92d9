import { describe, expect, it } from 'vitest'
import { formatBytes, formatRate } from '../../../../src/cli/top/format-rates.ts'
import { renderPlain } from '../../../../src/cli/top/plain.ts'
import { RateMeter, type Snapshot } from '../../../../src/cli/top/rates.ts'
import { renderTop } from '../../../../src/cli/top/render.ts'
import { INITIAL_VIEW, type View } from '../../../../src/cli/top/view.ts'
import type { ServiceConnections } from '../../../../src/dataplane/conntrack/connection-report.ts'
import { endpoint, numbers, reply, service } from './numbers.ts'

const SIZE = { columns: 100, rows: 10 }

function snapshot(before: readonly ServiceConnections[], now: readonly ServiceConnections[]): Snapshot {
  const meter = new RateMeter()
  meter.next(reply(0, before))
  return meter.next(reply(1, now, { total: numbers({ opened: 12, active: 5 }) }))
}

const BUSY = snapshot(
  [service('web', { closed: 0 }, [endpoint('10.0.0.1:80', {})]), service('dns', {})],
  [
    service('web', { opened: 10, active: 5, replyBytes: 12_345 }, [
      endpoint('10.0.0.1:80', { closed: 2, unreplied: 2 }),
    ]),
    service('dns', { opened: 2 }),
  ],
)

const text = (of: Snapshot | undefined, view: View = INITIAL_VIEW, size = SIZE, trouble?: string): string[] =>
  renderTop(of, view, size, trouble).map((line) => line.text.trimEnd())

describe('the screen', () => {
  it('has what happens, Service by Service, and the keys', () => {
    const [head, trouble, ...rest] = text(BUSY)
    expect(head).toMatch(
      /^hawser top \d\d:\d\d:\d\d {2}2 Services, 5 active, 12\.0 new\/s, 0 B\/s, 0 unanswered\/s, 0 events lost$/,
    )
    expect(trouble).toBe('')
    expect(rest).toEqual([
      'SERVICE      NEW/S  ACTIVE  BYTES/S  UNANSWERED/S  FAILING',
      'default/web   10.0       5  12.3 kB             0  10.0.0.1:80',
      'default/dns    2.0       0      0 B             0  -',
      '',
      '',
      '',
      '',
      'by new/s | n new/s  a active  b bytes/s  f failing  / filter  arrows and Enter endpoints  q quit',
    ])
  })

  it('shows where the cursor is and what fails, even where that is not', () => {
    const styles = renderTop(BUSY, { ...INITIAL_VIEW, selected: 'default/dns' }, SIZE, undefined).map(
      ({ style }) => style,
    )
    expect(styles.slice(2, 5)).toEqual(['heading', 'alarm', 'selected'])
  })

  it('has the endpoints of the opened Service, with how long its connections last', () => {
    const [web] = BUSY.services
    if (web === undefined) throw new Error('there is no Service')
    const lived = { ...BUSY, services: [{ ...web, lifetimes: [0, 6, 3, 0, 0, 0, 0, 1] }] }
    expect(text(lived, { ...INITIAL_VIEW, opened: 'default/web' }).slice(2, 5)).toEqual([
      'Service default/web: half of its connections last up to 0.1 s, nine tenths up to 1 s',
      'ENDPOINT     PORT      NEW/S  ACTIVE  BYTES/S  UNANSWERED/S  STATE',
      '10.0.0.1:80  http/TCP      0       0      0 B           2.0  failing',
    ])
  })

  it('fits any size, and keeps the cursor in sight', () => {
    const many = snapshot(
      [],
      Array.from({ length: 50 }, (_, i) => service(`web-${String(i).padStart(2, '0')}`, { opened: 100 - i })),
    )
    for (const size of [
      { columns: 20, rows: 6 },
      { columns: 7, rows: 3 },
      { columns: 200, rows: 60 },
      { columns: 80, rows: 1 },
    ]) {
      const lines = renderTop(many, { ...INITIAL_VIEW, selected: 'default/web-30' }, size, undefined)
      expect(lines).toHaveLength(size.rows)
      expect(Math.max(...lines.map((line) => line.text.length))).toBeLessThanOrEqual(size.columns)
      if (size.rows > 4)
        expect(lines.find(({ style }) => style === 'selected')?.text).toContain('default/web-30')
    }
  })

  it('says what is in the way, and what there was before', () => {
    const lines = renderTop(BUSY, INITIAL_VIEW, SIZE, 'nobody answers')
    expect(lines[1]).toEqual({ text: 'nobody answers', style: 'alarm' })
    expect(lines[3]?.text).toContain('default/web')
    expect(text({ ...BUSY, services: [], notCounted: 'events are off' })[1]).toBe(
      'connections are not counted: events are off',
    )
  })

  it('says that it is not empty by accident', () => {
    expect(text(snapshot([], []))[3]).toBe('no Service had a connection yet')
    expect(text(BUSY, { ...INITIAL_VIEW, filter: 'nothing' })[3]).toBe('no Service passes the filter')
  })

  it('shows a filter as it is typed', () => {
    expect(text(BUSY, { ...INITIAL_VIEW, filter: 'w', typing: true }).at(-1)).toBe(
      'filter: w_  (Enter keeps it, Esc clears it)',
    )
  })
})

describe('a plain table', () => {
  it('has its time, and as many rows as were asked for', () => {
    expect(renderPlain(BUSY, INITIAL_VIEW, 1)).toEqual([
      '# 1970-01-01T00:00:01.000Z 2 Services, 5 active, 0 events lost',
      'SERVICE      NEW/S  ACTIVE  BYTES/S  UNANSWERED/S  FAILING',
      'default/web   10.0       5  12.3 kB             0  10.0.0.1:80',
    ])
  })

  it('leaves out the bytes that nobody counts', () => {
    const rows = renderPlain({ ...BUSY, countsBytes: false }, INITIAL_VIEW, 1)
    expect(rows.at(-1)).toBe('default/web   10.0       5        -             0  10.0.0.1:80')
  })

  it('says when there is nothing to show', () => {
    expect(renderPlain({ ...BUSY, notCounted: 'events are off' }, INITIAL_VIEW, 5)).toEqual([
      '# 1970-01-01T00:00:01.000Z connections are not counted: events are off',
    ])
  })
})

it.each([
  [0, '0', '0 B'],
  [0.25, '0.3', '0 B'],
  [99.9, '99.9', '100 B'],
  [99.96, '100', '100 B'],
  [999.4, '999', '999 B'],
  [1000, '1000', '1.0 kB'],
  [999_499, '999499', '999 kB'],
  [999_500, '999500', '1.0 MB'],
  [2.5e15, '2500000000000000', '2500 TB'],
])('%s a second', (number, rate, bytes) => {
  expect(formatRate(number)).toBe(rate)
  expect(formatBytes(number)).toBe(bytes)
})
