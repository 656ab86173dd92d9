import { Counter, Histogram, type Registry } from 'prom-client'

/** What the client says of its requests. `code` is the status, or `<error>` when there was no answer. */
export interface RequestMetrics {
  requested(method: string, host: string, code: string): void
  answered(method: string, host: string, seconds: number): void
}

export const noRequestMetrics: RequestMetrics = { requested() {}, answered() {} }

// client-go's own buckets (component-base metrics/prometheus/restclient).
const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]

/** client-go's names and labels, so that existing dashboards and alerts work. */
export class RestClientMetrics implements RequestMetrics {
  readonly #requests: Counter<'code' | 'method' | 'host'>
  readonly #duration: Histogram<'verb' | 'host'>

  constructor(registry: Registry) {
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server',
      labelNames: ['code', 'method', 'host'],
      registers: [registry],
    })
    this.#duration = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Request to response head',
      labelNames: ['verb', 'host'],
      buckets: SECONDS,
      registers: [registry],
    })
  }

  requested(method: string, host: string, code: string): void {
    this.#requests.labels(code, method, host).inc()
  }

  answered(method: string, host: string, seconds: number): void {
    this.#duration.labels(method, host).observe(seconds)
  }
}
