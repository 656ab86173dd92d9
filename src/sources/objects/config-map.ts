import * as v from 'valibot'
import type { ConfigMap } from '../../model/config-map.ts'
import { nameOf, objectMeta, typeMeta } from './metadata.ts'
import { configMapKey, dnsSubdomain } from './names.ts'
import { parsedText } from './parse-text.ts'
import { Findings, type Parsed } from './parsed.ts'
import { readSchema } from './read-schema.ts'

const base64 = parsedText(decodeBase64, 'must be base64')

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  data: v.nullish(v.record(configMapKey, v.string()), {}),
  binaryData: v.nullish(v.record(configMapKey, base64), {}),
  immutable: v.nullish(v.boolean(), false),
})

/** Reads a core/v1 ConfigMap. */
export function parseConfigMap(object: unknown): Parsed<ConfigMap> {
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
    return { name: nameOf(output.metadata), data }
  })
}

/** Buffer.from skips what is no base64: only text that comes out the same again was some. */
function decodeBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '')
  const bytes = Buffer.from(compact, 'base64')
  return bytes.toString('base64') === compact ? new Uint8Array(bytes) : undefined
}
