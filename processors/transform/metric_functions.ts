// Editors that only the transform processor has for metrics: types converted, metrics made of parts of others, scaled.
import type { FunctionDefinition, TransformContext } from '#component/ottl'
import {
  boolLiteral,
  copyPoint,
  defineEditor,
  floatGetter,
  floatToInt,
  OttlError,
  optional,
  stringGetter,
  stringLiteral,
} from '#component/ottl'
import type { Exemplar, Metric, MetricData, NumberPoint, ScopeMetrics, SummaryPoint } from '#pdata/otlp'
import { cloneAttributes, setAttribute, Temporality } from '#pdata/otlp'

export function metricAt(context: TransformContext): Metric {
  return context.metric as Metric
}

/** How many times over metrics may be made of metrics that statements made: `copy_metric()` would go on for ever. */
const depthMax = 5
/** Of metrics that statements made: through how many others they come from what was received. */
const depths = new WeakMap<Metric, number>()

/** Put a metric behind the others of its scope: the statements that follow, and those before it, see it too. */
export function append(context: TransformContext, metric: Metric): void {
  const depth = (depths.get(metricAt(context)) ?? 0) + 1
  if (depth > depthMax) {
    throw new OttlError('metrics are made of made ones without end: say with "where" which ones to take')
  }
  depths.set(metric, depth)
  ;(context.scope as ScopeMetrics).metrics.push(metric)
}

export function temporalityOf(text: string): number {
  if (text === 'cumulative') return Temporality.cumulative
  if (text === 'delta') return Temporality.delta
  throw new OttlError(`unknown aggregation temporality: ${text}`)
}

/** A new metric named after another, with a suffix. */
export function metricFrom(source: Metric, suffix: string, unit: string, data: MetricData): Metric {
  const { name, description } = source
  return { name: name + suffix, description, unit, metadata: [], data, unknown: null }
}

interface Stamped {
  readonly attributes: NumberPoint['attributes']
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
}

export function pointFrom(source: Stamped, value: number | bigint): NumberPoint {
  const { attributes, startTimeUnixNano, timeUnixNano } = source
  const empty = { exemplars: [], flags: 0, unknown: null }
  return { attributes: cloneAttributes(attributes), startTimeUnixNano, timeUnixNano, value, ...empty }
}

const convertSumToGauge = defineEditor({
  name: 'convert_sum_to_gauge',
  parameters: {},
  create: () => (context) => {
    const metric = metricAt(context)
    const { data } = metric
    if (data.kind === 'sum') metric.data = { kind: 'gauge', points: data.points, unknown: null }
    return null
  },
})

const convertGaugeToSum = defineEditor({
  name: 'convert_gauge_to_sum',
  parameters: { string_agg_temp: stringLiteral, monotonic: boolLiteral },
  create({ string_agg_temp: text, monotonic: isMonotonic }) {
    const temporality = temporalityOf(text)
    return (context) => {
      const metric = metricAt(context)
      const { data } = metric
      if (data.kind === 'gauge')
        metric.data = { kind: 'sum', points: data.points, temporality, isMonotonic, unknown: null }
      return null
    }
  },
})

// ------------------------------------------------------------------------------------------- metrics made of others

/** The sum of each point, or its count; points without a sum are left out. */
function partOf(metric: Metric, part: 'sum' | 'count', name: string): { points: NumberPoint[]; temporality: number } {
  const { data } = metric
  if (data.kind !== 'histogram' && data.kind !== 'exponential_histogram' && data.kind !== 'summary') {
    const wanted = 'Histogram, ExponentialHistogram or Summary'
    throw new OttlError(`${name} requires an input metric of type ${wanted}, got ${data.kind}`)
  }
  const points: NumberPoint[] = []
  for (const point of data.points) {
    const value = part === 'count' ? BigInt.asIntN(64, point.count) : point.sum
    if (value !== null) points.push(pointFrom(point, value))
  }
  return { points, temporality: data.kind === 'summary' ? Temporality.cumulative : data.temporality }
}

function extract(part: 'sum' | 'count'): FunctionDefinition {
  const name = `extract_${part}_metric`
  return defineEditor({
    name,
    parameters: { monotonic: boolLiteral, suffix: optional(stringLiteral) },
    create({ monotonic: isMonotonic, suffix = `_${part}` }) {
      return (context) => {
        const metric = metricAt(context)
        const { points, temporality } = partOf(metric, part, name)
        if (points.length === 0) return null
        // A count is a number of things, whatever was measured.
        const unit = part === 'count' ? '1' : metric.unit
        append(
          context,
          metricFrom(metric, suffix, unit, { kind: 'sum', points, temporality, isMonotonic, unknown: null }),
        )
        return null
      }
    },
  })
}

