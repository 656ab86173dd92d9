import { expect, it } from 'vitest'
import { Answers } from '../../../../src/kubelet/server/auth/answers.ts'

/** Whoever is asked counts, and answers with how often; an even answer holds 10 ms, an odd one 100 ms. */
class Asked {
  now = 0
  count = 0
  readonly answers = new Answers<number>(
    3,
    (answer) => (answer % 2 === 0 ? 10 : 100),
    () => this.now,
  )

  get(question: string): Promise<number> {
    return this.answers.get(question, async () => ++this.count)
  }
}

it('an answer holds as long as it says', async () => {
  const asked = new Asked()
  expect(await asked.get('a')).toBe(1)
  asked.now = 99
  expect(await asked.get('a')).toBe(1)
  asked.now = 100
  expect(await asked.get('a')).toBe(2)
  asked.now = 110
  expect(await asked.get('a')).toBe(3)
})

it('questions have answers of their own', async () => {
  const asked = new Asked()
  expect(await asked.get('a')).toBe(1)
  expect(await asked.get('b')).toBe(2)
  expect(await asked.get('a')).toBe(1)
})

it('who asks the same at the same time shares the answer', async () => {
  const asked = new Asked()
  expect(await Promise.all([asked.get('a'), asked.get('a'), asked.get('b')])).toEqual([1, 1, 2])
})

it('what failed is asked again, and fails for all who waited', async () => {
  const answers = new Answers<number>(3, () => 100)
  const fails = () => Promise.reject(new Error('away'))
  const both = await Promise.allSettled([answers.get('a', fails), answers.get('a', fails)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await answers.get('a', async () => 7)).toBe(7)
})

it('what nobody has asked for the longest is forgotten first', async () => {
  const asked = new Asked()
  for (const question of ['a', 'b', 'c', 'a', 'd']) await asked.get(question)
  expect(asked.answers.size).toBe(3)
  const before = asked.count
  await asked.get('a')
  expect(asked.count).toBe(before)
  await asked.get('b')
  expect(asked.count).toBe(before + 1)
})

it('an answer that does not hold is asked for each time', async () => {
  const answers = new Answers<number>(3, () => 0)
  let count = 0
  const ask = async () => ++count
  expect([await answers.get('a', ask), await answers.get('a', ask), answers.size]).toEqual([1, 2, 0])
})
