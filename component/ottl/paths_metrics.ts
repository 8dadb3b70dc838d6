// Paths of metrics and data points.
import type {
  Exemplar,
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricData,
  NumberPoint,
  SummaryPoint,
} from '#pdata/otlp'
import { cloneAttributes } from '#pdata/otlp'
import { expectBool, expectFloat, expectFloats, expectInt, expectInts, expectList } from './access.ts'
import type { PathDefinition, PathTable } from './paths.ts'
import { attributes, custom, intOf, nanos, text, time, uint32 } from './paths.ts'
import type { DataPoint, TransformContext } from './transform_context.ts'
import type { OttlValue } from './value.ts'
import { OttlError, TelemetryList } from './value.ts'

const metricOf = (context: TransformContext): Metric => context.metric as Metric
const pointOf = (context: TransformContext): DataPoint => context.point as DataPoint

/** pdata's MetricType. */
const typeNumbers: Readonly<Record<MetricData['kind'], bigint>> = {
  empty: 0n,
  gauge: 1n,
  sum: 2n,
  histogram: 3n,
  exponential_histogram: 4n,
  summary: 5n,
}

const pointTypes: Readonly<Record<MetricData['kind'], string>> = {
  empty: '',
  gauge: 'pmetric.NumberDataPointSlice',
  sum: 'pmetric.NumberDataPointSlice',
  histogram: 'pmetric.HistogramDataPointSlice',
  exponential_histogram: 'pmetric.ExponentialHistogramDataPointSlice',
  summary: 'pmetric.SummaryDataPointSlice',
}

export const metricPaths: PathTable = {
  name: text(
    (context) => metricOf(context).name,
    (context, value) => (metricOf(context).name = value),
  ),
  description: text(
    (context) => metricOf(context).description,
    (context, value) => (metricOf(context).description = value),
  ),
  unit: text(
    (context) => metricOf(context).unit,
    (context, value) => (metricOf(context).unit = value),
  ),
  // Setting it does nothing, as upstream: the functions that convert metrics are there for that.
  type: custom(
    (context) => typeNumbers[metricOf(context).data.kind],
    () => {},
  ),
  aggregation_temporality: custom(
    (context) => {
      const { data } = metricOf(context)
      return 'temporality' in data ? intOf(data.temporality) : null
    },
    (context, value) => {
      const temporality = Number(expectInt(value))
      const { data } = metricOf(context)
      if ('temporality' in data) data.temporality = temporality
    },
  ),
  is_monotonic: custom(
    (context) => {
      const { data } = metricOf(context)
      return data.kind === 'sum' ? data.isMonotonic : null
    },
    (context, value) => {
      const isMonotonic = expectBool(value)
      const { data } = metricOf(context)
      if (data.kind === 'sum') data.isMonotonic = isMonotonic
    },
  ),
  data_points: custom(
    (context) => {
      const { data } = metricOf(context)
      return data.kind === 'empty' ? null : new TelemetryList(pointTypes[data.kind], data.points)
    },
    (context, value) => {
      const { data } = metricOf(context)
      if (data.kind === 'empty') return
      const points = expectList(value, pointTypes[data.kind]) as DataPoint[]
      data.points = points.map(copyPoint) as NumberPoint[] &
        HistogramPoint[] &
        ExponentialHistogramPoint[] &
        SummaryPoint[]
    },
  ),
  metadata: attributes(
    (context) => metricOf(context).metadata,
    (context, value) => (metricOf(context).metadata = value),
  ),
}

// ------------------------------------------------------------------------------------------------------ data points

function copyExemplar(exemplar: Exemplar): Exemplar {
  return { ...exemplar, filteredAttributes: cloneAttributes(exemplar.filteredAttributes) }
}

function copyBuckets(buckets: ExponentialBuckets): ExponentialBuckets {
  return { ...buckets, bucketCounts: [...buckets.bucketCounts] }
}

/** A copy that shares nothing that can be changed. */
export function copyPoint<P extends DataPoint>(point: P): P {
  const copy = { ...point, attributes: cloneAttributes(point.attributes) }
  if ('exemplars' in copy) copy.exemplars = copy.exemplars.map(copyExemplar)
  if ('explicitBounds' in copy) {
    copy.explicitBounds = [...copy.explicitBounds]
    copy.bucketCounts = [...copy.bucketCounts]
  }
  if ('positive' in copy) {
    copy.positive = copyBuckets(copy.positive)
    copy.negative = copyBuckets(copy.negative)
  }
  if ('quantiles' in copy) copy.quantiles = copy.quantiles.map((quantile) => ({ ...quantile }))
  return copy
}

/** The point, where its metric is of one of the kinds; undefined for others. */
function numberPoint(context: TransformContext): NumberPoint | undefined {
  const { kind } = metricOf(context).data
  return kind === 'gauge' || kind === 'sum' ? (context.point as NumberPoint) : undefined
}

function histogramPoint(context: TransformContext): HistogramPoint | undefined {
  return metricOf(context).data.kind === 'histogram' ? (context.point as HistogramPoint) : undefined
}

function exponentialPoint(context: TransformContext): ExponentialHistogramPoint | undefined {
  const { kind } = metricOf(context).data
  return kind === 'exponential_histogram' ? (context.point as ExponentialHistogramPoint) : undefined
}

function summaryPoint(context: TransformContext): SummaryPoint | undefined {
  return metricOf(context).data.kind === 'summary' ? (context.point as SummaryPoint) : undefined
}

