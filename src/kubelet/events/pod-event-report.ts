import type { ObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { ProbeKind } from '../../model/probe.ts'

/** Something about a pod that people are told: what becomes an Event of it. */
export interface PodEventReport {
  readonly pod: ObjectName
  readonly uid: string
  /** The container that it is about; absent where it is about the pod. */
  readonly container?: { readonly name: string; readonly kind: 'container' | 'init' }
  readonly type: 'Normal' | 'Warning'
  /** One CamelCase word that programs match, the kubelet's own wherever it has one (pkg/kubelet/events). */
  readonly reason: string
  readonly message: string
}

/** What happened, apart from whom it happened to. */
export type Happening = Pick<PodEventReport, 'type' | 'reason' | 'message'>

export const normal = (reason: string, message: string): Happening => ({ type: 'Normal', reason, message })

export const warning = (reason: string, message: string): Happening => ({ type: 'Warning', reason, message })

/** Whom it happens to. */
export interface EventSubject {
  readonly name: ObjectName
  readonly uid: string
  readonly pod: Pod | undefined
}

export const ofPod = ({ name, uid }: EventSubject, happening: Happening): PodEventReport => ({
  pod: name,
  uid,
  ...happening,
})

export function ofContainer(subject: EventSubject, name: string, happening: Happening): PodEventReport {
  const isInit = subject.pod?.initContainers.some((container) => container.name === name) === true
  return { ...ofPod(subject, happening), container: { name, kind: isInit ? 'init' : 'container' } }
}

const PROBES: Record<ProbeKind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' }

/** A probe of a running container got an answer that is no good one. */
export const unhealthy = (
  subject: EventSubject,
  container: string,
  probe: ProbeKind,
  message: string,
): PodEventReport =>
  ofContainer(subject, container, warning('Unhealthy', `${PROBES[probe]} probe failed: ${message}`))
