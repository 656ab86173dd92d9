import { expect, test } from 'vitest'
import { type ImageUser, rootRefusal } from '../../../src/kubelet/pods/non-root.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

const where = '(pod: "web_default(uid-web)", container: main)'
const refusal = (runAsUser: number | undefined, image: Partial<ImageUser>, runAsNonRoot = true) => {
  const { security, ...container } = buildContainer({ name: 'main' })
  const secured = { ...container, security: { ...security, runAsUser, runAsNonRoot } }
  return rootRefusal(buildPod('web'), secured, { uid: undefined, username: '', ...image })
}

test.each([
  [0, { uid: 1000 }, `container's runAsUser breaks non-root policy ${where}`],
  [1000, { uid: 0 }, undefined],
  [undefined, { uid: 1000 }, undefined],
  [undefined, { uid: 0 }, `container has runAsNonRoot and image will run as root ${where}`],
  [undefined, {}, `container has runAsNonRoot and image will run as root ${where}`],
  [
    undefined,
    { username: 'web' },
    `container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root ${where}`,
  ],
])('of a container that must not be root, as user %s of an image of %o', (runAsUser, image, expected) => {
  expect(refusal(runAsUser, image)).toBe(expected)
})

test('one that may be root is asked nothing', () => {
  expect(refusal(0, { uid: 0 }, false)).toBeUndefined()
})
