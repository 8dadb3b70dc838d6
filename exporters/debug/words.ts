// How values of OTLP read in the debug exporter's text: as upstream's collector, in Go, shows them.
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueText, KeyValueList } from '#pdata/otlp'

export const spanKinds = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
export const statusCodes = ['Unset', 'Ok', 'Error']
export const temporalities = ['Unspecified', 'Delta', 'Cumulative']
export const metricTypes = {
  empty: 'Empty',
  gauge: 'Gauge',
  sum: 'Sum',
  histogram: 'Histogram',
  exponential_histogram: 'ExponentialHistogram',
  summary: 'Summary',
} as const

const severities = ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal']

/** `Info2(10)`; a number that is no severity has no name. */
export function severity(n: number): string {
  if (n === 0) return 'Unspecified(0)'
  const name = severities[Math.floor((n - 1) / 4)]
  if (name === undefined || n < 0) return `(${n})`
  const step = ((n - 1) % 4) + 1
  return `${name}${step === 1 ? '' : step}(${n})`
}

/** The value with its type in front: `Str(x)`. */
export function typed(value: AnyValue): string {
  return `${typeOf(value)}(${anyValueText(value)})`
}

function typeOf(value: AnyValue): string {
  if (value === null) return 'Empty'
  if (typeof value === 'string') return 'Str'
  if (typeof value === 'boolean') return 'Bool'
  if (typeof value === 'bigint') return 'Int'
  if (typeof value === 'number') return 'Double'
  if (value instanceof Uint8Array) return 'Bytes'
  return value instanceof KeyValueList ? 'Map' : 'Slice'
}

/** `key=value` for each. */
export function pairs(attributes: Attributes): string[] {
  return attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`)
}

export function hex(id: Uint8Array): string {
  return id.every((byte) => byte === 0) ? '' : Buffer.from(id).toString('hex')
}

/** Go's `Time.String` in UTC: `2018-12-13 14:51:00.3 +0000 UTC`. */
export function time(ns: bigint): string {
  const seconds = ns / 1_000_000_000n
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ')
  const fraction = String(ns % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${text}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`
}

/** Go's `%f`. */
export function fixed(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'NaN' : x > 0 ? '+Inf' : '-Inf'
  // From 1e21 on JavaScript writes an exponent; all digits are the integer's.
  return Math.abs(x) < 1e21 ? x.toFixed(6) : `${BigInt(x)}.000000`
}

/** Go's `%v`: as few digits as tell the number apart, with an exponent below 1e-4 and from 1e6 on. */
export function shortest(x: number): string {
  if (!Number.isFinite(x)) return fixed(x)
  if (x === 0) return Object.is(x, -0) ? '-0' : '0'
  const text = x.toExponential()
  const [digits, exponent] = text.split('e') as [string, string]
  const power = Number(exponent)
  if (power < -4 || power >= 6) {
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  return String(x) // without an exponent in this range
}
