import { stat } from 'node:fs/promises'
import type { ProxyConfig } from '../proxy-config.ts'

/** A configuration that stands in a file, and may be replaced there. */
export class ConfigurationFile {
  readonly path: string
  readonly #read: () => Promise<ProxyConfig>
  #signature: string | undefined

  /** `read` says what has no use, and rejects when the file cannot be used. */
  constructor(path: string, read: () => Promise<ProxyConfig>) {
    this.path = path
    this.#read = read
  }

  async load(): Promise<ProxyConfig> {
    // Before it is read: what changes meanwhile has then changed since.
    this.#signature = await signatureOf(this.path)
    return this.#read()
  }

  /** It is not as it was at the last `load`. One that is gone is about to be replaced. */
  async hasChanged(): Promise<boolean> {
    const now = await signatureOf(this.path)
    return now !== undefined && now !== this.#signature
  }
}

/** Follows links: those of a ConfigMap change, and the file does not. */
const signatureOf = (path: string): Promise<string | undefined> =>
  stat(path, { bigint: true }).then(
    ({ ino, mtimeNs, size }) => `${ino} ${mtimeNs} ${size}`,
    () => undefined,
  )
