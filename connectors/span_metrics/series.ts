// What is kept for each resource: counts and durations by attributes, bounded in number, and the metrics made of them.
import {
  ExplicitHistogram,
  ExponentialHistogram,
  madeMetric,
  madeResource,
  nanosOf,
  overflowMark,
} from '#component/aggregation'
import type { Attributes, Exemplar, Metric, ResourceMetrics } from '#pdata/otlp'
import { cloneAttributes, Temporality } from '#pdata/otlp'

export type HistogramKind =
  | { readonly kind: 'none' }
  | { readonly kind: 'explicit'; readonly bounds: readonly number[] }
  | { readonly kind: 'exponential'; readonly bucketsMax: number }

/** What the series of all resources have in common. */
export interface SeriesRules {
  readonly namespace: string
  readonly isDelta: boolean
  readonly histogram: HistogramKind
  readonly unit: 'ms' | 's'
  readonly withEvents: boolean
  /** Series of one metric of one resource; more go into one that is marked. 0: no bound. */
  readonly seriesMax: number
  /** Exemplars of one data point. 0: none. */
  readonly exemplarsMax: number
}

/** One set of attributes of one metric. */
export abstract class Series {
  /** Tells the series of a resource apart. */
  readonly key: string
  readonly attributes: Attributes
  /** Milliseconds since the epoch: when it began, and when it last got something. */
  readonly startMs: number
  seenMs: number
  exemplars: Exemplar[] = []
  /** The one that takes what is too much. */
  readonly isOverflow: boolean

  constructor(key: string, attributes: Attributes, nowMs: number, isOverflow: boolean) {
    this.key = key
    this.attributes = attributes
    this.startMs = nowMs
    this.seenMs = nowMs
    this.isOverflow = isOverflow
  }

  /** Exemplars as a data point's own; the series begins to gather anew. */
  takeExemplars(timeUnixNano: bigint): Exemplar[] {
    const taken = this.exemplars
    if (taken.length === 0) return taken
    for (const exemplar of taken) exemplar.timeUnixNano = timeUnixNano
    this.exemplars = []
    return taken
  }
}

export class SumSeries extends Series {
  value = 0
  /** Its first point says 0, so that a rate over it sees the first increase. */
  isFirst = true
}

export class DurationSeries extends Series {
  readonly histogram: ExplicitHistogram | ExponentialHistogram
  constructor(
    key: string,
    attributes: Attributes,
    nowMs: number,
    isOverflow: boolean,
    histogram: ExplicitHistogram | ExponentialHistogram,
  ) {
    super(key, attributes, nowMs, isOverflow)
    this.histogram = histogram
  }
}

/** The series of one metric of one resource. */
class SeriesSet<S extends Series> {
  readonly byKey = new Map<string, S>()
  readonly #max: number
  readonly #make: (key: string, attributes: Attributes, nowMs: number, isOverflow: boolean) => S
  #overflow: S | null = null

  constructor(max: number, make: (key: string, attributes: Attributes, nowMs: number, isOverflow: boolean) => S) {
    this.#max = max
    this.#make = make
  }

