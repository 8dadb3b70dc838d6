// Gives cumulative points the start times that they lack.
import type { Drops, StreamState } from '#component/metric_streams'
import { attributesKey, retain, retainMetrics, sameNumbers, StreamTable } from '#component/metric_streams'
import type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsTree,
  NumberPoint,
  SummaryPoint,
} from '#pdata/otlp'
import { noRecordedValue, Temporality } from '#pdata/otlp'

/** Streams kept at most; points of further ones are dropped. There is no setting for it. */
export const streamsMax = 1_000_000
export const tooManyStreams = 'too many streams'
export const initialPoint = 'initial'

export type Strategy = 'true_reset_point' | 'subtract_initial_point' | 'start_time_metric'

type Point = NumberPoint | HistogramPoint | ExponentialHistogramPoint | SummaryPoint
type Kind = 'sum' | 'histogram' | 'exponential_histogram' | 'summary'

interface State extends StreamState {
  startTimeUnixNano: bigint
  /** The last point as it came; null: none yet. Nobody else has it. */
  last: Values | null
  /** What is taken off every point: the first one; null: nothing. */
  base: Values | null
}

/** The parts of a point that count up. */
interface Values {
  readonly value: bigint | number
  readonly count: bigint
  readonly sum: number
  readonly zeroCount: bigint
  readonly scale: number
  readonly bounds: readonly number[]
  readonly buckets: readonly bigint[]
  readonly negative: readonly bigint[]
  readonly offset: number
  readonly negativeOffset: number
}

/** A reset is taken to have happened this long before the first point that shows it (ns): 1 ms. */
const beforeResetNano = 1_000_000n

/**
 * A stream is told by resource, metric name, kind, temporality and attributes. Points that say when their stream began go
 * through as they are; a start time that is the point's own time says nothing.
 *
 * - `true_reset_point`: the first point is its stream's start; it gets its own time.
 * - `subtract_initial_point`: the first point is dropped and taken off those after it.
 * - `start_time_metric`: a metric in the batch tells the start in seconds (`startTimeOf`).
 *
 * A value below the one before is a reset: the stream begins again 1 ms before the point.
 */
export class StartTimes {
  readonly #strategy: Strategy
  readonly #table: StreamTable<State>
  #nowMs = 0
  #batchStart = 0n

  constructor(strategy: Strategy, streamsKept = streamsMax) {
    this.#strategy = strategy
    this.#table = new StreamTable<State>(streamsKept)
  }

  get streams(): number {
    return this.#table.size
  }

  /** Forget streams not seen since `beforeMs` (monotonic). */
  expire(beforeMs: number): void {
    this.#table.expire(beforeMs)
  }

  /** In place. `batchStartNano`: what `start_time_metric` gives to new streams. */
  adjust(tree: MetricsTree, nowMs: number, batchStartNano: bigint, drops: Drops): void {
    this.#nowMs = nowMs
    this.#batchStart = batchStartNano
    let resourceOf: object | null = null
    let resourceText = ''
    retainMetrics(tree, (metric, _scope, { resource }) => {
      const { data } = metric
      if (!isAdjusted(data, this.#strategy)) return true
      if (resourceOf !== resource) {
        resourceOf = resource
        resourceText = attributesKey(resource.attributes)
      }
      const temporality = 'temporality' in data ? data.temporality : ''
      const group = this.#table.group(`${data.kind}${temporality} ${metric.name.length}:${metric.name}${resourceText}`)
      retain(data.points as Point[], (point) => {
        const { startTimeUnixNano: start } = point
        if (start !== 0n && start !== point.timeUnixNano) return true
        const key = attributesKey(point.attributes)
        const state = group.get(key)
        if (state !== undefined) {
          this.#follow(state, data.kind, point)
          return true
        }
        const made = this.#first(data.kind, point)
        const reason = !group.add(key, made) ? tooManyStreams : made.base !== null ? initialPoint : null
        if (reason === null) {
          point.startTimeUnixNano = made.startTimeUnixNano
          return true
        }
        drops.add(reason)
        return false
      })
      return data.points.length > 0
    })
  }

  #first(kind: Kind, point: Point): State {
    const values = valuesOf(kind, point)
    const isBase = this.#strategy === 'subtract_initial_point'
    return {
      seenMs: this.#nowMs,
      startTimeUnixNano: this.#strategy === 'start_time_metric' ? this.#batchStart : point.timeUnixNano,
      last: values,
      base: isBase ? values : null,
    }
  }

  #follow(state: State, kind: Kind, point: Point): void {
    state.seenMs = this.#nowMs
    if ((point.flags & noRecordedValue) !== 0) {
      point.startTimeUnixNano = state.startTimeUnixNano
      return
    }
    const values = valuesOf(kind, point)
    if (state.last !== null && isReset(values, state.last)) {
      state.startTimeUnixNano = point.timeUnixNano - beforeResetNano
      state.base = null
    }
    state.last = values
    point.startTimeUnixNano = state.startTimeUnixNano
    if (state.base !== null) subtract(kind, point, state.base)
  }
}

