import type { ConfigMap } from '../../model/config-map.ts'
import { type ObjectName, objectName, splitObjectName } from '../../model/object-name.ts'
import type { Container, EnvFrom, EnvVariable, Pod } from '../../model/pod.ts'
import type { IpAddress } from '../../util/address.ts'
import { expand } from './expand.ts'

/** What variables can speak of besides the pod itself. */
export interface EnvironmentContext {
  readonly nodeName: string
  /** `status.hostIP`. */
  readonly hostIPs: readonly IpAddress[]
  /** `status.podIP`; the node's in the node's network. */
  readonly podIPs: readonly IpAddress[]
  readonly configMap: (name: ObjectName) => ConfigMap | undefined
}

/** Something that a variable names is not there; the container waits until it is. */
export class MissingConfigError extends Error {
  override readonly name = 'MissingConfigError'
  readonly code = 'CONFIG_MISSING'
}

/**
 * The variables of a container in order: `envFrom` first, `env` over it, each `$(VAR)` replaced by what was defined
 * before. Throws a {@link MissingConfigError}.
 */
export function containerEnvironment(
  pod: Pod,
  container: Container,
  context: EnvironmentContext,
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  const { namespace } = splitObjectName(pod.name)
  for (const source of container.envFrom) addAll(source, namespace, context, variables)
  for (const variable of container.env) {
    const value = resolveValue(variable, pod, namespace, context, variables)
    if (value !== undefined) variables.set(variable.name, value)
  }
  return variables
}

/** The runtime takes none other as a name, and one bad key must not cost the others. */
const VARIABLE_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/

function addAll(
  { configMap, prefix, optional }: EnvFrom,
  namespace: string,
  context: EnvironmentContext,
  variables: Map<string, string>,
): void {
  const found = context.configMap(objectName(namespace, configMap))
  if (found === undefined) {
    if (optional) return
    throw new MissingConfigError(`envFrom: ConfigMap ${configMap} is not there (create it)`)
  }
  for (const [key, value] of found.data) {
    const name = prefix + key
    if (typeof value === 'string' && VARIABLE_NAME.test(name)) variables.set(name, value)
  }
}

function resolveValue(
  { name, value }: EnvVariable,
  pod: Pod,
  namespace: string,
  context: EnvironmentContext,
  defined: ReadonlyMap<string, string>,
): string | undefined {
  switch (value.kind) {
    case 'literal':
      return expand(value.value, (other) => defined.get(other))
    case 'field':
      return fieldValue(value.path, pod, context, name)
    case 'configMapKey': {
      const configMap = context.configMap(objectName(namespace, value.configMap))
      const found = configMap?.data.get(value.key)
      if (typeof found === 'string') return found
      if (value.optional) return undefined
      const what =
        configMap === undefined ? 'is not there (create it)' : `has no text ${value.key} (add the key)`
      throw new MissingConfigError(`variable ${name}: ConfigMap ${value.configMap} ${what}`)
    }
  }
}

/** core/v1 ObjectFieldSelector, as far as a variable may use it. */
function fieldValue(path: string, pod: Pod, context: EnvironmentContext, variable: string): string {
  const { namespace, name } = splitObjectName(pod.name)
  const fields: Record<string, string | undefined> = {
    'metadata.name': name,
    'metadata.namespace': namespace,
    'metadata.uid': pod.uid,
    'spec.nodeName': context.nodeName,
    'status.hostIP': context.hostIPs[0] ?? '',
    'status.hostIPs': context.hostIPs.join(','),
    'status.podIP': context.podIPs[0] ?? '',
    'status.podIPs': context.podIPs.join(','),
  }
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (subscript !== null) {
    const [, kind, key = ''] = subscript
    return (kind === 'labels' ? pod.labels : pod.annotations).get(key) ?? ''
  }
  const value = fields[path]
  if (value === undefined) {
    throw new MissingConfigError(`variable ${variable}: there is no field ${path} (correct fieldPath)`)
  }
  return value
}
