import type { Image } from '../../gen/runtime.ts'

/** The kubelet's nodeStatusMaxImages, and its limit of names for one image: a Node is read by many. */
const MAX_IMAGES = 50
const MAX_NAMES = 5

/** core/v1 ContainerImage. */
export interface NodeImage {
  readonly names: readonly string[]
  readonly sizeBytes: number
}

/** The largest images of a node, by which the scheduler prefers nodes that need not pull. */
export const nodeImages = (images: readonly Image[]): readonly NodeImage[] =>
  [...images]
    .sort((a, b) => Number(b.size - a.size) || (a.id < b.id ? -1 : 1))
    .slice(0, MAX_IMAGES)
    .map(({ repoDigests, repoTags, size }) => ({
      names: [...repoDigests, ...repoTags].slice(0, MAX_NAMES),
      sizeBytes: Number(size),
    }))
