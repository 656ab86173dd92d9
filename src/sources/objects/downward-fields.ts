import * as v from 'valibot'
import type { ResourceReference } from '../../model/pod.ts'
import { quantity } from './resources.ts'

const one = /^metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])$/
const all = /^metadata\.(labels|annotations)$/
const elsewhere = /^(spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?))$/

/** A field of a pod that a variable can have (core/v1 EnvVarSource). */
export const isVariableField = (path: string): boolean => one.test(path) || elsewhere.test(path)

/** A field of a pod that a file can have (core/v1 DownwardAPIVolumeFile). */
export const isFileField = (path: string): boolean => one.test(path) || all.test(path)

/** core/v1 ResourceFieldSelector. */
export const resourceFieldRef = v.object({
  containerName: v.nullish(v.string(), ''),
  resource: v.picklist([
    'limits.cpu',
    'limits.memory',
    'limits.ephemeral-storage',
    'requests.cpu',
    'requests.memory',
    'requests.ephemeral-storage',
  ]),
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
