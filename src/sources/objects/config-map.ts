import * as v from 'valibot'
import type { ConfigObject } from '../../model/config-object.ts'
import { base64 } from './base64.ts'
import { nameOf, objectMeta, typeMeta } from './metadata.ts'
import { configMapKey, dnsSubdomain } from './names.ts'
import { Findings, type Parsed } from './parsed.ts'
import { readSchema } from './read-schema.ts'

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  data: v.nullish(v.record(configMapKey, v.string()), {}),
  binaryData: v.nullish(v.record(configMapKey, base64), {}),
  immutable: v.nullish(v.boolean(), false),
})

/** Reads a core/v1 ConfigMap. */
export function parseConfigMap(object: unknown): Parsed<ConfigObject> {
  const { output, problems } = readSchema(schema, object)
  const findings = new Findings(problems)
  for (const key of Object.keys(output?.binaryData ?? {})) {
    if (output?.data[key] !== undefined) findings.error(['binaryData', key], 'is a key of data too')
  }
  return findings.conclude(() => {
    if (output === undefined) return undefined
    const data = new Map<string, string | Uint8Array>([
      ...Object.entries(output.data),
      ...Object.entries(output.binaryData),
    ])
    return { kind: 'ConfigMap', name: nameOf(output.metadata), data }
  })
}
