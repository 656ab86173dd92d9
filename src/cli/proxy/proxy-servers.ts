import { isDeepStrictEqual } from 'node:util'
import type { BindAddress } from '../../config/bind-address.ts'
import type { HttpServer } from '../http/serve.ts'
import { type HealthServerOptions, type MetricsServerOptions, serveHealth, serveMetrics } from './http.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** What both servers answer with, whatever their addresses. */
export type ServedParts = Omit<MetricsServerOptions & HealthServerOptions, 'bind' | 'binding'>

interface Served {
  readonly bind: BindAddress | undefined
  readonly server: HttpServer | undefined
}

/** The servers of metrics and of health, at addresses that may change. */
export class ProxyServers {
  readonly #parts: ServedParts
  readonly #log: MetricsServerOptions['binding']['log']
  #metrics: Served = { bind: undefined, server: undefined }
  #health: Served = { bind: undefined, server: undefined }

  constructor(parts: ServedParts, log: MetricsServerOptions['binding']['log']) {
    this.#parts = parts
    this.#log = log
  }

  /** Serves where the configuration says. Rejects with CommandError `ADDRESS_UNUSABLE` where that ends the process. */
  async serveAt({ metrics, health, bindHardFail }: ProxyConfig): Promise<void> {
    const binding = { hardFail: bindHardFail, log: this.#log }
    this.#metrics = await moved(this.#metrics, metrics, (bind) =>
      serveMetrics({ ...this.#parts, bind, binding }),
    )
    this.#health = await moved(this.#health, health, (bind) => serveHealth({ ...this.#parts, bind, binding }))
  }

  async close(): Promise<void> {
    await this.#metrics.server?.close()
    await this.#health.server?.close()
  }
}

async function moved(
  before: Served,
  bind: BindAddress | undefined,
  serve: (bind: BindAddress | undefined) => Promise<HttpServer | undefined>,
): Promise<Served> {
  if (isDeepStrictEqual(before.bind, bind)) return before
  await before.server?.close()
  return { bind, server: await serve(bind) }
}
