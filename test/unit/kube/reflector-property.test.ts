import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Following } from './following.ts'
import { type Fault, ScriptedApi } from './scripted-api.ts'

type Step =
  | { readonly kind: 'set'; readonly name: string; readonly value: number }
  | { readonly kind: 'delete'; readonly name: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'disconnect' | 'compact' | 'bookmark' | 'equal' | 'turn' }

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const fault = fc.constantFrom<Fault>(
  { kind: 'cut' },
  { kind: 'garbage' },
  { kind: 'end' },
  { kind: 'dribble' },
  { kind: 'expire' },
  { kind: 'status', code: 429, retryAfter: 0 },
  { kind: 'status', code: 500 },
  { kind: 'status', code: 410 },
  { kind: 'status', code: 401 },
)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), name, value: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), name }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fault' as const), fault }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('disconnect' as const, 'compact' as const, 'bookmark' as const, 'turn' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('equal' as const) }) },
)

async function take(step: Step, api: ScriptedApi, following: Following): Promise<unknown> {
  switch (step.kind) {
    case 'set':
      return api.set(step.name, step.value)
    case 'delete':
      return api.delete(step.name)
    case 'fault':
      return api.fail(step.fault)
    case 'equal':
      return following.whenEqual()
    case 'turn':
      return new Promise((resolve) => setImmediate(resolve))
    default:
      return api[step.kind]()
  }
}

it('whatever the server does, in the end a reflector knows its objects', { timeout: 60_000 }, async () => {
  const script = fc.record({ streams: fc.boolean(), steps: fc.array(step, { maxLength: 40 }) })
  const property = fc.asyncProperty(script, async ({ streams, steps }) => {
    const api = await ScriptedApi.start()
    api.streamsLists = streams
    for (const name of ['a', 'b', 'c', 'd', 'e']) api.set(name, 0)
    const following = new Following(api)
    try {
      for (const each of steps) await take(each, api, following)
      await following.whenEqual()
      expect(following.reflector.synced).toBe(true)
    } finally {
      await following.close()
      await api.close()
    }
  })
  await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: 30_000 })
})
