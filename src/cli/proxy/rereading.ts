import { errorMessage } from '../../util/error-message.ts'
import { CommandError } from '../command-error.ts'
import { complain } from '../process/complain.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ConfigurationFile } from './configuration/configuration-file.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** What goes over to a configuration that has changed. */
export interface Reloadable {
  reload(next: ProxyConfig): Promise<void>
}

/** A ConfigMap's file is a chain of links that change: only asking finds out, and a stat of it costs nothing. */
const LOOK_MS = 2_000

/** Has a running proxy follow its configuration file. One that is wrong is said, and changes nothing. */
export class Rereading {
  readonly #file: ConfigurationFile
  #proxy: Reloadable | undefined
  #timer: NodeJS.Timeout | undefined
  #queue: Promise<void> = Promise.resolve()

  constructor(file: ConfigurationFile) {
    this.#file = file
  }

  /** From now on this proxy hears of changes. */
  begin(proxy: Reloadable, teardown: Teardown): void {
    this.#proxy = proxy
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    teardown.add('the watch on the configuration', () => this.close())
  }

  /** Reads the file again, whether it has changed or not. */
  now(): void {
    const proxy = this.#proxy
    if (proxy !== undefined) this.#queue = this.#queue.then(() => this.#reread(proxy))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#queue
  }

  async #look(): Promise<void> {
    await this.#queue
    if (await this.#file.hasChanged()) this.now()
  }

  async #reread(proxy: Reloadable): Promise<void> {
    try {
      await proxy.reload(await this.#file.load())
      process.stdout.write(`${this.#file.path} is in use as it is now\n`)
    } catch (error) {
      const remedy = error instanceof CommandError && error.remedy !== undefined ? ` (${error.remedy})` : ''
      complain(`${errorMessage(error)}${remedy}`)
      complain('the configuration stays as it was')
    }
  }
}
