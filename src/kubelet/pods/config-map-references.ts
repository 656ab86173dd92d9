import type { Pod } from '../../model/pod.ts'

/** Names, in the pod's namespace, of the ConfigMaps that its volumes show. */
export const configMapsOfVolumes = (pod: Pod): ReadonlySet<string> =>
  new Set(pod.volumes.flatMap(({ source }) => (source.kind === 'configMap' ? [source.configMap] : [])))

/** Names, in the pod's namespace, of every ConfigMap that it uses anywhere. */
export function configMapsOf(pod: Pod): ReadonlySet<string> {
  const names = new Set(configMapsOfVolumes(pod))
  for (const { env, envFrom } of [...pod.initContainers, ...pod.containers]) {
    for (const { value } of env) if (value.kind === 'configMapKey') names.add(value.configMap)
    for (const { configMap } of envFrom) names.add(configMap)
  }
  return names
}
