import type { BindAddress } from '../../config/bind-address.ts'
import { type HealthReport, proxyHealth } from '../../dataplane/health.ts'
import type { HealthMetrics } from '../../dataplane/health-metrics.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { Registry } from '../../metrics/registry.ts'
import { scrape } from '../../metrics/rendered.ts'
import { type Answer, type HttpServer, json, type Route, text } from '../http/serve.ts'
import { type Binding, serveOrRetry } from '../http/serve-or-retry.ts'

export interface MetricsServerOptions {
  /** Nothing is served without an address. */
  readonly bind: BindAddress | undefined
  readonly registry: Registry
  readonly proxy: Pick<ServiceProxy, 'families'>
  /** The mode in use; asked at each request. */
  readonly mode: () => ProxyMode
  /** The KubeProxyConfiguration in force, for `/configz`; that path is not there without it. */
  readonly configuration?: () => unknown
  readonly binding: Binding
}

/** kube-proxy's `/metrics`, `/proxyMode`, `/configz` and `/healthz`. */
export async function serveMetrics(options: MetricsServerOptions): Promise<HttpServer | undefined> {
  const { bind, registry, proxy, mode, configuration, binding } = options
  if (bind === undefined) return undefined
  const metrics: Route = async () => ({
    status: 200,
    type: registry.contentType,
    body: await scrape(registry),
  })
  const routes = new Map<string, Route>([
    ['/metrics', metrics],
    ['/proxyMode', () => ({ status: 200, type: 'text/plain', body: mode() })],
    ['/healthz', () => (healthOf(proxy).healthy ? text('ok') : text('not in sync', 503))],
  ])
  // The key under which every component of Kubernetes shows its own (k8s.io/component-base/configz).
  if (configuration !== undefined)
    routes.set('/configz', () => json({ 'kubeproxy.config.k8s.io': configuration() }))
  return serveOrRetry(bind, '--metrics-bind-address', routes, binding)
}

export interface HealthServerOptions {
  /** Nothing is served without an address. */
  readonly bind: BindAddress | undefined
  readonly proxy: Pick<ServiceProxy, 'families'>
  readonly healthMetrics: HealthMetrics
  /** Load balancers may send to this node; asked at each request (see `isNodeEligible`). */
  readonly isNodeEligible: () => boolean
  readonly binding: Binding
}

/** kube-proxy's `/healthz` and `/livez`, which load balancers and kubelets ask. */
export async function serveHealth(options: HealthServerOptions): Promise<HttpServer | undefined> {
  const { bind, proxy, healthMetrics, isNodeEligible, binding } = options
  if (bind === undefined) return undefined
  const healthz = (): Answer => {
    const nodeEligible = isNodeEligible()
    const health = healthOf(proxy)
    const answer = report(health, health.healthy && nodeEligible, { nodeEligible })
    healthMetrics.healthz(answer.status)
    return answer
  }
  const livez = (): Answer => {
    const health = healthOf(proxy)
    const answer = report(health, health.alive, {})
    healthMetrics.livez(answer.status)
    return answer
  }
  const routes = new Map<string, Route>([
    ['/healthz', healthz],
    ['/livez', livez],
  ])
  return serveOrRetry(bind, '--healthz-bind-address', routes, binding)
}

const healthOf = (proxy: Pick<ServiceProxy, 'families'>): HealthReport =>
  proxyHealth(proxy.families(), Date.now())

/** The fields of kube-proxy 1.36: what is no time yet is null. */
function report(health: HealthReport, good: boolean, more: object): Answer {
  const { healthy, lastUpdated, currentTime, families } = health
  const status = Object.fromEntries(
    [...families].map(([family, { healthy, lastUpdated }]) => [
      family,
      { lastUpdated: lastUpdated ?? null, healthy },
    ]),
  )
  return json({ lastUpdated: lastUpdated ?? null, currentTime, ...more, healthy, status }, good ? 200 : 503)
}
