import { expect, test } from 'vitest'
import { Teardown } from '../../../src/cli/process/teardown.ts'

const never = () => new Promise<void>(() => {})

test('undoes in reverse order, and says each step before it is done', async () => {
  const teardown = new Teardown()
  const seen: string[] = []
  for (const what of ['a', 'b', 'c'])
    teardown.add(what, async () => {
      seen.push(`${what} undone`)
    })
  expect(await teardown.run((what) => seen.push(what))).toEqual([])
  expect(seen).toEqual(['c', 'c undone', 'b', 'b undone', 'a', 'a undone'])
  expect(teardown.remaining).toEqual([])
})

test('a step that fails or hangs is reported, and the others are done all the same', async () => {
  const teardown = new Teardown()
  let undone = false
  teardown.add('first', async () => {
    undone = true
  })
  teardown.add('hanging', never, 10)
  teardown.add('failing', () => Promise.reject(new Error('busy')))
  expect(await teardown.run(() => {})).toEqual([
    { what: 'failing', reason: 'busy' },
    { what: 'hanging', reason: 'not done after 0.01 s' },
  ])
  expect(undone).toBe(true)
})

test('what remains includes the step under way', () => {
  const teardown = new Teardown()
  teardown.add('the rules', async () => {})
  teardown.add('the pods', never)
  void teardown.run(() => {})
  expect(teardown.remaining).toEqual(['the pods', 'the rules'])
})

test('a second run is the first', async () => {
  const teardown = new Teardown()
  let times = 0
  teardown.add('it', async () => {
    times++
  })
  await Promise.all([teardown.run(() => {}), teardown.run(() => {})])
  expect(times).toBe(1)
})
