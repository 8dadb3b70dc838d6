// The policies that look at a trace's spans: what they read they read from the bytes.
import { word } from '#component/span_scan'
import { Fnv1a64 } from '#lib/fnv'
import { Lru } from '#lib/lru'
import type { Regexp } from '#lib/regexp'
import { WireCursor } from '#pdata/otlp'
import type { Ranges, TraceView } from './pending.ts'
import { tags } from './pending.ts'

/** What a policy says of a trace: see `decide` in combined.ts. */
export const Verdict = { notSampled: 0, sampled: 1, dropped: 2 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

export interface Policy {
  /** Could a trace that it samples now be one that it does not sample once more spans have come? */
  readonly isStateful: boolean
  /** Throws where the trace cannot be judged. */
  evaluate(trace: TraceView): Verdict
}

export const alwaysSample: Policy = { isStateful: false, evaluate: () => Verdict.sampled }

// ------------------------------------------------------------------------------------------------------- by spans

/** Says yes or no to one span, or to a resource; the cursor stands before its first field. */
type Check = (message: WireCursor) => boolean

// One set of cursors for all: evaluations do not overlap.
const outer = new WireCursor()
const message = new WireCursor()
const noBytes = new Uint8Array(0)

/** Does any resource or span meet its check? In the order in which they came; `resource` null: only spans count. */
function some(trace: TraceView, resource: Check | null, span: Check): boolean {
  for (let part = trace.first; part !== null; part = part.next) {
    const { places } = part.layout
    const { bytes } = part.layout.source
    if (resource !== null && resource(enterResource(bytes, part.group))) return true
    for (let i = part.from; i < part.to; i += 3) {
      outer.reset(bytes, places[i + 1], places[i + 2])
      outer.next()
      message.enter(outer)
      if (span(message)) return true
    }
  }
  return false
}

function enterResource(bytes: Uint8Array, group: Ranges): WireCursor {
  for (let i = 0; i < group.length; i += 2) {
    outer.reset(bytes, group[i], group[i + 1])
    if (!outer.seek(tags.resource)) continue
    message.enter(outer)
    return message
  }
  message.reset(noBytes)
  return message
}

/** Tags of attributes, in a Resource and in a Span. */
const resourceAttributes = 0x0a
const spanAttributes = 0x4a
const keyValue = { key: 0x0a, value: 0x12 } as const
const anyValue = { text: 0x0a, bool: 0x10, int: 0x18 } as const

const pair = new WireCursor()
const found = new WireCursor()

/** The value of the first attribute named `key`; undefined where there is none. The cursor stands on what the value holds, if anything. */
function attribute(fields: WireCursor, tag: number, key: Uint8Array): WireCursor | undefined {
  while (fields.next()) {
    if (fields.tag !== tag) continue
    pair.enter(fields)
    let isMatch = key.length === 0
    found.reset(noBytes)
    while (pair.next()) {
      if (pair.tag === keyValue.key) isMatch = pair.equals(key)
      else if (pair.tag === keyValue.value) found.enter(pair)
    }
    if (!isMatch) continue
    if (!found.next()) found.tag = 0
    return found
  }
  return undefined
}

const utf8 = new TextDecoder()

/** A value that is no text reads as an empty one, no number as 0, no bool as false: as the collector reads them. */
function textOf(value: WireCursor): string {
  return value.tag === anyValue.text ? utf8.decode(value.value()) : ''
}

function boolOf(value: WireCursor): boolean {
  return value.tag === anyValue.bool && value.uint32() !== 0
}

/** Exact up to 2^53. */
function intOf(value: WireCursor): number {
  if (value.tag !== anyValue.int) return 0
  const { bytes, start, end } = value
  if (end - start < 8) {
    let small = 0
    for (let at = end - 1; at >= start; at--) small = small * 128 + ((bytes[at] as number) & 0x7f)
    return small
  }
  let wide = 0n
  for (let at = end - 1; at >= start; at--) wide = (wide << 7n) | BigInt((bytes[at] as number) & 0x7f)
  return Number(BigInt.asIntN(64, wide))
}

/** A policy on an attribute of resources and spans. */
abstract class AttributePolicy implements Policy {
  readonly isStateful = false
  readonly #invert: boolean
  readonly #resource: Check
  readonly #span: Check

  constructor(key: string, invert: boolean) {
    const bytes = Buffer.from(key)
    this.#invert = invert
    this.#resource = (fields) => {
      const value = attribute(fields, resourceAttributes, bytes)
      return value !== undefined && this.matches(value, false)
    }
    this.#span = (fields) => {
      const value = attribute(fields, spanAttributes, bytes)
      return value !== undefined && this.matches(value, true)
    }
  }

  protected abstract matches(value: WireCursor, isSpan: boolean): boolean

  evaluate(trace: TraceView): Verdict {
    const isSampled = some(trace, this.#resource, this.#span) !== this.#invert
    return isSampled ? Verdict.sampled : Verdict.notSampled
  }
}

