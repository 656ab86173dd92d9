import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/**
 * How often the event loop's delay is sampled, in ms. prom-client's 10 ms wake an idle process a hundred times a second,
 * which was half of its processor time.
 */
const SAMPLING_MS = 200

/** For prom-client's own histogram, which cannot be switched off: 24 days, the longest that a timer takes. */
export const NEVER_MS = 2 ** 31 - 1

type Delay = ReturnType<typeof monitorEventLoopDelay>

const STATISTICS: readonly (readonly [name: string, help: string, of: (delay: Delay) => number])[] = [
  ['min', 'The least delay', ({ min }) => min],
  ['max', 'The greatest delay', ({ max }) => max],
  ['mean', 'The mean delay', ({ mean }) => mean],
  ['p50', 'The median delay', (delay) => delay.percentile(50)],
  ['p90', 'The 90th percentile of delays', (delay) => delay.percentile(90)],
  ['p99', 'The 99th percentile of delays', (delay) => delay.percentile(99)],
]

/**
 * `nodejs_eventloop_lag_{min,max,mean,p50,p90,p99}_seconds` in the place of prom-client's: by how much the event loop
 * came late to timers since the last scrape. Theirs count the sampling interval in.
 */
export function replaceEventLoopLag(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: SAMPLING_MS })
  delay.enable()
  const nameOf = (statistic: string): string => `nodejs_eventloop_lag_${statistic}_seconds`
  // Of lags that are about nothing most of the time, this says nothing that the others do not.
  registry.removeSingleMetric(nameOf('stddev'))
  const gauges = STATISTICS.map(([statistic, help, of], index) => {
    registry.removeSingleMetric(nameOf(statistic))
    const gauge: Gauge = new Gauge({
      name: nameOf(statistic),
      help: `${help} of the event loop since the last scrape, sampled every ${SAMPLING_MS} ms.`,
      registers: [registry],
      // All are of the same samples, so that one of them reads for all.
      ...(index === 0 ? { collect: () => read() } : {}),
    })
    return { gauge, of }
  })
  const read = (): void => {
    for (const { gauge, of } of gauges) {
      const late = delay.count === 0 ? 0 : of(delay) / 1e9 - SAMPLING_MS / 1e3
      gauge.set(Math.max(0, late))
    }
    delay.reset()
  }
}
