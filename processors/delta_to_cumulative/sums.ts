// Adds up deltas, stream by stream, and gives the sum so far in place of each.
import type { Drops, StreamGroup, StreamState } from '#component/metric_streams'
import {
  addExponentialHistogram,
  addHistogram,
  addNumbers,
  attributesKey,
  metricKey,
  retain,
  retainMetrics,
  scopeKey,
  StreamTable,
} from '#component/metric_streams'
import type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  MetricsTree,
  NumberPoint,
} from '#pdata/otlp'
import { Temporality } from '#pdata/otlp'

/** Why a point is dropped, under the names that the own metric `otelcol_deltatocumulative_datapoints` gives as `error`. */
export const dropReasons = {
  limit: 'limit',
  olderStart: 'delta.ErrOlderStart',
  outOfOrder: 'delta.ErrOutOfOrder',
} as const
export type DropReason = (typeof dropReasons)[keyof typeof dropReasons]

type Point = NumberPoint | HistogramPoint | ExponentialHistogramPoint
interface State<P extends Point> extends StreamState {
  /** The sum so far; its start time is the first point's, its time the last one's. */
  readonly sum: P
}

/**
 * A point that is not later than the one before, or began before the stream did, is dropped. Gaps between points are
 * taken as times without anything to count. A stream that is not seen for a while begins anew, from zero.
 */
export class DeltaToCumulative {
  readonly #table: StreamTable<State<Point>>
  #nowMs = 0

  constructor(streamsMax: number) {
    this.#table = new StreamTable<State<Point>>(streamsMax)
  }

  get streams(): number {
    return this.#table.size
  }

  /** Forget streams not seen since `beforeMs` (monotonic). */
  expire(beforeMs: number): void {
    this.#table.expire(beforeMs)
  }

  /** Converts in place. `processed` is told of every delta point, with the reason why it went. */
  convert(tree: MetricsTree, nowMs: number, drops: Drops, processed: (reason: DropReason | null) => void): void {
    this.#nowMs = nowMs
    const settle = (reason: DropReason | null): boolean => {
      processed(reason)
      if (reason !== null) drops.add(reason)
      return reason === null
    }
    let scopeOf: object | null = null
    let scopeText = ''
    retainMetrics(tree, (metric, scope, resource) => {
      const { data } = metric
      if (data.kind === 'empty' || data.kind === 'gauge' || data.kind === 'summary') return true
      if (data.temporality !== Temporality.delta) return true
      if (scopeOf !== scope) {
        scopeOf = scope
        scopeText = scopeKey(resource.resource, scope.scope)
      }
      const group = this.#table.group(metricKey(scopeText, metric))
      if (data.kind === 'sum') retain(data.points, (point) => settle(this.#number(group, point)))
      else if (data.kind === 'histogram') retain(data.points, (point) => settle(this.#histogram(group, point)))
      else retain(data.points, (point) => settle(this.#exponential(group, point)))
      data.temporality = Temporality.cumulative
      return data.points.length > 0
    })
  }

  #number(group: StreamGroup<State<Point>>, point: NumberPoint): DropReason | null {
    const key = attributesKey(point.attributes)
    const state = group.get(key) as State<NumberPoint> | undefined
    if (state === undefined) return this.#first(group, key, { ...point, attributes: [], exemplars: [] })
    const reason = this.#accept(state, point)
    if (reason !== null) return reason
    state.sum.value = addNumbers(state.sum.value, point.value)
    point.value = state.sum.value
    point.startTimeUnixNano = state.sum.startTimeUnixNano
    return null
  }

  #histogram(group: StreamGroup<State<Point>>, point: HistogramPoint): DropReason | null {
    const key = attributesKey(point.attributes)
    const state = group.get(key) as State<HistogramPoint> | undefined
    if (state === undefined) {
      return this.#first(group, key, {
        ...point,
        attributes: [],
        exemplars: [],
        bucketCounts: point.bucketCounts.slice(),
        explicitBounds: point.explicitBounds.slice(),
      })
    }
    const reason = this.#accept(state, point)
    if (reason !== null) return reason
    const { sum } = state
    addHistogram(sum, point)
    point.startTimeUnixNano = sum.startTimeUnixNano
    point.count = sum.count
    point.sum = sum.sum
    point.min = sum.min
    point.max = sum.max
    point.bucketCounts = sum.bucketCounts.slice()
    return null
  }

  #exponential(group: StreamGroup<State<Point>>, point: ExponentialHistogramPoint): DropReason | null {
    const key = attributesKey(point.attributes)
    const state = group.get(key) as State<ExponentialHistogramPoint> | undefined
    if (state === undefined) {
      return this.#first(group, key, {
        ...point,
        attributes: [],
        exemplars: [],
        positive: copied(point.positive),
        negative: copied(point.negative),
      })
    }
    const reason = this.#accept(state, point)
    if (reason !== null) return reason
    const { sum } = state
    addExponentialHistogram(sum, point)
    point.startTimeUnixNano = sum.startTimeUnixNano
    point.count = sum.count
    point.sum = sum.sum
    point.min = sum.min
    point.max = sum.max
    point.scale = sum.scale
    point.zeroCount = sum.zeroCount
    point.zeroThreshold = sum.zeroThreshold
    point.positive = copied(sum.positive)
    point.negative = copied(sum.negative)
    return null
  }

  #first(group: StreamGroup<State<Point>>, key: string, sum: Point): DropReason | null {
    return group.add(key, { seenMs: this.#nowMs, sum }) ? null : dropReasons.limit
  }

  /** Does the point follow on the stream? Then the stream's time is the point's. */
  #accept(state: State<Point>, point: Point): DropReason | null {
    // Also a point that is dropped shows that its stream lives on.
    state.seenMs = this.#nowMs
    const { sum } = state
    if (point.startTimeUnixNano < sum.startTimeUnixNano) return dropReasons.olderStart
    if (point.timeUnixNano <= sum.timeUnixNano) return dropReasons.outOfOrder
    sum.timeUnixNano = point.timeUnixNano
    return null
  }
}

function copied({ offset, bucketCounts, unknown }: ExponentialBuckets): ExponentialBuckets {
  return { offset, bucketCounts: bucketCounts.slice(), unknown }
}
