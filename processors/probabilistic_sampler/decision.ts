// Decides by probability which spans and log records are kept, and notes on those what the decision was.
import type { Count, Instruments } from '#component'
import { parseFloat64 } from '#component/otel_attributes'
import type { AnyValue, LogRecord, Span } from '#pdata/otlp'
import { anyValueText, attributeValue, deleteAttribute, setAttribute } from '#pdata/otlp'
import {
  always,
  bucketCount,
  never,
  parseThreshold,
  probabilityMin,
  Randomness,
  Threshold,
  thresholdOf,
} from './probability.ts'
import { TraceState } from './trace_state.ts'

export interface SamplerSettings {
  /** '': `hash_seed` where there is a seed or log records are sampled by an attribute, else `proportional`. */
  readonly mode: '' | 'hash_seed' | 'equalizing' | 'proportional'
  readonly percentage: number
  readonly hashSeed: number
  /** Is what cannot be decided left out? */
  readonly failClosed: boolean
  /** Hexadecimal digits of thresholds, 1 to 14. */
  readonly precision: number
  readonly attributeSource: 'traceID' | 'record'
  /** Log records: the attribute that decides where there is no trace id. */
  readonly fromAttribute: string
  /** Log records: the attribute whose value is a percentage of its own. */
  readonly samplingPriority: string
}

/** What a span or a record carries of earlier decisions. Null: it cannot be read. */
interface Carrier {
  randomness: Randomness | null
  threshold: Threshold | null
}

const priorityPolicy = 'sampling_priority'
const thresholdKey = 'sampling.threshold'
const randomnessKey = 'sampling.randomness'
/** Products of arriving and own probability, kept: there are few in practice. */
const productsMax = 256

/** One signal's sampler. Not for use by several at a time: its randomness is filled per item. */
export class Sampler {
  readonly #settings: SamplerSettings
  readonly #mode: 'hash_seed' | 'equalizing' | 'proportional'
  /** The own threshold; `never` at 0 percent. For `proportional`: of what arrives without a threshold. */
  readonly #threshold: Threshold
  readonly #ratio: number
  /** The tracestate of a span that came without one. */
  readonly #plainState: string
  readonly #products = new Map<string, Threshold>()
  readonly #randomness = new Randomness()
  readonly #counts: PolicyCounts
  #policy = ''

  constructor(settings: SamplerSettings, signal: 'traces' | 'logs', instruments: Instruments) {
    this.#settings = settings
    this.#mode = settings.mode === '' ? 'hash_seed' : settings.mode
    // The percentage is a float of 32 bits in the collector, and so is its product in the hashing mode.
    const percentage = Math.min(Math.fround(settings.percentage), 100)
    this.#ratio = Math.max(percentage / 100, probabilityMin)
    this.#threshold = this.#ownThreshold(percentage)
    this.#plainState = `ot=th:${this.#threshold.text}`
    this.#counts = new PolicyCounts(instruments, signal)
  }

  #ownThreshold(percentage: number): Threshold {
    if (percentage === 0) return never
    if (this.#mode !== 'hash_seed') return thresholdOf(this.#ratio, this.#settings.precision) ?? never
    const sampled = Math.trunc(Math.fround(percentage * Math.fround(bucketCount / 100)))
    return sampled === 0 ? never : new Threshold(BigInt(bucketCount - sampled) << 42n)
  }

  /** Keep the span? It gets the threshold then. */
  keepsSpan(span: Span): boolean {
    const priority = attributeValue(span.attributes, 'sampling.priority')
    const traceState = this.decide(span.traceId, span.traceState, priority)
    if (traceState === null) return false
    span.traceState = traceState
    return true
  }

