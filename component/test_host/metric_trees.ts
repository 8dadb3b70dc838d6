// Metrics in few words, for the tests of components.
import type { OtelOutput } from '#component'
import type { Logs, Metrics, Traces } from '#pdata'
import type {
  AnyValue,
  Attributes,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsTree,
  NumberPoint,
  ResourceMetrics,
} from '#pdata/otlp'
import { Temporality } from '#pdata/otlp'

export function attributesOf(from: Readonly<Record<string, AnyValue>> = {}): Attributes {
  return Object.entries(from).map(([key, value]) => ({ key, value }))
}

/** One resource with one scope. */
export function resourceMetrics(metrics: Metric[], resource: Readonly<Record<string, AnyValue>> = {}): ResourceMetrics {
  return {
    resource: { attributes: attributesOf(resource), droppedAttributesCount: 0, entityRefs: [], unknown: null },
    scopeMetrics: [
      {
        scope: { name: 'scope', version: '', attributes: [], droppedAttributesCount: 0, unknown: null },
        metrics,
        schemaUrl: '',
        unknown: null,
      },
    ],
    schemaUrl: '',
    unknown: null,
  }
}

export function metricsTreeOf(...metrics: Metric[]): MetricsTree {
  return { resourceMetrics: [resourceMetrics(metrics)] }
}

function metric(name: string, data: MetricData): Metric {
  return { name, description: '', unit: '', metadata: [], data, unknown: null }
}

export function sumMetric(
  name: string,
  points: NumberPoint[],
  options: { temporality?: number; isMonotonic?: boolean } = {},
): Metric {
  const { temporality = Temporality.cumulative, isMonotonic = true } = options
  return metric(name, { kind: 'sum', points, temporality, isMonotonic, unknown: null })
}

export function gaugeMetric(name: string, points: NumberPoint[]): Metric {
  return metric(name, { kind: 'gauge', points, unknown: null })
}

export function histogramMetric(name: string, points: HistogramPoint[], temporality: number = 2): Metric {
  return metric(name, { kind: 'histogram', points, temporality, unknown: null })
}

export function exponentialMetric(name: string, points: ExponentialHistogramPoint[], temporality: number = 2): Metric {
  return metric(name, { kind: 'exponential_histogram', points, temporality, unknown: null })
}

/** Times in seconds. */
export function numberPoint(
  time: number,
  value: bigint | number | null,
  options: { start?: number; attributes?: Readonly<Record<string, AnyValue>>; flags?: number } = {},
): NumberPoint {
  return {
    attributes: attributesOf(options.attributes),
    startTimeUnixNano: seconds(options.start ?? 0),
    timeUnixNano: seconds(time),
    value,
    exemplars: [],
    flags: options.flags ?? 0,
    unknown: null,
  }
}

export function histogramPoint(
  time: number,
  counts: readonly number[],
  options: { start?: number; sum?: number | null; bounds?: readonly number[] } = {},
): HistogramPoint {
  return {
    attributes: [],
    startTimeUnixNano: seconds(options.start ?? 0),
    timeUnixNano: seconds(time),
    count: BigInt(counts.reduce((a, b) => a + b, 0)),
    sum: options.sum ?? null,
    bucketCounts: counts.map(BigInt),
    explicitBounds: [...(options.bounds ?? counts.slice(1).map((_, i) => i))],
    exemplars: [],
    flags: 0,
    min: null,
    max: null,
    unknown: null,
  }
}

export function exponentialPoint(
  time: number,
  positive: { readonly offset: number; readonly counts: readonly number[] },
  options: { start?: number; scale?: number; zeroCount?: number; zeroThreshold?: number; sum?: number } = {},
): ExponentialHistogramPoint {
  const zeroCount = options.zeroCount ?? 0
  return {
    attributes: [],
    startTimeUnixNano: seconds(options.start ?? 0),
    timeUnixNano: seconds(time),
    count: BigInt(positive.counts.reduce((a, b) => a + b, zeroCount)),
    sum: options.sum ?? null,
    scale: options.scale ?? 0,
    zeroCount: BigInt(zeroCount),
    positive: { offset: positive.offset, bucketCounts: positive.counts.map(BigInt), unknown: null },
    negative: { offset: 0, bucketCounts: [], unknown: null },
    flags: 0,
    exemplars: [],
    min: null,
    max: null,
    zeroThreshold: options.zeroThreshold ?? 0,
    unknown: null,
  }
}

export function seconds(value: number): bigint {
  return BigInt(Math.round(value * 1000)) * 1_000_000n
}

/** An output that keeps what it gets. */
export class OtelSink {
  readonly metrics: Metrics[] = []
  readonly logs: Logs[] = []
  readonly traces: Traces[] = []
  /** Thrown at whoever sends, while it is set. */
  refusal: Error | null = null

  get output(): OtelOutput {
    const take =
      <B>(kept: B[]) =>
      (batch: B): void => {
        if (this.refusal !== null) throw this.refusal
        kept.push(batch)
      }
    const nodeId = 'sink'
    const consumer = {
      nodeId,
      metrics: { nodeId, signal: 'metrics' as const, consume: take(this.metrics) },
      logs: { nodeId, signal: 'logs' as const, consume: take(this.logs) },
      traces: { nodeId, signal: 'traces' as const, consume: take(this.traces) },
    }
    return { metrics: [consumer], logs: [consumer], traces: [consumer] }
  }
}
