import * as v from 'valibot'
import type { Container, RestartPolicy, Volume } from '../../model/pod.ts'
import { toContainer } from './container.ts'
import { containerSchema, userOrGroupId, type WrittenContainer } from './container-schema.ts'
import { dnsLabel } from './names.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { toVolumes, volumes } from './volume.ts'

const secondsMessage = 'must be a number of seconds of 0 or more'

/** Decided before a pod comes to its node; a node has no use for them. */
const scheduling = {
  nodeName: v.nullish(v.unknown()),
  nodeSelector: v.nullish(v.unknown()),
  affinity: v.nullish(v.unknown()),
  tolerations: v.nullish(v.unknown()),
  schedulerName: v.nullish(v.unknown()),
  topologySpreadConstraints: v.nullish(v.unknown()),
  priority: v.nullish(v.unknown()),
  priorityClassName: v.nullish(v.unknown()),
  preemptionPolicy: v.nullish(v.unknown()),
}

/** Without a cluster DNS or API server there is nothing that these could change. */
const clusterBound = {
  dnsPolicy: v.nullish(v.picklist(['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'])),
  serviceAccount: v.nullish(v.unknown()),
  serviceAccountName: v.nullish(v.string(), ''),
  automountServiceAccountToken: v.nullish(v.unknown()),
  enableServiceLinks: v.nullish(v.unknown()),
}

/** core/v1 PodSpec, as far as the node runs it. */
export const podSpec = v.object({
  ...scheduling,
  ...clusterBound,
  hostNetwork: v.nullish(v.boolean(), false),
  hostname: v.nullish(v.union([v.literal(''), dnsLabel]), ''),
  restartPolicy: v.nullish(v.picklist(['Always', 'OnFailure', 'Never']), 'Always'),
  terminationGracePeriodSeconds: v.nullish(
    v.pipe(v.number(), v.integer(secondsMessage), v.minValue(0, secondsMessage)),
    30,
  ),
  securityContext: v.nullish(v.object({ runAsUser: userOrGroupId, runAsGroup: userOrGroupId }), {}),
  initContainers: v.nullish(v.array(containerSchema), []),
  containers: v.pipe(v.array(containerSchema), v.minLength(1, 'must have at least one container')),
  volumes,
})

type Written = v.InferOutput<typeof podSpec>

/** The part of a Pod that a spec decides: everything but its identity. */
export interface PodTemplate {
  readonly serviceAccount: string
  readonly hostNetwork: boolean
  /** Empty: the pod's name. */
  readonly hostname: string
  readonly restartPolicy: RestartPolicy
  readonly terminationGracePeriodSeconds: number
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}

export function toPodTemplate(spec: Written, path: ObjectPath, findings: Findings): PodTemplate {
  const inherited = {
    runAsUser: spec.securityContext.runAsUser ?? undefined,
    runAsGroup: spec.securityContext.runAsGroup ?? undefined,
  }
  const read = (list: 'initContainers' | 'containers') =>
    spec[list].map((container, index) => toContainer(container, inherited, [...path, list, index], findings))
  checkContainers(spec, path, findings)
  return {
    serviceAccount: spec.serviceAccountName || 'default',
    hostNetwork: spec.hostNetwork,
    hostname: spec.hostname,
    restartPolicy: spec.restartPolicy,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    initContainers: read('initContainers'),
    containers: read('containers'),
    volumes: toVolumes(spec.volumes, [...path, 'volumes'], findings),
  }
}

function checkContainers(spec: Written, path: ObjectPath, findings: Findings): void {
  const names = new Set<string>()
  const portNames = new Set<string>()
  const volumeNames = new Set(spec.volumes.map((volume) => volume.name))
  const check = (container: WrittenContainer, at: ObjectPath): void => {
    if (names.has(container.name)) findings.error([...at, 'name'], `repeats the name ${container.name}`)
    names.add(container.name)
    container.volumeMounts.forEach((mount, index) => {
      if (!volumeNames.has(mount.name))
        findings.error([...at, 'volumeMounts', index, 'name'], `names no volume of the pod: ${mount.name}`)
    })
  }
  spec.initContainers.forEach((container, index) => {
    const at = [...path, 'initContainers', index]
    check(container, at)
    // Run as an ordinary init container, a sidecar would keep the pod from ever starting.
    if (container.restartPolicy)
      findings.error([...at, 'restartPolicy'], 'makes a sidecar, which this node does not support')
    for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
      if (container[name])
        findings.error(
          [...at, name],
          'cannot be had by an init container, which is over before the pod begins',
        )
  })
  spec.containers.forEach((container, index) => {
    const at = [...path, 'containers', index]
    check(container, at)
    if (container.restartPolicy) findings.warning([...at, 'restartPolicy'], "is ignored: the pod's holds")
    container.ports.forEach((port, number) => {
      if (port.name !== '' && portNames.has(port.name))
        findings.warning([...at, 'ports', number, 'name'], `repeats the name ${port.name}: the first holds`)
      portNames.add(port.name)
    })
  })
}
