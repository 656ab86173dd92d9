import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Lifecycle, NO_LIFECYCLE } from '../../src/model/lifecycle.ts'
import type { Pod } from '../../src/model/pod.ts'
import { NO_PROBES } from '../../src/model/probe.ts'
import { eventually } from '../support/eventually.ts'
import { buildContainer, buildPod, mount, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { buildProbe } from '../support/probes.ts'

const used = usePodMachine()

/** A folder of this machine that the containers of a pod write to, in the order of what they do. */
const shared = () => {
  const folder = join(used.machine.stateDir, 'shared')
  return {
    volumes: [
      { name: 'shared', source: { kind: 'hostPath', path: folder, type: 'DirectoryOrCreate' } as const },
    ],
    mounts: { volumeMounts: [mount('shared', '/shared')] },
    /** The lines of a file, once there are so many. */
    lines: (name: string, count: number): Promise<readonly string[]> =>
      eventually(async () => {
        const lines = (await readFile(join(folder, name), 'utf8')).trim().split('\n')
        if (lines.length < count || lines[0] === '') throw new Error(`${name} has ${lines.join(', ')}`)
        return lines
      }),
  }
}
const exec = (text: string) => ({ kind: 'exec', command: ['sh', '-c', text] }) as const
const lifecycle = (changes: Partial<Lifecycle>): { readonly lifecycle: Lifecycle } => ({
  lifecycle: { ...NO_LIFECYCLE, ...changes },
})
const said = (pod: Pod): readonly string[] =>
  used.node.events.filter(({ uid }) => uid === pod.uid).map(({ reason, message }) => `${reason}: ${message}`)
/** Says when it begins and when it is told to end. */
const speaks = (name: string, file: string): string =>
  `echo ${name} begins >> /shared/${file}; trap 'echo ${name} ends >> /shared/${file}; exit 0' TERM; while :; do sleep 1000 & wait; done`

test('what is wanted after a start is done before the next container starts', async () => {
  const { volumes, mounts, lines } = shared()
  const hook = exec('sleep 0.3; echo hook >> /shared/start')
  const pod = buildPod('greets', {
    volumes,
    containers: [
      buildContainer({ name: 'main', ...mounts, ...lifecycle({ postStart: hook }) }),
      script('side', speaks('side', 'start'), mounts),
    ],
  })
  used.node.set(pod)
  await used.node.running(pod)
  expect(await lines('start', 2)).toEqual(['hook', 'side begins'])
})

test('a container whose wish after its start fails is ended, and started again', async () => {
  const pod = buildPod('fails-to-greet', {
    containers: [buildContainer({ name: 'main', ...lifecycle({ postStart: exec('exit 3') }) })],
  })
  used.node.set(pod)
  await used.node.waitFor(pod, ({ containers }) => (containers[0]?.restartCount ?? 0) > 0)
  expect(said(pod)).toEqual(
    expect.arrayContaining(['FailedPostStartHook: PostStartHook failed', 'Killing: FailedPostStartHook']),
  )
  used.node.unset(pod)
  await used.node.gone(pod)
})

test('what is wanted before an end is done before the container is told to end', async () => {
  const { volumes, mounts, lines } = shared()
  const pod = buildPod('says-goodbye', {
    // More than a busy machine takes.
    terminationGracePeriodSeconds: 60,
    volumes,
    containers: [
      script('main', speaks('main', 'end'), {
        ...mounts,
        ...lifecycle({ preStop: exec('echo bye >> /shared/end') }),
      }),
    ],
  })
  used.node.set(pod)
  await used.node.running(pod)
  await lines('end', 1)
  used.node.unset(pod)
  await used.node.gone(pod)
  expect(await lines('end', 3)).toEqual(['main begins', 'bye', 'main ends'])
})

test('what takes longer than the grace period is not waited for, and told to have failed', async () => {
  const pod = buildPod('dawdles', {
    terminationGracePeriodSeconds: 1,
    containers: [
      buildContainer({ name: 'main', ...lifecycle({ preStop: { kind: 'sleep', seconds: 3_600 } }) }),
    ],
  })
  used.node.set(pod)
  await used.node.running(pod)
  used.node.unset(pod)
  await used.node.gone(pod)
  expect(said(pod)).toContain('FailedPreStopHook: PreStopHook failed')
})

test('a start that takes for ever does not keep a pod from being ended', async () => {
  const pod = buildPod('never-done', {
    terminationGracePeriodSeconds: 1,
    containers: [
      buildContainer({ name: 'main', ...lifecycle({ postStart: { kind: 'sleep', seconds: 3_600 } }) }),
    ],
  })
  used.node.set(pod)
  await used.node.waitFor(pod, ({ containers }) => containers[0]?.state.kind === 'running')
  used.node.unset(pod)
  await used.node.gone(pod)
  expect(said(pod)).not.toContain('FailedPostStartHook: PostStartHook failed')
})

test('a shorter grace period holds at once', async () => {
  const stubborn = script('main', "trap '' TERM; while :; do sleep 1000 & wait; done")
  const pod = buildPod('stubborn', { terminationGracePeriodSeconds: 3_600, containers: [stubborn] })
  used.node.set(pod)
  await used.node.running(pod)
  used.node.set({ ...pod, deletion: { graceSeconds: 3_600 } })
  await used.node.waitFor(pod, ({ terminating }) => terminating)
  used.node.set({ ...pod, deletion: { graceSeconds: 1 } })
  await used.node.gone(pod)
  used.node.unset(pod)
})

test('sidecars begin before the containers and end after them, in the opposite order', async () => {
  const { volumes, mounts, lines } = shared()
  const sidecar = (name: string) => ({ ...script(name, speaks(name, 'sidecars'), mounts), sidecar: true })
  const startup = { ...buildProbe({ periodSeconds: 1 }), action: exec('test -s /shared/sidecars') }
  const pod = buildPod('with-sidecars', {
    terminationGracePeriodSeconds: 60,
    volumes,
    initContainers: [
      { ...sidecar('first'), probes: { ...NO_PROBES, startup } },
      script('init', 'echo init >> /shared/sidecars', mounts),
      sidecar('second'),
    ],
    containers: [script('main', speaks('main', 'sidecars'), mounts)],
  })
  used.node.set(pod)
  await used.node.running(pod)
  await lines('sidecars', 4)
  used.node.unset(pod)
  await used.node.gone(pod)
  expect(await lines('sidecars', 7)).toEqual([
    ...['first begins', 'init', 'second begins', 'main begins'],
    ...['main ends', 'second ends', 'first ends'],
  ])
})

test('a pod has succeeded when its containers have, and its sidecars are ended', async () => {
  const pod = buildPod('job-with-sidecar', {
    restartPolicy: 'Never',
    initContainers: [{ ...buildContainer({ name: 'proxy' }), sidecar: true }],
    containers: [script('main', 'exit 0')],
  })
  used.node.set(pod)
  const { initContainers } = await used.node.waitFor(pod, ({ phase }) => phase === 'Succeeded')
  expect(initContainers[0]?.state.kind).toBe('terminated')
})
