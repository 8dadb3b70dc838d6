// Editors that bring the data points of a metric together.
import type { DataPoint, FunctionDefinition } from '#component/ottl'
import { defineEditor, floatToInt, list, OttlError, optional, stringLiteral } from '#component/ottl'
import type { Attributes, ExponentialHistogramPoint, HistogramPoint, Metric, NumberPoint } from '#pdata/otlp'
import { anyValueText, KeyValueList, Temporality } from '#pdata/otlp'
import { metricAt } from './metric_functions.ts'

const aggregations = ['sum', 'max', 'min', 'mean', 'median', 'count'] as const
type Aggregation = (typeof aggregations)[number]

function aggregationOf(text: string): Aggregation {
  const found = aggregations.find((each) => each === text)
  if (found === undefined) {
    throw new OttlError(`invalid aggregation function: "${text}", valid options: ${aggregations.join(', ')}`)
  }
  return found
}

/** Points of the same attributes and time, in the order in which each first comes. */
function grouped<P extends DataPoint>(points: readonly P[], extra: (point: P) => string): P[][] {
  const groups = new Map<string, P[]>()
  for (const point of points) {
    const key = `${anyValueText(new KeyValueList(point.attributes))} ${point.timeUnixNano} ${extra(point)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [point])
    else group.push(point)
  }
  return [...groups.values()]
}

function aggregate(metric: Metric, aggregation: Aggregation): void {
  const { data } = metric
  // Deltas of different intervals are kept apart.
  const isDelta = 'temporality' in data && data.temporality === Temporality.delta
  const start = (point: DataPoint): string => (isDelta ? String(point.startTimeUnixNano) : '')
  switch (data.kind) {
    case 'gauge':
    case 'sum':
      data.points = grouped(data.points, start).map((group) => mergedNumbers(group, aggregation))
      break
    case 'histogram':
      data.points = grouped(
        data.points,
        (point) => `${start(point)} ${point.explicitBounds.join(' ')} ${limits(point)}`,
      ).map(mergedHistograms)
      break
    case 'exponential_histogram':
      data.points = grouped(data.points, (point) => {
        const { scale, positive, negative } = point
        return `${start(point)} ${scale} ${positive.offset} ${negative.offset} ${limits(point)}`
      }).map(mergedExponentials)
      break
    case 'summary':
    case 'empty':
      break
  }
}

function limits({ min, max, flags }: HistogramPoint | ExponentialHistogramPoint): string {
  return `${min !== null} ${max !== null} ${flags}`
}

function firstOf<P extends DataPoint>(group: readonly P[]): P {
  const first = group[0] as P
  for (const { startTimeUnixNano } of group) {
    if (startTimeUnixNano < first.startTimeUnixNano) first.startTimeUnixNano = startTimeUnixNano
  }
  return first
}

function mergedNumbers(group: readonly NumberPoint[], aggregation: Aggregation): NumberPoint {
  const first = firstOf(group)
  const { value } = first
  if (typeof value === 'bigint') first.value = ofInts(group.map(intValue), aggregation)
  else if (typeof value === 'number') first.value = ofFloats(group.map(floatValue), aggregation)
  return first
}

function intValue({ value }: NumberPoint): bigint {
  return typeof value === 'number' ? floatToInt(value) : (value ?? 0n)
}

function floatValue({ value }: NumberPoint): number {
  return typeof value === 'bigint' ? Number(value) : (value ?? 0)
}

function ofFloats(values: readonly number[], aggregation: Aggregation): number {
  const sum = values.reduce((all, each) => all + each, 0)
  switch (aggregation) {
    case 'sum':
      return sum
    case 'mean':
      return sum / values.length
    case 'count':
      return values.length
    case 'max':
      return values.reduce((a, b) => Math.max(a, b))
    case 'min':
      return values.reduce((a, b) => Math.min(a, b))
    case 'median': {
      const sorted = values.toSorted((a, b) => a - b)
      const middle = sorted.length >> 1
      const upper = sorted[middle] as number
      return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
    }
  }
}

function ofInts(values: readonly bigint[], aggregation: Aggregation): bigint {
  const sum = BigInt.asIntN(
    64,
    values.reduce((all, each) => all + each, 0n),
  )
  switch (aggregation) {
    case 'sum':
      return sum
    case 'mean':
      return sum / BigInt(values.length)
    case 'count':
      return BigInt(values.length)
    case 'max':
      return values.reduce((a, b) => (a > b ? a : b))
    case 'min':
      return values.reduce((a, b) => (a < b ? a : b))
    case 'median': {
      const sorted = values.toSorted((a, b) => (a < b ? -1 : Number(a > b)))
      const middle = sorted.length >> 1
      const upper = sorted[middle] as bigint
      return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as bigint) + upper) / 2n
    }
  }
}

/** Counts, sums, limits and exemplars of `from` go into `to`; the buckets are the caller's. */
function add<P extends HistogramPoint | ExponentialHistogramPoint>(to: P, from: P): void {
  to.count += from.count
  if (from.sum !== null) to.sum = (to.sum ?? 0) + from.sum
  if (to.min !== null && from.min !== null && from.min < to.min) to.min = from.min
  if (to.max !== null && from.max !== null && from.max > to.max) to.max = from.max
  for (const exemplar of from.exemplars) to.exemplars.push(exemplar)
}

function addCounts(to: bigint[], from: readonly bigint[]): void {
  for (const [i, count] of from.entries()) to[i] = (to[i] ?? 0n) + count
}

function mergedHistograms(group: readonly HistogramPoint[]): HistogramPoint {
  const first = firstOf(group)
  for (const point of group.slice(1)) {
    if (point.count === 0n) continue
    add(first, point)
    addCounts(first.bucketCounts, point.bucketCounts)
  }
  return first
}

function mergedExponentials(group: readonly ExponentialHistogramPoint[]): ExponentialHistogramPoint {
  const first = firstOf(group)
  for (const point of group.slice(1)) {
    if (point.count === 0n) continue
    add(first, point)
    first.zeroCount += point.zeroCount
    addCounts(first.positive.bucketCounts, point.positive.bucketCounts)
    addCounts(first.negative.bucketCounts, point.negative.bucketCounts)
  }
  return first
}

/** Attributes of every data point. */
function pointAttributes({ data }: Metric): Attributes[] {
  return data.kind === 'empty' ? [] : (data.points as DataPoint[]).map((point) => point.attributes)
}

const aggregateOnAttributes = defineEditor({
  name: 'aggregate_on_attributes',
  parameters: { aggregation_function: stringLiteral, attributes: optional(list(stringLiteral)) },
  create({ aggregation_function: text, attributes: kept }) {
    const aggregation = aggregationOf(text)
    return (context) => {
      const metric = metricAt(context)
      if (metric.data.kind === 'summary') {
        throw new OttlError('aggregate_on_attributes does not support aggregating Summary metrics')
      }
      if (kept !== undefined) {
        for (const attributes of pointAttributes(metric)) {
          const left = attributes.filter(({ key }) => kept.includes(key))
          attributes.length = 0
          for (const attribute of left) attributes.push(attribute)
        }
      }
      aggregate(metric, aggregation)
      return null
    }
  },
})

const aggregateOnAttributeValue = defineEditor({
  name: 'aggregate_on_attribute_value',
  parameters: {
    aggregation_function: stringLiteral,
    attribute: stringLiteral,
    values: list(stringLiteral),
    new_value: stringLiteral,
  },
  create({ aggregation_function: text, attribute, values, new_value: newValue }) {
    const aggregation = aggregationOf(text)
    return (context) => {
      const metric = metricAt(context)
      if (metric.data.kind === 'summary') {
        throw new OttlError('aggregate_on_attribute_value does not support aggregating Summary metrics')
      }
      for (const attributes of pointAttributes(metric)) {
        const found = attributes.find(({ key }) => key === attribute)
        if (found !== undefined && typeof found.value === 'string' && values.includes(found.value))
          found.value = newValue
      }
      aggregate(metric, aggregation)
      return null
    }
  },
})

export const aggregateFunctions: readonly FunctionDefinition[] = [aggregateOnAttributes, aggregateOnAttributeValue]
