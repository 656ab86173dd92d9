import { createHash } from 'node:crypto'

/** SHA-256 over a plain value, whatever the order of its keys. */
export const contentHash = (value: unknown): Buffer => createHash('sha256').update(canonical(value)).digest()

/** A uid in the form that the API server's have (RFC 4122 text), from the first 16 bytes of a hash. */
export function uidOf(value: unknown): string {
  const hex = contentHash(value).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}

/** No vowels and nothing that looks like another letter: the alphabet of Kubernetes' own generated names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** `length` letters for a generated name. */
export const nameSuffix = (value: unknown, length: number): string =>
  [...contentHash(value).subarray(0, length)].map((byte) => alphabet[byte % alphabet.length]).join('')

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`)
  return `{${fields.join(',')}}`
}
