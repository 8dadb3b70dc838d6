// The shells around data points that a connector makes.
import type { Attributes, Metric, MetricData, Resource, ResourceMetrics } from '#pdata/otlp'

/** Milliseconds since the epoch, fractions included, as OTLP's nanoseconds. */
export function nanosOf(timeMs: number): bigint {
  return BigInt(Math.round(timeMs * 1e6))
}

/** OpenTelemetry's mark of the series that takes what is over a limit of series (metrics SDK, "Cardinality limits"). */
export const overflowMark = { key: 'otel.metric.overflow', value: true } as const

export function madeMetric(
  name: string,
  data: MetricData,
  options: { unit?: string; description?: string } = {},
): Metric {
  const { unit = '', description = '' } = options
  return { name, description, unit, metadata: [], data, unknown: null }
}

/** One resource with one scope. The resource's attributes belong to the tree from now on. */
export function madeResource(attributes: Attributes, scopeName: string, metrics: Metric[]): ResourceMetrics {
  const resource: Resource = { attributes, droppedAttributesCount: 0, entityRefs: [], unknown: null }
  const scope = { name: scopeName, version: '', attributes: [], droppedAttributesCount: 0, unknown: null }
  return { resource, scopeMetrics: [{ scope, metrics, schemaUrl: '', unknown: null }], schemaUrl: '', unknown: null }
}
