import { Counter } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'
import type { SocketStats } from '../native/addon.ts'

/** The counters of a socket so far; asked at each scrape. */
export type StatsSource = () => SocketStats

type Count = Exclude<keyof SocketStats, 'errors'>

const COUNTS: Readonly<Record<Count, string>> = {
  messages: 'Netlink messages sent',
  bytes: 'Bytes of netlink messages sent',
  syscalls: 'System calls on the socket',
  received: 'Netlink messages received',
  overruns: 'Times that the kernel dropped messages for want of room',
}

/** `hawser_netlink_*` of named sockets. The kernel-side counters only ever grow, so they are counters here too. */
export class NetlinkMetrics {
  readonly #registry: Registry
  readonly #names: string[] = []
  readonly #sources = new Map<string, StatsSource>()

  constructor(registry: Registry) {
    this.#registry = registry
    const sources = this.#sources
    for (const [count, help] of Object.entries(COUNTS)) {
      new Counter({
        ...this.#own(`hawser_netlink_${count}_total`, help),
        labelNames: ['socket'],
        collect() {
          this.reset()
          for (const [socket, stats] of sources) this.labels(socket).inc(stats()[count as Count])
        },
      })
    }
    new Counter({
      ...this.#own('hawser_netlink_errors_total', 'Errors that the kernel answered with, by errno'),
      labelNames: ['socket', 'code'],
      collect() {
        this.reset()
        for (const [socket, stats] of sources)
          for (const [code, count] of Object.entries(stats().errors)) this.labels(socket, code).inc(count)
      },
    })
  }

  add(socket: string, stats: StatsSource): void {
    this.#sources.set(socket, stats)
  }

  close(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name)
  }

  #own(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    this.#names.push(name)
    return { name, help, registers: [this.#registry] }
  }
}