export class NumericAttribute extends AttributePolicy {
  readonly #min: number
  readonly #max: number
  /** Bounds of 0 are none. */
  constructor(key: string, min: number, max: number, invert: boolean) {
    super(key, invert)
    this.#min = min === 0 ? Number.NEGATIVE_INFINITY : min
    this.#max = max === 0 ? Number.POSITIVE_INFINITY : max
  }

  protected matches(value: WireCursor): boolean {
    const number = intOf(value)
    return number >= this.#min && number <= this.#max
  }
}

export class BooleanAttribute extends AttributePolicy {
  readonly #value: boolean
  constructor(key: string, value: boolean, invert: boolean) {
    super(key, invert)
    this.#value = value
  }

  protected matches(value: WireCursor): boolean {
    return boolOf(value) === this.#value
  }
}

export class StringAttribute extends AttributePolicy {
  readonly #values: ReadonlySet<string>
  constructor(key: string, values: readonly string[], invert: boolean) {
    super(key, invert)
    this.#values = new Set(values.filter((value) => value !== ''))
  }

  protected matches(value: WireCursor): boolean {
    return this.#values.has(textOf(value))
  }
}

/** Any of the expressions, found anywhere in the text. What they said of a text is kept for the next time. */
export class RegexpAttribute extends AttributePolicy {
  readonly #expressions: readonly Regexp[]
  readonly #known: Lru<string, boolean>
  constructor(key: string, expressions: readonly Regexp[], cacheSizeMax: number, invert: boolean) {
    super(key, invert)
    this.#expressions = expressions
    this.#known = new Lru(cacheSizeMax <= 0 ? cacheSizeDefault : cacheSizeMax)
  }

  protected matches(value: WireCursor, isSpan: boolean): boolean {
    const text = textOf(value)
    if (isSpan && text === '') return false
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const isMatch = this.#expressions.some((expression) => expression.test(text))
    if (text.length <= cachedLengthMax) this.#known.set(text, isMatch)
    return isMatch
  }
}

const cacheSizeDefault = 128
/** Longer texts (statements, stack traces) are not kept: they would not come again, and take room. */
const cachedLengthMax = 4096

const status = { field: 0x7a, code: 0x18 } as const
const inStatus = new WireCursor()

export class StatusCode implements Policy {
  readonly isStateful = false
  readonly #check: Check
  /** OTLP's numbers: 0 unset, 1 ok, 2 error. */
  constructor(codes: ReadonlySet<number>) {
    this.#check = (span) => {
      if (!span.seek(status.field)) return codes.has(0)
      inStatus.enter(span)
      return codes.has(inStatus.seek(status.code) ? inStatus.uint32() : 0)
    }
  }

  evaluate(trace: TraceView): Verdict {
    return some(trace, null, this.#check) ? Verdict.sampled : Verdict.notSampled
  }
}

const traceStateTag = 0x1a

export class TraceState implements Policy {
  readonly isStateful = false
  readonly #check: Check
  constructor(key: string, values: readonly string[]) {
    // A member of a tracestate has 256 characters at most, the sign between key and value among them.
    const wanted = new Set(values.filter((value) => value !== '' && key.length + value.length < 256))
    this.#check = (span) => {
      if (!span.seek(traceStateTag)) return false
      const value = parseTraceState(utf8.decode(span.value()))?.get(key)
      return value !== undefined && wanted.has(value)
    }
  }

  evaluate(trace: TraceView): Verdict {
    return some(trace, null, this.#check) ? Verdict.sampled : Verdict.notSampled
  }
}

/** A fixed32, field 16: its lowest bit is W3C's sampled flag. */
const flagsTag = 0x85

