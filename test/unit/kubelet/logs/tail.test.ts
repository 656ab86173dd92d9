import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findTail } from '../../../../src/kubelet/logs/tail.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const record = (text: string, tags = 'F'): string => `2026-11-22T10:00:00.123456789Z stdout ${tags} ${text}\n`

/** What is left of a log from where its last lines begin. */
async function tail(content: string, lines: number): Promise<string> {
  const path = join(folder, 'log')
  await writeFile(path, content)
  const file = await open(path)
  try {
    const bytes = Buffer.from(content)
    return bytes.subarray(await findTail(file, bytes.length, lines)).toString()
  } finally {
    await file.close()
  }
}

const three = record('one') + record('two') + record('three')

it.each([
  [0, ''],
  [1, record('three')],
  [2, record('two') + record('three')],
  [3, three],
  [9, three],
])('%d lines of three', async (lines, expected) => {
  expect(await tail(three, lines)).toBe(expected)
})

it('a line that came in parts counts once', async () => {
  const long = record('a', 'P') + record('b', 'P') + record('c')
  expect(await tail(record('before') + long, 1)).toBe(long)
})

it('a line that is still being written counts as none', async () => {
  const begun = `${record('begun', 'P')}2026-11-22T10:00:00Z stdou`
  expect(await tail(three + begun, 1)).toBe(record('three') + begun)
})

it('what is no record counts as none', async () => {
  const log = `${record('one')}garbage\n${record('two')}`
  expect(await tail(log, 1)).toBe(`garbage\n${record('two')}`)
  expect(await tail(log, 2)).toBe(log)
})

it('is empty of an empty log, and all of one without an end of line', async () => {
  expect(await tail('', 3)).toBe('')
  expect(await tail('garbage', 3)).toBe('garbage')
})

it('is where counting from the beginning finds it, wherever blocks meet', async () => {
  const records = fc.array(
    fc.record({ length: fc.nat({ max: 40_000 }), tags: fc.constantFrom('F', 'F', 'P') }),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(records, fc.integer({ min: 1, max: 6 }), async (list, lines) => {
      const written = list.map(({ length, tags }) => record('x'.repeat(length), tags))
      // Where each line begins: behind a record that ends one.
      const starts = list.flatMap((_, index) => (index === 0 || list[index - 1]?.tags === 'F' ? [index] : []))
      const whole = list.at(-1)?.tags === 'P' ? lines + 1 : lines
      expect(await tail(written.join(''), lines)).toBe(written.slice(starts.at(-whole) ?? 0).join(''))
    }),
    { numRuns: 60 },
  )
})

it('costs the same of a log of any size', async () => {
  const path = join(folder, 'large')
  await writeFile(path, '')
  const file = await open(path, 'r+')
  try {
    // A GiB, of which the disk has the end alone.
    const size = 2 ** 30
    const end = Buffer.from(record('x'.repeat(90)).repeat(2_000))
    await file.write(end, 0, end.length, size - end.length)
    let readBytes = 0
    const counting: Pick<FileHandle, 'read'> = {
      read: async (...args: Parameters<FileHandle['read']>) => {
        const result = await file.read(...args)
        readBytes += result.bytesRead
        return result
      },
    } as Pick<FileHandle, 'read'>
    const line = end.length / 2_000
    expect(await findTail(counting, size, 1_000)).toBe(size - 1_000 * line)
    expect(readBytes).toBeLessThan(1_000 * line + 2 * 65_536)
  } finally {
    await file.close()
  }
})
