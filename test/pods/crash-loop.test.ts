import { expect, test } from 'vitest'
import type { Pod } from '../../src/model/pod.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

const clock = new SkippingClock()
const used = usePodMachine(clock)

const crashLooping = async (pod: Pod, restarts: number) => {
  const status = await used.node.waitFor(
    pod,
    ({ reason, containers }) => reason === 'CrashLoopBackOff' && containers[0]?.restartCount === restarts,
  )
  return status.message
}

test('a crashing container restarts at once, then after 10 s, then after 20 s', async () => {
  const pod = buildPod('crashing', { containers: [script('main', 'exit 1')] })
  used.node.set(pod)
  expect(await crashLooping(pod, 1)).toMatch(
    /^back-off 10s restarting failed container=main pod=\S+: the last run ended with exit code 1 \(Error\)$/,
  )
  clock.skip(10_000)
  expect(await crashLooping(pod, 2)).toContain('back-off 20s')
  clock.skip(20_000)
  expect(await crashLooping(pod, 3)).toContain('back-off 40s')
})

test('a container that cannot even start is told apart and backs off too', async () => {
  const pod = buildPod('no-such-program', {
    containers: [{ ...script('main', ''), command: ['/no/such/program'] }],
  })
  used.node.set(pod)
  const { message } = await used.node.waitFor(pod, ({ reason }) => reason === 'CrashLoopBackOff')
  expect(message).toContain('exit code 128 (StartError)')
})
