import { expect, test } from 'vitest'
import { nodeImages } from '../../../../src/kubelet/node/node-images.ts'

const image = (id: string, size: number, names = 1) => ({
  id,
  size: BigInt(size),
  repoTags: Array.from({ length: names }, (_, i) => `${id}:${i}`),
  repoDigests: [`${id}@sha256:1`],
  username: '',
})

test('the largest 50 images are named, each by at most five names, digests first', () => {
  const images = Array.from({ length: 60 }, (_, i) => image(`image-${i}`, i))
  const said = nodeImages([image('large', 1_000, 9), ...images])
  expect(said).toHaveLength(50)
  expect(said[0]).toEqual({
    names: ['large@sha256:1', 'large:0', 'large:1', 'large:2', 'large:3'],
    sizeBytes: 1_000,
  })
  expect(said.at(-1)?.sizeBytes).toBe(11)
})
