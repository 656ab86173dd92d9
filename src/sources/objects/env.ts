import * as v from 'valibot'
import type { EnvFrom, EnvVariable } from '../../model/pod.ts'
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
  resourceFieldRef: v.nullish(v.looseObject({})),
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
      prefix: v.nullish(v.string(), ''),
      configMapRef: v.nullish(objectRef),
      secretRef: v.nullish(objectRef),
    }),
  ),
  [],
)

const metadataField = /^metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['[^']+'\])$/
const otherFields = new Set(['spec.nodeName', 'spec.serviceAccountName'])
const statusFields = new Set(['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'])

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
  if (from.configMapKeyRef) {
    const { name: configMap, key, optional } = from.configMapKeyRef
    return [{ name, value: { kind: 'configMapKey', configMap, key, optional } }]
  }
  if (from.fieldRef) {
    const { fieldPath } = from.fieldRef
    if (!metadataField.test(fieldPath) && !otherFields.has(fieldPath) && !statusFields.has(fieldPath))
      findings.error(
        [...path, 'fieldRef', 'fieldPath'],
        `is not a field that a variable can have: ${fieldPath}`,
      )
    return [{ name, value: { kind: 'field', path: fieldPath } }]
  }
  const kind = Object.entries(from).find(([, value]) => value !== undefined && value !== null)?.[0]
  if (from.secretKeyRef?.optional)
    findings.warning([...path, 'secretKeyRef'], 'is ignored: there are no secrets')
  else if (kind === undefined) findings.error(path, 'must name a source')
  else
    findings.error([...path, kind], 'is not supported by this node', 'use value, configMapKeyRef or fieldRef')
  return []
}

export function toEnvFrom(
  written: v.InferOutput<typeof envFrom>,
  path: ObjectPath,
  findings: Findings,
): readonly EnvFrom[] {
  return written.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    if (configMapRef) return [{ configMap: configMapRef.name, prefix, optional: configMapRef.optional }]
    const at = [...path, index]
    if (secretRef?.optional) findings.warning([...at, 'secretRef'], 'is ignored: there are no secrets')
    else if (secretRef)
      findings.error([...at, 'secretRef'], 'is not supported by this node', 'use a configMapRef')
    else findings.error(at, 'must name a source')
    return []
  })
}
