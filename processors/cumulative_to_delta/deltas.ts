// Turns cumulative monotonic sums and histograms into deltas, stream by stream.
import type { Drops, StreamGroup, StreamState } from '#component/metric_streams'
import {
  attributesKey,
  coarser,
  metricKey,
  retain,
  retainMetrics,
  sameNumbers,
  scopeKey,
  StreamTable,
} from '#component/metric_streams'
import type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricsTree,
  NumberPoint,
} from '#pdata/otlp'
import { noRecordedValue, Temporality } from '#pdata/otlp'

/** Streams kept at most; points of further ones are dropped. There is no setting for it. */
export const streamsMax = 1_000_000

/** What becomes of the first point of a stream. */
export type InitialValue = 'auto' | 'keep' | 'drop'
/** Why a point is dropped. */
export type DropReason = 'reset' | 'initial' | 'bucket_mismatch' | 'no recorded value' | 'too many streams'
export type ConvertedKind = 'sum' | 'histogram' | 'exponential_histogram'

/** The last cumulative point of a stream. Points are kept whole: nobody else has them once they are converted. */
interface NumberState extends StreamState {
  timeUnixNano: bigint
  value: bigint | number
}
interface HistogramState extends StreamState {
  timeUnixNano: bigint
  count: bigint
  sum: number
  bounds: number[]
  counts: bigint[]
}
interface ExponentialState extends StreamState {
  timeUnixNano: bigint
  count: bigint
  sum: number
  scale: number
  zeroCount: bigint
  zeroThreshold: number
  positive: ExponentialBuckets
  negative: ExponentialBuckets
}
type State = NumberState | HistogramState | ExponentialState

export interface DeltaOptions {
  readonly initialValue: InitialValue
  /** Points of streams that began before are not known whole (`auto`): the processor's own start, ns. */
  readonly startUnixNano: bigint
  readonly isConverted: (metric: Metric) => boolean
  readonly streamsMax?: number
}

/** What was done with the points of one batch. */
export interface DeltaTally {
  converted(kind: ConvertedKind): void
  dropped(kind: ConvertedKind, reason: DropReason): void
}

/**
 * A stream is told by resource, scope, metric, attributes, value type and start time: a point with a new start time begins
 * a new stream, which is how well-behaved sources say that they restarted. A value below the one before is a reset: the
 * point is dropped and what follows counts from it. Points of one stream must come in order.
 */
export class CumulativeToDelta {
  readonly #options: DeltaOptions
  readonly #table: StreamTable<State>
  #nowMs = 0

  constructor(options: DeltaOptions) {
    this.#options = options
    this.#table = new StreamTable<State>(options.streamsMax ?? streamsMax)
  }

  get streams(): number {
    return this.#table.size
  }

  /** Forget streams not seen since `beforeMs` (monotonic). */
  expire(beforeMs: number): void {
    this.#table.expire(beforeMs)
  }

