import { setTimeout as sleep } from 'node:timers/promises'
import { type BindAddress, formatBindAddress } from '../../config/bind-address.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { type HttpServer, type Route, serveAt } from './serve.ts'

/** What an address that cannot be had leads to. */
export interface Binding {
  /** The end of the process (kube-proxy's `bindAddressHardFail`), rather than another attempt every second. */
  readonly hardFail: boolean
  readonly log: Logger
}

/**
 * As often as that: who takes over from a proxy that still runs gets its addresses when that one ends, and probes
 * should not notice.
 */
const RETRY_MS = 1000

/**
 * Serves paths at an address, now or as soon as it can be had. Rejects with CommandError `ADDRESS_UNUSABLE` under
 * `hardFail` only.
 */
export async function serveOrRetry(
  bind: BindAddress,
  flag: string,
  routes: ReadonlyMap<string, Route>,
  { hardFail, log }: Binding,
): Promise<HttpServer> {
  const serve = (): Promise<HttpServer> => serveAt(bind, flag, routes)
  if (hardFail) return serve()
  try {
    return await serve()
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'trying again every second')
  }
  const ended = new AbortController()
  const late = keepTrying(serve, ended.signal)
  return {
    address: formatBindAddress(bind),
    close: async () => {
      ended.abort()
      await (await late)?.close()
    },
  }
}

/** Undefined: it was called off before. */
async function keepTrying(
  serve: () => Promise<HttpServer>,
  signal: AbortSignal,
): Promise<HttpServer | undefined> {
  while (!signal.aborted) {
    const server = await serve().catch(() => undefined)
    if (server !== undefined) return server
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}