  /**
   * The tracestate that a span goes on with; null: it is left out. `priority` is its attribute `sampling.priority`.
   * `traceId` is not kept.
   */
  decide(traceId: Uint8Array, traceState: string, priority: AnyValue | undefined): string | null {
    if (traceState === '' && priority === undefined && this.#mode !== 'hash_seed' && hasId(traceId)) {
      // As below, without making anything: most spans are like this.
      this.#randomness.setTraceId(traceId)
      const isSampled = this.#threshold.samples(this.#randomness)
      this.#counts.add('trace_id_w3c', isSampled)
      return isSampled ? this.#plainState : null
    }
    const state = TraceState.parse(traceState)
    let canDecide = state !== undefined
    if (this.#mode === 'hash_seed') {
      const isHashed = this.#hashId(traceId) || this.#missing()
      canDecide = this.#noteHash(state) && isHashed
    } else if (state?.randomness) {
      this.#policy = 'sampling_randomness'
      this.#randomness.hi = state.randomness.hi
      this.#randomness.lo = state.randomness.lo
    } else if (state !== undefined && hasId(traceId)) {
      this.#policy = 'trace_id_w3c'
      this.#randomness.setTraceId(traceId)
    } else canDecide = this.#missing()
    let threshold = this.#decide(canDecide, state)
    const isForced = spanPriority(priority)
    if (isForced !== undefined) {
      threshold = isForced ? always : never
      this.#policy = priorityPolicy
    }
    const isKept = threshold.samples(this.#randomness)
    this.#counts.add(this.#policy, isKept)
    if (!isKept) return null
    if (state === undefined) return traceState
    update(state, threshold)
    return state.text
  }

  /** Keep the log record? It gets the threshold as an attribute then. */
  keepsRecord(record: LogRecord): boolean {
    const carrier = recordCarrier(record)
    const had = carrier !== undefined && carrier.threshold !== null
    let canDecide = carrier !== undefined
    if (this.#mode === 'hash_seed') {
      canDecide = this.#hashRecord(record) ? this.#noteHash(carrier) : this.#missing()
    } else if (carrier?.randomness) {
      this.#policy = 'sampling_randomness'
      this.#randomness.hi = carrier.randomness.hi
      this.#randomness.lo = carrier.randomness.lo
    } else if (carrier !== undefined && hasId(record.traceId)) {
      this.#policy = 'trace_id_w3c'
      this.#randomness.setTraceId(record.traceId)
    } else canDecide = this.#missing()
    let threshold = this.#decide(canDecide, carrier)
    const priority = this.#recordPriority(record)
    if (priority !== undefined) {
      threshold = priority
      this.#policy = priorityPolicy
    }
    const isKept = threshold.samples(this.#randomness)
    if (isKept && carrier !== undefined) {
      update(carrier, threshold)
      if (carrier.threshold !== null) setAttribute(record.attributes, thresholdKey, carrier.threshold.text)
      else if (had) deleteAttribute(record.attributes, thresholdKey)
      if (carrier.randomness !== null) setAttribute(record.attributes, randomnessKey, carrier.randomness.text)
    }
    this.#counts.add(this.#policy, isKept)
    return isKept
  }

  /** Nothing to decide by: what fails open is kept. */
  #missing(): false {
    this.#policy = 'missing_randomness'
    this.#randomness.setAll()
    return false
  }

  /**
   * The hashing mode notes its randomness, so that samplers behind it can decide consistently. What carries another
   * sampler's randomness or threshold already is not its to decide.
   */
  #noteHash(carrier: Carrier | undefined): boolean {
    if (carrier === undefined || carrier.randomness !== null || carrier.threshold !== null) return false
    carrier.randomness = new Randomness()
    carrier.randomness.hi = this.#randomness.hi
    carrier.randomness.lo = this.#randomness.lo
    return true
  }

  #hashRecord(record: LogRecord): boolean {
    return (this.#settings.attributeSource === 'traceID' && this.#hashId(record.traceId)) || this.#hashAttribute(record)
  }

