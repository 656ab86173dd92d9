import type { ContainerPort, Pod } from '../../model/pod.ts'

/** Ports of the node that a pod takes for as long as it runs. */
const hostPorts = ({ containers, initContainers }: Pod): readonly ContainerPort[] =>
  [...containers, ...initContainers.filter(({ sidecar }) => sidecar)]
    .flatMap(({ ports }) => ports)
    .filter(({ hostPort }) => hostPort !== 0)

/** Whether two pods want one port of the node. */
export function portsClash(pod: Pod, other: Pod): boolean {
  const taken = hostPorts(other)
  return taken.length > 0 && hostPorts(pod).some((port) => taken.some((its) => clash(port, its)))
}

const clash = (a: ContainerPort, b: ContainerPort): boolean =>
  a.hostPort === b.hostPort &&
  a.protocol === b.protocol &&
  (isWildcard(a.hostIP) || isWildcard(b.hostIP) || a.hostIP === b.hostIP)

const isWildcard = (address: string | undefined): boolean =>
  address === undefined || address === '0.0.0.0' || address === '::'
