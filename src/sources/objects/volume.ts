import * as v from 'valibot'
import type { Volume, VolumeSource } from '../../model/pod.ts'
import { configMapKey, dnsLabel, dnsSubdomain } from './names.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { toBytes } from './quantity.ts'
import { quantity } from './resources.ts'
import { unreadFields } from './unread-fields.ts'

const modeMessage = 'must be mode bits from 0 to 0777'
const fileMode = v.pipe(
  v.number(),
  v.integer(modeMessage),
  v.minValue(0, modeMessage),
  v.maxValue(0o777, modeMessage),
)

const hostPathTypes = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
] as const

const sources = {
  emptyDir: v.nullish(
    v.object({ medium: v.nullish(v.picklist(['', 'Memory']), ''), sizeLimit: v.nullish(quantity) }),
  ),
  hostPath: v.nullish(
    v.object({
      path: v.pipe(v.string(), v.regex(/^\/(?!(.*\/)?\.\.(\/|$))/, 'must be an absolute path without ..')),
      type: v.nullish(v.picklist(hostPathTypes), ''),
    }),
  ),
  configMap: v.nullish(
    v.object({
      name: dnsSubdomain,
      optional: v.nullish(v.boolean(), false),
      defaultMode: v.nullish(fileMode, 0o644),
      items: v.nullish(
        v.array(
          v.object({
            key: configMapKey,
            path: v.pipe(
              v.string(),
              v.regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))./, 'must be a relative path without ..'),
            ),
          }),
        ),
        [],
      ),
    }),
  ),
}

const known = v.object({ name: dnsLabel, ...sources })

/** core/v1 Volume list; other volume types are kept so that they can be refused by name. */
export const volumes = v.nullish(v.array(v.looseObject({ name: dnsLabel, ...sources })), [])

type Written = v.InferOutput<typeof volumes>[number]

export function toVolumes(
  written: readonly Written[],
  path: ObjectPath,
  findings: Findings,
): readonly Volume[] {
  const names = new Set<string>()
  return written.flatMap((volume, index) => {
    const at = [...path, index]
    if (names.has(volume.name)) findings.error([...at, 'name'], `repeats the name ${volume.name}`)
    names.add(volume.name)
    const source = toSource(volume, at, findings)
    return source === undefined ? [] : [{ name: volume.name, source }]
  })
}

function toSource(volume: Written, path: ObjectPath, findings: Findings): VolumeSource | undefined {
  const types = Object.keys(volume).filter((key) => key !== 'name' && volume[key] != null)
  const other = types.find((type) => !Object.hasOwn(sources, type))
  if (other !== undefined) {
    findings.error(
      [...path, other],
      'is a volume type that this node does not support',
      'use emptyDir, hostPath or configMap',
    )
    return undefined
  }
  if (types.length > 1) findings.error(path, `must have one volume type, not ${types.join(' and ')}`)
  findings.include(path, unreadFields(known, volume))
  const { hostPath, configMap, emptyDir } = volume
  if (hostPath) return { kind: 'hostPath', path: hostPath.path, type: hostPath.type }
  if (configMap) {
    const { name, optional, defaultMode, items } = configMap
    return { kind: 'configMap', configMap: name, optional, mode: defaultMode, items }
  }
  // A volume without a type is an emptyDir (core/v1 VolumeSource).
  const size = emptyDir?.sizeLimit
  return {
    kind: 'emptyDir',
    medium: emptyDir?.medium === 'Memory' ? 'memory' : 'disk',
    sizeBytes: size === undefined || size === null ? undefined : toBytes(size),
  }
}