function isAdjusted(data: MetricData, strategy: Strategy): data is Extract<MetricData, { kind: Kind }> {
  switch (data.kind) {
    case 'empty':
    case 'gauge':
      return false
    case 'summary':
      return true
    case 'sum':
      // Only what is taken off is wrong for deltas: the other strategies give every sum a start time.
      return strategy !== 'subtract_initial_point' || data.temporality === Temporality.cumulative
    default:
      return strategy === 'start_time_metric' || data.temporality === Temporality.cumulative
  }
}

const nothing: Values = {
  value: 0n,
  count: 0n,
  sum: 0,
  zeroCount: 0n,
  scale: 0,
  bounds: [],
  buckets: [],
  negative: [],
  offset: 0,
  negativeOffset: 0,
}

/** Copies, since the point goes on to others. */
function valuesOf(kind: Kind, point: Point): Values {
  switch (kind) {
    case 'sum':
      return { ...nothing, value: (point as NumberPoint).value ?? 0n }
    case 'summary': {
      const { count, sum } = point as SummaryPoint
      return { ...nothing, count, sum }
    }
    case 'histogram': {
      const { count, sum, explicitBounds, bucketCounts } = point as HistogramPoint
      return { ...nothing, count, sum: sum ?? 0, bounds: explicitBounds.slice(), buckets: bucketCounts.slice() }
    }
    case 'exponential_histogram': {
      const { count, sum, scale, zeroCount, positive, negative } = point as ExponentialHistogramPoint
      return {
        ...nothing,
        count,
        sum: sum ?? 0,
        scale,
        zeroCount,
        buckets: positive.bucketCounts.slice(),
        negative: negative.bucketCounts.slice(),
        offset: positive.offset,
        negativeOffset: negative.offset,
      }
    }
  }
}

function isReset(now: Values, last: Values): boolean {
  return (
    now.value < last.value ||
    now.count < last.count ||
    now.sum < last.sum ||
    now.zeroCount < last.zeroCount ||
    now.scale !== last.scale ||
    !sameNumbers(now.bounds, last.bounds) ||
    haveShrunk(now.buckets, last.buckets) ||
    haveShrunk(now.negative, last.negative)
  )
}

function haveShrunk(now: readonly bigint[], last: readonly bigint[]): boolean {
  if (now.length !== last.length) return true
  for (let i = 0; i < now.length; i++) if (now[i]! < last[i]!) return true
  return false
}

function subtract(kind: Kind, point: Point, base: Values): void {
  if (kind === 'sum') {
    const number = point as NumberPoint
    const { value } = number
    if (typeof value === 'bigint' && typeof base.value === 'bigint')
      number.value = BigInt.asIntN(64, value - base.value)
    else if (value !== null) number.value = Number(value) - Number(base.value)
    return
  }
  const counted = point as HistogramPoint | ExponentialHistogramPoint | SummaryPoint
  counted.count -= base.count
  if (counted.sum !== null) counted.sum -= base.sum
  if (kind === 'histogram') {
    const histogram = point as HistogramPoint
    histogram.bucketCounts = histogram.bucketCounts.map((count, i) => count - (base.buckets[i] ?? 0n))
  } else if (kind === 'exponential_histogram') {
    const histogram = point as ExponentialHistogramPoint
    histogram.zeroCount -= base.zeroCount
    histogram.positive = bucketsLess(histogram.positive, base.buckets, base.offset)
    histogram.negative = bucketsLess(histogram.negative, base.negative, base.negativeOffset)
  }
}

function bucketsLess(buckets: ExponentialBuckets, base: readonly bigint[], baseOffset: number): ExponentialBuckets {
  const shift = buckets.offset - baseOffset
  return { ...buckets, bucketCounts: buckets.bucketCounts.map((count, i) => count - (base[i + shift] ?? 0n)) }
}

/** The start that a metric in the batch tells, ns; undefined where no gauge or sum with a point has that name. */
export function startTimeOf(tree: MetricsTree, isStartTime: (name: string) => boolean): bigint | undefined {
  for (const { scopeMetrics } of tree.resourceMetrics) {
    for (const { metrics } of scopeMetrics) {
      for (const metric of metrics) {
        if (isStartTime(metric.name)) return secondsOf(metric)
      }
    }
  }
  return undefined
}

function secondsOf({ data }: Metric): bigint | undefined {
  if (data.kind !== 'gauge' && data.kind !== 'sum') return undefined
  const seconds = Number(data.points[0]?.value ?? NaN)
  if (!Number.isFinite(seconds) || seconds < 0) return undefined
  const whole = Math.trunc(seconds)
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e9))
}
