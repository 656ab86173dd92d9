/** Text, or the offset of the first byte that is not UTF-8 with the text before it. */
export type Utf8 =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'broken'; readonly before: string; readonly offset: number }

/** Decodes strictly; a byte order mark is left out. */
export function decodeUtf8(bytes: Uint8Array): Utf8 {
  const text = decode(bytes, false)?.replace(/^\ufeff/, '')
  if (text !== undefined) return { kind: 'text', text }
  // The longest good start. A streaming decoder takes a character that is cut off, and refuses a wrong byte.
  let good = 0
  let bad = bytes.length
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2)
    if (decode(bytes.subarray(0, middle), true) === undefined) bad = middle - 1
    else good = middle
  }
  const before = decode(bytes.subarray(0, good), true) ?? ''
  // What begins a character and never ends it is not in the text: the fault is where it begins.
  return { kind: 'broken', before, offset: Buffer.byteLength(before) }
}

function decode(bytes: Uint8Array, stream: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream })
  } catch {
    return undefined
  }
}
