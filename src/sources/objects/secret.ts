import * as v from 'valibot'
import type { ConfigObject } from '../../model/config-object.ts'
import { base64 } from './base64.ts'
import { nameOf, objectMeta, typeMeta } from './metadata.ts'
import { configMapKey, dnsSubdomain } from './names.ts'
import { Findings, type ObjectProblem, type Parsed } from './parsed.ts'
import { readSchema } from './read-schema.ts'

const schema = v.object({
  ...typeMeta,
  metadata: objectMeta(dnsSubdomain),
  // What the type promises, the API server sees to; a container only sees the keys.
  type: v.nullish(v.string()),
  data: v.nullish(v.record(configMapKey, base64), {}),
  stringData: v.nullish(v.record(configMapKey, v.string()), {}),
  immutable: v.nullish(v.boolean(), false),
})

/** Reads a core/v1 Secret. As with the API server, `stringData` holds where `data` has the same key. */
export function parseSecret(object: unknown): Parsed<ConfigObject> {
  const { output, problems } = readSchema(schema, object)
  return new Findings(problems.map(withoutValue)).conclude(() => {
    if (output === undefined) return undefined
    const texts = Object.entries(output.stringData).map(([key, text]) => [key, Buffer.from(text)] as const)
    return {
      kind: 'Secret',
      name: nameOf(output.metadata),
      data: new Map<string, Uint8Array>([...Object.entries(output.data), ...texts]),
    }
  })
}

/** What a Secret holds is nobody's to read in a log, not even where it is wrong. */
const withoutValue = (problem: ObjectProblem): ObjectProblem => ({
  ...problem,
  reason: problem.reason.replace(/, not .*$/s, ''),
})
