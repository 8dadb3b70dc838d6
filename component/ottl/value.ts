// The values that OTTL's expressions give, and how they turn into one another.
//
// nil is `null`, int64 `bigint`, float64 `number`, bytes `Uint8Array`, pcommon.Slice and lists `AnyValue[]`, pcommon.Map and
// maps `KeyValueList`. Ids of traces, spans and profiles are bytes of 16, 8 and 16. Durations and times of Go have classes.
import { Buffer } from 'node:buffer'
import type { AnyValue } from '#pdata/otlp'
import { anyValueText, KeyValueList } from '#pdata/otlp'

/** A moment. `zone` is a time zone as `Intl` takes it (`UTC`, `Europe/Berlin`, `+02:00`): what its hour and day are read in. */
export class Time {
  readonly unixNano: bigint
  readonly zone: string
  constructor(unixNano: bigint, zone = 'UTC') {
    this.unixNano = unixNano
    this.zone = zone
  }
}

/** A span of time in nanoseconds. */
export class Duration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/**
 * What paths like `span.events`, `metric.data_points` or `datapoint.exemplars` give: the messages themselves, which have no
 * AnyValue. Functions can count them (`Len`) or hand them to a setter of a path of the same kind.
 */
export class TelemetryList {
  /** The type as upstream names it: `ptrace.SpanEventSlice`. */
  readonly type: string
  readonly items: readonly object[]
  constructor(type: string, items: readonly object[]) {
    this.type = type
    this.items = items
  }
}

/** What an expression gives. A list's elements may be times and durations where a literal list holds some. */
export type OttlValue = AnyValue | Time | Duration | TelemetryList

/**
 * What went wrong with one record: a function or path throws it, the statement's error mode decides what becomes of it.
 * The message needs no context: the engine puts the statement, the column and a sample of the record beside it. It has no
 * stack: with error_mode ignore it may be thrown for every record, and a stack takes most of the time (2 µs of 2.3).
 */
export class OttlError extends Error {
  override readonly name = 'OttlError'
  /** The column of the call in its statement's text, from 0, set by the engine; -1: not known. */
  at = -1
  constructor(message: string) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = limit
  }
}

/** The type as upstream's messages name it: `int64`, `pcommon.Map`, `nil`. */
export function typeName(value: OttlValue): string {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int64'
    case 'number':
      return 'float64'
    default:
  }
  if (value === null) return 'nil'
  if (value instanceof KeyValueList) return 'pcommon.Map'
  if (value instanceof Uint8Array) return '[]uint8'
  if (Array.isArray(value)) return 'pcommon.Slice'
  if (value instanceof Time) return 'time.Time'
  return value instanceof Duration ? 'time.Duration' : value.type
}

function wrongType(wanted: string, value: OttlValue): OttlError {
  return new OttlError(`expected ${wanted} but got ${typeName(value)}`)
}

// ---------------------------------------------------------------------------------------------- exactly this type

export function exactString(value: OttlValue): string {
  if (typeof value === 'string') return value
  throw wrongType('string', value)
}

export function exactInt(value: OttlValue): bigint {
  if (typeof value === 'bigint') return value
  throw wrongType('int64', value)
}

export function exactFloat(value: OttlValue): number {
  if (typeof value === 'number') return value
  throw wrongType('float64', value)
}

export function exactBool(value: OttlValue): boolean {
  if (typeof value === 'boolean') return value
  throw wrongType('bool', value)
}

export function exactMap(value: OttlValue): KeyValueList {
  if (value instanceof KeyValueList) return value
  throw wrongType('pcommon.Map', value)
}

export function exactSlice(value: OttlValue): AnyValue[] {
  if (Array.isArray(value)) return value
  throw wrongType('pcommon.Slice', value)
}

export function exactTime(value: OttlValue): Time {
  if (value instanceof Time) return value
  throw wrongType('time', value)
}

export function exactDuration(value: OttlValue): Duration {
  if (value instanceof Duration) return value
  throw wrongType('duration', value)
}

// ------------------------------------------------------------------------------------------ whatever can become it

function unsupported(value: OttlValue): OttlError {
  return new OttlError(`unsupported type: ${typeName(value)}`)
}

