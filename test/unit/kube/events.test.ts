import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KubeRequest } from '../../../src/kube/client.ts'
import { KubeError } from '../../../src/kube/error.ts'
import type { EventReport } from '../../../src/kube/event-series.ts'
import { EventRecorder } from '../../../src/kube/events.ts'
import { silentLogger } from '../../../src/util/logger.ts'

const START = Date.parse('2026-01-02T03:04:05.678Z')

/** An API server's answers, one for each request; undefined is success. */
class Answers {
  readonly requests: KubeRequest[] = []
  readonly #refusals: (number | undefined)[]

  constructor(...refusals: readonly (number | undefined)[]) {
    this.#refusals = [...refusals]
  }

  async json(request: KubeRequest): Promise<unknown> {
    this.requests.push(request)
    const status = this.#refusals.shift()
    if (status !== undefined) throw new KubeError('REFUSED', 'cannot write', 'do something', { status })
    return {}
  }

  get methods(): readonly (string | undefined)[] {
    return this.requests.map(({ method }) => method)
  }

  get bodies(): readonly unknown[] {
    return this.requests.map(({ body }) => body)
  }
}

const said: string[] = []
const log = { ...silentLogger, warn: (_: object, message: string) => said.push(message) }

let recorder: EventRecorder
function recording(client: Answers): EventRecorder {
  recorder = new EventRecorder({ client, component: 'kube-proxy', host: 'node-1', log })
  return recorder
}

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] })
  said.length = 0
})
afterEach(async () => {
  vi.useRealTimers()
  await recorder.close()
})

const report = (name: string, note = 'port 80 is taken'): EventReport => ({
  regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name },
  type: 'Warning',
  reason: 'FailedToStartServiceHealthcheck',
  action: 'Listen',
  note,
})

/** Lets everything happen that is due within so many ms. */
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

