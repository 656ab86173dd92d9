import { expect, test } from 'vitest'
import { NO_PROBES } from '../../src/model/probe.ts'
import { buildContainer, buildPod } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { buildProbe, execProbe } from '../support/probes.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

const clock = new SkippingClock()
const used = usePodMachine(clock)

const healthy = buildProbe({ action: execProbe('cat', '/tmp/healthy'), periodSeconds: 1, timeoutSeconds: 10 })

test('a pod is ready once its readiness probe passes, and no longer when it fails', async () => {
  const pod = buildPod('ready-later', {
    containers: [buildContainer({ name: 'main', probes: { ...NO_PROBES, readiness: healthy } })],
  })
  used.node.set(pod)
  const { ready } = await used.node.waitFor(pod, ({ message }) =>
    message.startsWith('readiness probe of main fails'),
  )
  expect(ready).toBe(false)
  const touch = (...command: readonly string[]) =>
    used.node.kubelet.execSync(pod.name, 'main', command, 10_000)
  await touch('touch', '/tmp/healthy')
  await used.node.waitFor(pod, (status) => status.ready)
  await touch('sh', '-c', 'echo > /tmp/x; mv /tmp/healthy /tmp/gone')
  await used.node.waitFor(pod, (status) => !status.ready)
})

test('a container whose liveness probe fails is started anew', async () => {
  const liveness = { ...healthy, failureThreshold: 1 }
  const pod = buildPod('dead', {
    containers: [buildContainer({ name: 'main', probes: { ...NO_PROBES, liveness } })],
  })
  used.node.set(pod)
  const { containers } = await used.node.waitFor(pod, ({ containers }) => containers[0]?.restartCount === 1)
  expect(containers[0]?.state.kind).not.toBe('terminated')
})

test('a startup probe holds the others back until it passes', async () => {
  const pod = buildPod('slow', {
    containers: [
      buildContainer({
        name: 'main',
        probes: {
          startup: { ...healthy, failureThreshold: 1000 },
          liveness: { ...healthy, failureThreshold: 1 },
          readiness: undefined,
        },
      }),
    ],
  })
  used.node.set(pod)
  const running = await used.node.waitFor(pod, ({ containers }) => containers[0]?.state.kind === 'running')
  expect(running.containers[0]).toMatchObject({ ready: false, started: false, restartCount: 0 })
  await used.node.kubelet.execSync(pod.name, 'main', ['touch', '/tmp/healthy'], 10_000)
  const started = await used.node.waitFor(pod, (status) => status.ready)
  expect(started.containers[0]).toMatchObject({ started: true, restartCount: 0 })
})
