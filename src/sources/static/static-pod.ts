import { type Pod, TOLD_NOTHING } from '../../model/pod.ts'
import { contentHash } from '../files/content-hash.ts'
import type { Parsed } from '../objects/parsed.ts'
import { parsePod } from '../objects/pod.ts'
import { isRecord } from '../objects/unread-fields.ts'

/** Annotations that tell a pod's origin (pkg/kubelet/types/pod_update.go). */
export const CONFIG = {
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  seen: 'kubernetes.io/config.seen',
  /** On a mirror: the hash of the static pod that it shows. */
  mirror: 'kubernetes.io/config.mirror',
} as const

/** A pod of the node's own folder. */
export interface StaticPod {
  readonly pod: Pod
  /** The whole object as an API server would have it, but for what is only known there. */
  readonly object: Readonly<Record<string, unknown>>
}

export interface StaticPodContext {
  readonly nodeName: string
  /** Name of the file. */
  readonly file: string
  /** When the file was read first, as the API writes times. */
  readonly seen: string
}

/**
 * Reads a manifest as a pod of this node: the node is part of its name, and its UID is a hash of what is written and
 * where, so that a changed file is another pod.
 */
export function parseStaticPod(written: unknown, context: StaticPodContext): Parsed<StaticPod> {
  const object = asStatic(isRecord(written) ? written : {}, written, context)
  const { value, problems } = parsePod(object)
  return {
    value: value === undefined ? undefined : { pod: { ...value, told: TOLD_NOTHING }, object },
    problems,
  }
}

function asStatic(
  manifest: Readonly<Record<string, unknown>>,
  written: unknown,
  { nodeName, file, seen }: StaticPodContext,
): Readonly<Record<string, unknown>> {
  const metadata = isRecord(manifest.metadata) ? manifest.metadata : {}
  const spec = isRecord(manifest.spec) ? manifest.spec : {}
  const annotations = isRecord(metadata.annotations) ? metadata.annotations : {}
  const own = typeof metadata.uid === 'string' ? metadata.uid : ''
  const uid = own === '' ? contentHash([nodeName, file, written]).toString('hex').slice(0, 32) : own
  const { status: _, ...rest } = manifest
  return {
    ...rest,
    metadata: {
      ...metadata,
      uid,
      name: `${typeof metadata.name === 'string' ? metadata.name : ''}-${nodeName.toLowerCase()}`,
      namespace: typeof metadata.namespace === 'string' ? metadata.namespace : 'default',
      annotations: { ...annotations, [CONFIG.source]: 'file', [CONFIG.seen]: seen, [CONFIG.hash]: uid },
    },
    spec: { ...spec, nodeName, tolerations: [...listOf(spec.tolerations), STAYS] },
  }
}

/** Nobody evicts what would come back at once. */
const STAYS = { operator: 'Exists', effect: 'NoExecute' }

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
