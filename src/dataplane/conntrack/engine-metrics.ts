import { Counter, Gauge } from 'prom-client'
import type { EngineStatus } from '../../native/conntrack-events.ts'
import type { MetricNames } from './metric-names.ts'

/** Adds what the thread that counts events says of itself; `status` is asked at each scrape. */
export function addEngineMetrics(names: MetricNames, status: () => EngineStatus | undefined): void {
  new Counter({
    ...names.own('hawser_conntrack_events_total', 'Events of translated connections, by what they told'),
    labelNames: ['event'],
    collect() {
      const now = status()
      this.reset()
      if (now === undefined) return
      this.labels('new').inc(now.openEvents)
      this.labels('destroy').inc(now.closeEvents)
      this.labels('foreign').inc(now.foreignEvents)
      this.labels('malformed').inc(now.malformedEvents)
    },
  })
  const total = (name: string, help: string, value: (now: EngineStatus) => number) =>
    new Counter({
      ...names.own(name, help),
      collect() {
        const now = status()
        this.reset()
        if (now !== undefined) this.inc(value(now))
      },
    })
  total('hawser_conntrack_dropped_events_total', 'Events lost, exactly', (now) => now.droppedEvents)
  total('hawser_conntrack_resyncs_total', 'Times that a dump was counted', (now) => now.resyncs)
  total(
    'hawser_conntrack_reader_cpu_seconds_total',
    'Processor time of the thread that reads events',
    (now) => now.readerNanoseconds / 1e9,
  )
  new Gauge({
    ...names.own(
      'hawser_conntrack_counted_in_kernel',
      '1 while an eBPF program counts, 0 while a thread reads every event',
    ),
    collect() {
      this.set(status()?.countedInKernel ?? 0)
    },
  })
  new Gauge({
    ...names.own(
      'hawser_conntrack_event_buffer_bytes',
      'Receive buffer for events, as the kernel accounts it',
    ),
    collect() {
      this.set(status()?.bufferBytes ?? 0)
    },
  })
}
