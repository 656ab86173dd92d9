import { parsedText } from './parse-text.ts'

export const base64 = parsedText(decodeBase64, 'must be base64')

/** Buffer.from skips what is no base64: only text that comes out the same again was some. */
function decodeBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '')
  const bytes = Buffer.from(compact, 'base64')
  return bytes.toString('base64') === compact ? new Uint8Array(bytes) : undefined
}
