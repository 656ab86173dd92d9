import * as v from 'valibot'
import type { Pod } from '../../model/pod.ts'
import { toContainer } from './container.ts'
import { containerSchema, type WrittenContainer } from './container-schema.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'
import { placementFields, toPlacement } from './placement.ts'
import { networkFields, toPodNetwork } from './pod-network.ts'
import { podSecurityContext, toPodSecurity } from './security-context.ts'
import { findUnsupported } from './unsupported-fields.ts'
import { toVolumes, volumes } from './volume.ts'

const secondsMessage = 'must be a number of seconds of 0 or more'

/** Decided before a pod comes to its node; a node has no use for them. */
const scheduling = {
  nodeName: v.nullish(v.unknown()),
  tolerations: v.nullish(v.unknown()),
  schedulerName: v.nullish(v.unknown()),
  topologySpreadConstraints: v.nullish(v.unknown()),
  priority: v.nullish(v.unknown()),
  priorityClassName: v.nullish(v.unknown()),
  preemptionPolicy: v.nullish(v.unknown()),
  schedulingGates: v.nullish(v.unknown()),
  schedulingGroup: v.nullish(v.unknown()),
}

/** What the API server does with them is done when a pod comes to its node. */
const decidedByServer = {
  serviceAccount: v.nullish(v.unknown()),
  serviceAccountName: v.nullish(v.string(), ''),
  automountServiceAccountToken: v.nullish(v.unknown()),
  // Of a RuntimeClass, and counted by the scheduler.
  overhead: v.nullish(v.unknown()),
  os: v.nullish(v.unknown()),
}

/** core/v1 PodSpec, as far as the node runs it; of the rest speaks `unsupported-fields.ts`. */
export const podSpec = v.object({
  ...scheduling,
  ...decidedByServer,
  ...networkFields,
  ...placementFields,
  hostPID: v.nullish(v.boolean(), false),
  hostIPC: v.nullish(v.boolean(), false),
  shareProcessNamespace: v.nullish(v.boolean(), false),
  restartPolicy: v.nullish(v.picklist(['Always', 'OnFailure', 'Never']), 'Always'),
  terminationGracePeriodSeconds: v.nullish(
    v.pipe(v.number(), v.integer(secondsMessage), v.minValue(0, secondsMessage)),
    30,
  ),
  activeDeadlineSeconds: v.nullish(
    v.pipe(v.number(), v.integer(secondsMessage), v.minValue(0, secondsMessage)),
  ),
  readinessGates: v.nullish(v.array(v.object({ conditionType: v.string() })), []),
  imagePullSecrets: v.nullish(v.array(v.object({ name: v.nullish(v.string(), '') })), []),
  securityContext: podSecurityContext,
  initContainers: v.nullish(v.array(containerSchema), []),
  containers: v.pipe(v.array(containerSchema), v.minLength(1, 'must have at least one container')),
  volumes,
})

type Written = v.InferOutput<typeof podSpec>

/** The part of a Pod that a spec decides: everything but its identity and what it cannot have. */
export type PodTemplate = Omit<
  Pod,
  | 'name'
  | 'uid'
  | 'generation'
  | 'createdAt'
  | 'deletion'
  | 'told'
  | 'labels'
  | 'annotations'
  | 'unsupported'
  | 'ignored'
>

/** Reads a spec that was written at `path`. */
export function toPodTemplate(
  spec: Written,
  written: unknown,
  path: ObjectPath,
  findings: Findings,
): PodTemplate {
  const read = (list: 'initContainers' | 'containers') =>
    spec[list].map((container, index) =>
      toContainer(container, spec.securityContext, [...path, list, index], findings),
    )
  findUnsupported(written, path, findings)
  checkContainers(spec, path, findings)
  if (spec.shareProcessNamespace && spec.hostPID)
    findings.error([...path, 'shareProcessNamespace'], 'cannot stand beside hostPID')
  return {
    ...toPodNetwork(spec),
    placement: toPlacement(spec),
    serviceAccount: spec.serviceAccountName || 'default',
    hostPID: spec.hostPID,
    hostIPC: spec.hostIPC,
    shareProcessNamespace: spec.shareProcessNamespace,
    restartPolicy: spec.restartPolicy,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    activeDeadlineSeconds: spec.activeDeadlineSeconds ?? undefined,
    readinessGates: spec.readinessGates.map(({ conditionType }) => conditionType),
    imagePullSecrets: spec.imagePullSecrets.flatMap(({ name }) => (name === '' ? [] : [name])),
    security: toPodSecurity(spec.securityContext, [...path, 'securityContext'], findings),
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
    if (container.restartPolicy) return
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
    container.ports.forEach((port, number) => {
      if (port.name !== '' && portNames.has(port.name))
        findings.warning([...at, 'ports', number, 'name'], `repeats the name ${port.name}: the first holds`)
      portNames.add(port.name)
    })
  })
}
