import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/**
 * Copies of the files of a folder as they last were without an error. A process that was killed comes back to what it
 * had been doing, even when a file is broken by then.
 */
export class LastGoodFiles {
  readonly #store: string

  private constructor(store: string) {
    this.#store = store
  }

  /** `stateDir` holds the copies, apart for each folder. */
  static async open(stateDir: string, folder: string): Promise<LastGoodFiles> {
    const key = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12)
    const store = join(stateDir, key)
    await mkdir(store, { recursive: true, mode: 0o700 })
    return new LastGoodFiles(store)
  }

  async save(name: string, bytes: Uint8Array): Promise<void> {
    const before = await this.load(name)
    if (before !== undefined && Buffer.compare(before, bytes) === 0) return
    const path = join(this.#store, name)
    await writeFile(`${path}.new`, bytes, { mode: 0o600 })
    await rename(`${path}.new`, path)
  }

  /** Undefined when there never was a good one. */
  load(name: string): Promise<Uint8Array | undefined> {
    return readFile(join(this.#store, name)).catch(() => undefined)
  }

  /** Forgets the files that are gone. */
  async keepOnly(names: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#store))
      if (!names.has(name)) await rm(join(this.#store, name), { force: true })
  }
}
