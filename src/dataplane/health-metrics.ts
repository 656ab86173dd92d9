import { Counter } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'

/** How often probes were answered, and how; the names and labels are kube-proxy's (pkg/proxy/metrics). */
export class HealthMetrics {
  readonly #healthz: Counter<'code'>
  readonly #livez: Counter<'code'>

  constructor(registry: Registry) {
    const counter = (path: string): Counter<'code'> =>
      new Counter({
        name: `kubeproxy_proxy_${path}_total`,
        help: `Answers at /${path} by HTTP status`,
        labelNames: ['code'],
        registers: [registry],
      })
    this.#healthz = counter('healthz')
    this.#livez = counter('livez')
  }

  healthz(code: number): void {
    this.#healthz.labels(String(code)).inc()
  }

  livez(code: number): void {
    this.#livez.labels(String(code)).inc()
  }
}
