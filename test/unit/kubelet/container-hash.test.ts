import { expect, test } from 'vitest'
import { containerHash } from '../../../src/kubelet/runtime/container-hash.ts'

// Computed by the functions that kubelet 1.36.3 is built of.
test.each([
  ['main', 'localhost/hawser-test/busybox:1', '87caa6b7'],
  ['c', 'registry.k8s.io/pause:3.10.2', 'd7e0a3c'],
  // Go escapes what HTML would read, JavaScript does not.
  ['a<b>&\u2028é\b\f\u0001"', 'x', '2ff2f43'],
])("container %j of image %s has upstream's hash", (name, image, hash) => {
  expect(containerHash({ name, image })).toBe(hash)
})
