import type { BindAddress } from '../../config/bind-address.ts'
import { proxyHealth } from '../../dataplane/health.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { Registry } from '../../metrics/registry.ts'
import { type Answer, type HttpServer, json, type Route, serveAt, text } from '../http/serve.ts'

/** kube-proxy's `/metrics`, `/proxyMode` and `/healthz`; nothing when there is no address. */
export async function serveMetrics(
  bind: BindAddress | undefined,
  registry: Registry,
  proxy: ServiceProxy,
  mode: ProxyMode,
): Promise<HttpServer | undefined> {
  if (bind === undefined) return undefined
  const metrics: Route = async () => ({
    status: 200,
    type: registry.contentType,
    body: await registry.metrics(),
  })
  return serveAt(
    bind,
    '--metrics-bind-address',
    new Map<string, Route>([
      ['/metrics', metrics],
      ['/proxyMode', () => ({ status: 200, type: 'text/plain', body: mode })],
      [
        '/healthz',
        () => (proxyHealth(proxy.status(), Date.now()).healthy ? text('ok') : text('overdue', 503)),
      ],
    ]),
  )
}

/** kube-proxy's `/healthz` and `/livez`, which load balancers and kubelets ask; nothing when there is no address. */
export async function serveHealth(
  bind: BindAddress | undefined,
  proxy: ServiceProxy,
): Promise<HttpServer | undefined> {
  if (bind === undefined) return undefined
  return serveAt(
    bind,
    '--healthz-bind-address',
    new Map<string, Route>([
      // Without an API server there is no Node object that could say otherwise.
      ['/healthz', () => report(proxy, { nodeEligible: true })],
      ['/livez', () => report(proxy, {})],
    ]),
  )
}

function report(proxy: ServiceProxy, more: object): Answer {
  const { healthy, lastUpdated, currentTime } = proxyHealth(proxy.status(), Date.now())
  return json({ lastUpdated: lastUpdated ?? null, currentTime, ...more }, healthy ? 200 : 503)
}