export class TraceFlags implements Policy {
  readonly isStateful = false
  readonly #check: Check = (span) => span.seek(flagsTag) && ((span.bytes[span.start] as number) & 1) === 1

  evaluate(trace: TraceView): Verdict {
    return some(trace, null, this.#check) ? Verdict.sampled : Verdict.notSampled
  }
}

const startTimeTag = 0x39
const endTimeTag = 0x41
const nsPerMs = 1e6

/** Times are pairs of 32 bits: nanoseconds since 1970 do not fit into a number. */
export class Latency implements Policy {
  readonly isStateful: boolean
  readonly #thresholdMs: number
  readonly #upperMs: number
  readonly #check: Check = (span) => this.#widen(span)
  #minHigh = 0
  #minLow = 0
  #maxHigh = 0
  #maxLow = 0

  /** `upperMs` 0: none. A trace whose latency may not grow above it can only be judged when it is complete. */
  constructor(thresholdMs: number, upperMs: number) {
    this.#thresholdMs = thresholdMs
    this.#upperMs = upperMs
    this.isStateful = upperMs > 0
  }

  /** From the earliest start to the latest end of the spans looked at so far: the first time it fits, the trace is sampled. */
  evaluate(trace: TraceView): Verdict {
    this.#minHigh = 0
    this.#minLow = 0
    this.#maxHigh = 0
    this.#maxLow = 0
    return some(trace, null, this.#check) ? Verdict.sampled : Verdict.notSampled
  }

  #widen(span: WireCursor): boolean {
    let startHigh = 0
    let startLow = 0
    let endHigh = 0
    let endLow = 0
    while (span.next()) {
      if (span.tag === startTimeTag) {
        startLow = word(span.bytes, span.start)
        startHigh = word(span.bytes, span.start + 4)
      } else if (span.tag === endTimeTag) {
        endLow = word(span.bytes, span.start)
        endHigh = word(span.bytes, span.start + 4)
      }
    }
    const hasMin = this.#minHigh !== 0 || this.#minLow !== 0
    if (!hasMin || startHigh < this.#minHigh || (startHigh === this.#minHigh && startLow < this.#minLow)) {
      this.#minHigh = startHigh
      this.#minLow = startLow
    }
    const hasMax = this.#maxHigh !== 0 || this.#maxLow !== 0
    if (!hasMax || endHigh > this.#maxHigh || (endHigh === this.#maxHigh && endLow > this.#maxLow)) {
      this.#maxHigh = endHigh
      this.#maxLow = endLow
    }
    const ns = (this.#maxHigh - this.#minHigh) * 2 ** 32 + this.#maxLow - this.#minLow
    const ms = (ns - (ns % nsPerMs)) / nsPerMs
    if (this.#upperMs === 0) return ms >= this.#thresholdMs
    return ms > this.#thresholdMs && ms <= this.#upperMs
  }
}

// --------------------------------------------------------------------------------------------- by id, count and rate

export class SpanCount implements Policy {
  readonly isStateful: boolean
  readonly #min: number
  readonly #max: number
  /** `max` 0: none. */
  constructor(min: number, max: number) {
    this.#min = min
    this.#max = max
    this.isStateful = max > 0
  }

  evaluate({ spans }: TraceView): Verdict {
    const isSampled = spans >= this.#min && (this.#max === 0 || spans <= this.#max)
    return isSampled ? Verdict.sampled : Verdict.notSampled
  }
}

/** The salt of configurations without one. */
const saltDefault = 'default-hash-seed'

/** Samples where FNV-1a of salt and trace id is at most the share of what 64 bits hold: every collector decides alike. */
export class Probabilistic implements Policy {
  readonly isStateful = false
  readonly #hash = new Fnv1a64()
  readonly #startHigh: number
  readonly #startLow: number
  readonly #thresholdHigh: number
  readonly #thresholdLow: number

  constructor(salt: string, percentage: number) {
    const hash = this.#hash
    hash.bytes(Buffer.from(salt === '' ? saltDefault : salt))
    this.#startHigh = hash.high
    this.#startLow = hash.low
    const threshold = shareOf64Bits(percentage / 100)
    this.#thresholdHigh = Number(threshold >> 32n)
    this.#thresholdLow = Number(threshold & 0xffffffffn)
  }

  evaluate({ key }: TraceView): Verdict {
    const hash = this.#hash
    hash.reset(this.#startHigh, this.#startLow)
    hash.latin1(key)
    const isSampled =
      hash.high < this.#thresholdHigh || (hash.high === this.#thresholdHigh && hash.low <= this.#thresholdLow)
    return isSampled ? Verdict.sampled : Verdict.notSampled
  }
}

/**
 * `ratio` of 2^64 - 1, exact but for one rounding to 64 bits, then cut to an integer: as the collector computes it with
 * floating-point numbers of that precision. 0 below 0, and all bits from 1 on.
 */
export function shareOf64Bits(ratio: number): bigint {
  if (!(ratio > 0)) return 0n
  if (ratio >= 1) return 2n ** 64n - 1n
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, ratio)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n)
  let product = mantissa * (2n ** 64n - 1n)
  // The value is product / 2^shift.
  let shift = BigInt(1075 - Math.max(exponent, 1))
  const excess = BigInt(product.toString(2).length - 64)
  if (excess > 0n) {
    const rest = product & ((1n << excess) - 1n)
    const half = 1n << (excess - 1n)
    product >>= excess
    if (rest > half || (rest === half && (product & 1n) === 1n)) product += 1n
    shift -= excess
  }
  return shift >= 0n ? product >> shift : product << -shift
}

/** A bucket that fills with `perSecond` tokens up to `burst`: golang.org/x/time/rate, whose decisions these are. */
class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  readonly #nowMs: () => number
  #tokens: number
  #lastMs: number

