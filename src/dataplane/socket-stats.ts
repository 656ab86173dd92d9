import type { SocketStats } from '../native/addon.ts'

/** The counters of several sockets as those of one. */
export function addStats(stats: readonly SocketStats[]): SocketStats {
  const sum = (count: Exclude<keyof SocketStats, 'errors'>): number =>
    stats.reduce((total, one) => total + one[count], 0)
  const errors: Record<string, number> = {}
  for (const one of stats)
    for (const [code, count] of Object.entries(one.errors)) errors[code] = (errors[code] ?? 0) + count
  return {
    messages: sum('messages'),
    bytes: sum('bytes'),
    syscalls: sum('syscalls'),
    received: sum('received'),
    overruns: sum('overruns'),
    errors,
  }
}
