import type { Container, VolumeMount } from '../../model/pod.ts'
import type { WrittenContainer } from './container-schema.ts'
import { toEnv, toEnvFrom } from './env.ts'
import { toLifecycle } from './lifecycle.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { toProbes } from './probe.ts'
import { toResources } from './resources.ts'
import { toContainerSecurity, type WrittenPodSecurity } from './security-context.ts'

export function toContainer(
  written: WrittenContainer,
  podSecurity: WrittenPodSecurity,
  path: ObjectPath,
  findings: Findings,
): Container {
  const ports = written.ports.map(({ name, containerPort, protocol, hostPort, hostIP }) => ({
    name,
    port: containerPort,
    protocol,
    hostPort,
    hostIP,
  }))
  return {
    name: written.name,
    image: written.image,
    imagePullPolicy: written.imagePullPolicy ?? defaultPullPolicy(written.image),
    command: written.command,
    args: written.args,
    workingDir: written.workingDir,
    env: toEnv(written.env, [...path, 'env'], findings),
    envFrom: toEnvFrom(written.envFrom, [...path, 'envFrom'], findings),
    ports,
    volumeMounts: toMounts(written, [...path, 'volumeMounts'], findings),
    probes: toProbes(written, ports, path, findings),
    lifecycle: toLifecycle(written.lifecycle, ports, [...path, 'lifecycle'], findings),
    ...toResources(written.resources, [...path, 'resources'], findings),
    security: toContainerSecurity(
      written.securityContext,
      podSecurity,
      [...path, 'securityContext'],
      findings,
    ),
    sidecar: path.includes('initContainers') && written.restartPolicy === 'Always',
    terminationMessage: {
      path: written.terminationMessagePath,
      fallsBackToLogs: written.terminationMessagePolicy === 'FallbackToLogsOnError',
    },
    terminal: { stdin: written.stdin, stdinOnce: written.stdinOnce, tty: written.tty },
  }
}

function toMounts(
  { volumeMounts, securityContext }: WrittenContainer,
  path: ObjectPath,
  findings: Findings,
): readonly VolumeMount[] {
  return volumeMounts.map((mount, index) => {
    const at = [...path, index]
    if (mount.subPath !== '' && mount.subPathExpr !== '')
      findings.error([...at, 'subPathExpr'], 'cannot stand beside a subPath')
    if (mount.mountPropagation === 'Bidirectional' && !securityContext.privileged)
      findings.error([...at, 'mountPropagation'], 'can be Bidirectional in a privileged container only')
    return {
      volume: mount.name,
      mountPath: mount.mountPath,
      subPath: mount.subPath,
      subPathExpr: mount.subPathExpr,
      readOnly: mount.readOnly,
      propagation: mount.mountPropagation,
    }
  })
}

/** Always for `latest` and for no tag, IfNotPresent for any other tag or a digest (API server default). */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest'
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}
