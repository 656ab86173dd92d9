import * as v from 'valibot'
import type { Pod, ToldStatus } from '../../model/pod.ts'
import { createdAt, nameOf, objectMeta, toMap, typeMeta } from './metadata.ts'
import { dnsSubdomain } from './names.ts'
import { Findings, type Parsed } from './parsed.ts'
import { podSpec, toPodTemplate } from './pod-spec.ts'
import { readSchema } from './read-schema.ts'
import { withoutJudged } from './unsupported-fields.ts'

const status = v.nullish(
  v.looseObject({
    phase: v.nullish(v.string(), ''),
    startTime: v.nullish(v.string(), ''),
    conditions: v.nullish(v.array(v.looseObject({ type: v.string(), status: v.string() })), []),
    containerStatuses: v.nullish(
      v.array(
        v.looseObject({ ready: v.nullish(v.boolean(), false), containerID: v.nullish(v.string(), '') }),
      ),
      [],
    ),
  }),
  {},
)

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  spec: podSpec,
  status,
})

const writtenSpec = v.looseObject({ spec: v.unknown() })

/** Reads a core/v1 Pod. Its uid is `metadata.uid`, empty where none is written. */
export function parsePod(object: unknown): Parsed<Pod> {
  const { output, problems } = readSchema(schema, object)
  const findings = new Findings(withoutJudged(problems, ['spec']))
  if (output === undefined) return findings.withoutValue()
  const { metadata } = output
  const template = toPodTemplate(output.spec, v.parse(writtenSpec, object).spec, ['spec'], findings)
  return findings.conclude(() => ({
    ...template,
    name: nameOf(metadata),
    uid: metadata.uid,
    generation: metadata.generation,
    createdAt: createdAt(metadata),
    told: toTold(output.status, template.readinessGates),
    deletion:
      typeof metadata.deletionTimestamp === 'string'
        ? { graceSeconds: metadata.deletionGracePeriodSeconds }
        : undefined,
    labels: toMap(metadata.labels),
    annotations: toMap(metadata.annotations),
    hostname: podHostname(template.hostname, metadata.name),
    unsupported: findings.sentences('unsupported'),
    ignored: findings.sentences('warning'),
  }))
}

function toTold(
  { phase, startTime, conditions, containerStatuses }: v.InferOutput<typeof status>,
  gates: readonly string[],
): ToldStatus {
  return {
    ended: phase === 'Succeeded' || phase === 'Failed' ? phase : undefined,
    startedAt: Number.isNaN(Date.parse(startTime)) ? undefined : Date.parse(startTime),
    gates: new Map(conditions.filter(({ type }) => gates.includes(type)).map((it) => [it.type, it.status])),
    unready: new Set(containerStatuses.filter(({ ready }) => !ready).map(runtimeId)),
  }
}

/** `containerd://ID`, after the runtime that gave it. */
const runtimeId = ({ containerID }: { readonly containerID: string }): string =>
  containerID.replace(/^.*:\/\//, '')

/** A pod's name can have 253 characters, the kernel's host name 63: cut as the kubelet does. */
export const podHostname = (written: string, podName: string): string =>
  (written === '' ? podName : written).slice(0, 63).replace(/[-.]+$/, '')
