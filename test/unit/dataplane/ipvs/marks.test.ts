import fc from 'fast-check'
import { expect, it } from 'vitest'
import { frontendKey } from '../../../../src/dataplane/desired/frontend.ts'
import { MarkNumbers, markNumber, shortCircuitMark } from '../../../../src/dataplane/ipvs/marks.ts'

const number = fc.integer({ min: 0, max: 2 ** 23 - 1 })
const key = (port: number) => frontendKey(undefined, 'TCP', port)

it('a mark gives its number back and never asks for masquerade', () => {
  fc.assert(
    fc.property(number, (n) => {
      const mark = shortCircuitMark(n)
      expect(markNumber(mark)).toBe(n)
      expect(mark & 0x4000).toBe(0)
    }),
  )
})

it.each([0, 0x4000, 0x48004000, 0x49000000])('mark %i is none of ours', (mark) => {
  expect(markNumber(mark)).toBeUndefined()
})

it('numbers taken over from the kernel are not given to others', () => {
  const numbers = new MarkNumbers()
  numbers.restore(key(1), 7)
  expect(numbers.take(key(2))).toBe(8)
  expect(numbers.take(key(1))).toBe(7)
})
