import * as v from 'valibot'
import type { ObjectName } from '../../model/object-name.ts'
import { nameOf, objectMeta, templateMeta, toMap, typeMeta } from './metadata.ts'
import { dnsSubdomain } from './names.ts'
import { Findings, type Parsed } from './parsed.ts'
import { type PodTemplate, podSpec, toPodTemplate } from './pod-spec.ts'
import { readSchema } from './read-schema.ts'
import { withoutJudged } from './unsupported-fields.ts'

/**
 * An apps/v1 Deployment: not in the model, since the node knows pods only. A folder's are expanded to their pods; an
 * API server's are the deployment controller's.
 */
export interface Deployment {
  readonly name: ObjectName
  readonly replicas: number
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  readonly template: PodTemplate
  /** What its pods ask for and do not get here; see the Pod's. */
  readonly unsupported: readonly string[]
  readonly ignored: readonly string[]
  /** The template as written, which is what the pods' names and uids are made from. */
  readonly writtenTemplate: unknown
}

const replicasMessage = 'must be a whole number of 0 or more'

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  spec: v.object({
    replicas: v.nullish(v.pipe(v.number(), v.integer(replicasMessage), v.minValue(0, replicasMessage)), 1),
    selector: v.object({
      matchLabels: v.nullish(v.record(v.string(), v.string()), {}),
      matchExpressions: v.nullish(v.unknown()),
    }),
    template: v.object({ metadata: templateMeta, spec: podSpec }),
    revisionHistoryLimit: v.nullish(v.unknown()),
    progressDeadlineSeconds: v.nullish(v.unknown()),
  }),
  status: v.nullish(v.unknown()),
})

const written = v.looseObject({ spec: v.looseObject({ template: v.looseObject({ spec: v.unknown() }) }) })

const SPEC = ['spec', 'template', 'spec']

/** Reads an apps/v1 Deployment. */
export function parseDeployment(object: unknown): Parsed<Deployment> {
  const { output, problems } = readSchema(schema, object)
  const findings = new Findings(withoutJudged(problems, SPEC))
  if (output === undefined) return findings.withoutValue()
  const { metadata, spec } = output
  for (const [key, value] of Object.entries(spec.selector.matchLabels)) {
    if (spec.template.metadata.labels[key] !== value)
      findings.error(
        ['spec', 'selector', 'matchLabels', key],
        `does not match the template's labels, where ${key} is ${spec.template.metadata.labels[key] ?? 'missing'}`,
      )
  }
  if (spec.template.spec.restartPolicy !== 'Always')
    findings.error(
      ['spec', 'template', 'spec', 'restartPolicy'],
      `must be Always in a Deployment, not ${spec.template.spec.restartPolicy}`,
    )
  const template = toPodTemplate(
    spec.template.spec,
    v.parse(written, object).spec.template.spec,
    SPEC,
    findings,
  )
  return findings.conclude(() => ({
    name: nameOf(metadata),
    replicas: spec.replicas,
    labels: toMap(spec.template.metadata.labels),
    annotations: toMap(spec.template.metadata.annotations),
    template,
    unsupported: findings.sentences('unsupported'),
    ignored: findings.sentences('warning'),
    writtenTemplate: v.parse(written, object).spec.template,
  }))
}