/**
 * The text of any value: strings as they are, bytes in hexadecimal, the rest as Go's encoding/json writes it (maps with
 * sorted keys, bytes inside them in base64, durations as nanoseconds, times as quoted RFC 3339). nil stays nil.
 * Throws where JSON has no form: NaN and infinities.
 */
export function likeString(value: OttlValue): string | null {
  if (typeof value === 'string' || value === null) return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return value.toString()
  if (typeof value === 'number') return jsonNumber(value)
  if (value instanceof Uint8Array) return hexText(value)
  if (value instanceof Duration) return value.nanos.toString()
  if (value instanceof Time) return `"${rfc3339(value.unixNano)}"`
  if (value instanceof TelemetryList) throw unsupported(value)
  const text = anyValueText(value)
  if (text === '') throw unsupported(value)
  return text.replace(/[<>&]/g, escapedForHtml)
}

/** Bytes in lower case hexadecimal. */
export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function escapedForHtml(found: string): string {
  return `\\u00${found.charCodeAt(0).toString(16)}`
}

/** A float64 as Go's encoding/json writes it: ES6's form but for a shorter exponent. Throws for NaN and infinities. */
export function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new OttlError(`json: unsupported value: ${String(value)}`)
  if (Object.is(value, -0)) return '-0'
  return String(value)
}

/** RFC 3339 in UTC, with as many digits of the second as it takes. */
function rfc3339(unixNano: bigint): string {
  const second = 1_000_000_000n
  const nanos = ((unixNano % second) + second) % second
  const ms = (unixNano - nanos) / 1_000_000n
  // The years 0 to 9999.
  if (ms < -62_167_219_200_000n || ms > 253_402_300_799_999n)
    throw new OttlError('json: year outside of range [0,9999]')
  const date = new Date(Number(ms)).toISOString()
  const fraction = nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`
  return `${date.slice(0, 19)}${fraction}Z`
}

/** Ints, floats, bools (1 and 0) and what strings spell in Go's syntax; nil stays nil. Throws for other texts and types. */
export function likeFloat(value: OttlValue): number | null {
  if (typeof value === 'number' || value === null) return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'string') throw unsupported(value)
  const number = parseGoFloat(value)
  if (number === undefined) throw new OttlError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
  return number
}

/** A float as Go's strconv.ParseFloat reads it, hexadecimal and underscores left out; undefined: it would not. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    const number = Number(text)
    return Number.isFinite(number) ? number : undefined
  }
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (!word) return undefined
  if (/nan/i.test(text)) return word[1] === '' ? Number.NaN : undefined
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** Ints, floats cut off, bools (1 and 0) and decimal strings; nil for nil and for strings that are none. Else throws. */
export function likeInt(value: OttlValue): bigint | null {
  if (typeof value === 'bigint' || value === null) return value
  if (typeof value === 'number') return floatToInt(value)
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value !== 'string') throw unsupported(value)
  return parseGoInt(value) ?? null
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** A decimal int64 as Go's strconv.ParseInt reads it; undefined: it would not. */
export function parseGoInt(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const int = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return int < int64Min || int > int64Max ? undefined : int
}

/** Go's int64(x): cut off; what does not fit, and NaN, become the smallest int64, as on amd64. */
export function floatToInt(value: number): bigint {
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return int64Min
  return BigInt(Math.trunc(value))
}

/** Bools, numbers (not zero) and what Go's strconv.ParseBool takes; nil stays nil. Throws for other texts and types. */
export function likeBool(value: OttlValue): boolean | null {
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  if (typeof value !== 'string') throw unsupported(value)
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false
  throw new OttlError(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
}

/** Bytes as they are, strings as UTF-8, numbers as eight bytes big endian, bools as one; nil stays nil. Else throws. */
export function likeBytes(value: OttlValue): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
  const bytes = Buffer.alloc(8)
  if (typeof value === 'bigint') bytes.writeBigInt64BE(BigInt.asIntN(64, value))
  else if (typeof value === 'number') bytes.writeDoubleBE(value)
  else throw unsupported(value)
  return bytes
}
