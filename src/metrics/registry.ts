import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { NEVER_MS, replaceEventLoopLag } from './event-loop-lag.ts'

export type { Registry } from 'prom-client'

/** A registry with nothing in it. */
export const emptyRegistry = (): Registry => new Registry()

/** A registry with what every Hawser process says of itself: build info, `process_*` and `nodejs_*`. */
export function createRegistry(version: string): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS })
  replaceEventLoopLag(registry)
  new Gauge({
    name: 'hawser_build_info',
    help: 'Always 1; the labels say which build this is.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  })
    .labels(version, process.version)
    .set(1)
  return registry
}