  /** The series of this key, or the one for all that is too much. `attributes` is asked only for a new one. */
  take(key: string, attributes: () => Attributes, nowMs: number): S {
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    if (this.#max > 0 && this.byKey.size >= this.#max) {
      return (this.#overflow ??= this.#make('', [overflowMark], nowMs, true))
    }
    const made = this.#make(key, attributes(), nowMs, false)
    this.byKey.set(key, made)
    return made
  }

  *all(): Generator<S> {
    yield* this.byKey.values()
    if (this.#overflow !== null) yield this.#overflow
  }

  get size(): number {
    return this.byKey.size + (this.#overflow === null ? 0 : 1)
  }

  /** Forget the series that got nothing since `beforeMs`, itself included; gives how many. */
  expire(beforeMs: number): number {
    const before = this.size
    for (const [key, series] of this.byKey) if (series.seenMs <= beforeMs) this.byKey.delete(key)
    if (this.#overflow !== null && this.#overflow.seenMs <= beforeMs) this.#overflow = null
    return before - this.size
  }
}

/** Where a series' next point begins. */
export type StartOf = (series: { readonly key: string; readonly startMs: number }) => bigint

export class ResourceSeries {
  readonly key: string
  readonly attributes: Attributes
  readonly calls: SeriesSet<SumSeries>
  readonly durations: SeriesSet<DurationSeries>
  readonly events: SeriesSet<SumSeries>
  seenMs: number
  readonly #rules: SeriesRules

  constructor(key: string, attributes: Attributes, rules: SeriesRules, nowMs: number) {
    const { seriesMax, histogram } = rules
    this.key = key
    this.attributes = attributes
    this.seenMs = nowMs
    this.#rules = rules
    const sum = (...parts: ConstructorParameters<typeof SumSeries>): SumSeries => new SumSeries(...parts)
    this.calls = new SeriesSet(seriesMax, sum)
    this.events = new SeriesSet(seriesMax, sum)
    this.durations = new SeriesSet(seriesMax, (name, of, now, isOverflow) => {
      const made =
        histogram.kind === 'exponential'
          ? new ExponentialHistogram(histogram.bucketsMax)
          : new ExplicitHistogram(histogram.kind === 'explicit' ? histogram.bounds : [])
      return new DurationSeries(name, of, now, isOverflow, made)
    })
  }

  get size(): number {
    return this.calls.size + this.durations.size + this.events.size
  }

  /** Has it series that were not sent yet? */
  get isFirst(): boolean {
    for (const set of [this.calls, this.events]) for (const series of set.all()) if (series.isFirst) return true
    return false
  }

  expire(beforeMs: number): number {
    return this.calls.expire(beforeMs) + this.durations.expire(beforeMs) + this.events.expire(beforeMs)
  }

  /** Its metrics as they stand; exemplars are taken out. `isLast`: it will not be asked again. */
  toTree(nowMs: number, isLast: boolean, startOf: StartOf): ResourceMetrics {
    const { namespace, histogram, unit, withEvents } = this.#rules
    const prefix = namespace === '' ? '' : `${namespace}.`
    const sum = (name: string, of: SeriesSet<SumSeries>): Metric => this.#sum(name, of, nowMs, isLast, startOf)
    const metrics = [sum(`${prefix}calls`, this.calls)]
    if (histogram.kind !== 'none') metrics.push(this.#durations(`${prefix}duration`, unit, nowMs, startOf))
    if (withEvents) metrics.push(sum(`${prefix}events`, this.events))
    return madeResource(cloneAttributes(this.attributes), 'spanmetricsconnector', metrics)
  }

  #sum(name: string, of: SeriesSet<SumSeries>, nowMs: number, isLast: boolean, startOf: StartOf): Metric {
    const { isDelta } = this.#rules
    const timeUnixNano = nanosOf(nowMs)
    const points = []
    for (const series of of.all()) {
      const value = series.isFirst && !isDelta && !isLast ? 0n : BigInt(series.value)
      series.isFirst = false
      points.push({
        attributes: cloneAttributes(series.attributes),
        startTimeUnixNano: startOf(series),
        timeUnixNano,
        value,
        exemplars: series.takeExemplars(timeUnixNano),
        flags: 0,
        unknown: null,
      })
    }
    return madeMetric(name, {
      kind: 'sum',
      points,
      temporality: isDelta ? Temporality.delta : Temporality.cumulative,
      isMonotonic: true,
      unknown: null,
    })
  }

  #durations(name: string, unit: string, nowMs: number, startOf: StartOf): Metric {
    const temporality = this.#rules.isDelta ? Temporality.delta : Temporality.cumulative
    const timeUnixNano = nanosOf(nowMs)
    const explicit = []
    const exponential = []
    for (const series of this.durations.all()) {
      const { histogram } = series
      const attributes = cloneAttributes(series.attributes)
      const exemplars = series.takeExemplars(timeUnixNano)
      if (histogram instanceof ExplicitHistogram) {
        explicit.push({ ...histogram.point(attributes, startOf(series), timeUnixNano), exemplars })
      } else exponential.push({ ...histogram.point(attributes, startOf(series), timeUnixNano), exemplars })
    }
    return this.#rules.histogram.kind === 'exponential'
      ? madeMetric(name, { kind: 'exponential_histogram', points: exponential, temporality, unknown: null }, { unit })
      : madeMetric(name, { kind: 'histogram', points: explicit, temporality, unknown: null }, { unit })
  }
}
