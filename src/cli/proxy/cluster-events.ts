import type { HealthCheckFailure } from '../../dataplane/health-check/health-check-servers.ts'
import type { EventReport, ObjectReference } from '../../kube/event-series.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { type ObjectName, objectName, splitObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'

/** How often the problems of Services are looked at: whoever describes one has just changed it. */
const LOOK_MS = 5_000

export interface ClusterEventsOptions {
  readonly recorder: Pick<EventRecorder, 'report'>
  readonly nodeName: string
  /** What Services ask for and do not get. */
  readonly problems: () => readonly Problem[]
}

/**
 * Tells the cluster what goes wrong: each problem of a Service once, when it comes up, as an Event of that Service. The
 * reasons are kube-proxy's where it has one for the thing.
 */
export class ClusterEvents {
  readonly #options: ClusterEventsOptions
  readonly #timer: NodeJS.Timeout
  #known: ReadonlySet<string> = new Set()

  constructor(options: ClusterEventsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  started(mode: string): void {
    this.#report({
      regarding: this.#node,
      type: 'Normal',
      reason: 'Starting',
      action: 'StartKubeProxy',
      note: `hawser proxy serves in mode ${mode}`,
    })
  }

  healthCheckFailed({ service, port, error }: HealthCheckFailure): void {
    this.#report({
      regarding: serviceReference(service),
      type: 'Warning',
      reason: 'FailedToStartServiceHealthcheck',
      action: 'Listen',
      note: `node ${this.#options.nodeName} cannot answer health checks at port ${port}: ${error.message}`,
    })
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const found = new Map(
      this.#options.problems().map((problem) => [`${problem.place} ${problem.reason}`, problem]),
    )
    for (const [key, problem] of found) if (!this.#known.has(key)) this.#tell(problem)
    this.#known = new Set(found.keys())
  }

  #tell({ place, reason, remedy, severity }: Problem): void {
    const [kind, name = ''] = place.split(' ')
    const service = kind === 'Service' ? serviceOf(name) : undefined
    if (service === undefined) return
    this.#report({
      regarding: serviceReference(service),
      type: 'Warning',
      reason: severity === 'error' ? 'FailedToServe' : 'PartlyServed',
      action: 'ProgramService',
      note: `on node ${this.#options.nodeName}: ${reason}${remedy === undefined ? '' : ` (${remedy})`}`,
    })
  }

  /** kube-proxy has no UID of its Node either, and writes the name in its place. */
  get #node(): ObjectReference {
    const { nodeName } = this.#options
    return { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeName }
  }

  #report(report: EventReport): void {
    this.#options.recorder.report(report)
  }
}

const serviceReference = (service: ObjectName): ObjectReference => ({
  apiVersion: 'v1',
  kind: 'Service',
  ...splitObjectName(service),
})

function serviceOf(text: string): ObjectName | undefined {
  const [namespace = '', name = ''] = text.split('/')
  return namespace === '' || name === '' ? undefined : objectName(namespace, name)
}
