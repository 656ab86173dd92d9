import { mkdtemp, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRecording, writeRecording } from '../../../bench/programming/recording.ts'

describe('a recording of transactions', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hw-recording-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  it('reads back the same batches in the same order', async () => {
    const file = join(folder, 'batches')
    await writeRecording(file, [Uint8Array.of(1, 2, 3), new Uint8Array(), new Uint8Array(70_000).fill(7)])
    const batches = await readRecording(file)
    expect(batches.map((batch) => batch.length)).toEqual([3, 0, 70_000])
    expect([...(batches[0] ?? [])]).toEqual([1, 2, 3])
  })

  it('refuses a file that was cut off', async () => {
    const file = join(folder, 'batches')
    await writeRecording(file, [new Uint8Array(100)])
    await truncate(file, 50)
    await expect(readRecording(file)).rejects.toThrow(RangeError)
  })
})
