import type { Container } from '../../model/pod.ts'
import type { WrittenContainer } from './container-schema.ts'
import { toEnv, toEnvFrom } from './env.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { toProbes } from './probe.ts'
import { toResources } from './resources.ts'

/** What a container takes over from its pod's security context unless it says otherwise. */
export interface InheritedSecurity {
  readonly runAsUser: number | undefined
  readonly runAsGroup: number | undefined
}

export function toContainer(
  written: WrittenContainer,
  inherited: InheritedSecurity,
  path: ObjectPath,
  findings: Findings,
): Container {
  const { securityContext: security } = written
  const ports = written.ports.map(({ name, containerPort, protocol }) => ({
    name,
    port: containerPort,
    protocol,
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
    volumeMounts: written.volumeMounts.map((mount, index) => {
      if (mount.mountPropagation !== 'None')
        findings.warning([...path, 'volumeMounts', index, 'mountPropagation'], 'is not supported and ignored')
      return {
        volume: mount.name,
        mountPath: mount.mountPath,
        subPath: mount.subPath,
        readOnly: mount.readOnly,
      }
    }),
    probes: toProbes(written, ports, path, findings),
    ...toResources(written.resources, [...path, 'resources'], findings),
    security: {
      runAsUser: security.runAsUser ?? inherited.runAsUser,
      runAsGroup: security.runAsGroup ?? inherited.runAsGroup,
      privileged: security.privileged,
      readOnlyRootFilesystem: security.readOnlyRootFilesystem,
      addCapabilities: security.capabilities.add,
      dropCapabilities: security.capabilities.drop,
    },
  }
}

/** Always for `latest` and for no tag, IfNotPresent for any other tag or a digest (API server default). */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest'
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}
