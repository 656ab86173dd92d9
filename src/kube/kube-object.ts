/** What every object of the API has, checked; everything else is for the decoder of its kind. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string
    readonly namespace: string | undefined
    readonly resourceVersion: string
  }
  /** The object as it came. It must not be kept: what is needed of it is copied out. */
  readonly written: Readonly<Record<string, unknown>>
}

/** `namespace/name`, or the name of what is in no namespace: unique within a collection. */
export const objectKey = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`

/** Undefined when `value` is no object of the API. Never throws. */
export function asKubeObject(value: unknown): KubeObject | undefined {
  if (!isRecord(value) || !isRecord(value.metadata)) return undefined
  const { name, namespace, resourceVersion } = value.metadata
  if (typeof name !== 'string' || name === '' || typeof resourceVersion !== 'string') return undefined
  if (namespace !== undefined && typeof namespace !== 'string') return undefined
  return { metadata: { name, namespace, resourceVersion }, written: value }
}

/** Of two versions of one object, the later is the larger (KEP-5504). 0 when `object` does not say. */
export function versionOf(object: unknown): bigint {
  const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {}
  const { resourceVersion } = metadata
  return typeof resourceVersion === 'string' && /^\d+$/.test(resourceVersion) ? BigInt(resourceVersion) : 0n
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
