import type { BindAddress } from '../../config/bind-address.ts'
import type { Registry } from '../../metrics/registry.ts'
import { scrape } from '../../metrics/rendered.ts'
import type { Logger } from '../../util/logger.ts'
import { type Route, text } from '../http/serve.ts'
import { serveOrRetry } from '../http/serve-or-retry.ts'
import type { Teardown } from '../process/teardown.ts'

/** The kubelet's `/healthz` for the machine itself, and with it the metrics of the whole process. */
export async function serveHealth(
  at: BindAddress | undefined,
  { registry, log }: { readonly registry: Registry; readonly log: Logger },
  teardown: Teardown,
): Promise<void> {
  if (at === undefined) return
  const routes = new Map<string, Route>([
    ['/healthz', () => text('ok')],
    ['/metrics', async () => ({ status: 200, type: registry.contentType, body: await scrape(registry) })],
  ])
  // The kubelet that this one takes over from may hold it for a moment longer.
  const server = await serveOrRetry(at, '--healthz-bind-address', routes, { hardFail: false, log })
  teardown.add('the HTTP server', () => server.close())
}
