import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogLines, type LogSelection } from '../../../../src/kubelet/logs/log-lines.ts'

const ALL: LogSelection = { sinceMs: undefined, timestamps: false, limitBytes: undefined, stream: undefined }
const TIME = '2026-11-22T10:00:00.123456789Z'

/** What comes of a file that is read in blocks of as many bytes. */
function read(file: string, selection: Partial<LogSelection> = {}, blockBytes = 1 << 16): string {
  const lines = new LogLines({ ...ALL, ...selection })
  const bytes = Buffer.from(file)
  const parts: Buffer[] = []
  for (let start = 0; start < bytes.length; start += blockBytes) {
    // A copy, overwritten afterwards: nothing of a block may be kept.
    const block = Buffer.from(bytes.subarray(start, start + blockBytes))
    parts.push(lines.take(block))
    block.fill(0)
  }
  return Buffer.concat([...parts, lines.end()]).toString()
}

const record = (text: string, { stream = 'stdout', tags = 'F', time = TIME } = {}): string =>
  `${time} ${stream} ${tags} ${text}\n`

describe('what a container printed', () => {
  it('is the text of its records, of both streams in the order they were written', () => {
    expect(read(record('one') + record('two', { stream: 'stderr' }))).toBe('one\ntwo\n')
  })

  it('has empty lines, spaces and other alphabets as they were', () => {
    expect(read(record('') + record('  a  b ') + record('grüße 🦅'))).toBe('\n  a  b \ngrüße 🦅\n')
  })

  it('joins the parts of a long line', () => {
    expect(read(record('long ', { tags: 'P' }) + record('line'))).toBe('long line\n')
  })

  it('takes the first tag alone for whether a line is whole', () => {
    expect(read(record('a', { tags: 'P:x' }) + record('b', { tags: 'F:P' }))).toBe('ab\n')
  })

  it('ends without an end of line where the last record is cut off', () => {
    expect(read(`${record('one')}${TIME} stdout F tw`)).toBe('one\ntw')
  })

  it.each([
    ['an empty line', '\n'],
    ['another format', '{"log":"x","stream":"stdout","time":"now"}\n'],
    ['no time', 'yesterday stdout F x\n'],
    ['another stream', `${TIME} stdin F x\n`],
    ['no text', `${TIME} stdout F\n`],
    ['a record whose head ends with the line', `${TIME} stdout\nF x\n`],
    ['bytes without an end', 'x'.repeat(3 << 20)],
  ])('passes over what is no record: %s', (_, garbage) => {
    expect(read(`${record('before')}${garbage}\n${record('after')}`)).toBe('before\nafter\n')
  })

  it('is the same whatever blocks the file is read in', () => {
    const parts = fc.record({
      text: fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\r\n]/g, '·')),
      stream: fc.constantFrom('stdout', 'stderr'),
      tags: fc.constantFrom('F', 'P'),
    })
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 20 }),
        fc.integer({ min: 1, max: 90 }),
        (records, blockBytes) => {
          const file = records.map(({ text, ...rest }) => record(text, rest)).join('')
          const selection = { timestamps: true }
          expect(read(file, selection, blockBytes)).toBe(read(file, selection))
        },
      ),
    )
  })
})

describe('of what a container printed', () => {
  it('one stream is told from the other, with partial lines among each other', () => {
    const file =
      record('o1 ', { tags: 'P' }) +
      record('e1 ', { tags: 'P', stream: 'stderr' }) +
      record('o2') +
      record('e2', { stream: 'stderr' })
    expect(read(file, { stream: 'stdout' })).toBe('o1 o2\n')
    expect(read(file, { stream: 'stderr' })).toBe('e1 e2\n')
  })

  it('what is older than a time is left out', () => {
    const at = (second: string) => record(second, { time: `2026-11-22T10:00:${second}Z` })
    const since = Date.parse('2026-11-22T10:00:02Z')
    expect(read(at('01.999999999') + at('02') + at('02.5') + at('03'), { sinceMs: since })).toBe(
      '02\n02.5\n03\n',
    )
  })

  it('times have nine digits, and stand in front of lines rather than of their parts', () => {
    const file =
      record('a', { time: '2026-11-22T10:00:00Z' }) +
      record('b', { time: '2026-11-22T10:00:00.5+02:00', tags: 'P' }) +
      record('c')
    const times = ['2026-11-22T10:00:00.000000000Z', '2026-11-22T10:00:00.500000000+02:00']
    expect(read(file, { timestamps: true })).toBe(`${times[0]} a\n${times[1]} bc\n`)
  })

  it.each([
    [3, 'one'],
    [4, 'one\n'],
    [5, 'one\nt'],
    [100, 'one\ntwo\n'],
  ])('as many as %d bytes are given', (limitBytes, expected) => {
    expect(read(record('one') + record('two'), { limitBytes })).toBe(expected)
  })

  it('times count as bytes', () => {
    expect(read(record('one'), { limitBytes: 33, timestamps: true })).toBe(`${TIME} on`)
  })

  it('nothing more is asked for once it is enough', () => {
    const lines = new LogLines({ ...ALL, limitBytes: 3 })
    lines.take(Buffer.from(record('on')))
    expect(lines.full).toBe(true)
  })
})
