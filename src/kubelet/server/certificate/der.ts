/**
 * Writes ASN.1 values in DER (ITU-T X.690), as far as certificates need them: tag, length, content. Values are made from
 * the inside out.
 */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag, ...derLength(body.length)]), body])
}

/** Below 128 itself, else the number of its bytes with the top bit set, and those (X.690, 8.1.3). */
function derLength(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

export const sequence = (...values: readonly Uint8Array[]): Buffer => der(0x30, ...values)

export const set = (...values: readonly Uint8Array[]): Buffer => der(0x31, ...values)

export const bool = (value: boolean): Buffer => der(0x01, Buffer.from([value ? 0xff : 0]))

/** Of the bytes of a positive number, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const significant = bytes.findIndex((byte) => byte !== 0)
  const shortest = significant < 0 ? bytes.subarray(-1) : bytes.subarray(significant)
  // A leading bit would make it negative.
  return (shortest[0] ?? 0) >= 0x80 ? der(0x02, Buffer.from([0]), shortest) : der(0x02, shortest)
}

/** `unused`: how many of the last bits do not count. */
export const bitString = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), bytes)

export const octetString = (bytes: Uint8Array): Buffer => der(0x04, bytes)

export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text, 'utf8'))

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** Seven bits a byte, all but the last with the top bit set. */
function base128(value: number): readonly number[] {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift(0x80 | (rest % 128))
  return bytes
}

/** UTCTime until 2049, GeneralizedTime from then on, both without fractions (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const written = `${new Date(ms).toISOString().replace(/\.\d+Z$|[-:T]/g, '')}Z`
  return new Date(ms).getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(written.slice(2), 'latin1'))
    : der(0x18, Buffer.from(written, 'latin1'))
}

/** A value that its place tells: `[number] EXPLICIT`. */
export const explicit = (number: number, value: Uint8Array): Buffer => der(0xa0 | number, value)

/** A primitive one: `[number] IMPLICIT`. */
export const implicit = (number: number, content: Uint8Array): Buffer => der(0x80 | number, content)
