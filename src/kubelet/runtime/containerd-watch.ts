import { connect, type Socket } from 'node:net'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 30_000
/** A containerd that ran this long before it died had started well: back-off begins anew. */
const STABLE_MS = 60_000

/** What the watch looks at and does. */
export interface WatchedContainerd {
  readonly socket: string
  readonly isAlive: () => Promise<boolean>
  readonly restart: () => Promise<void>
  readonly log: Logger
}

/**
 * Keeps a containerd running. An idle connection to its socket breaks the moment it dies, whoever its parent is; the
 * process then decides (containerd itself closes a connection that stays silent for two minutes).
 */
export class ContainerdWatch {
  readonly #containerd: WatchedContainerd
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #restartDelay = FIRST_DELAY_MS
  #startedAt = Date.now()
  #restarting: Promise<void> = Promise.resolve()

  constructor(containerd: WatchedContainerd) {
    this.#containerd = containerd
    this.#connect()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  /** Stops, and waits for a restart that is under way. */
  async settle(): Promise<void> {
    this.stop()
    await this.#restarting
  }

  #connect(): void {
    const socket = connect(this.#containerd.socket)
    // Alone it must not keep the process from ending.
    socket.unref()
    socket.on('error', () => undefined)
    socket.resume()
    socket.once('close', () => {
      if (!this.#stopped) this.#restarting = this.#check()
    })
    this.#socket = socket
  }

  async #check(): Promise<void> {
    const { isAlive, restart, log } = this.#containerd
    let delay = FIRST_DELAY_MS
    if (!(await isAlive())) {
      if (Date.now() - this.#startedAt > STABLE_MS) this.#restartDelay = FIRST_DELAY_MS
      delay = this.#restartDelay
      this.#restartDelay = Math.min(delay * 2, MAX_DELAY_MS)
      log.warn({ socket: this.#containerd.socket }, 'The private containerd died; it is started again')
      if (this.#stopped) return
      this.#startedAt = Date.now()
      try {
        await restart()
      } catch (error) {
        log.error(
          { error: errorMessage(error), retryInMs: delay },
          'The private containerd cannot be started again',
        )
      }
    }
    if (this.#stopped) return
    // Its socket appears a moment after its start: refused connections until then lead back here.
    this.#timer = setTimeout(() => this.#connect(), delay)
    this.#timer.unref()
  }
}
