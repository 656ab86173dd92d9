import type { ConfigLookup } from '../../model/config-object.ts'
import { objectName, splitObjectName } from '../../model/object-name.ts'
import type { FilePart, Pod, ResourceAmounts, VolumeSource } from '../../model/pod.ts'
import { metadataField, resourceText } from '../pods/downward-api.ts'
import type { WrittenFile } from './atomic-files.ts'
import type { TokenPart } from './token-source.ts'
import { VolumeError } from './volume-error.ts'
import { readableByGroup, tokenAccess } from './volume-owner.ts'

type FilesSource = Extract<VolumeSource, { kind: 'files' }>

export interface ProjectionContext {
  readonly config: ConfigLookup
  /** What the node has for pods. */
  readonly node: ResourceAmounts
  /** What the token parts hold. */
  readonly tokens: ReadonlyMap<TokenPart, string>
}

/** The files that a volume shows, by path. Pure. Throws a VolumeError for a ConfigMap, Secret or key that is missing. */
export function projectedFiles(
  { parts, mode }: FilesSource,
  pod: Pod,
  context: ProjectionContext,
): ReadonlyMap<string, WrittenFile> {
  const files = new Map<string, WrittenFile>()
  for (const part of parts) {
    const access = part.kind === 'token' ? tokenAccess(pod, mode) : { mode, owner: undefined }
    for (const [path, content, ownMode] of partFiles(part, pod, context)) {
      const file = { content, mode: ownMode ?? access.mode, owner: access.owner }
      files.set(path, readableByGroup(file, pod.security.fsGroup))
    }
  }
  return files
}

type PartFile = readonly [path: string, content: string | Uint8Array, mode: number | undefined]

function partFiles(
  part: FilePart,
  pod: Pod,
  { config, node, tokens }: ProjectionContext,
): readonly PartFile[] {
  switch (part.kind) {
    case 'config':
      return configFiles(part, pod, config)
    case 'field':
      return [[part.path, metadataField(pod, part.field) ?? '', part.mode]]
    case 'resource': {
      const text = resourceText(pod, part, undefined, node)
      if (text === undefined)
        throw new VolumeError('VOLUME_FAILED', `${part.path}: the pod has no container ${part.container}`)
      return [[part.path, text, part.mode]]
    }
    case 'token':
      return [[part.path, tokens.get(part) ?? '', undefined]]
  }
}

function configFiles(
  { from, items }: Extract<FilePart, { kind: 'config' }>,
  pod: Pod,
  config: ConfigLookup,
): readonly PartFile[] {
  const found = config(from.kind, objectName(splitObjectName(pod.name).namespace, from.name))
  if (found === undefined) {
    if (from.optional) return []
    throw missing(`${from.kind.toLowerCase()} "${from.name}" not found`)
  }
  if (items.length === 0) return [...found.data].map(([path, content]) => [path, content, undefined] as const)
  return items.flatMap(({ key, path, mode }): readonly PartFile[] => {
    const content = found.data.get(key)
    if (content !== undefined) return [[path, content, mode]]
    if (from.optional) return []
    throw missing(`references non-existent ${from.kind === 'Secret' ? 'secret' : 'config'} key: ${key}`)
  })
}

const missing = (message: string): VolumeError => new VolumeError('CONFIG_MISSING', message)
