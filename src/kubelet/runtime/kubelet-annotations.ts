import type { Container, ContainerPort, Pod } from '../../model/pod.ts'
import { containerHash } from './container-hash.ts'
import { KUBELET_ANNOTATION } from './labels.ts'

/** What upstream's kubelet reads of a container that it finds in the runtime when it takes over from us. */
export const kubeletAnnotations = (
  pod: Pod,
  container: Container,
  attempt: number,
): Readonly<Record<string, string>> => ({
  [KUBELET_ANNOTATION.hash]: containerHash(container),
  [KUBELET_ANNOTATION.restartCount]: String(attempt),
  [KUBELET_ANNOTATION.terminationMessagePath]: container.terminationMessage.path,
  [KUBELET_ANNOTATION.terminationMessagePolicy]: container.terminationMessage.fallsBackToLogs
    ? 'FallbackToLogsOnError'
    : 'File',
  [KUBELET_ANNOTATION.graceSeconds]: String(pod.terminationGracePeriodSeconds),
  ...(container.ports.length === 0
    ? {}
    : { [KUBELET_ANNOTATION.ports]: JSON.stringify(container.ports.map(portObject)) }),
})

/** core/v1 ContainerPort. */
const portObject = ({ name, port, protocol, hostPort, hostIP }: ContainerPort): object => ({
  ...(name === '' ? {} : { name }),
  ...(hostPort === 0 ? {} : { hostPort }),
  containerPort: port,
  protocol,
  ...(hostIP === undefined ? {} : { hostIP }),
})
