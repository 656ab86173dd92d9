import * as v from 'valibot'
import type { ContainerPort } from '../../model/pod.ts'
import type { ContainerProbes, Probe } from '../../model/probe.ts'
import { handlers, toAction } from './handler.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

const whole = (least: number, fallback: number) => {
  const message = `must be a whole number of ${least} or more`
  return v.nullish(v.pipe(v.number(), v.integer(message), v.minValue(least, message)), fallback)
}

const probe = v.object({
  ...handlers,
  initialDelaySeconds: whole(0, 0),
  // core/v1 defaults of a Probe.
  periodSeconds: whole(1, 10),
  timeoutSeconds: whole(1, 1),
  successThreshold: whole(1, 1),
  failureThreshold: whole(1, 3),
  terminationGracePeriodSeconds: v.nullish(
    v.pipe(v.number(), v.integer(), v.minValue(1, 'must be 1 or more')),
  ),
})

/** The three probes of a core/v1 Container. */
export const probes = {
  startupProbe: v.nullish(probe),
  livenessProbe: v.nullish(probe),
  readinessProbe: v.nullish(probe),
}

type Written = v.InferOutput<typeof probe>
type WrittenProbes = { readonly [Name in keyof typeof probes]?: Written | null | undefined }

export function toProbes(
  written: WrittenProbes,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): ContainerProbes {
  const read = (name: keyof WrittenProbes): Probe | undefined => {
    const probe = written[name]
    return probe ? toProbe(probe, ports, [...path, name], findings) : undefined
  }
  for (const name of ['startupProbe', 'livenessProbe'] as const)
    if ((written[name]?.successThreshold ?? 1) !== 1)
      findings.error(
        [...path, name, 'successThreshold'],
        'must be 1: only readiness can be lost and won again',
      )
  if (written.readinessProbe?.terminationGracePeriodSeconds)
    findings.error(
      [...path, 'readinessProbe', 'terminationGracePeriodSeconds'],
      'has no meaning: this probe ends no container',
    )
  return { startup: read('startupProbe'), liveness: read('livenessProbe'), readiness: read('readinessProbe') }
}

function toProbe(
  written: Written,
  ports: readonly ContainerPort[],
  path: ObjectPath,
  findings: Findings,
): Probe | undefined {
  const action = toAction(written, ports, path, findings)
  if (action === undefined) return undefined
  const { initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = written
  return {
    action,
    initialDelaySeconds,
    periodSeconds,
    timeoutSeconds,
    successThreshold,
    failureThreshold,
    terminationGracePeriodSeconds: written.terminationGracePeriodSeconds ?? undefined,
  }
}
