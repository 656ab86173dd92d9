const UNITS: Readonly<Record<string, number>> = {
  ...{ ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3 },
  ...{ ms: 1, s: 1000, m: 60_000, h: 3_600_000 },
}

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g

/** Reads Go's durations (`500ms`, `60s`, `1h2m3.5s`, `0`) as ms; undefined when it is none, or a negative one. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (text === '' || text.replaceAll(PART, '') !== '') return undefined
  let total = 0
  for (const [, number, unit = ''] of text.matchAll(PART)) total += Number(number) * (UNITS[unit] ?? 0)
  return total
}

/** Writes ms as Go does: `24h0m0s`, `1m30s`, `2.5s`, `500ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1) return `${Number((ms * 1000).toFixed(3))}µs`
  if (ms < 1000) return `${Number(ms.toFixed(6))}ms`
  const minutes = Math.floor(ms / 60_000)
  const hours = Math.floor(minutes / 60)
  const seconds = Number(((ms % 60_000) / 1000).toFixed(9))
  if (minutes === 0) return `${seconds}s`
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`
}
