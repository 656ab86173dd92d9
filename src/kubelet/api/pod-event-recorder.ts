import type { EventReport } from '../../kube/event-series.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Happening, PodEventReport } from '../events/pod-event-report.ts'

/** What the kubelet may say: `eventRecordQPS` and `eventBurst`, and of one object what client-go's spam filter lets by. */
export const POD_EVENT_PACE = {
  pace: { burst: 100, perSecond: 50 },
  perObject: { burst: 25, perSecond: 1 / 300 },
  notesMatter: true,
} as const

/** Kinds of containers as fields of a pod's spec. */
const FIELDS = { container: 'containers', init: 'initContainers' } as const

/** Makes an Event of what is said of a pod. */
export function recordPodEvent(recorder: Pick<EventRecorder, 'report'>, report: PodEventReport): void {
  recorder.report(podEvent(report))
}

/** `action` is one of ours: the kubelet's Events have none, and the API asks for one. */
export function podEvent({ pod, uid, container, type, reason, message }: PodEventReport): EventReport {
  const fieldPath =
    container === undefined ? {} : { fieldPath: `spec.${FIELDS[container.kind]}{${container.name}}` }
  const regarding = { apiVersion: 'v1', kind: 'Pod', ...splitObjectName(pod), uid, ...fieldPath }
  return { regarding, type, reason, action: 'SyncPod', note: message }
}

/** What a pod asks for and does not get, once for each of its UIDs: its author may look nowhere else. */
export class PodComplaints {
  readonly #report: (report: PodEventReport) => void
  /** Texts by UID. */
  readonly #said = new Map<string, Set<string>>()

  constructor(report: (report: PodEventReport) => void) {
    this.#report = report
  }

  say(pod: Pick<PodEventReport, 'pod' | 'uid'>, happening: Happening): void {
    const said = this.#said.get(pod.uid) ?? new Set<string>()
    if (said.has(happening.message)) return
    this.#said.set(pod.uid, said.add(happening.message))
    this.#report({ ...pod, ...happening })
  }

  /** The pod is gone, and may be made anew. */
  forget(uid: string): void {
    this.#said.delete(uid)
  }
}
