import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { type Misfortune, SimulatedPod } from '../../support/simulated-pod.ts'

const pod = buildPod('web', {
  initContainers: [
    buildContainer({ name: 'init-1' }),
    buildContainer({ name: 'proxy', sidecar: true }),
    buildContainer({ name: 'init-2' }),
  ],
  containers: [buildContainer({ name: 'main' }), buildContainer({ name: 'side' })],
})

/** Far more than any of the lives below takes. */
const ENOUGH_STEPS = 500

const misfortunes = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('proceed' as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Misfortune>(
        'exit',
        'fail',
        'sandboxDies',
        'hawserRestarts',
        'stepFails',
        'halfStep',
        'wait',
      ),
    },
  ),
  { maxLength: 40 },
)

function live(events: readonly (Misfortune | 'proceed')[]): SimulatedPod {
  const simulated = new SimulatedPod(pod)
  for (const event of events) {
    if (event === 'proceed') simulated.proceed()
    else simulated.suffer(event)
  }
  return simulated
}

function settle(simulated: SimulatedPod): void {
  for (let i = 0; i < ENOUGH_STEPS; i++) if (!simulated.proceed()) return
  throw new Error('it never comes to rest')
}

test('whatever happened, a pod comes to run with every container once', () => {
  fc.assert(
    fc.property(misfortunes, (events) => {
      const simulated = live(events)
      settle(simulated)
      expect([...simulated.running].sort()).toEqual(['main', 'proxy', 'side'])
    }),
    { numRuns: 500 },
  )
})

test('whatever happened, a pod that is to end leaves nothing', () => {
  fc.assert(
    fc.property(misfortunes, (events) => {
      const simulated = live(events)
      simulated.terminate()
      settle(simulated)
      expect(simulated.state.removed).toBe(true)
      expect(simulated.running).toEqual([])
    }),
    { numRuns: 500 },
  )
})
