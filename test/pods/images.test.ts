import { expect, test } from 'vitest'
import { importArchive } from '../../src/kubelet/images/import-archive.ts'
import { writeTestImages } from '../support/containerd-images.ts'
import { buildContainer, buildPod } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

const clock = new SkippingClock()
const used = usePodMachine(clock)

test('an image that no registry gives is said to be the reason, and tried again with back-off', async () => {
  const { node } = used
  const container = buildContainer({ name: 'main', image: 'localhost:1/no/such:1' })
  const pod = buildPod('imageless', { containers: [container] })
  node.set(pod)
  const first = await node.waitFor(pod, ({ reason }) => reason === 'ErrImagePull')
  expect(first.message).toContain('pulling image localhost:1/no/such:1')
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
