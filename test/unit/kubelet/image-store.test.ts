import { expect, test } from 'vitest'
import { imageNameFault } from '../../../src/kubelet/images/image-name.ts'
import { ImageError, ImageStore } from '../../../src/kubelet/images/image-store.ts'
import { RuntimeError } from '../../../src/kubelet/runtime/runtime-error.ts'
import { buildContainer } from '../../support/pod-builder.ts'
import { SkippingClock } from '../../support/skipping-clock.ts'

const image = { id: 'sha256:1', repoTags: [], repoDigests: [], size: 77n, uid: undefined, username: '' }

/** A runtime that has the image or not, and pulls it or not. */
function store(has: boolean, canPull: boolean) {
  const clock = new SkippingClock()
  let pulls = 0
  const images = new ImageStore(
    {
      imageStatus: async () => (has ? image : undefined),
      pullImage: async () => {
        pulls++
        if (!canPull) throw new RuntimeError('RUNTIME_REFUSED', 'pull_image', 'manifest unknown', 'long')
        has = true
        return image.id
      },
    },
    clock,
  )
  const announced: string[] = []
  const ensure = (policy: 'Always' | 'IfNotPresent' | 'Never', name = 'web:1') =>
    images
      .ensure(buildContainer({ name: 'main', image: name, imagePullPolicy: policy }), () =>
        announced.push(name),
      )
      .catch((error: unknown) => error)
  return { clock, ensure, announced, pulls: () => pulls }
}

test('an image that is there is not pulled unless the policy says so', async () => {
  const { ensure, announced } = store(true, true)
  expect(await ensure('IfNotPresent')).toEqual({ id: 'sha256:1', pull: undefined })
  expect(announced).toEqual([])
  expect(await ensure('Always')).toMatchObject({ id: 'sha256:1', pull: { sizeBytes: 77n } })
  expect(announced).toEqual(['web:1'])
})

test('all who want an image wait for one pull of it, and each is told of it', async () => {
  const { ensure, announced, pulls } = store(false, true)
  await Promise.all([ensure('IfNotPresent'), ensure('IfNotPresent')])
  expect([announced.length, pulls()]).toEqual([2, 1])
})

test('a pull that fails is told as it failed, and put off in the words of the kubelet', async () => {
  const { clock, ensure, pulls } = store(false, false)
  expect(await ensure('IfNotPresent')).toMatchObject({
    ...{ code: 'ErrImagePull', message: 'manifest unknown', pullError: 'manifest unknown' },
  })
  const backOff = 'Back-off pulling image "web:1": ErrImagePull: manifest unknown'
  expect(await ensure('IfNotPresent')).toMatchObject({ code: 'ImagePullBackOff', message: backOff })
  expect(pulls()).toBe(1)
  clock.skip(11_000)
  const second = await ensure('IfNotPresent')
  expect(second).toMatchObject({ code: 'ImagePullBackOff', failures: 2, pullError: 'manifest unknown' })
  expect((second instanceof ImageError ? (second.retryAt ?? 0) : 0) - clock.now()).toBeGreaterThan(15_000)
})

test('an image that may not be pulled is told to be missing', async () => {
  const { ensure } = store(false, true)
  expect(await ensure('Never')).toMatchObject({
    code: 'ErrImageNeverPull',
    message: 'Container image "web:1" is not present with pull policy of Never',
  })
})

test('an image that one may not pull is pulled for another, and looked for again soon', async () => {
  const { clock, ensure } = store(false, true)
  for (let times = 0; times < 5; times++) await ensure('Never')
  const missing = await ensure('Never')
  expect((missing instanceof ImageError ? (missing.retryAt ?? 0) : 0) - clock.now()).toBeLessThanOrEqual(
    10_000,
  )
  expect(await ensure('IfNotPresent')).toMatchObject({ id: 'sha256:1' })
  expect(await ensure('Never')).toMatchObject({ id: 'sha256:1' })
})

test('a name that is none is never asked for', async () => {
  const { ensure } = store(true, true)
  expect(await ensure('Always', 'web:1:2')).toMatchObject({
    code: 'InvalidImageName',
    message:
      'Failed to apply default image tag "web:1:2": couldn\'t parse image name "web:1:2": invalid reference format',
    retryAt: undefined,
  })
})

const digest = `sha256:${'a'.repeat(64)}`
test.each([
  ['busybox', undefined],
  ['localhost/hawser-test/busybox:1', undefined],
  [`registry.example:5000/a/b__c.d--e:v1.2_3@${digest}`, undefined],
  ['[fd00::1]:5000/web', undefined],
  [digest, undefined],
  ['!!', 'invalid reference format'],
  ['web:', 'invalid reference format'],
  ['a//b', 'invalid reference format'],
  ['Web', 'invalid reference format: repository name must be lowercase'],
  ['a'.repeat(256), 'repository name must not be more than 255 characters'],
])('the name %s is taken as distribution has it', (name, fault) => {
  expect(imageNameFault(name)).toBe(fault)
})

test('a registry is shown one credential after the other, until one will do', async () => {
  const shown: (string | undefined)[] = []
  const images = new ImageStore(
    {
      imageStatus: async () => undefined,
      pullImage: async (_, auth) => {
        shown.push(auth?.username)
        if (auth?.username === 'good') return image.id
        throw new RuntimeError('RUNTIME_REFUSED', 'pull_image', 'denied', 'long')
      },
    },
    new SkippingClock(),
  )
  const user = (username: string) => ({
    ...{ username, password: 'x', auth: '' },
    ...{ serverAddress: '', identityToken: '', registryToken: '' },
  })
  const container = buildContainer({ name: 'main', image: 'web:1' })
  const found = await images.ensure(container, () => undefined, [user('bad'), user('good'), user('spare')])
  expect(found.id).toBe(image.id)
  expect(shown).toEqual(['bad', 'good'])
})
