import { readFile } from 'node:fs/promises'
import { errorMessage } from '../../util/error-message.ts'
import type { Material } from '../access/cluster-access.ts'
import { KubeError } from '../error.ts'

/** Projected tokens and rotated certificates are replaced minutes before the old ones end. */
export const REREAD_AFTER_MS = 10_000

/**
 * The bytes of a Material, files read again when they are older than `REREAD_AFTER_MS`. A file that cannot be read
 * again, or is empty while it is being replaced, keeps its last content.
 */
export class MaterialReader {
  readonly #material: Material
  readonly #what: string
  #bytes: Buffer | undefined
  #readAt = Number.NEGATIVE_INFINITY

  /** `what` names it in messages: `the client certificate`. */
  constructor(material: Material, what: string) {
    this.#material = material
    this.#what = what
  }

  async bytes(): Promise<Buffer> {
    const material = this.#material
    if (material.kind === 'inline') return material.bytes
    if (this.#bytes !== undefined && performance.now() - this.#readAt < REREAD_AFTER_MS) return this.#bytes
    try {
      const bytes = await readFile(material.path)
      if (bytes.length === 0) throw new Error('it is empty')
      // The same object as long as the content is the same: users compare by identity.
      if (this.#bytes === undefined || !this.#bytes.equals(bytes)) this.#bytes = bytes
    } catch (error) {
      if (this.#bytes === undefined)
        throw new KubeError(
          'CREDENTIALS_UNAVAILABLE',
          `cannot read ${this.#what} ${material.path}: ${errorMessage(error)}`,
          'check the path and its permissions',
          { cause: error },
        )
    }
    this.#readAt = performance.now()
    return this.#bytes
  }

  /** The next call reads the file whatever its age. */
  expire(): void {
    this.#readAt = Number.NEGATIVE_INFINITY
  }
}
