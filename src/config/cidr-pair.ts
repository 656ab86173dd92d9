import { type Cidr, parseCidr } from '../util/address.ts'

/** Reads one CIDR, or two of different families joined by a comma; undefined for anything else. */
export function parseCidrPair(text: string): readonly Cidr[] | undefined {
  const cidrs: Cidr[] = []
  for (const part of text.split(',')) {
    const cidr = parseCidr(part.trim())
    if (cidr === undefined || cidrs.some((other) => other.family === cidr.family)) return undefined
    cidrs.push(cidr)
  }
  return cidrs
}
