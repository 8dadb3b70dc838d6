// Durations as Go prints them, for messages.

/** `1m0s`, `1.5s`, `250ms`: Go's `time.Duration.String`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s'
  const sign = ms < 0 ? '-' : ''
  const left = Math.abs(ms)
  if (left < 1e-3) return `${sign}${round(left * 1e6)}ns`
  if (left < 1) return `${sign}${round(left * 1e3)}µs`
  if (left < 1000) return `${sign}${round(left)}ms`
  const hours = Math.floor(left / 3_600_000)
  const minutes = Math.floor(left / 60_000) % 60
  const seconds = round((left % 60_000) / 1000)
  return sign + (hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '') + `${seconds}s`
}

/** To the nanosecond, however small the unit: what is left of binary fractions goes. */
function round(x: number): number {
  return Number(x.toPrecision(12))
}
