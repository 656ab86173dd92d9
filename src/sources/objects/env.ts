import * as v from 'valibot'
import type { EnvFrom, EnvVariable } from '../../model/pod.ts'
import { isVariableField, resourceFieldRef, toResourceReference } from './downward-fields.ts'
import { dnsSubdomain } from './names.ts'
import type { ObjectPath } from './object-path.ts'
import type { Findings } from './parsed.ts'

/** Kubernetes allows every printable ASCII character but `=` (relaxed environment variable validation, 1.34). */
const variableName = v.pipe(
  v.string(),
  v.regex(/^[\x20-\x3c\x3e-\x7e]+$/, 'must be printable ASCII without ='),
)

const keyRef = v.object({
  name: dnsSubdomain,
  key: v.string(),
  optional: v.nullish(v.boolean(), false),
})

const objectRef = v.object({ name: dnsSubdomain, optional: v.nullish(v.boolean(), false) })

const valueFrom = v.object({
  configMapKeyRef: v.nullish(keyRef),
  fieldRef: v.nullish(v.object({ apiVersion: v.nullish(v.string()), fieldPath: v.string() })),
  secretKeyRef: v.nullish(keyRef),
  resourceFieldRef: v.nullish(resourceFieldRef),
  fileKeyRef: v.nullish(v.looseObject({})),
})

/** core/v1 EnvVar list. */
export const env = v.nullish(
  v.array(
    v.object({
      name: variableName,
      value: v.nullish(v.string()),
      valueFrom: v.nullish(valueFrom),
    }),
  ),
  [],
)

/** core/v1 EnvFromSource list. */
export const envFrom = v.nullish(
  v.array(
    v.object({
      prefix: v.nullish(v.union([v.literal(''), variableName]), ''),
      configMapRef: v.nullish(objectRef),
      secretRef: v.nullish(objectRef),
    }),
  ),
  [],
)

export function toEnv(
  written: v.InferOutput<typeof env>,
  path: ObjectPath,
  findings: Findings,
): readonly EnvVariable[] {
  return written.flatMap((variable, index) => {
    const at = [...path, index]
    if (variable.valueFrom === undefined || variable.valueFrom === null)
      return [{ name: variable.name, value: { kind: 'literal', value: variable.value ?? '' } }]
    if (variable.value !== undefined && variable.value !== null && variable.value !== '')
      findings.error([...at, 'valueFrom'], 'cannot stand beside a value')
    return toSourced(variable.name, variable.valueFrom, [...at, 'valueFrom'], findings)
  })
}

function toSourced(
  name: string,
  from: v.InferOutput<typeof valueFrom>,
  path: ObjectPath,
  findings: Findings,
): readonly EnvVariable[] {
  const config = from.configMapKeyRef ?? from.secretKeyRef
  if (config) {
    const kind = from.configMapKeyRef ? 'ConfigMap' : 'Secret'
    const reference = { kind, name: config.name, optional: config.optional } as const
    return [{ name, value: { kind: 'configKey', from: reference, key: config.key } }]
  }
  if (from.fieldRef) {
    const { fieldPath } = from.fieldRef
    if (!isVariableField(fieldPath))
      findings.error(
        [...path, 'fieldRef', 'fieldPath'],
        `is not a field that a variable can have: ${fieldPath}`,
      )
    return [{ name, value: { kind: 'field', path: fieldPath } }]
  }
  if (from.resourceFieldRef) {
    const value = toResourceReference(from.resourceFieldRef)
    return [{ name, value: { kind: 'resource', ...value } }]
  }
  if (from.fileKeyRef)
    findings.unsupported([...path, 'fileKeyRef'], 'is not supported by this node', 'use value')
  return []
}

export function toEnvFrom(
  written: v.InferOutput<typeof envFrom>,
  path: ObjectPath,
  findings: Findings,
): readonly EnvFrom[] {
  return written.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const reference = configMapRef ?? secretRef
    if (reference) return [{ from: { kind: configMapRef ? 'ConfigMap' : 'Secret', ...reference }, prefix }]
    findings.error([...path, index], 'must name a source')
    return []
  })
}
