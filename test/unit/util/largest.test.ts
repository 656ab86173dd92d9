import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Largest } from '../../../src/util/largest.ts'

it('keeps what sorting and cutting would, in that order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 50 })),
      fc.integer({ min: 0, max: 12 }),
      (numbers, limit) => {
        const largest = new Largest<number>(limit)
        for (const number of numbers) largest.offer(number, () => number)
        expect(largest.items()).toEqual([...numbers].sort((a, b) => b - a).slice(0, limit))
      },
    ),
  )
})

it('of equal ones keeps those that came first', () => {
  const largest = new Largest<string>(2)
  for (const name of ['first', 'second', 'third', 'fourth', 'fifth']) largest.offer(1, () => name)
  expect(largest.items()).toEqual(['first', 'second'])
})

it('makes an item only when it is among the largest so far', () => {
  const largest = new Largest<number>(1)
  let made = 0
  for (let number = 100; number > 0; number--) largest.offer(number, () => ++made)
  expect(made).toBeLessThan(4)
})
