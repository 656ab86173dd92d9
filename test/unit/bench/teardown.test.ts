import { describe, expect, it } from 'vitest'
import { withTeardown } from '../../../bench/teardown.ts'

describe('teardown', () => {
  it('undoes what was made in reverse order, also after a failure', async () => {
    const undone: string[] = []
    const run = withTeardown(async (teardown) => {
      teardown.add(() => void undone.push('first'))
      teardown.add(async () => void undone.push('second'))
      throw new Error('the run failed')
    })
    await expect(run).rejects.toThrow('the run failed')
    expect(undone).toEqual(['second', 'first'])
  })

  it('undoes early what is asked for, and then not again', async () => {
    const undone: string[] = []
    await withTeardown(async (teardown) => {
      const undoEarly = teardown.add(() => void undone.push('early'))
      teardown.add(() => void undone.push('late'))
      await undoEarly()
      expect(undone).toEqual(['early'])
    })
    expect(undone).toEqual(['early', 'late'])
  })

  it('goes on undoing after one of them has failed', async () => {
    const undone: string[] = []
    await withTeardown(async (teardown) => {
      teardown.add(() => void undone.push('first'))
      teardown.add(() => Promise.reject(new Error('already gone')))
    })
    expect(undone).toEqual(['first'])
  })

  it('undoes at once what is made after the end, and lets nothing more be made', async () => {
    const undone: string[] = []
    const ended = await withTeardown(async (teardown) => teardown)
    expect(() => ended.add(() => void undone.push('late'))).toThrow(
      expect.objectContaining({ code: 'BENCH_INTERRUPTED' }),
    )
    expect(undone).toEqual(['late'])
  })

  it('leaves no signal handler behind', async () => {
    const before = process.listenerCount('SIGTERM')
    await withTeardown(async () => {})
    expect(process.listenerCount('SIGTERM')).toBe(before)
  })
})
