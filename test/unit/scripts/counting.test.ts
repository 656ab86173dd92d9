import { describe, expect, it } from 'vitest'
import { readCommandLine } from '../../../scripts/test/command-line.mjs'
import { countDoctest } from '../../../scripts/test/doctest-summary.mjs'
import { failing, formatFailures, formatTally, sum } from '../../../scripts/test/tally.mjs'
import { countReport } from '../../../scripts/test/vitest-report.mjs'

describe("vitest's report", () => {
  const counts = {
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: [],
  }

  it('counts pending and planned tests as skipped', () => {
    expect(countReport(counts)).toEqual({ passed: 5, failed: 0, skipped: 2 })
  })

  it('counts a file that could not be loaded as one failure, and a file with failed tests not twice', () => {
    const testResults = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ]

    expect(countReport({ ...counts, numFailedTests: 1, testResults })).toMatchObject({ failed: 2 })
  })
})

describe("doctest's summary", () => {
  const summary = (line: string) =>
    `[doctest] test cases: ${line}\n[doctest] assertions: 99 | 99 passed | 0 failed |\n`

  it('counts test cases, not assertions', () => {
    const output = summary(' 12 |  9 passed | 2 failed | 1 skipped')

    expect(countDoctest(output, 1)).toMatchObject({ passed: 9, failed: 2, skipped: 1 })
  })

  it('is a failure where a sanitizer ended the program first', () => {
    expect(countDoctest('==1==ERROR: AddressSanitizer: heap-buffer-overflow', 1)).toMatchObject({ failed: 1 })
  })

  it('is one failure more where the program failed after it, as a leak does', () => {
    expect(countDoctest(summary('2 | 2 passed | 0 failed | 0 skipped'), 1)).toMatchObject({
      passed: 2,
      failed: 1,
    })
  })
})

describe('the command line', () => {
  const known = ['unit', 'netns', 'pods']

  it.each([
    ['nothing names every tier', [], { tiers: known, vitest: [] }],
    ['tiers run in their own order', ['pods', 'unit'], { tiers: ['unit', 'pods'], vitest: [] }],
    [
      'what follows -- is for vitest',
      ['unit', '--', '-t', 'x y'],
      { tiers: ['unit'], vitest: ['-t', 'x y'] },
    ],
  ])('%s', (_title, args, expected) => {
    expect(readCommandLine(args, known)).toEqual(expected)
  })

  it('with an unknown tier is an error that names those there are', () => {
    expect(() => readCommandLine(['untit'], known)).toThrow(
      expect.objectContaining({
        code: 'HAWSER_UNKNOWN_TIER',
        remedy: expect.stringContaining('unit, netns, pods'),
      }),
    )
  })
})

it('the last line adds up all tiers', () => {
  const tallies = [
    { passed: 1, failed: 2, skipped: 3 },
    { passed: 10, failed: 20, skipped: 30 },
  ]

  expect(formatTally(sum(tallies))).toBe('11 passed, 22 failed, 33 skipped')
})

it('what failed is told again at the end, each by its name and its first lines', () => {
  const pages = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`).join('\n')
  const all = sum([failing('one.test.ts > works', 'expected 1 to be 2'), failing('two.test.ts', pages)])
  const lines = formatFailures(all)

  expect(all.failed).toBe(2)
  expect(lines.slice(0, 4)).toEqual([
    '✗ one.test.ts > works',
    '    expected 1 to be 2',
    '✗ two.test.ts',
    '    line 1',
  ])
  expect(lines.at(-1)).toBe('    … and 5 lines more')
})
