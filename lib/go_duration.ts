// Durations as Go's package time reads and writes them, in nanoseconds.
import { quote } from './go_quote.ts'

const unitNanos: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])
const max = 2n ** 63n
/** Digits of a fraction beyond these change nothing that an int64 of nanoseconds can hold. */
const fractionDigitsMax = 18

/** A text that is no duration; the message is that of Go's `time.ParseDuration`. */
export class DurationError extends Error {
  override readonly name = 'DurationError'
}

/** `1h2m3.5s`, `-5ms`, `0` in nanoseconds. Throws `DurationError`. */
export function parseDurationNanos(text: string): bigint {
  const invalid = (): DurationError => new DurationError(`time: invalid duration ${quote(text)}`)
  const isNegative = text.startsWith('-')
  const rest = isNegative || text.startsWith('+') ? text.slice(1) : text
  if (rest === '0') return 0n
  if (rest === '') throw invalid()
  const part = /(\d*)(?:\.(\d*))?([^\d.]*)/y
  let nanos = 0n
  while (part.lastIndex < rest.length) {
    const [, whole = '', fraction = '', unit = ''] = part.exec(rest) as RegExpExecArray
    if (whole === '' && fraction === '') throw invalid()
    if (whole.length > 20) throw invalid()
    if (unit === '') throw new DurationError(`time: missing unit in duration ${quote(text)}`)
    const size = unitNanos.get(unit)
    if (size === undefined) throw new DurationError(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`)
    nanos += BigInt(whole) * size
    const digits = fraction.slice(0, fractionDigitsMax)
    if (digits !== '') nanos += (BigInt(digits) * size) / 10n ** BigInt(digits.length)
    if (nanos > max) throw invalid()
  }
  if (isNegative) return -nanos
  if (nanos === max) throw invalid()
  return nanos
}

/** `1h30m0s`, `1.5s`, `250ms`, `0s`: Go's `time.Duration.String`. */
export function durationText(nanos: bigint): string {
  if (nanos === 0n) return '0s'
  const sign = nanos < 0n ? '-' : ''
  const left = nanos < 0n ? -nanos : nanos
  if (left < 1000n) return `${sign}${left}ns`
  if (left < 1_000_000n) return `${sign}${decimal(left, 3)}µs`
  if (left < 1_000_000_000n) return `${sign}${decimal(left, 6)}ms`
  const minutes = left / 60_000_000_000n
  const seconds = `${decimal(left % 60_000_000_000n, 9)}s`
  if (minutes === 0n) return sign + seconds
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`
}

/** `value` times ten to the minus `digits`, without zeros at the end. */
function decimal(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits)
  const fraction = (value % unit).toString().padStart(digits, '0').replace(/0+$/, '')
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`
}
