import * as v from 'valibot'
import { type Cidr, parseCidr } from '../../util/address.ts'
import type { Parsed } from '../objects/parsed.ts'
import { readSchema } from '../objects/read-schema.ts'

const schema = v.looseObject({
  spec: v.looseObject({ cidrs: v.nullish(v.array(v.string()), []) }),
})

/** Reads a networking.k8s.io/v1 ServiceCIDR: ranges that cluster IPs are given out of. */
export function parseServiceCidr(object: unknown): Parsed<readonly Cidr[]> {
  const { output, problems } = readSchema(schema, object)
  return { value: output?.spec.cidrs.flatMap((text) => parseCidr(text) ?? []), problems }
}
