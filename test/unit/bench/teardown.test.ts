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

  it('leaves no signal handler behind', async () => {
    const before = process.listenerCount('SIGTERM')
    await withTeardown(async () => {})
    expect(process.listenerCount('SIGTERM')).toBe(before)
  })
})
