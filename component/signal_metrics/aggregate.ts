// The metrics of one batch: delta points by resource, metric and attributes.
import { ExplicitHistogram, ExponentialHistogram, madeMetric, madeResource } from '#component/aggregation'
import { attributesKey } from '#component/metric_streams'
import type { Attributes, Metric, MetricsTree, NumberPoint } from '#pdata/otlp'
import { cloneAttributes, Temporality } from '#pdata/otlp'
import type { MetricDefinition } from './definition.ts'

/** One data point to be. */
class Point {
  readonly attributes: Attributes
  /** Sums and gauges; null: none yet. */
  value: bigint | number | null = null
  readonly histogram: ExplicitHistogram | ExponentialHistogram | null
  /** Of the records, as far as they have times; 0n: none had. */
  firstNano = 0n
  lastNano = 0n

  constructor(attributes: Attributes, histogram: ExplicitHistogram | ExponentialHistogram | null) {
    this.attributes = attributes
    this.histogram = histogram
  }

  /** Ints stay ints until a double comes. */
  add(value: bigint | number): void {
    const { value: before } = this
    if (before === null) this.value = value
    else if (typeof before === 'bigint' && typeof value === 'bigint') this.value = BigInt.asIntN(64, before + value)
    else this.value = Number(before) + Number(value)
  }

  date(timeNano: bigint): void {
    if (timeNano === 0n) return
    if (this.firstNano === 0n || timeNano < this.firstNano) this.firstNano = timeNano
    if (timeNano > this.lastNano) this.lastNano = timeNano
  }
}

class Resource {
  readonly attributes: Attributes
  /** By metric (name, unit and kind: definitions with the same ones share it), then by attributes. */
  readonly metrics = new Map<string, { readonly definition: MetricDefinition; readonly points: Map<string, Point> }>()
  constructor(attributes: Attributes) {
    this.attributes = attributes
  }
}

export class BatchMetrics {
  readonly #resources = new Map<string, Resource>()

  /** The point to record into. `attributes` are taken over where they are new. */
  point(definition: MetricDefinition, resource: Attributes, attributes: Attributes): Point {
    const resourceKey = attributesKey(resource)
    let group = this.#resources.get(resourceKey)
    if (group === undefined) this.#resources.set(resourceKey, (group = new Resource(cloneAttributes(resource))))
    const { name, unit, measure } = definition.settings
    const metricKey = `${measure.kind}|${name.length}:${name}${unit}`
    let metric = group.metrics.get(metricKey)
    if (metric === undefined) group.metrics.set(metricKey, (metric = { definition, points: new Map() }))
    const key = attributesKey(attributes)
    let point = metric.points.get(key)
    if (point === undefined) {
      point = new Point(cloneAttributes(attributes), histogramOf(definition))
      metric.points.set(key, point)
    }
    return point
  }

  toTree(scopeName: string, nowNano: bigint): MetricsTree {
    const resourceMetrics = [...this.#resources.values()].map(({ attributes, metrics }) =>
      madeResource(
        attributes,
        scopeName,
        [...metrics.values()].map(({ definition, points }) => metricOf(definition, [...points.values()], nowNano)),
      ),
    )
    return { resourceMetrics }
  }
}

function histogramOf({ settings: { measure } }: MetricDefinition): ExplicitHistogram | ExponentialHistogram | null {
  if (measure.kind === 'histogram') return new ExplicitHistogram(measure.bounds)
  return measure.kind === 'exponential_histogram' ? new ExponentialHistogram(measure.bucketsMax) : null
}

function metricOf({ settings }: MetricDefinition, points: readonly Point[], nowNano: bigint): Metric {
  const { name, unit, description, measure } = settings
  const temporality = Temporality.delta
  const timeOf = ({ lastNano }: Point): bigint => (lastNano === 0n ? nowNano : lastNano)
  const numbers = (): NumberPoint[] =>
    points.map((point) => ({
      attributes: point.attributes,
      startTimeUnixNano: point.firstNano,
      timeUnixNano: timeOf(point),
      value: point.value,
      exemplars: [],
      flags: 0,
      unknown: null,
    }))
  const options = { unit, description }
  switch (measure.kind) {
    case 'count':
    case 'attribute':
    case 'sum': {
      const isMonotonic = measure.kind !== 'sum' || measure.isMonotonic
      return madeMetric(name, { kind: 'sum', points: numbers(), temporality, isMonotonic, unknown: null }, options)
    }
    case 'gauge':
      return madeMetric(name, { kind: 'gauge', points: numbers(), unknown: null }, options)
    case 'histogram': {
      const made = points.flatMap((point) =>
        point.histogram instanceof ExplicitHistogram
          ? [point.histogram.point(point.attributes, point.firstNano, timeOf(point))]
          : [],
      )
      return madeMetric(name, { kind: 'histogram', points: made, temporality, unknown: null }, options)
    }
    case 'exponential_histogram': {
      const made = points.flatMap((point) =>
        point.histogram instanceof ExponentialHistogram
          ? [point.histogram.point(point.attributes, point.firstNano, timeOf(point))]
          : [],
      )
      return madeMetric(name, { kind: 'exponential_histogram', points: made, temporality, unknown: null }, options)
    }
  }
}
