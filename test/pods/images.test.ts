import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { objectName } from '../../src/model/object-name.ts'
import { writeTestImages } from '../support/containerd-images.ts'
import { buildContainer, buildPod } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { TestRegistry } from '../support/registry.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

const clock = new SkippingClock()
const used = usePodMachine(clock)

test('an image that no registry gives is said to be the reason, and tried again with back-off', async () => {
  const { node } = used
  const container = buildContainer({ name: 'main', image: 'localhost:1/no/such:1' })
  const pod = buildPod('imageless', { containers: [container] })
  node.set(pod)
  const first = await node.waitFor(pod, ({ reason }) => reason === 'ErrImagePull')
  expect(first.message).toContain('failed to pull and unpack image "localhost:1/no/such:1"')
  expect(first.phase).toBe('Pending')
  clock.skip(10_000)
  await node.waitFor(pod, ({ reason }) => reason === 'ImagePullBackOff')
})

test('an image that must not be pulled and is not there is said to be the reason', async () => {
  const { node } = used
  const container = buildContainer({ name: 'main', image: 'localhost/absent:1', imagePullPolicy: 'Never' })
  const pod = buildPod('never-pulled', { containers: [container] })
  node.set(pod)
  const { message } = await node.waitFor(pod, ({ reason }) => reason === 'ErrImageNeverPull')
  expect(message).toContain('localhost/absent:1')
})

test('an archive is imported once', async () => {
  const { machine } = used
  const [archive = ''] = await writeTestImages(machine.stateDir)
  expect(await importArchive(machine.containerd.socket, archive)).toBe(false)
})

test('a file that is no archive is refused by name', async () => {
  const { machine } = used
  const file = new URL(import.meta.url).pathname
  await expect(importArchive(machine.containerd.socket, file)).rejects.toMatchObject({
    code: 'IMAGE_IMPORT_FAILED',
    message: expect.stringContaining(file),
  })
})

describe('with a registry', () => {
  let registry: TestRegistry
  beforeAll(async () => {
    registry = await TestRegistry.start(used.machine, await writeTestImages(used.machine.stateDir))
  })
  afterAll(() => registry?.stop())

  const podOf = (name: string, image: string, imagePullPolicy: 'Always' | 'IfNotPresent') =>
    buildPod(name, { containers: [buildContainer({ name: 'main', image, imagePullPolicy })] })

  test('an image that is not for everybody needs the credentials of a Secret', async () => {
    const { node } = used
    const image = registry.reference('private/web', 0)
    const stranger = podOf('stranger', image, 'IfNotPresent')
    node.set(stranger)
    await node.waitFor(stranger, ({ reason }) => reason === 'ErrImagePull')
    const auths = { 'localhost:5000/private': { username: 'robot', password: 'secret' } }
    node.setSecret(objectName('default', 'login'), { '.dockerconfigjson': JSON.stringify({ auths }) })
    const known = { ...podOf('known', image, 'Always'), imagePullSecrets: ['absent', 'login'] }
    node.set(known)
    // The back-off of whoever was refused is nobody else's.
    await node.running(known)
  })

  test('an image is pulled once for all pods that want it at the same time', async () => {
    const { node } = used
    const image = registry.reference('shared', 0)
    const pods = ['a', 'b', 'c'].map((name) => podOf(`sharing-${name}`, image, 'IfNotPresent'))
    node.set(...pods)
    await Promise.all(pods.map((pod) => node.running(pod)))
    expect(registry.pulls('shared')).toBe(1)
  })

  test('an image is asked for again at each start where the policy says Always', async () => {
    const { node } = used
    const image = registry.reference('moving', 0)
    for (const name of ['first', 'second']) {
      const pod = podOf(`always-${name}`, image, 'Always')
      node.set(pod)
      await node.running(pod)
    }
    expect(registry.pulls('moving')).toBe(2)
  })
})

test('a tag that the registry does not have is said to be the reason', async () => {
  const { node, machine } = used
  const registry = await TestRegistry.start(machine, [])
  const container = buildContainer({ name: 'main', image: registry.reference('empty', 8) })
  const pod = buildPod('tagless', { containers: [container] })
  try {
    node.set(pod)
    const { message } = await node.waitFor(pod, ({ reason }) => reason === 'ErrImagePull')
    expect(message).toContain('not found')
  } finally {
    registry.stop()
  }
})
