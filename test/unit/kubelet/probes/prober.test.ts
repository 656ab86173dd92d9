import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { Answer } from '../../../../src/kubelet/probes/answer.ts'
import { ProbeMetrics } from '../../../../src/kubelet/probes/metrics.ts'
import { Prober } from '../../../../src/kubelet/probes/prober.ts'
import type { ProbeTarget } from '../../../../src/kubelet/probes/targets.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import { buildProbe } from '../../../support/probes.ts'

const POD = { name: objectName('default', 'web'), uid: 'uid-web' }
const START = 1_000_000

const target = (changes: Partial<ProbeTarget> = {}): ProbeTarget => ({
  containerId: 'main-0',
  container: 'main',
  kind: 'readiness',
  probe: buildProbe(),
  address: '10.1.0.2',
  startedAt: START,
  passed: undefined,
  ...changes,
})

/** A clock that goes from alarm to alarm. */
class StepClock implements Clock {
  #now = START
  #alarms: { readonly time: number; readonly ring: () => void }[] = []

  now(): number {
    return this.#now
  }

  at(time: number, ring: () => void): () => void {
    const alarm = { time, ring }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((it) => it !== alarm)
    }
  }

  /** Rings the next alarm; ms since the start at which it did, undefined when there is none. */
  async next(): Promise<number | undefined> {
    const [first] = this.#alarms.sort((a, b) => a.time - b.time)
    if (first === undefined) return undefined
    this.#alarms.shift()
    this.#now = Math.max(this.#now, first.time)
    first.ring()
    // The answer is there after a few turns of the microtask queue.
    await new Promise((resolve) => setImmediate(resolve))
    return this.#now - START
  }
}

/** A prober whose every question is answered from the list, in order; the last answer holds on. */
function probing(...answers: readonly boolean[]) {
  const clock = new StepClock()
  const registry = new Registry()
  const verdicts: string[] = []
  const failures: string[] = []
  let asked = 0
  const prober = new Prober({
    ask: async (): Promise<Answer> => {
      const passed = answers[Math.min(asked++, answers.length - 1)] === true
      return { passed, message: passed ? 'fine' : 'broken' }
    },
    clock,
    metrics: new ProbeMetrics(registry),
  })
  const follow = (...targets: readonly ProbeTarget[]) =>
    prober.follow(POD, targets, {
      onVerdict: (id, kind, { passed, message }) =>
        verdicts.push(`${id} ${kind} ${passed ? 'passes' : `fails: ${message}`}`),
      onFailure: (container, kind, message) => failures.push(`${container} ${kind}: ${message}`),
    })
  return { clock, prober, registry, verdicts, failures, follow, asked: () => asked }
}

test('every answer that is no good is heard of, whatever they amount to', async () => {
  const { clock, follow, failures, verdicts } = probing(false, true, false)
  follow(target({ probe: buildProbe({ failureThreshold: 3 }) }))
  for (let times = 0; times < 3; times++) await clock.next()
  expect(failures).toEqual(['main readiness: broken', 'main readiness: broken'])
  expect(verdicts).toEqual(['main-0 readiness passes'])
})

test('a question is asked after its delay, then every period', async () => {
  const { clock, follow } = probing(true)
  follow(target({ probe: buildProbe({ initialDelaySeconds: 5, periodSeconds: 2 }) }))
  expect([await clock.next(), await clock.next(), await clock.next()]).toEqual([5_000, 7_000, 9_000])
})

test.each([
  { when: 'one good answer is enough', answers: [true], rounds: 1, says: ['main-0 readiness passes'] },
  {
    when: 'two bad ones are not',
    answers: [true, false, false],
    rounds: 3,
    says: ['main-0 readiness passes'],
  },
  {
    when: 'three in a row are',
    answers: [true, false, false, false],
    rounds: 6,
    says: ['main-0 readiness passes', 'main-0 readiness fails: broken'],
  },
  {
    when: 'a good one in between begins the count anew',
    answers: [true, false, false, true, false, false, true],
    rounds: 7,
    says: ['main-0 readiness passes'],
  },
])('with the default thresholds $when', async ({ answers, rounds, says }) => {
  const { clock, follow, verdicts } = probing(...answers)
  follow(target())
  for (let i = 0; i < rounds; i++) await clock.next()
  expect(verdicts).toEqual(says)
})

test('as many good answers as the threshold says are needed', async () => {
  const { clock, follow, verdicts } = probing(true)
  follow(target({ probe: buildProbe({ successThreshold: 3 }) }))
  await clock.next()
  await clock.next()
  expect(verdicts).toEqual([])
  await clock.next()
  expect(verdicts).toEqual(['main-0 readiness passes'])
})

test('what holds already is not said again', async () => {
  const { clock, follow, verdicts } = probing(true)
  follow(target({ passed: true }))
  await clock.next()
  await clock.next()
  expect(verdicts).toEqual([])
})

test('following the same targets again disturbs nothing, leaving one out ends it', async () => {
  const { clock, follow, asked } = probing(true)
  const [liveness, readiness] = [target({ kind: 'liveness' }), target()]
  follow(liveness, readiness)
  await clock.next()
  follow(liveness, readiness)
  await clock.next()
  expect(asked()).toBe(2)
  follow(liveness)
  expect([await clock.next(), await clock.next()]).toEqual([10_000, 20_000])
  expect(asked()).toBe(4)
})

test('a pod that is forgotten is asked nothing more, and its metrics go', async () => {
  const { clock, follow, prober, registry, verdicts } = probing(true)
  follow(target())
  await clock.next()
  expect(await registry.metrics()).toContain(
    'prober_probe_total{probe_type="Readiness",result="successful",container="main",pod="web",namespace="default",pod_uid="uid-web"} 1',
  )
  prober.forget(POD)
  expect(await clock.next()).toBeUndefined()
  expect(await registry.metrics()).not.toContain('uid-web')
  expect(verdicts).toEqual(['main-0 readiness passes'])
})
