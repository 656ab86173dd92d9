import { createHash } from 'node:crypto'

/** A piece of content that others refer to by its digest, `sha256:…` (OCI image-spec, descriptor.md). */
export interface Blob {
  readonly digest: string
  /** Bytes. */
  readonly size: number
}

export function blobOf(bytes: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length }
}
