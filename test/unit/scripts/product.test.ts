import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { ensure } from '../../../scripts/build/product.mjs'

let checkout: string
const write = (path: string, text: string) => {
  mkdirSync(join(checkout, path, '..'), { recursive: true })
  writeFileSync(join(checkout, path), text)
}

/** Makes `out` as a copy of `in/a`; counts how often. */
const make = vi.fn(async () => write('out', readFileSync(join(checkout, 'in/a'), 'utf8')))
const build = () =>
  ensure({ name: 'copy', title: 'copying', inputs: ['in', 'absent'], outputs: ['out'], make }, checkout)

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'hawser-product-'))
  onTestFinished(() => rmSync(checkout, { recursive: true, force: true }))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  make.mockClear()
  write('in/a', 'first')
})

it('is made once, whatever the age of its inputs', async () => {
  await build()
  utimesSync(join(checkout, 'in/a'), 1, 1)
  await build()

  expect(make).toHaveBeenCalledTimes(1)
})

it.each([
  ['an input changes', () => write('in/a', 'other')],
  ['an input comes', () => write('in/b', '')],
  ['an input that was absent appears', () => write('absent', '')],
  ['an input goes', () => rmSync(join(checkout, 'in/old'))],
  ['an input is renamed', () => renameSync(join(checkout, 'in/old'), join(checkout, 'in/new'))],
  ['its output is gone', () => rmSync(join(checkout, 'out'))],
])('is made again when %s', async (_title, change) => {
  write('in/old', 'old')
  await build()
  change()
  await build()
  await build()

  expect(make).toHaveBeenCalledTimes(2)
})

it('is made again after a build that failed half way, even when its inputs return to what they were', async () => {
  await build()
  write('in/a', 'broken')
  make.mockRejectedValueOnce(new Error('broken'))
  await expect(build()).rejects.toThrow('broken')
  write('in/a', 'first')
  await build()

  expect(make).toHaveBeenCalledTimes(3)
})

it('that was not made is an error, not a success', async () => {
  make.mockResolvedValueOnce(undefined)

  await expect(build()).rejects.toMatchObject({ code: 'HAWSER_BUILD_INCOMPLETE' })
})
