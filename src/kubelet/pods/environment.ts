import type { ConfigLookup, ConfigReference } from '../../model/config-object.ts'
import { objectName, splitObjectName } from '../../model/object-name.ts'
import type { Container, EnvFrom, EnvVariable, Pod, ResourceAmounts } from '../../model/pod.ts'
import type { Service } from '../../model/service.ts'
import type { IpAddress } from '../../util/address.ts'
import { MissingConfigError } from './config-error.ts'
import { metadataField, resourceText } from './downward-api.ts'
import { expand } from './expand.ts'
import { serviceVariables } from './service-variables.ts'

/** What variables can speak of besides the pod itself. */
export interface EnvironmentContext {
  readonly nodeName: string
  /** `status.hostIP`. */
  readonly hostIPs: readonly IpAddress[]
  /** `status.podIP`; the node's in the node's network. */
  readonly podIPs: readonly IpAddress[]
  readonly config: ConfigLookup
  readonly services: Iterable<Service>
  /** What the node has for pods. */
  readonly node: ResourceAmounts
}

/**
 * The variables of a container in order: `envFrom` first, `env` over it, each `$(VAR)` replaced by what was defined
 * before or is told of Services, and the rest of that at last. Throws a {@link MissingConfigError}.
 */
export function containerEnvironment(
  pod: Pod,
  container: Container,
  context: EnvironmentContext,
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  const { namespace } = splitObjectName(pod.name)
  const links = serviceVariables(context.services, pod)
  for (const source of container.envFrom) addAll(source, namespace, context, variables)
  for (const variable of container.env) {
    const value = resolveValue(
      variable,
      pod,
      container,
      context,
      (name) => variables.get(name) ?? links.get(name),
    )
    if (value !== undefined) variables.set(variable.name, value)
  }
  for (const [name, value] of links) if (!variables.has(name)) variables.set(name, value)
  return variables
}

function addAll(
  { from, prefix }: EnvFrom,
  namespace: string,
  { config }: EnvironmentContext,
  variables: Map<string, string>,
): void {
  const found = config(from.kind, objectName(namespace, from.name))
  if (found === undefined) {
    if (from.optional) return
    throw new MissingConfigError(notFound(from))
  }
  for (const [key, value] of found.data) {
    const name = prefix + key
    const text = textOf(value, from)
    // Whatever it is called: what programs make of the name is theirs (relaxed validation, KEP-4369).
    if (text !== undefined) variables.set(name, text)
  }
}

/** A Secret's bytes are taken for UTF-8; those of a ConfigMap's binaryData are no text. */
const textOf = (value: string | Uint8Array | undefined, { kind }: ConfigReference): string | undefined =>
  value instanceof Uint8Array && kind === 'Secret'
    ? Buffer.from(value).toString('utf8')
    : typeof value === 'string'
      ? value
      : undefined

function resolveValue(
  { name, value }: EnvVariable,
  pod: Pod,
  container: Container,
  context: EnvironmentContext,
  defined: (name: string) => string | undefined,
): string | undefined {
  const { namespace } = splitObjectName(pod.name)
  switch (value.kind) {
    case 'literal':
      return expand(value.value, defined)
    case 'field':
      return fieldValue(value.path, pod, context, name)
    case 'resource': {
      const text = resourceText(pod, value, container, context.node)
      if (text === undefined)
        throw new MissingConfigError(
          `variable ${name}: the pod has no container ${value.container} (correct it)`,
        )
      return text
    }
    case 'configKey': {
      const { from, key } = value
      const found = context.config(from.kind, objectName(namespace, from.name))
      const text = textOf(found?.data.get(key), from)
      if (text !== undefined) return text
      if (from.optional) return undefined
      throw new MissingConfigError(
        found === undefined
          ? notFound(from)
          : `couldn't find key ${key} in ${from.kind} ${objectName(namespace, from.name)}`,
      )
    }
  }
}

/** As the API server says it, and so the kubelet: it is what people search for. */
const notFound = ({ kind, name }: ConfigReference): string => `${kind.toLowerCase()} "${name}" not found`

/** core/v1 ObjectFieldSelector, as far as a variable may use it. */
function fieldValue(path: string, pod: Pod, context: EnvironmentContext, variable: string): string {
  const fields: Record<string, string | undefined> = {
    'spec.nodeName': context.nodeName,
    'spec.serviceAccountName': pod.serviceAccount,
    'status.hostIP': context.hostIPs[0] ?? '',
    'status.hostIPs': context.hostIPs.join(','),
    'status.podIP': context.podIPs[0] ?? '',
    'status.podIPs': context.podIPs.join(','),
  }
  const value = fields[path] ?? metadataField(pod, path)
  if (value === undefined) {
    throw new MissingConfigError(`variable ${variable}: there is no field ${path} (correct fieldPath)`)
  }
  return value
}
