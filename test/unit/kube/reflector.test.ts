import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { Following } from './following.ts'
import { type Fault, ScriptedApi } from './scripted-api.ts'

let api: ScriptedApi
let following: Following | undefined
beforeEach(async () => {
  api = await ScriptedApi.start()
  for (let i = 0; i < 10; i++) api.set(`t${i}`, i)
})
afterEach(async () => {
  await following?.close()
  following = undefined
  await api.close()
})

const watched = () => eventually(() => (api.watchers === 1 ? true : undefined))

describe('a reflector', () => {
  it('is told everything in one stream, and hands it over at once', async () => {
    following = new Following(api)
    await following.whenEqual()
    expect(following.batches).toEqual([10])
    expect(api.requests).toEqual(['stream'])
  })

  it('lists in pages and watches from there where lists are not streamed', async () => {
    api.streamsLists = false
    following = new Following(api)
    await following.whenEqual()
    await watched()
    expect(following.batches).toEqual([10])
    expect(api.requests).toEqual(['stream', 'list', 'continue', 'continue', 'continue', 'watch 11'])
  })

  it('follows additions, changes and deletions', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.set('t1', 100)
    api.set('new', 1)
    api.delete('t2')
    await following.whenEqual()
    expect(api.requests).toEqual(['stream'])
  })

  it('hands over an empty collection too', async () => {
    for (let i = 0; i < 10; i++) api.delete(`t${i}`)
    following = new Following(api)
    await following.whenEqual()
    expect(following.batches).toEqual([0])
  })

  it('goes on from the last change, or the last bookmark, when the connection breaks', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.set('t1', 100)
    await following.whenEqual()
    api.disconnect()
    await eventually(() => api.requests.includes('watch 12') || undefined)
    await watched()
    api.delete('unknown')
    api.bookmark()
    api.set('t1', 101)
    await following.whenEqual()
    expect(api.requests).toEqual(['stream', 'watch 12'])
  })

  it('says nothing of what it knows when it has to begin anew, and finds out what vanished', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.fail({ kind: 'status', code: 503 })
    api.disconnect()
    api.delete('t3')
    api.set('t4', 400)
    api.compact()
    await following.whenEqual()
    expect(following.batches).toEqual([10, 2])
  })

  it.each<readonly [string, Fault]>([
    ['breaks in the middle of an event', { kind: 'cut' }],
    ['sends garbage', { kind: 'garbage' }],
    ['ends before the event', { kind: 'end' }],
    ['sends an event in single bytes', { kind: 'dribble' }],
    ['forgets the place', { kind: 'expire' }],
  ])('loses nothing when a watch %s', async (_, fault) => {
    following = new Following(api)
    await following.whenEqual()
    api.fail(fault)
    api.set('t1', 100)
    await following.whenEqual()
    expect(api.faultsLeft).toBe(0)
    expect(following.batches).toEqual([10, 1])
  })

  it.each<readonly [string, readonly Fault[]]>([
    ['is cut again and again', [{ kind: 'cut' }, { kind: 'cut' }, { kind: 'cut' }]],
    ['is garbage at first', [{ kind: 'garbage' }, { kind: 'garbage' }]],
    ['ends early', [{ kind: 'end' }]],
    ['is refused', [403, 500, 503].map((code) => ({ kind: 'status', code }))],
  ])('hands over nothing before it has everything when the first list %s', async (_, faults) => {
    api.fail(...faults)
    following = new Following(api)
    await following.whenEqual()
    expect(following.batches).toEqual([10])
  })

  it('takes a silent watch for dead, and begins it again', async () => {
    following = new Following(api, 150)
    await following.whenEqual()
    api.fail({ kind: 'silence' })
    await eventually(
      () => api.requests.filter((request) => request.startsWith('watch')).length >= 3 || undefined,
    )
    api.set('t1', 100)
    await following.whenEqual()
    expect(api.requests.filter((request) => request === 'stream')).toHaveLength(1)
  })

  it('doubts its place when the server has refused it twice', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.fail({ kind: 'status', code: 400 }, { kind: 'status', code: 400 })
    api.disconnect()
    await eventually(() =>
      api.requests.filter((request) => request === 'stream').length === 2 ? true : undefined,
    )
    await following.whenEqual()
  })

  it('says why it is behind, and stops saying so', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.fail(...Array.from({ length: 6 }, (): Fault => ({ kind: 'status', code: 403 })))
    api.disconnect()
    const problem = await eventually(() => {
      const problem = following?.reflector.problem
      return problem?.code === 'REFUSED' ? problem : undefined
    })
    expect(problem.message).toContain('answered 403 Scripted: as the test wants it')
    await eventually(() => (following?.reflector.problem === undefined ? true : undefined))
    expect(following.batches).toEqual([10])
  })

  it('comes again when the server asked for, and not before', async () => {
    following = new Following(api)
    await following.whenEqual()
    api.fail({ kind: 'status', code: 429, retryAfter: 1 })
    const asked = performance.now()
    api.disconnect()
    await eventually(() => (api.requests.length === 3 ? true : undefined))
    expect(performance.now() - asked).toBeGreaterThan(990)
  })
})
