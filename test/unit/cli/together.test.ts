import { expect, it, vi } from 'vitest'
import { together } from '../../../src/cli/process/together.ts'

it('gives the results of both parts', async () => {
  const callOff = vi.fn()
  expect(await together([Promise.resolve(1), Promise.resolve('a')], callOff)).toEqual([1, 'a'])
  expect(callOff).not.toHaveBeenCalled()
})

it('fails as the first part does, once the other has come to its end', async () => {
  const calledOff = new AbortController()
  const steps: string[] = []
  const waiting = new Promise<void>((_, reject) => {
    calledOff.signal.addEventListener('abort', () =>
      setImmediate(() => {
        steps.push('the other ended')
        reject(new Error('called off'))
      }),
    )
  })
  const failing = Promise.reject(new Error('the name is taken'))
  await expect(together([waiting, failing], () => calledOff.abort())).rejects.toThrow('the name is taken')
  expect(steps).toEqual(['the other ended'])
})
