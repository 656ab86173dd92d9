import * as v from 'valibot'
import type { ConfigKind } from '../../model/config-object.ts'
import type { FilePart, VolumeSource } from '../../model/pod.ts'
import { isFileField, resourceFieldRef, toResourceReference } from './downward-fields.ts'
import { configMapKey, dnsSubdomain } from './names.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const modeMessage = 'must be mode bits from 0 to 0777'
const fileMode = v.nullish(
  v.pipe(v.number(), v.integer(modeMessage), v.minValue(0, modeMessage), v.maxValue(0o777, modeMessage)),
)

const path = v.pipe(
  v.string(),
  v.regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))./, 'must be a relative path without ..'),
)

const items = v.nullish(v.array(v.object({ key: configMapKey, path, mode: fileMode })), [])
const optional = v.nullish(v.boolean(), false)

const fields = v.nullish(
  v.array(
    v.object({
      path,
      mode: fileMode,
      fieldRef: v.nullish(v.object({ apiVersion: v.nullish(v.string()), fieldPath: v.string() })),
      resourceFieldRef: v.nullish(resourceFieldRef),
    }),
  ),
  [],
)

const expirationMessage = 'must be a number of seconds from 600 to 4294967296'

const projection = v.object({
  configMap: v.nullish(v.object({ name: dnsSubdomain, optional, items })),
  secret: v.nullish(v.object({ name: dnsSubdomain, optional, items })),
  downwardAPI: v.nullish(v.object({ items: fields })),
  serviceAccountToken: v.nullish(
    v.object({
      path,
      audience: v.nullish(v.string(), ''),
      // core/v1 ServiceAccountTokenProjection: an hour by default.
      expirationSeconds: v.nullish(
        v.pipe(
          v.number(),
          v.integer(expirationMessage),
          v.minValue(600, expirationMessage),
          v.maxValue(2 ** 32, expirationMessage),
        ),
        3600,
      ),
    }),
  ),
  clusterTrustBundle: v.nullish(v.looseObject({})),
  podCertificate: v.nullish(v.looseObject({})),
})

/** The volume types whose files a node writes itself. */
export const fileSources = {
  configMap: v.nullish(v.object({ name: dnsSubdomain, optional, defaultMode: fileMode, items })),
  secret: v.nullish(v.object({ secretName: dnsSubdomain, optional, defaultMode: fileMode, items })),
  downwardAPI: v.nullish(v.object({ defaultMode: fileMode, items: fields })),
  projected: v.nullish(v.object({ defaultMode: fileMode, sources: v.nullish(v.array(projection), []) })),
}

const known = v.object(fileSources)
type Written = v.InferOutput<typeof known>
type FilesSource = Extract<VolumeSource, { kind: 'files' }>
type WrittenItems = v.InferOutput<typeof items>
type WrittenFields = v.InferOutput<typeof fields>

/** API server default of every such volume. */
const DEFAULT_MODE = 0o644

/** The volume as files to be written; undefined when it is of another type. */
export function toFiles(
  { configMap, secret, downwardAPI, projected }: Written,
  at: ObjectPath,
  findings: Findings,
): VolumeSource | undefined {
  const files = (
    plugin: FilesSource['plugin'],
    mode: number | null | undefined,
    parts: readonly FilePart[],
  ): VolumeSource => ({
    kind: 'files',
    plugin,
    medium: parts.some(isSecret) ? 'memory' : 'disk',
    mode: mode ?? DEFAULT_MODE,
    parts,
  })
  if (configMap)
    return files('configmap', configMap.defaultMode, [config('ConfigMap', configMap.name, configMap)])
  if (secret) return files('secret', secret.defaultMode, [config('Secret', secret.secretName, secret)])
  if (downwardAPI)
    return files(
      'downward-api',
      downwardAPI.defaultMode,
      toFields(downwardAPI.items, [...at, 'downwardAPI', 'items'], findings),
    )
  if (!projected) return undefined
  const parts = projected.sources.flatMap((source, index) =>
    toParts(source, [...at, 'projected', 'sources', index], findings),
  )
  return files('projected', projected.defaultMode, parts)
}

const isSecret = (part: FilePart): boolean =>
  part.kind === 'token' || (part.kind === 'config' && part.from.kind === 'Secret')

function toParts(
  source: v.InferOutput<typeof projection>,
  at: ObjectPath,
  findings: Findings,
): readonly FilePart[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = source
  const types = Object.entries(source).filter(([, value]) => value !== null && value !== undefined)
  for (const other of ['clusterTrustBundle', 'podCertificate'] as const)
    if (source[other])
      findings.unsupported([...at, other], 'is a source of files that this node does not support')
  if (types.length !== 1)
    findings.error(at, 'must have exactly one of configMap, secret, downwardAPI and serviceAccountToken')
  if (configMap) return [config('ConfigMap', configMap.name, configMap)]
  if (secret) return [config('Secret', secret.name, secret)]
  if (downwardAPI) return toFields(downwardAPI.items, [...at, 'downwardAPI', 'items'], findings)
  if (!token) return []
  const audience = token.audience === '' ? undefined : token.audience
  return [{ kind: 'token', audience, expirationSeconds: token.expirationSeconds, path: token.path }]
}

const config = (
  kind: ConfigKind,
  name: string,
  { optional, items }: { readonly optional: boolean; readonly items: WrittenItems },
): FilePart => ({
  kind: 'config',
  from: { kind, name, optional },
  items: items.map((item) => ({ key: item.key, path: item.path, mode: item.mode ?? undefined })),
})

const toFields = (written: WrittenFields, at: ObjectPath, findings: Findings): readonly FilePart[] =>
  written.flatMap(({ path, mode, fieldRef, resourceFieldRef }, index): readonly FilePart[] => {
    const place = { path, mode: mode ?? undefined }
    if (resourceFieldRef) {
      const reference = toResourceReference(resourceFieldRef)
      if (reference.container === undefined)
        findings.error(
          [...at, index, 'resourceFieldRef', 'containerName'],
          'must be there: a volume is no container',
        )
      return [{ kind: 'resource', ...reference, ...place }]
    }
    const field = fieldRef?.fieldPath
    if (field === undefined) findings.error([...at, index], 'must have a fieldRef or a resourceFieldRef')
    else if (!isFileField(field))
      findings.error([...at, index, 'fieldRef', 'fieldPath'], `is not a field that a file can have: ${field}`)
    return field === undefined ? [] : [{ kind: 'field', field, ...place }]
  })