/** Of all points at once; in the context datapoint for the first one that gets here, not again for the others. */
function convertSummary(part: 'sum' | 'count'): FunctionDefinition {
  return defineEditor({
    name: `convert_summary_${part}_val_to_sum`,
    parameters: { string_agg_temp: stringLiteral, monotonic: boolLiteral, suffix: optional(stringLiteral) },
    create({ string_agg_temp: text, monotonic: isMonotonic, suffix = `_${part}` }) {
      const temporality = temporalityOf(text)
      const valueOf = (point: SummaryPoint): number | bigint =>
        part === 'sum' ? point.sum : BigInt.asIntN(64, point.count)
      const done = new WeakSet<Metric>()
      return (context) => {
        const metric = metricAt(context)
        const { data } = metric
        if (data.kind !== 'summary' || (context.point !== null && done.has(metric))) return null
        done.add(metric)
        const points = data.points.map((point) => pointFrom(point, valueOf(point)))
        const sum = { kind: 'sum', points, temporality, isMonotonic, unknown: null } as const
        append(context, metricFrom(metric, suffix, metric.unit, sum))
        return null
      }
    },
  })
}

const convertSummaryQuantiles = defineEditor({
  name: 'convert_summary_quantile_val_to_gauge',
  parameters: { attribute_key: optional(stringLiteral), suffix: optional(stringLiteral) },
  create({ attribute_key: key = 'quantile', suffix = '.quantiles' }) {
    return (context) => {
      const metric = metricAt(context)
      if (metric.data.kind !== 'summary') return null
      const points: NumberPoint[] = []
      for (const point of metric.data.points) {
        for (const { quantile, value } of point.quantiles) {
          const made = pointFrom(point, value)
          setAttribute(made.attributes, key, quantile)
          points.push(made)
        }
      }
      append(context, metricFrom(metric, suffix, metric.unit, { kind: 'gauge', points, unknown: null }))
      return null
    }
  },
})

const copyMetric = defineEditor({
  name: 'copy_metric',
  parameters: { name: optional(stringGetter), description: optional(stringGetter), unit: optional(stringGetter) },
  create({ name, description, unit }) {
    return (context) => {
      const metric = metricAt(context)
      const { data } = metric
      append(context, {
        name: name === undefined ? metric.name : name(context),
        description: description === undefined ? metric.description : description(context),
        unit: unit === undefined ? metric.unit : unit(context),
        metadata: cloneAttributes(metric.metadata),
        data:
          data.kind === 'empty'
            ? data
            : ({ ...data, points: (data.points as NumberPoint[]).map(copyPoint) } as MetricData),
        unknown: metric.unknown,
      })
      return null
    }
  },
})

// ---------------------------------------------------------------------------------------------------------- scaling

function scaled(value: number | bigint | null, factor: number): number | bigint | null {
  if (typeof value === 'bigint') return floatToInt(Number(value) * factor)
  return value === null ? null : value * factor
}

function scaleExemplars(exemplars: readonly Exemplar[], factor: number): void {
  for (const exemplar of exemplars) exemplar.value = scaled(exemplar.value, factor)
}

function scale(data: MetricData, factor: number): void {
  switch (data.kind) {
    case 'gauge':
    case 'sum':
      for (const point of data.points) point.value = scaled(point.value, factor)
      break
    case 'histogram':
      for (const point of data.points) {
        if (point.sum !== null) point.sum *= factor
        if (point.min !== null) point.min *= factor
        if (point.max !== null) point.max *= factor
        point.explicitBounds = point.explicitBounds.map((bound) => bound * factor)
        scaleExemplars(point.exemplars, factor)
      }
      break
    case 'summary':
      for (const point of data.points) {
        point.sum *= factor
        for (const quantile of point.quantiles) quantile.value *= factor
      }
      break
    case 'exponential_histogram':
      throw new OttlError("exponential histograms are not supported by the 'scale_metric' function")
    case 'empty':
      throw new OttlError("unsupported metric type: 'Empty'")
  }
}

const scaleMetric = defineEditor({
  name: 'scale_metric',
  parameters: { multiplier: floatGetter, unit: optional(stringGetter) },
  create({ multiplier, unit }) {
    return (context) => {
      const metric = metricAt(context)
      const newUnit = unit?.(context)
      scale(metric.data, multiplier(context))
      if (newUnit !== undefined) metric.unit = newUnit
      return null
    }
  },
})

const summaryFunctions = [convertSummary('sum'), convertSummary('count')]

export const metricFunctions: readonly FunctionDefinition[] = [
  convertSumToGauge,
  convertGaugeToSum,
  extract('sum'),
  extract('count'),
  ...summaryFunctions,
  convertSummaryQuantiles,
  copyMetric,
  scaleMetric,
]

export const dataPointFunctions: readonly FunctionDefinition[] = summaryFunctions
