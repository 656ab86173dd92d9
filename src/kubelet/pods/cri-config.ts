import { join } from 'node:path'
import {
  type ContainerConfig,
  type DNSConfig,
  type Mount,
  type PodSandboxConfig,
  type PortMapping,
  Protocol,
} from '../../gen/runtime.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'
import { kubeletAnnotations } from '../runtime/kubelet-annotations.ts'
import { ANNOTATION, LABEL } from '../runtime/labels.ts'
import { type PodScope, scopeLabels } from '../runtime/pod-scope.ts'
import { logFile } from '../volumes/pod-folder.ts'
import { containerSecurity, sandboxSecurity } from './cri-security.ts'
import { expand } from './expand.ts'
import { kernelHostname } from './pod-hostname.ts'
import { containerResources } from './resources.ts'

/** What all sandboxes and containers of this node share. */
export interface CriContext {
  /** What is made is marked as its. */
  readonly scope: PodScope
  /** Absolute path within each cgroup hierarchy that all pods' cgroups lie below. */
  readonly cgroupRoot: string
  readonly nodeMemoryBytes: number
  /** Of names of pods and Services in the cluster's DNS. */
  readonly clusterDomain: string
  /** Absolute folder of seccomp profiles that pods name. */
  readonly seccompDir: string
}

export const podCgroup = (cgroupRoot: string, podUid: string): string => join(cgroupRoot, `pod${podUid}`)

/** What is particular to one sandbox of a pod. */
export interface SandboxRun {
  readonly attempt: number
  /** Absolute folder of the pod's logs. */
  readonly logs: string
  readonly dns: DNSConfig
}

/** What RunPodSandbox gets, and CreateContainer once more. Pure. */
export function sandboxConfig(
  pod: Pod,
  { attempt, logs, dns }: SandboxRun,
  context: CriContext,
): PodSandboxConfig {
  const { namespace, name } = splitObjectName(pod.name)
  return {
    metadata: { name, namespace, uid: pod.uid, attempt },
    // The node's network namespace comes with the node's name; the runtime refuses another.
    hostname: pod.hostNetwork ? '' : kernelHostname(pod, context.clusterDomain),
    logDirectory: logs,
    dnsConfig: dns,
    portMappings: portMappings(pod),
    labels: podLabels(pod, context.scope),
    annotations: {
      ...Object.fromEntries(pod.annotations),
      [ANNOTATION.graceSeconds]: String(pod.terminationGracePeriodSeconds),
    },
    linux: {
      cgroupParent: podCgroup(context.cgroupRoot, pod.uid),
      securityContext: sandboxSecurity(pod),
      sysctls: Object.fromEntries(pod.security.sysctls),
    },
  }
}

const PROTOCOLS = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP }

/** The node's ports that lead to the pod. In the node's network its ports are the node's by themselves. */
function portMappings({ hostNetwork, containers }: Pod): PortMapping[] {
  if (hostNetwork) return []
  return containers
    .flatMap(({ ports }) => ports)
    .filter(({ hostPort }) => hostPort !== 0)
    .map(({ protocol, port, hostPort, hostIP }) => ({
      protocol: PROTOCOLS[protocol],
      containerPort: port,
      hostPort,
      hostIp: hostIP ?? '',
    }))
}

export interface ContainerRun {
  readonly attempt: number
  readonly restartDelayMs: number
  readonly imageId: string
  readonly environment: ReadonlyMap<string, string>
  readonly mounts: Mount[]
}

/** What CreateContainer gets. Pure. */
export function containerConfig(
  pod: Pod,
  container: Container,
  run: ContainerRun,
  context: CriContext,
): ContainerConfig {
  const { environment, attempt } = run
  const expanded = (text: string) => expand(text, (name) => environment.get(name))
  return {
    metadata: { name: container.name, attempt },
    image: { image: run.imageId },
    command: container.command.map(expanded),
    args: container.args.map(expanded),
    workingDir: container.workingDir,
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: run.mounts,
    labels: { ...podLabels(pod, context.scope), [LABEL.containerName]: container.name },
    annotations: {
      ...kubeletAnnotations(pod, container, attempt),
      [ANNOTATION.restartDelay]: String(run.restartDelayMs),
    },
    logPath: logFile(container.name, attempt),
    ...container.terminal,
    linux: {
      resources: containerResources(pod, container, context.nodeMemoryBytes),
      securityContext: containerSecurity(pod, container, context.seccompDir),
    },
  }
}

function podLabels(pod: Pod, scope: PodScope): Record<string, string> {
  const { namespace, name } = splitObjectName(pod.name)
  return {
    ...Object.fromEntries(pod.labels),
    [LABEL.podName]: name,
    [LABEL.podNamespace]: namespace,
    [LABEL.podUid]: pod.uid,
    ...scopeLabels(scope),
  }
}
