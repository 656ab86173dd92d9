import type { ConfigMap } from '../../model/config-map.ts'
import type { VolumeSource } from '../../model/pod.ts'
import { VolumeError } from './volume-error.ts'

type ConfigMapSource = Extract<VolumeSource, { kind: 'configMap' }>

/** The files that a configMap volume shows. Pure. Throws a VolumeError for a ConfigMap or key that is missing. */
export function configMapFiles(
  source: ConfigMapSource,
  configMap: ConfigMap | undefined,
): ReadonlyMap<string, string | Uint8Array> {
  if (configMap === undefined) {
    if (source.optional) return new Map()
    throw missing(`ConfigMap ${source.configMap} is not there (create it, or make the volume optional)`)
  }
  if (source.items.length === 0) return configMap.data
  const files = new Map<string, string | Uint8Array>()
  for (const { key, path } of source.items) {
    const content = configMap.data.get(key)
    if (content !== undefined) files.set(path, content)
    else if (!source.optional) {
      throw missing(`ConfigMap ${source.configMap} has no key ${key} (add it, or make the volume optional)`)
    }
  }
  return files
}

const missing = (message: string): VolumeError => new VolumeError('CONFIG_MAP_MISSING', message)
