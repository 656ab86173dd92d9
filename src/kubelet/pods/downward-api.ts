import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod, ResourceAmounts, ResourceReference } from '../../model/pod.ts'

/**
 * A field of `metadata` as containers are told it (core/v1 ObjectFieldSelector): labels and annotations all together as
 * lines of `key="value"`, or one by its key, empty when there is none of it. Undefined: there is no such field.
 */
export function metadataField(pod: Pod, path: string): string | undefined {
  const { namespace, name } = splitObjectName(pod.name)
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (subscript !== null) {
    const [, kind, key = ''] = subscript
    return (kind === 'labels' ? pod.labels : pod.annotations).get(key) ?? ''
  }
  switch (path) {
    case 'metadata.name':
      return name
    case 'metadata.namespace':
      return namespace
    case 'metadata.uid':
      return pod.uid
    case 'metadata.labels':
      return lines(pod.labels)
    case 'metadata.annotations':
      return lines(pod.annotations)
    default:
      return undefined
  }
}

/** JSON's escapes are those that the kubelet writes here, too. */
const lines = (entries: ReadonlyMap<string, string>): string =>
  [...entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')

/**
 * What a container asks for or may use, divided and rounded up. A limit that is not set is all that the node has (core/v1
 * ResourceFieldSelector), a request that is not set nothing. Undefined: the pod has no such container.
 */
export function resourceText(
  pod: Pod,
  reference: ResourceReference,
  asking: Container | undefined,
  node: ResourceAmounts,
): string | undefined {
  const { container: name, resource, divisor } = reference
  const container =
    name === undefined ? asking : [...pod.initContainers, ...pod.containers].find((it) => it.name === name)
  if (container === undefined) return undefined
  const [kind, what] = resource.split('.')
  const amounts = kind === 'limits' ? container.limits : container.requests
  const amount = amountOf(amounts, what) ?? (kind === 'limits' ? amountOf(node, what) : undefined) ?? 0
  // What binary fractions add (0.3 / 0.001) is no whole unit more.
  return String(Math.ceil(amount / divisor - 1e-6))
}

/** In cores or bytes. */
function amountOf(amounts: ResourceAmounts, what: string | undefined): number | undefined {
  if (what === 'memory') return amounts.memoryBytes
  if (what === 'ephemeral-storage') return amounts.ephemeralStorageBytes
  return amounts.cpuMilli === undefined ? undefined : amounts.cpuMilli / 1000
}
