import { join } from 'node:path'
import {
  type ContainerConfig,
  type DNSConfig,
  type Mount,
  NamespaceMode,
  type NamespaceOption,
  type PodSandboxConfig,
} from '../../gen/runtime.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'
import { kubeletAnnotations } from '../runtime/kubelet-annotations.ts'
import { ANNOTATION, LABEL } from '../runtime/labels.ts'
import { type PodScope, scopeLabels } from '../runtime/pod-scope.ts'
import { logFile } from '../volumes/pod-folder.ts'
import { expand } from './expand.ts'
import { containerResources } from './resources.ts'

/** What all sandboxes and containers of this node share. */
export interface CriContext {
  /** What is made is marked as its. */
  readonly scope: PodScope
  /** Absolute path within each cgroup hierarchy that all pods' cgroups lie below. */
  readonly cgroupRoot: string
  readonly nodeMemoryBytes: number
  /** Undefined: the runtime copies the node's own. */
  readonly dns: DNSConfig | undefined
}

export const podCgroup = (cgroupRoot: string, podUid: string): string => join(cgroupRoot, `pod${podUid}`)

/** What RunPodSandbox gets, and CreateContainer once more. Pure. */
export function sandboxConfig(
  pod: Pod,
  attempt: number,
  logs: string,
  context: CriContext,
): PodSandboxConfig {
  const { namespace, name } = splitObjectName(pod.name)
  return {
    metadata: { name, namespace, uid: pod.uid, attempt },
    // The node's network namespace comes with the node's name; the runtime refuses another.
    hostname: pod.hostNetwork ? '' : pod.hostname,
    logDirectory: logs,
    dnsConfig: context.dns,
    labels: podLabels(pod, context.scope),
    annotations: {
      ...Object.fromEntries(pod.annotations),
      [ANNOTATION.graceSeconds]: String(pod.terminationGracePeriodSeconds),
    },
    linux: {
      cgroupParent: podCgroup(context.cgroupRoot, pod.uid),
      securityContext: {
        namespaceOptions: namespaces(pod),
        privileged: [...pod.initContainers, ...pod.containers].some(({ security }) => security.privileged),
      },
    },
  }
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
    linux: {
      resources: containerResources(pod, container, context.nodeMemoryBytes),
      securityContext: securityContext(pod, container),
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

const namespaces = (pod: Pod): NamespaceOption => ({
  network: pod.hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
  pid: NamespaceMode.CONTAINER,
  ipc: NamespaceMode.POD,
})

function securityContext(pod: Pod, { security }: Container) {
  const { runAsUser, runAsGroup } = security
  return {
    capabilities: {
      addCapabilities: [...security.addCapabilities],
      dropCapabilities: [...security.dropCapabilities],
    },
    privileged: security.privileged,
    namespaceOptions: namespaces(pod),
    runAsUser: runAsUser === undefined ? undefined : { value: BigInt(runAsUser) },
    runAsGroup: runAsGroup === undefined ? undefined : { value: BigInt(runAsGroup) },
    readonlyRootfs: security.readOnlyRootFilesystem,
  }
}
