import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'

const LABELS = ['method', 'path', 'server_type', 'long_running'] as const

/** First parts of paths that are told apart; of `metrics` the second one, too. All others are `other`. */
const PATHS: ReadonlySet<string> = new Set([
  'attach',
  'configz',
  'containerLogs',
  'exec',
  'healthz',
  'metrics',
  'metrics/cadvisor',
  'metrics/probes',
  'metrics/resource',
  'pods',
  'portForward',
  'run',
  'runningpods',
  'stats',
])
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const LONG_RUNNING: ReadonlySet<string> = new Set(['exec', 'attach', 'portForward'])

/** What connections that live for longer carry. */
export type StreamKind = 'attach' | 'containerLogs' | 'exec' | 'portForward'

/** What the node's API counts of its requests, under the kubelet's own names. */
export class ServerMetrics {
  readonly #requests: Counter<(typeof LABELS)[number]>
  readonly #inflight: Gauge<(typeof LABELS)[number]>
  readonly #durations: Histogram<(typeof LABELS)[number]>
  readonly #streams: Gauge<'kind'>

  /** `certificateEnd`: when the serving certificate ends, in ms since the epoch. */
  constructor(registry: Registry, certificateEnd: () => number) {
    const registers = [registry]
    new Gauge({
      name: 'kubelet_certificate_manager_server_ttl_seconds',
      help: 'How long the serving certificate of the API of the node is valid still.',
      registers,
      collect() {
        this.set(Math.floor((certificateEnd() - Date.now()) / 1_000))
      },
    })
    this.#requests = new Counter({
      name: 'kubelet_http_requests_total',
      help: 'Requests to the API of the node.',
      labelNames: LABELS,
      registers,
    })
    this.#inflight = new Gauge({
      name: 'kubelet_http_inflight_requests',
      help: 'Requests to the API of the node that are being served.',
      labelNames: LABELS,
      registers,
    })
    this.#durations = new Histogram({
      name: 'kubelet_http_requests_duration_seconds',
      help: 'Duration of requests to the API of the node.',
      labelNames: LABELS,
      registers,
    })
    this.#streams = new Gauge({
      name: 'hawser_kubelet_open_streams',
      help: 'Sessions in pods and logs that are being sent.',
      labelNames: ['kind'],
      registers,
    })
    for (const kind of ['attach', 'containerLogs', 'exec', 'portForward'] as const)
      this.#streams.labels(kind).set(0)
  }

  /** Counts a request; returns what its end is told to. */
  begin(method: string | undefined, path: readonly string[]): () => void {
    const labels = labelsOf(method, path)
    const started = performance.now()
    this.#requests.labels(labels).inc()
    this.#inflight.labels(labels).inc()
    return () => {
      this.#inflight.labels(labels).dec()
      this.#durations.labels(labels).observe((performance.now() - started) / 1_000)
    }
  }

  /** Counts a stream; returns what its end is told to. */
  open(kind: StreamKind): () => void {
    this.#streams.labels(kind).inc()
    return () => this.#streams.labels(kind).dec()
  }
}

/** A bounded number of them, whatever strangers ask for. */
function labelsOf(method = '', [first = '', second]: readonly string[]) {
  const longest = first === 'metrics' && second !== undefined ? `${first}/${second}` : first
  const path = PATHS.has(longest) ? longest : 'other'
  return {
    method: METHODS.has(method) ? method : 'other',
    path,
    server_type: 'readwrite',
    long_running: String(LONG_RUNNING.has(path)),
  }
}
