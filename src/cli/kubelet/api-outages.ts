import type { RequestMetrics } from '../../kube/metrics.ts'
import type { Logger } from '../../util/logger.ts'

/** Shorter ones are a connection that broke, or a server that another one takes over from. */
const SHORTEST_MS = 2_000
/** Of a KubeError: nobody answered. */
const SILENT_CODES: readonly unknown[] = ['UNREACHABLE', 'TIMEOUT']

/**
 * Says once that the API server has gone and once that it is back, where dozens of watches would each say it. Before the
 * first answer there is no outage: then whoever registers the node says why it cannot.
 */
export class ApiOutages {
  /** For whoever watches: what only says that nobody answers is left to this class. */
  readonly log: Logger
  readonly #log: Logger
  readonly #now: () => number
  #hasAnswered = false
  /** Of the first request without an answer, since the last with one; ms. */
  #silentSince: number | undefined
  #said = false

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
    this.log = {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) =>
        'code' in fields && SILENT_CODES.includes(fields.code)
          ? log.debug(fields, message)
          : log.warn(fields, message),
      error: (fields, message) => log.error(fields, message),
    }
  }

  /** Hears of requests on their way to `metrics`. */
  observing(metrics: RequestMetrics): RequestMetrics {
    return {
      requested: (method, host, code) => {
        metrics.requested(method, host, code)
        if (code === '<error>') this.#unanswered(host)
        else this.#answered()
      },
      answered: (method, host, seconds) => metrics.answered(method, host, seconds),
    }
  }

  #unanswered(server: string): void {
    if (!this.#hasAnswered) return
    this.#silentSince ??= this.#now()
    if (this.#said || this.#now() - this.#silentSince < SHORTEST_MS) return
    this.#said = true
    this.#log.warn(
      { server },
      'The API server does not answer: it is tried again, and pods and rules stay as they are',
    )
  }

  #answered(): void {
    this.#hasAnswered = true
    if (this.#said && this.#silentSince !== undefined) {
      const seconds = Math.round((this.#now() - this.#silentSince) / 1000)
      this.#log.warn({ seconds }, 'The API server answers again')
    }
    this.#silentSince = undefined
    this.#said = false
  }
}