  /** Converts in place. Metrics, scopes and resources that lose their last point go too. */
  convert(tree: MetricsTree, nowMs: number, drops: Drops, tally: DeltaTally): void {
    this.#nowMs = nowMs
    let scopeOf: object | null = null
    let scopeText = ''
    retainMetrics(tree, (metric, scope, resource) => {
      const { data } = metric
      if (data.kind === 'empty' || data.kind === 'gauge' || data.kind === 'summary') return true
      if (data.temporality !== Temporality.cumulative || (data.kind === 'sum' && !data.isMonotonic)) return true
      if (!this.#options.isConverted(metric)) return true
      if (scopeOf !== scope) {
        scopeOf = scope
        scopeText = scopeKey(resource.resource, scope.scope)
      }
      const group = this.#table.group(metricKey(scopeText, metric))
      const kind = data.kind
      const settle = (reason: DropReason | null): boolean => {
        if (reason === null) {
          tally.converted(kind)
          return true
        }
        drops.add(reason)
        tally.dropped(kind, reason)
        return false
      }
      if (data.kind === 'sum') {
        retain(data.points, (point) => isNaNPoint(point) || settle(this.#number(group, point)))
      } else if (data.kind === 'histogram') {
        retain(data.points, (point) => settle(this.#histogram(group, point)))
      } else {
        retain(data.points, (point) => settle(this.#exponential(group, point)))
      }
      data.temporality = Temporality.delta
      return data.points.length > 0
    })
  }

  /** May the first point of a stream go on, as what was counted since the stream's start? With `keep` nobody knows since when. */
  #initial(point: { startTimeUnixNano: bigint; timeUnixNano: bigint }): 'initial' | null {
    const { initialValue, startUnixNano } = this.#options
    if (initialValue === 'keep') {
      point.startTimeUnixNano = 0n
      return null
    }
    if (initialValue === 'drop') return 'initial'
    const { startTimeUnixNano: start } = point
    return start < startUnixNano || start === point.timeUnixNano ? 'initial' : null
  }

  #number(group: StreamGroup<State>, point: NumberPoint): DropReason | null {
    if ((point.flags & noRecordedValue) !== 0) return 'no recorded value'
    const value = point.value ?? 0n
    const key = `${typeof value === 'bigint' ? 'i' : 'd'}${point.startTimeUnixNano} ${attributesKey(point.attributes)}`
    const last = group.get(key) as NumberState | undefined
    if (last === undefined) {
      const state = { seenMs: this.#nowMs, timeUnixNano: point.timeUnixNano, value }
      return group.add(key, state) ? this.#initial(point) : 'too many streams'
    }
    const before = last.value
    point.startTimeUnixNano = last.timeUnixNano
    last.seenMs = this.#nowMs
    last.timeUnixNano = point.timeUnixNano
    last.value = value
    if (value < before) return 'reset'
    point.value = typeof value === 'bigint' ? BigInt.asIntN(64, value - (before as bigint)) : value - (before as number)
    return null
  }

  #histogram(group: StreamGroup<State>, point: HistogramPoint): DropReason | null {
    if ((point.flags & noRecordedValue) !== 0) return 'no recorded value'
    const key = `${point.startTimeUnixNano} ${attributesKey(point.attributes)}`
    const last = group.get(key) as HistogramState | undefined
    const next: HistogramState = {
      seenMs: this.#nowMs,
      timeUnixNano: point.timeUnixNano,
      count: point.count,
      sum: point.sum ?? 0,
      bounds: point.explicitBounds,
      counts: point.bucketCounts,
    }
    if (last === undefined) {
      if (!group.add(key, next)) return 'too many streams'
      point.explicitBounds = point.explicitBounds.slice()
      point.bucketCounts = point.bucketCounts.slice()
      forgetExtremes(point)
      return this.#initial(point)
    }
    const before = { ...last }
    Object.assign(last, next)
    if (before.counts.length !== next.counts.length || !sameNumbers(before.bounds, next.bounds)) {
      return 'bucket_mismatch'
    }
    if (next.count < before.count || next.counts.some((count, i) => count < before.counts[i]!)) return 'reset'
    last.bounds = before.bounds
    point.startTimeUnixNano = before.timeUnixNano
    point.count -= before.count
    point.bucketCounts = next.counts.map((count, i) => count - before.counts[i]!)
    point.sum = deltaSum(point.sum, before.sum, last)
    forgetExtremes(point)
    return null
  }

  #exponential(group: StreamGroup<State>, point: ExponentialHistogramPoint): DropReason | null {
    if ((point.flags & noRecordedValue) !== 0) return 'no recorded value'
    const key = `${point.startTimeUnixNano} ${attributesKey(point.attributes)}`
    const last = group.get(key) as ExponentialState | undefined
    const next: ExponentialState = {
      seenMs: this.#nowMs,
      timeUnixNano: point.timeUnixNano,
      count: point.count,
      sum: point.sum ?? 0,
      scale: point.scale,
      zeroCount: point.zeroCount,
      zeroThreshold: point.zeroThreshold,
      positive: point.positive,
      negative: point.negative,
    }
    if (last === undefined) {
      if (!group.add(key, next)) return 'too many streams'
      point.positive = copied(point.positive)
      point.negative = copied(point.negative)
      forgetExtremes(point)
      return this.#initial(point)
    }
    const before = { ...last }
    Object.assign(last, next)
    // A histogram that only grows gets coarser and its zero bucket wider, never the other way round.
    if (next.count < before.count || next.zeroThreshold < before.zeroThreshold || next.scale > before.scale) {
      return 'reset'
    }
    alignWith(before, next)
    const positive = bucketsDelta(next.positive, before.positive)
    const negative = bucketsDelta(next.negative, before.negative)
    if (positive === null || negative === null || next.zeroCount < before.zeroCount) return 'reset'
    point.startTimeUnixNano = before.timeUnixNano
    point.count -= before.count
    point.zeroCount -= before.zeroCount
    point.positive = positive
    point.negative = negative
    point.sum = deltaSum(point.sum, before.sum, last)
    forgetExtremes(point)
    return null
  }
}

function isNaNPoint({ value, flags }: NumberPoint): boolean {
  return typeof value === 'number' && Number.isNaN(value) && (flags & noRecordedValue) === 0
}

/** Extremes of a cumulative histogram say nothing about the time since the last point. */
function forgetExtremes(point: { min: number | null; max: number | null }): void {
  point.min = null
  point.max = null
}

/** A sum that is not a number goes on as it came; the state keeps the one before, for the points after. */
function deltaSum(sum: number | null, before: number, last: { sum: number }): number | null {
  if (sum === null) return null
  if (Number.isNaN(sum)) {
    last.sum = before
    return sum
  }
  return Number.isNaN(before) ? 0 : sum - before
}

function copied({ offset, bucketCounts, unknown }: ExponentialBuckets): ExponentialBuckets {
  return { offset, bucketCounts: bucketCounts.slice(), unknown }
}

/** Bring the older histogram to the zero threshold and the scale of the newer one. */
function alignWith(before: ExponentialState, next: ExponentialState): void {
  if (next.zeroThreshold > before.zeroThreshold) {
    // The greatest bucket that begins below the threshold.
    const bucket = Math.ceil(Math.log2(next.zeroThreshold) * 2 ** before.scale) - 1
    before.positive = trimmed(before, before.positive, bucket)
    before.negative = trimmed(before, before.negative, bucket)
  }
  const bits = before.scale - next.scale
  before.positive = coarser(before.positive, bits)
  before.negative = coarser(before.negative, bits)
}

/** Buckets up to `bucket` move into the zero count. */
function trimmed(state: ExponentialState, buckets: ExponentialBuckets, bucket: number): ExponentialBuckets {
  const gone = Math.min(Math.max(bucket - buckets.offset + 1, 0), buckets.bucketCounts.length)
  for (let i = 0; i < gone; i++) state.zeroCount += buckets.bucketCounts[i]!
  return { offset: buckets.offset + gone, bucketCounts: buckets.bucketCounts.slice(gone), unknown: buckets.unknown }
}

/** What came in since; null where a bucket has less than before. Empty buckets at both ends are left out. */
function bucketsDelta(next: ExponentialBuckets, before: ExponentialBuckets): ExponentialBuckets | null {
  const counts = next.bucketCounts.slice()
  for (let i = 0; i < before.bucketCounts.length; i++) {
    const count = before.bucketCounts[i]!
    if (count === 0n) continue
    const at = before.offset + i - next.offset
    if (at < 0 || at >= counts.length || counts[at]! < count) return null
    counts[at] = counts[at]! - count
  }
  const first = counts.findIndex((count) => count > 0n)
  if (first < 0) return { offset: 0, bucketCounts: [], unknown: next.unknown }
  const end = counts.findLastIndex((count) => count > 0n) + 1
  return { offset: next.offset + first, bucketCounts: counts.slice(first, end), unknown: next.unknown }
}