  #hashId(traceId: Uint8Array): boolean {
    if (!hasId(traceId)) return false
    this.#policy = 'trace_id_hash'
    this.#randomness.setHash(traceId, this.#settings.hashSeed)
    return true
  }

  #hashAttribute(record: LogRecord): boolean {
    const { fromAttribute, hashSeed } = this.#settings
    const value = fromAttribute === '' ? undefined : attributeValue(record.attributes, fromAttribute)
    if (value === undefined) return false
    const bytes = value instanceof Uint8Array ? value : Buffer.from(anyValueText(value))
    if (bytes.length === 0) return false
    this.#policy = fromAttribute
    this.#randomness.setHash(bytes, hashSeed)
    return true
  }

  #decide(canDecide: boolean, carrier: Carrier | undefined): Threshold {
    let can = canDecide
    if (can && carrier !== undefined && carrier.threshold !== null && !carrier.threshold.samples(this.#randomness)) {
      // The threshold tells that this should not have come; it is not passed on.
      carrier.threshold = null
      can = false
    }
    if (!can) return this.#settings.failClosed ? never : always
    if (this.#mode !== 'proportional' || this.#threshold === never) return this.#threshold
    return carrier === undefined || carrier.threshold === null ? this.#threshold : this.#product(carrier.threshold)
  }

  /** The threshold of what was sampled before, sampled once more. */
  #product(arriving: Threshold): Threshold {
    const known = this.#products.get(arriving.text)
    if (known !== undefined) return known
    const made = thresholdOf(arriving.probability * this.#ratio, this.#settings.precision) ?? never
    if (this.#products.size >= productsMax) this.#products.clear()
    this.#products.set(arriving.text, made)
    return made
  }

  /** What `sampling_priority` says: a percentage from above 0 to 100; undefined: nothing. */
  #recordPriority(record: LogRecord): Threshold | undefined {
    const { samplingPriority, precision } = this.#settings
    const value = samplingPriority === '' ? undefined : attributeValue(record.attributes, samplingPriority)
    if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
    const percentage = Number(value)
    if (percentage === 100) return always
    return percentage > 0 && percentage < 100 ? thresholdOf(percentage / 100, precision) : undefined
  }
}

/** A threshold may rise on the way, not fall: what was left out before does not come back. */
function update(carrier: Carrier, threshold: Threshold): void {
  if (carrier.threshold === null || !threshold.isLessThan(carrier.threshold)) carrier.threshold = threshold
}

function recordCarrier(record: LogRecord): Carrier | undefined {
  const carrier: Carrier = { randomness: null, threshold: null }
  const threshold = attributeValue(record.attributes, thresholdKey)
  if (typeof threshold === 'string' && threshold !== '') {
    const parsed = parseThreshold(threshold)
    if (parsed === undefined) return undefined
    carrier.threshold = parsed
  }
  const randomness = attributeValue(record.attributes, randomnessKey)
  if (typeof randomness === 'string' && randomness !== '') {
    carrier.randomness = new Randomness()
    if (!carrier.randomness.setText(randomness)) return undefined
  }
  return carrier
}

/** OpenTracing's `sampling.priority`: true for above 0, false for 0, undefined where it decides nothing. */
function spanPriority(value: AnyValue | undefined): boolean | undefined {
  const parsed = typeof value === 'string' ? parseFloat64(value) : value
  if (typeof parsed !== 'number' && typeof parsed !== 'bigint') return undefined
  if (Number(parsed) === 0) return false
  return Number(parsed) > 0 ? true : undefined
}

function hasId(id: Uint8Array): boolean {
  if (id.length !== 16) return false
  for (let i = 0; i < 16; i++) if (id[i] !== 0) return true
  return false
}

/** Decisions by policy: one counter each for kept and left out. */
class PolicyCounts {
  readonly #instruments: Instruments
  readonly #signal: 'traces' | 'logs'
  readonly #kept = new Map<string, Count>()
  readonly #left = new Map<string, Count>()

  constructor(instruments: Instruments, signal: 'traces' | 'logs') {
    this.#instruments = instruments
    this.#signal = signal
  }

  add(policy: string, isKept: boolean): void {
    const counts = isKept ? this.#kept : this.#left
    let count = counts.get(policy)
    if (count === undefined) {
      count = this.#instruments.counter(
        `otelcol_processor_probabilistic_sampler_count_${this.#signal}_sampled_total`,
        `Count of ${this.#signal} that were sampled or not`,
        { policy, sampled: String(isKept) },
      )
      counts.set(policy, count)
    }
    count.add(1)
  }
}