describe('an Event', () => {
  it('has what events.k8s.io/v1 asks for', async () => {
    const api = new Answers()
    recording(api).report(report('web'))
    await pass(0)
    expect(api.requests).toMatchObject([
      { method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/shop/events' },
    ])
    expect(api.bodies).toEqual([
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
        eventTime: '2026-01-02T03:04:05.678000Z',
        reportingController: 'kube-proxy',
        reportingInstance: 'kube-proxy-node-1',
        regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' },
        type: 'Warning',
        reason: 'FailedToStartServiceHealthcheck',
        action: 'Listen',
        note: 'port 80 is taken',
      },
    ])
  })

  it('of an object in no namespace lives in default', async () => {
    const api = new Answers()
    const regarding = { apiVersion: 'v1', kind: 'Node', name: 'node-1' }
    recording(api).report({ ...report('x'), regarding })
    await pass(0)
    expect(api.requests[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/default/events')
  })

  it('has a note that the API server takes, whole characters only', async () => {
    const api = new Answers()
    recording(api).report(report('web', 'é'.repeat(2000)))
    await pass(0)
    const [body] = api.bodies
    const note = String((body as { note: string }).note)
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024)
    expect(note).toMatch(/^é+…$/)
  })
})

describe('repeats', () => {
  it('become a series at once, and its count is told once a minute', async () => {
    const api = new Answers()
    recording(api)
    for (let times = 0; times < 2; times++) {
      recorder.report(report('web', `attempt ${times}`))
      await pass(0)
    }
    for (let times = 0; times < 5; times++) recorder.report(report('web'))
    await pass(59_000)
    expect(api.methods).toEqual(['POST', 'PATCH'])
    await pass(2000)
    expect(api.bodies.slice(1)).toEqual([
      { series: { count: 2, lastObservedTime: '2026-01-02T03:04:05.678000Z' } },
      { series: { count: 7, lastObservedTime: '2026-01-02T03:04:05.678000Z' } },
    ])
    expect(api.requests[1]).toMatchObject({
      contentType: 'application/merge-patch+json',
      path: expect.stringMatching(/\/events\/web\.[0-9a-f]{16}$/),
    })
  })

  it('that come long after are an Event of their own', async () => {
    const api = new Answers()
    recording(api).report(report('web'))
    await pass(400_000)
    recorder.report(report('web'))
    await pass(0)
    expect(api.methods).toEqual(['POST', 'POST'])
  })

  it('are told in an Event of another name when the API server has forgotten the first', async () => {
    const api = new Answers(undefined, 404)
    recording(api).report(report('web'))
    await pass(0)
    recorder.report(report('web'))
    await pass(0)
    expect(api.methods).toEqual(['POST', 'PATCH', 'POST'])
    expect(api.bodies[2]).toMatchObject({ series: { count: 2 } })
  })
})

describe('an API server', () => {
  it('that is away is tried again, later each time, until that is enough', async () => {
    const api = new Answers(...Array.from({ length: 12 }, () => 503))
    recording(api).report(report('web'))
    await pass(2500)
    expect(api.requests.length).toBe(2)
    await pass(3_600_000)
    expect([api.requests.length, said]).toEqual([12, ['an Event could not be written']])
  })

  it('that has the Event already, from an answer that was lost, has it', async () => {
    const api = new Answers(503, 409)
    recording(api).report(report('web'))
    await pass(3_600_000)
    expect([api.methods, said]).toEqual([['POST', 'POST'], []])
  })

  it('that forbids Events is asked again when there is news, and said once to do so', async () => {
    const api = new Answers(403, 403, undefined)
    recording(api)
    for (const name of ['one', 'two', 'three']) recorder.report(report(name))
    await pass(0)
    expect(api.requests.length).toBe(1)
    await pass(130_000)
    expect([api.requests.length, said]).toEqual([3, ['an Event could not be written']])
  })

  it('that refuses an Event is not asked for it again', async () => {
    const api = new Answers(422)
    recording(api).report(report('web'))
    await pass(3_600_000)
    expect([api.requests.length, said.length]).toEqual([1, 1])
  })
})

describe('an Event of one part of an object', () => {
  const regarding = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' }
  const ofContainer = (name: string, note: string): EventReport => ({
    ...report('web', note),
    regarding: { ...regarding, fieldPath: `spec.containers{${name}}` },
  })

  it('names it, and is another than that of its neighbour', async () => {
    const api = new Answers()
    recording(api)
    for (const name of ['web', 'log', 'web']) recorder.report(ofContainer(name, 'Container started'))
    await pass(0)
    expect(api.bodies).toMatchObject([
      { regarding: { fieldPath: 'spec.containers{web}' } },
      { series: { count: 2 } },
      { regarding: { fieldPath: 'spec.containers{log}' } },
    ])
  })

  it('is another than one with other words, where words matter', async () => {
    const api = new Answers()
    recorder = new EventRecorder({ client: api, component: 'kubelet', host: 'n', log, notesMatter: true })
    for (const note of ['one', 'other', 'one']) recorder.report(ofContainer('web', note))
    await pass(0)
    expect(api.bodies).toMatchObject([{ note: 'one' }, { series: { count: 2 } }, { note: 'other' }])
  })
})

describe('a flood', () => {
  it('of one object leaves the others heard', async () => {
    const api = new Answers()
    const perObject = { burst: 25, perSecond: 1 / 300 }
    const pace = { burst: 100, perSecond: 50 }
    recorder = new EventRecorder({
      ...{ client: api, component: 'kubelet', host: 'n', log, notesMatter: true },
      ...{ perObject, pace },
    })
    for (let number = 0; number < 60; number++) recorder.report(report('loud', `${number}`))
    recorder.report(report('quiet'))
    await pass(0)
    expect(api.requests.length).toBe(26)
    await pass(600_000)
    for (let number = 0; number < 60; number++) recorder.report(report('loud', `late ${number}`))
    await pass(0)
    expect(api.requests.length).toBe(28)
  })

  it('that lasts pushes out what is told, not what is new', async () => {
    const api = new Answers()
    recorder = new EventRecorder({
      ...{ client: api, component: 'kubelet', host: 'n', log },
      ...{ pace: { burst: 2000, perSecond: 50 } },
    })
    for (let number = 0; number < 3; number++) {
      for (let name = 0; name < 500; name++) recorder.report(report(`web-${number}-${name}`))
      await pass(0)
    }
    expect([api.requests.length, said]).toEqual([1500, []])
  })

  it('is written at the pace of client-go, and what is more than 1,000 things is left out and said once', async () => {
    const api = new Answers()
    recording(api)
    for (let number = 0; number < 1500; number++) recorder.report(report(`web-${number}`))
    await pass(0)
    expect(api.requests.length).toBe(25)
    await pass(10_000)
    expect(api.requests.length).toBeLessThanOrEqual(36)
    await pass(3_600_000)
    expect(api.requests.length).toBe(1000)
    expect(said).toEqual(['too much happens at once: Events are left out'])
  })

  it('ends with the recorder, and nothing is recorded after that', async () => {
    const api = new Answers()
    recording(api)
    for (let number = 0; number < 100; number++) recorder.report(report(`web-${number}`))
    await pass(0)
    const closing = recorder.close()
    await pass(0)
    await closing
    recorder.report(report('late'))
    await pass(100_000)
    expect(api.requests.length).toBe(25)
  })
})
