import type { KubeClient } from '../../kube/client.ts'
import type { EventReport } from '../../kube/event-series.ts'
import { EventRecorder } from '../../kube/events.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Logger } from '../../util/logger.ts'
import type { PodEventReport } from '../events/pod-event-report.ts'

export interface PodEventRecorderOptions {
  /** Without a limit of its own: how much is said is limited here. */
  readonly client: Pick<KubeClient, 'json'>
  readonly nodeName: string
  readonly log: Logger
}

/** The kubelet's own `eventRecordQPS` and `eventBurst`. */
const PACE = { burst: 100, perSecond: 50 }
/** client-go's spam filter. */
const PER_OBJECT = { burst: 25, perSecond: 1 / 300 }

/** Makes Events of what is said of pods, as the kubelet does. `report` returns at once and never throws. */
export class PodEventRecorder {
  readonly #recorder: EventRecorder

  constructor({ client, nodeName, log }: PodEventRecorderOptions) {
    this.#recorder = new EventRecorder({
      ...{ client, component: 'kubelet', host: nodeName, log },
      ...{ pace: PACE, perObject: PER_OBJECT, notesMatter: true },
    })
  }

  report(report: PodEventReport): void {
    this.#recorder.report(podEvent(report))
  }

  /** Gives up what is not written yet. */
  close(): Promise<void> {
    return this.#recorder.close()
  }
}

/** Kinds of containers as fields of a pod's spec. */
const FIELDS = { container: 'containers', init: 'initContainers' } as const

/** The API asks for an action, which the kubelet's Events do not have. */
const ACTION = 'SyncPod'

export function podEvent({ pod, uid, container, type, reason, message }: PodEventReport): EventReport {
  const fieldPath =
    container === undefined ? {} : { fieldPath: `spec.${FIELDS[container.kind]}{${container.name}}` }
  const regarding = { apiVersion: 'v1', kind: 'Pod', ...splitObjectName(pod), uid, ...fieldPath }
  return { regarding, type, reason, action: ACTION, note: message }
}
