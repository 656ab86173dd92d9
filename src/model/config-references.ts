import type { ConfigKind, ConfigReference } from './config-object.ts'
import type { Pod } from './pod.ts'

/** Identity of a ConfigMap or Secret within its namespace. */
export type ConfigKey = `${ConfigKind} ${string}`

export const configKey = ({ kind, name }: Pick<ConfigReference, 'kind' | 'name'>): ConfigKey =>
  `${kind} ${name}`

/** The ConfigMaps and Secrets, in the pod's namespace, that its volumes show. */
export const configOfVolumes = (pod: Pod): ReadonlySet<ConfigKey> =>
  new Set(
    pod.volumes.flatMap(({ source }) =>
      source.kind === 'files'
        ? source.parts.flatMap((part) => (part.kind === 'config' ? [configKey(part.from)] : []))
        : [],
    ),
  )

/** Every ConfigMap and Secret, in the pod's namespace, that it uses anywhere. */
export function configOf(pod: Pod): ReadonlySet<ConfigKey> {
  const keys = new Set(configOfVolumes(pod))
  for (const name of pod.imagePullSecrets) keys.add(configKey({ kind: 'Secret', name }))
  for (const { env, envFrom } of [...pod.initContainers, ...pod.containers]) {
    for (const { value } of env) if (value.kind === 'configKey') keys.add(configKey(value.from))
    for (const { from } of envFrom) keys.add(configKey(from))
  }
  return keys
}