  constructor(perSecond: number, burst: number, nowMs: () => number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#nowMs = nowMs
    this.#tokens = burst
    this.#lastMs = nowMs()
  }

  /** Take `count` tokens, if there are as many: a request for more than fit in takes none. */
  allow(count: number): boolean {
    const nowMs = this.#nowMs()
    const tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#lastMs) / 1000) * this.#perSecond) - count
    // What would be there within a nanosecond is there.
    const isThere = tokens >= 0 || (this.#perSecond > 0 && (-tokens / this.#perSecond) * 1e9 < 1)
    if (count > this.#burst || !isThere) return false
    this.#lastMs = nowMs
    this.#tokens = tokens
    return true
  }
}

export class RateLimiting implements Policy {
  readonly isStateful = true
  readonly #bucket: TokenBucket
  /** `burst` 0: what comes in two seconds. */
  constructor(spansPerSecond: number, burst: number, nowMs: () => number) {
    this.#bucket = new TokenBucket(spansPerSecond, burst > 0 ? burst : spansPerSecond * 2, nowMs)
  }

  evaluate({ spans }: TraceView): Verdict {
    return this.#bucket.allow(spans) ? Verdict.sampled : Verdict.notSampled
  }
}

export class BytesLimiting implements Policy {
  readonly isStateful = true
  readonly #bucket: TokenBucket
  /** `burst` 0: what comes in two seconds. */
  constructor(bytesPerSecond: number, burst: number, nowMs: () => number) {
    this.#bucket = new TokenBucket(bytesPerSecond, burst > 0 ? burst : bytesPerSecond * 2, nowMs)
  }

  evaluate(trace: TraceView): Verdict {
    return this.#bucket.allow(trace.requestBytes) ? Verdict.sampled : Verdict.notSampled
  }
}

// ----------------------------------------------------------------------------------------------------- tracestate

const membersMax = 32
const keyPattern = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/
const valuePattern = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * The members of a W3C tracestate by key, read by the rules of the OpenTelemetry SDK for Go, which the collector follows; undefined
 * where the text breaks a rule (www.w3.org/TR/trace-context-1, "tracestate Header Field Values").
 */
export function parseTraceState(text: string): Map<string, string> | undefined {
  const members = new Map<string, string>()
  for (const member of text.split(',')) {
    if (member === '') continue
    const sign = member.indexOf('=')
    if (sign < 0) return undefined
    const key = member.slice(0, sign).replace(/^[ \t]+/, '')
    const value = trimEnd(member.slice(sign + 1))
    if (!keyPattern.test(key) || !valuePattern.test(value) || members.has(key)) return undefined
    if (members.size === membersMax) return undefined
    members.set(key, value)
  }
  return members
}

/** Without blanks at the end, in linear time: the text is a client's. */
function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--
  return text.slice(0, end)
}
