import { availableParallelism } from 'node:os'
import { afterEach, expect, it, vi } from 'vitest'
import { say } from '../../../scripts/test/output.mjs'
import { runTiers } from '../../../scripts/test/run-tiers.mjs'
import { failing, onePassed } from '../../../scripts/test/tally.mjs'

afterEach(() => {
  vi.restoreAllMocks()
})

const tier = (name: string, run: () => Promise<typeof onePassed>, aside: readonly string[] = []) => ({
  ...{ name, title: name, needs: [], aside, run },
})

it.runIf(availableParallelism() > 1)(
  'a tier runs aside of an earlier one, and is shown in its own turn',
  async () => {
    let shown = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      shown += text
      return true
    })
    let begun = (): void => {}
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve
    })
    const waiting = tier('waiting', async () => {
      await hasBegun
      say('it has begun\n')
      return onePassed
    })
    const aside = tier('aside', async () => {
      say('begun\n')
      begun()
      return failing('a test', 'what it says')
    }, ['waiting'])

    const tally = await runTiers([waiting, aside], { vitest: [] })

    expect(tally).toMatchObject({ passed: 1, failed: 1, skipped: 0 })
    const lines = shown.split('\n').filter((line) => /^(it has )?begun|^━━|^✗/.test(line))
    expect(lines).toEqual([
      '━━ waiting: waiting',
      'it has begun',
      '━━ aside: aside',
      'begun',
      '━━ all tiers',
      '━━ what failed',
      '✗ a test',
    ])
  },
)
