import type { ConfigObject } from '../../model/config-object.ts'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Pod } from '../../model/pod.ts'
import type { Service } from '../../model/service.ts'
import { parseConfigMap } from './config-map.ts'
import { type Deployment, parseDeployment } from './deployment.ts'
import { parseEndpointSlice } from './endpoint-slice.ts'
import type { ObjectPath } from './object-path.ts'
import { Findings, type ObjectProblem, type Parsed } from './parsed.ts'
import { parsePod } from './pod.ts'
import { parseSecret } from './secret.ts'
import { parseService } from './service.ts'
import { isRecord } from './unread-fields.ts'

interface Of<Kind extends string, Value> {
  readonly kind: Kind
  readonly value: Value
}

/** An object that a folder of manifests can hold, parsed. */
export type ManifestObject =
  | Of<'Service', Service>
  | Of<'EndpointSlice', EndpointSlice>
  | Of<'Pod', Pod>
  | Of<'ConfigMap', ConfigObject>
  | Of<'Secret', ConfigObject>
  | Of<'Deployment', Deployment>

/** One object of a document: the document itself, or an item of its List. */
export interface ParsedManifest {
  /** Kind, namespace and name as written, for people and as identity: `Service default/web`. */
  readonly label: string
  /** Where in the document the object begins. */
  readonly path: ObjectPath
  /** The object as written. */
  readonly written: unknown
  readonly object: ManifestObject | undefined
  readonly problems: readonly ObjectProblem[]
}

const of =
  <Kind extends ManifestObject['kind'], Value>(kind: Kind, parse: (object: unknown) => Parsed<Value>) =>
  (object: unknown): Parsed<Of<Kind, Value>> => {
    const { value, problems } = parse(object)
    return { value: value === undefined ? undefined : { kind, value }, problems }
  }

const parsers: ReadonlyMap<string, (object: unknown) => Parsed<ManifestObject>> = new Map<
  string,
  (object: unknown) => Parsed<ManifestObject>
>([
  ['v1/Service', of('Service', parseService)],
  ['v1/Pod', of('Pod', parsePod)],
  ['v1/ConfigMap', of('ConfigMap', parseConfigMap)],
  ['v1/Secret', of('Secret', parseSecret)],
  ['apps/v1/Deployment', of('Deployment', parseDeployment)],
  ['discovery.k8s.io/v1/EndpointSlice', of('EndpointSlice', parseEndpointSlice)],
])

const supportedKinds = [...parsers.keys()].map((key) => key.slice(key.lastIndexOf('/') + 1)).join(', ')

/** Reads one document: an object of any kind, or a v1 List of them. Never throws. */
export function parseManifest(document: unknown, path: ObjectPath = []): readonly ParsedManifest[] {
  const { apiVersion, kind } = typeOf(document)
  if (apiVersion === 'v1' && kind === 'List') {
    const items = isRecord(document) ? document.items : undefined
    if (Array.isArray(items))
      return items.flatMap((item, index) => parseManifest(item, [...path, 'items', index]))
    return [unusable(document, path, ['items'], 'must be a list')]
  }
  if (kind === '')
    return [unusable(document, path, [], 'is no Kubernetes object: it has no apiVersion and kind')]
  const parse = parsers.get(`${apiVersion}/${kind}`)
  if (parse === undefined) return [unknownKind(document, path, apiVersion, kind)]
  const { value, problems } = parse(document)
  return [{ label: labelOf(document), path, written: document, object: value, problems }]
}

function unknownKind(document: unknown, path: ObjectPath, apiVersion: string, kind: string): ParsedManifest {
  const findings = new Findings()
  const other = [...parsers.keys()].find((key) => key.endsWith(`/${kind}`))
  if (other === undefined)
    findings.warning(
      ['kind'],
      `${kind} (${apiVersion || 'no apiVersion'}) is ignored`,
      `known: ${supportedKinds}`,
    )
  else
    findings.error(
      ['apiVersion'],
      `must be ${other.slice(0, -kind.length - 1)} for a ${kind}, not ${apiVersion}`,
    )
  return {
    label: labelOf(document),
    path,
    written: document,
    object: undefined,
    problems: findings.withoutValue().problems,
  }
}

function unusable(document: unknown, path: ObjectPath, at: ObjectPath, reason: string): ParsedManifest {
  const problem: ObjectProblem = { path: at, reason, severity: 'error' }
  return { label: labelOf(document), path, written: document, object: undefined, problems: [problem] }
}

function labelOf(document: unknown): string {
  const { kind } = typeOf(document)
  const metadata = isRecord(document) && isRecord(document.metadata) ? document.metadata : {}
  if (kind === '') return 'document'
  if (kind === 'List') return kind
  return `${kind} ${text(metadata.namespace) || 'default'}/${text(metadata.name) || '?'}`
}

const typeOf = (document: unknown): { apiVersion: string; kind: string } =>
  isRecord(document)
    ? { apiVersion: text(document.apiVersion), kind: text(document.kind) }
    : { apiVersion: '', kind: '' }

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
