import { randomBytes } from 'node:crypto'

/** core/v1 ObjectReference, as far as an Event needs it. */
export interface ObjectReference {
  readonly apiVersion: string
  readonly kind: string
  /** Undefined for what is in no namespace. */
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  /** The part of it that is meant: `spec.containers{web}`. */
  readonly fieldPath?: string
}

/** What happened to an object, for whoever describes it. */
export interface EventReport {
  readonly regarding: ObjectReference
  readonly type: 'Normal' | 'Warning'
  /** Why, in one CamelCase word that programs match. */
  readonly reason: string
  /** What was being done, in one CamelCase word. */
  readonly action: string
  /** For people. */
  readonly note: string
}

export interface Reporter {
  readonly component: string
  readonly host: string
}

/** Limits of the API server (kubernetes pkg/apis/core/validation: events.go), in bytes. */
const MAX_NOTE = 1024
const MAX_INSTANCE = 128
const MAX_NAME = 253

/** Events of objects in no namespace live here, as client-go has it. */
const DEFAULT_NAMESPACE = 'default'

/** Identity of the object that an Event is about. */
export const objectKey = ({ regarding }: EventReport): string => {
  const { apiVersion, kind, namespace = '', name, uid = '' } = regarding
  return [apiVersion, kind, namespace, name, uid].join('\n')
}

/** What reports must have in common to be one series: their notes may differ (client-go's `eventKey`). */
export const seriesKey = (report: EventReport): string =>
  [objectKey(report), report.regarding.fieldPath ?? '', report.type, report.reason, report.action].join('\n')

/** The same thing that happened once or more, and what the API server knows of it: one events.k8s.io/v1 Event. */
export class EventSeries {
  readonly #report: EventReport
  readonly #reporter: Reporter
  readonly #first: number
  #name: string
  #count = 1
  #last: number

  /** Times are in ms since the epoch. */
  constructor(report: EventReport, reporter: Reporter, now: number) {
    this.#report = report
    this.#reporter = reporter
    this.#first = now
    this.#last = now
    this.#name = eventName(report.regarding)
  }

  get lastObserved(): number {
    return this.#last
  }

  get count(): number {
    return this.#count
  }

  observe(now: number): void {
    this.#count++
    this.#last = now
  }

  /** The API server has forgotten the Event (it keeps them for an hour): it needs another name. */
  rename(): void {
    this.#name = eventName(this.#report.regarding)
  }

  get collection(): string {
    return `/apis/events.k8s.io/v1/namespaces/${this.#namespace}/events`
  }

  get path(): string {
    return `${this.collection}/${this.#name}`
  }

  toObject(): object {
    const { regarding, type, reason, action, note } = this.#report
    const { component, host } = this.#reporter
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: this.#name, namespace: this.#namespace },
      eventTime: microTime(this.#first),
      reportingController: component,
      reportingInstance: `${component}-${host}`.slice(0, MAX_INSTANCE),
      regarding,
      type,
      reason,
      action,
      note: withinBytes(note, MAX_NOTE),
      ...(this.#count === 1 ? {} : this.toPatch()),
    }
  }

  /** What a merge patch changes of it (RFC 7386). */
  toPatch(): object {
    return { series: { count: this.#count, lastObservedTime: microTime(this.#last) } }
  }

  get #namespace(): string {
    return this.#report.regarding.namespace ?? DEFAULT_NAMESPACE
  }
}

/** Like those of client-go: the object's name and something that no other Event of it has. */
function eventName({ name }: ObjectReference): string {
  const suffix = randomBytes(8).toString('hex')
  return `${name.slice(0, MAX_NAME - suffix.length - 1)}.${suffix}`
}

/** meta/v1 MicroTime. */
const microTime = (time: number): string => new Date(time).toISOString().replace('Z', '000Z')

function withinBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text
  const cut = Buffer.from(text).subarray(0, limit - '…'.length * 3)
  // A character that was cut through decodes to U+FFFD.
  return `${cut.toString('utf8').replace(/\uFFFD+$/, '')}…`
}
