import { splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { Service } from '../../model/service.ts'

/** Every pod is told of it, whatever its namespace and its wishes: programs find the API server by it. */
const MASTER = 'default/kubernetes'

/**
 * What a pod's containers are told of Services: those of its namespace where it wants that, and the API server's.
 * They are told once, when they are made: what comes later is for those who look it up in the DNS. Pure.
 */
export function serviceVariables(
  services: Iterable<Service>,
  { name, enableServiceLinks }: Pod,
): ReadonlyMap<string, string> {
  const { namespace } = splitObjectName(name)
  const variables = new Map<string, string>()
  const told = (service: Service): void => {
    for (const [variable, value] of variablesOf(service)) variables.set(variable, value)
  }
  let master: Service | undefined
  for (const service of services) {
    if (service.name === MASTER) master = service
    else if (enableServiceLinks && splitObjectName(service.name).namespace === namespace) told(service)
  }
  // Of two Services called `kubernetes`, the pod's own does not hide the API server.
  if (master !== undefined) told(master)
  return variables
}

/** Where a Service is, in the words of Kubernetes and in those of Docker's links, which came before. */
function variablesOf({ name, clusterIPs, ports }: Service): readonly (readonly [string, string])[] {
  const [address] = clusterIPs
  const [first] = ports
  if (address === undefined || first === undefined) return []
  const prefix = variableName(splitObjectName(name).name)
  const host = address.includes(':') ? `[${address}]` : address
  const url = ({ protocol, port }: typeof first): string => `${protocol.toLowerCase()}://${host}:${port}`
  return [
    [`${prefix}_SERVICE_HOST`, address],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports
      .filter((port) => port.name !== '')
      .map((port) => [`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port)] as const),
    [`${prefix}_PORT`, url(first)],
    ...ports.flatMap((port) => {
      const link = `${prefix}_PORT_${port.port}_${port.protocol}`
      return [
        [link, url(port)],
        [`${link}_PROTO`, port.protocol.toLowerCase()],
        [`${link}_PORT`, String(port.port)],
        [`${link}_ADDR`, address],
      ] as const
    }),
  ]
}

const variableName = (name: string): string => name.replaceAll('-', '_').toUpperCase()
