const FNV_OFFSET_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** As a container's specification is known to upstream's kubelet. */
export interface HashedContainer {
  readonly name: string
  /** As it was written, no tag or registry added. */
  readonly image: string
}

/**
 * The hash by which upstream's kubelet (1.31 to 1.36) knows a running container for one of its pod as it is now; with
 * another it ends it and starts anew. What is hashed is a Go program's picture of the bytes of a JSON object, so every
 * byte counts: keys in order of the alphabet, no spaces, Go's own escapes (HashContainer in pkg/kubelet/container).
 */
export function containerHash({ name, image }: HashedContainer): string {
  const json = `{"image":${goString(image)},"name":${goString(name)}}`
  const picture = `([]uint8)[${[...Buffer.from(json, 'utf8')].join(' ')}]`
  return fnv1a(Buffer.from(picture, 'latin1')).toString(16)
}

/** A string in JSON as Go's encoding/json writes it: safe within HTML, too. */
const goString = (text: string): string =>
  JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** FNV-1a with 32 bits. */
function fnv1a(bytes: Uint8Array): number {
  let hash = FNV_OFFSET_BASIS
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash >>> 0
}
