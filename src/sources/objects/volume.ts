import * as v from 'valibot'
import type { Volume, VolumeSource } from '../../model/pod.ts'
import { fileSources, toFiles } from './file-volume.ts'
import { dnsLabel } from './names.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { toBytes } from './quantity.ts'
import { quantity } from './resources.ts'
import { unreadFields } from './unread-fields.ts'

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
    v.object({
      medium: v.nullish(
        v.pipe(
          v.string(),
          v.regex(/^(Memory|HugePages(-\d+[KMG]i)?)?$/, 'must be Memory, HugePages or nothing'),
        ),
        '',
      ),
      sizeLimit: v.nullish(quantity),
    }),
  ),
  hostPath: v.nullish(
    v.object({
      path: v.pipe(v.string(), v.regex(/^\/(?!(.*\/)?\.\.(\/|$))/, 'must be an absolute path without ..')),
      type: v.nullish(v.picklist(hostPathTypes), ''),
    }),
  ),
  ...fileSources,
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
    findings.unsupported(
      [...path, other],
      'is a volume type that this node does not support',
      'use emptyDir, hostPath, configMap, secret, downwardAPI or projected',
    )
    return undefined
  }
  if (types.length > 1) findings.error(path, `must have one volume type, not ${types.join(' and ')}`)
  findings.include(path, unreadFields(known, volume))
  const { hostPath, emptyDir } = volume
  if (hostPath) return { kind: 'hostPath', path: hostPath.path, type: hostPath.type }
  const files = toFiles(volume, path, findings)
  if (files !== undefined) return files
  // A volume without a type is an emptyDir (core/v1 VolumeSource).
  const size = emptyDir?.sizeLimit
  // Of one in memory, the kernel holds to it.
  if (size && emptyDir?.medium === '')
    findings.warning([...path, 'emptyDir', 'sizeLimit'], 'is not enforced by this node')
  if (emptyDir?.medium.startsWith('HugePages'))
    findings.unsupported(
      [...path, 'emptyDir', 'medium'],
      'asks for huge pages, which this node gives to no pod',
    )
  return {
    kind: 'emptyDir',
    medium: emptyDir?.medium === 'Memory' ? 'memory' : 'disk',
    sizeBytes: size === undefined || size === null ? undefined : toBytes(size),
  }
}
