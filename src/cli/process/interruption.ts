/** Why a run ends before it is done. */
export type Reason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** An error that nobody waited for: a bug, or a part that died. */
  | { readonly kind: 'crash'; readonly error: Error }

const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Listens for what ends the process: signals, and errors that reach nobody. The first one asks for an orderly end;
 * a second signal calls `onInsist`, which should leave at once.
 */
export class Interruption {
  /** Settles with the first reason; never rejects. */
  readonly requested: Promise<Reason>
  readonly #abort = new AbortController()
  readonly #onInsist: () => void
  readonly #onCrash: (error: Error) => void
  readonly #onHangup: (() => void) | undefined
  #settle: (reason: Reason) => void = () => {}

  /** With `onHangup`, SIGHUP calls that and ends nothing. */
  constructor(handlers: {
    readonly onInsist: () => void
    readonly onCrash: (error: Error) => void
    readonly onHangup?: () => void
  }) {
    this.#onHangup = handlers.onHangup
    this.#onInsist = handlers.onInsist
    this.#onCrash = handlers.onCrash
    this.requested = new Promise((resolve) => {
      this.#settle = resolve
    })
    for (const signal of signals) process.on(signal, this.#signalled)
    process.stdout.on('error', this.#unread)
    process.on('uncaughtException', this.#crashed)
    process.on('unhandledRejection', this.#rejected)
  }

  /** Aborted as soon as an end is asked for. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Stops listening: signals do again what they do by default. */
  dispose(): void {
    for (const signal of signals) process.off(signal, this.#signalled)
    process.stdout.off('error', this.#unread)
    process.off('uncaughtException', this.#crashed)
    process.off('unhandledRejection', this.#rejected)
  }

  readonly #signalled = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && this.#onHangup !== undefined) this.#onHangup()
    else if (this.#abort.signal.aborted) this.#onInsist()
    else this.#ask({ kind: 'signal', signal })
  }

  /** The reader of a pipe is gone (`hawser up DIR | head`): what would have ended a program without our handlers. */
  readonly #unread = (): void => {
    this.#ask({ kind: 'signal', signal: 'SIGPIPE' })
  }

  readonly #crashed = (error: Error): void => {
    this.#onCrash(error)
    this.#ask({ kind: 'crash', error })
  }

  readonly #rejected = (reason: unknown): void => {
    this.#crashed(reason instanceof Error ? reason : new Error(String(reason)))
  }

  #ask(reason: Reason): void {
    this.#abort.abort()
    this.#settle(reason)
  }
}