function countedPoint(
  context: TransformContext,
): HistogramPoint | ExponentialHistogramPoint | SummaryPoint | undefined {
  return histogramPoint(context) ?? exponentialPoint(context) ?? summaryPoint(context)
}

function exemplarPoint(
  context: TransformContext,
): NumberPoint | HistogramPoint | ExponentialHistogramPoint | undefined {
  return numberPoint(context) ?? histogramPoint(context) ?? exponentialPoint(context)
}

/** A path that only points of some kinds have: nil for others, which it does not set either. */
function onlyFor<P>(
  name: string,
  find: (context: TransformContext) => P | undefined,
  read: (point: P) => OttlValue,
  write: (point: P, value: OttlValue) => void,
): PathDefinition {
  return custom(
    (context) => {
      const point = find(context)
      return point === undefined ? null : read(point)
    },
    (context, value) => {
      const point = find(context)
      if (point === undefined) {
        throw new OttlError(`${name} cannot be set for a data point of a metric of type ${metricOf(context).data.kind}`)
      }
      write(point, value)
    },
  )
}

const bucketsType = 'pmetric.ExponentialHistogramDataPointBuckets'

function bucketPaths(name: 'positive' | 'negative'): PathTable {
  return {
    [name]: onlyFor(
      name,
      exponentialPoint,
      (point) => new TelemetryList(bucketsType, [point[name]]),
      (point, value) => (point[name] = copyBuckets(expectList(value, bucketsType)[0] as ExponentialBuckets)),
    ),
    [`${name}.offset`]: onlyFor(
      `${name}.offset`,
      exponentialPoint,
      (point) => intOf(point[name].offset),
      (point, value) => (point[name].offset = Number(BigInt.asIntN(32, expectInt(value)))),
    ),
    [`${name}.bucket_counts`]: onlyFor(
      `${name}.bucket_counts`,
      exponentialPoint,
      (point) => point[name].bucketCounts,
      (point, value) => (point[name].bucketCounts = expectInts(value)),
    ),
  }
}

const quantilesType = 'pmetric.SummaryDataPointValueAtQuantileSlice'

export const dataPointPaths: PathTable = {
  attributes: attributes(
    (context) => pointOf(context).attributes,
    (context, value) => (pointOf(context).attributes = value),
  ),
  start_time_unix_nano: nanos(
    (context) => pointOf(context).startTimeUnixNano,
    (context, value) => (pointOf(context).startTimeUnixNano = value),
  ),
  time_unix_nano: nanos(
    (context) => pointOf(context).timeUnixNano,
    (context, value) => (pointOf(context).timeUnixNano = value),
  ),
  start_time: time(
    (context) => pointOf(context).startTimeUnixNano,
    (context, value) => (pointOf(context).startTimeUnixNano = value),
  ),
  time: time(
    (context) => pointOf(context).timeUnixNano,
    (context, value) => (pointOf(context).timeUnixNano = value),
  ),
  // A point that holds the other type reads as zero, as in pdata.
  value_double: onlyFor(
    'value_double',
    numberPoint,
    (point) => (typeof point.value === 'number' ? point.value : 0),
    (point, value) => (point.value = expectFloat(value)),
  ),
  value_int: onlyFor(
    'value_int',
    numberPoint,
    (point) => (typeof point.value === 'bigint' ? point.value : 0n),
    (point, value) => (point.value = expectInt(value)),
  ),
  exemplars: onlyFor(
    'exemplars',
    exemplarPoint,
    (point) => new TelemetryList('pmetric.ExemplarSlice', point.exemplars),
    (point, value) => (point.exemplars = (expectList(value, 'pmetric.ExemplarSlice') as Exemplar[]).map(copyExemplar)),
  ),
  flags: uint32(
    (context) => pointOf(context).flags,
    (context, value) => (pointOf(context).flags = value),
  ),
  count: onlyFor(
    'count',
    countedPoint,
    (point) => BigInt.asIntN(64, point.count),
    (point, value) => (point.count = BigInt.asUintN(64, expectInt(value))),
  ),
  sum: onlyFor(
    'sum',
    countedPoint,
    (point) => point.sum ?? 0,
    (point, value) => (point.sum = expectFloat(value)),
  ),
  bucket_counts: onlyFor(
    'bucket_counts',
    histogramPoint,
    (point) => point.bucketCounts,
    (point, value) => (point.bucketCounts = expectInts(value)),
  ),
  explicit_bounds: onlyFor(
    'explicit_bounds',
    histogramPoint,
    (point) => point.explicitBounds,
    (point, value) => (point.explicitBounds = expectFloats(value)),
  ),
  scale: onlyFor(
    'scale',
    exponentialPoint,
    (point) => intOf(point.scale),
    (point, value) => (point.scale = Number(BigInt.asIntN(32, expectInt(value)))),
  ),
  zero_count: onlyFor(
    'zero_count',
    exponentialPoint,
    (point) => BigInt.asIntN(64, point.zeroCount),
    (point, value) => (point.zeroCount = BigInt.asUintN(64, expectInt(value))),
  ),
  ...bucketPaths('positive'),
  ...bucketPaths('negative'),
  quantile_values: onlyFor(
    'quantile_values',
    summaryPoint,
    (point) => new TelemetryList(quantilesType, point.quantiles),
    (point, value) => {
      const quantiles = expectList(value, quantilesType) as SummaryPoint['quantiles']
      point.quantiles = quantiles.map((quantile) => ({ ...quantile }))
    },
  ),
}
