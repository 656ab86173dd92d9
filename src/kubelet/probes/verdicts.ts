import type { Container } from '../../model/pod.ts'
import type { Probe, ProbeKind } from '../../model/probe.ts'

/** What enough answers in a row amount to. */
export interface ProbeVerdict {
  readonly passed: boolean
  /** What the last answer was, where it was no good one. */
  readonly message: string
}

/** What probing said of one run of a container; what is absent is undecided. */
export type ProbeVerdicts = Partial<Readonly<Record<ProbeKind, ProbeVerdict>>>

export const UNDECIDED: ProbeVerdicts = {}

/**
 * Of a container that ran before this process did: whether it was ready is not known, and to take it out of its
 * Services until its probes have answered would cut them off at every restart.
 */
export const ADOPTED: ProbeVerdicts = { readiness: { passed: true, message: '' } }

/** A running container that has no startup probe, or passed it. */
export const hasStarted = ({ probes }: Container, { startup }: ProbeVerdicts): boolean =>
  probes.startup === undefined || startup?.passed === true

/** A running container may be sent connections. */
export const isReady = (container: Container, verdicts: ProbeVerdicts): boolean =>
  verdicts.readiness?.passed ?? (container.probes.readiness === undefined && hasStarted(container, verdicts))

/** The probe for whose failure a running container is to be ended; undefined: it may go on. */
export function fatalProbe({ probes }: Container, { startup, liveness }: ProbeVerdicts): Probe | undefined {
  if (startup?.passed === false) return probes.startup
  return liveness?.passed === false ? probes.liveness : undefined
}
