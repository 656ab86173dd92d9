/** A time as Go writes it, in whole ms: `1m2.5s`, `1.25s`, `830ms`, `0s`. */
export function goDuration(ms: number): string {
  const whole = Math.max(0, Math.trunc(ms))
  if (whole === 0) return '0s'
  if (whole < 1_000) return `${whole}ms`
  const hours = Math.floor(whole / 3_600_000)
  const minutes = Math.floor((whole % 3_600_000) / 60_000)
  const seconds = (whole % 60_000) / 1_000
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`
}
