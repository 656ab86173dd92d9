import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { ConfigKind } from '../../src/model/config-object.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { Pod } from '../../src/model/pod.ts'
import { eventually } from '../support/eventually.ts'
import { buildContainer, buildPod, mount } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()

const showing = (name: string, config: string, kind: ConfigKind = 'ConfigMap') =>
  buildPod(name, {
    volumes: [
      {
        name: 'config',
        source: {
          kind: 'files',
          plugin: kind === 'Secret' ? 'secret' : 'configmap',
          medium: kind === 'Secret' ? 'memory' : 'disk',
          mode: 0o640,
          parts: [{ kind: 'config', from: { kind, name: config, optional: false }, items: [] }],
        },
      },
    ],
    containers: [
      buildContainer({
        name: 'main',
        volumeMounts: [mount('config', '/config')],
      }),
    ],
  })

/** File system types of what is mounted for the pod. */
const mountsOf = async ({ uid }: Pod): Promise<string[]> =>
  (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`/pods/${uid}/`))
    .map((line) => line.split(' ')[2] ?? '')

test('a running pod sees a ConfigMap change', async () => {
  const { node } = used
  const name = objectName('default', 'colours')
  const pod = showing('painter', 'colours')
  node.setConfigMap(name, { wall: 'white\n', door: 'red\n' })
  node.set(pod)
  await node.running(pod)
  expect(await node.output(pod, 'cd /config; echo $(cat wall door) $(stat -Lc %a wall)')).toBe(
    'white red 640',
  )
  node.setConfigMap(name, { wall: 'green\n', floor: 'brown\n' })
  // Contents change at one moment, names of what came and went just behind it.
  const changed = () =>
    node.output(pod, 'cd /config && [ -L floor ] && [ ! -L door ] && echo $(ls) $(cat wall floor)')
  expect(await eventually(changed)).toBe('floor wall green brown')
})

test('a Secret is shown out of memory, follows changes, and leaves no mount behind', async () => {
  const { node } = used
  const name = objectName('default', 'login')
  const pod = showing('guard', 'login', 'Secret')
  node.setSecret(name, { password: 'first' })
  node.set(pod)
  await node.running(pod)
  expect(await node.output(pod, 'cat /config/password')).toBe('first')
  node.setSecret(name, { password: 'second' })
  const changed = () => node.output(pod, 'grep -q second /config/password && echo changed')
  expect(await eventually(changed)).toBe('changed')
  expect(await mountsOf(pod)).toEqual(['tmpfs'])
  node.unset(pod)
  await node.gone(pod)
  expect(await mountsOf(pod)).toEqual([])
})

test('a pod waits for the ConfigMap of a volume, says so, and goes on when it is there', async () => {
  const { node } = used
  const pod = showing('patient', 'late')
  node.set(pod)
  const { message } = await node.waitFor(pod, ({ reason }) => reason === 'FailedMount')
  expect(message).toBe('MountVolume.SetUp failed for volume "config" : configmap "late" not found')
  node.setConfigMap(objectName('default', 'late'), { now: 'yes' })
  await node.running(pod)
})

test('a container waits for the ConfigMap key of a variable, says so, and goes on when it is there', async () => {
  const { node } = used
  const name = objectName('default', 'half')
  const from = { kind: 'ConfigMap', name: 'half', optional: false } as const
  const value = { kind: 'configKey', from, key: 'wanted' } as const
  const pod = buildPod('reader', {
    containers: [buildContainer({ name: 'main', env: [{ name: 'WANTED', value }] })],
  })
  node.setConfigMap(name, { other: 'x' })
  node.set(pod)
  const { message } = await node.waitFor(pod, ({ reason }) => reason === 'CreateContainerConfigError')
  expect(message).toContain("couldn't find key wanted in ConfigMap default/half")
  node.setConfigMap(name, { wanted: 'there' })
  await node.running(pod)
  expect(await node.output(pod, 'echo $WANTED')).toBe('there')
})
