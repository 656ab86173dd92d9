import * as v from 'valibot'
import type { ResourceReference } from '../../model/pod.ts'
import { quantity } from './resources.ts'

const metadataField = /^metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['[^']+'\])$/

/** A field of a pod that its containers can be told (core/v1 ObjectFieldSelector). */
export const isMetadataField = (path: string): boolean => metadataField.test(path)

/** core/v1 ResourceFieldSelector. */
export const resourceFieldRef = v.object({
  containerName: v.nullish(v.string(), ''),
  resource: v.picklist(['limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']),
  divisor: v.nullish(quantity, 0),
})

/** A divisor of 0 is one that was not written: a core, or a byte. */
export const toResourceReference = ({
  containerName,
  resource,
  divisor,
}: v.InferOutput<typeof resourceFieldRef>): ResourceReference => ({
  container: containerName === '' ? undefined : containerName,
  resource,
  divisor: divisor === 0 ? 1 : divisor,
})
