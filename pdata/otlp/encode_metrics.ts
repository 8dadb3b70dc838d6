// Protobuf out of trees of metrics: fields by number, those that are not known behind them.
import { writeResource, writeScope } from './encode.ts'
import type {
  Exemplar,
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsTree,
  NumberPoint,
  ResourceMetrics,
  ScopeMetrics,
  SummaryPoint,
} from './tree.ts'
import type { TreeWriter } from './writer.ts'
import { encoded } from './writer.ts'

export function encodeMetrics(tree: MetricsTree): Uint8Array {
  return encoded((writer) => {
    for (const group of tree.resourceMetrics) writeResourceMetrics(writer, group)
  })
}

function writeResourceMetrics(writer: TreeWriter, group: ResourceMetrics): void {
  const start = writer.open(0x0a)
  writeResource(writer, group.resource)
  for (const scopeMetrics of group.scopeMetrics) writeScopeMetrics(writer, scopeMetrics)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeScopeMetrics(writer: TreeWriter, group: ScopeMetrics): void {
  const start = writer.open(0x12)
  writeScope(writer, group.scope)
  for (const metric of group.metrics) writeMetric(writer, metric)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeMetric(writer: TreeWriter, metric: Metric): void {
  const start = writer.open(0x12)
  writer.text(0x0a, metric.name)
  writer.text(0x12, metric.description)
  writer.text(0x1a, metric.unit)
  writeData(writer, metric.data)
  writer.attributes(0x62, metric.metadata)
  writer.raw(metric.unknown)
  writer.close(start)
}

const dataTags = { gauge: 0x2a, sum: 0x3a, histogram: 0x4a, exponential_histogram: 0x52, summary: 0x5a } as const

function writeData(writer: TreeWriter, data: MetricData): void {
  if (data.kind === 'empty') return
  const start = writer.open(dataTags[data.kind])
  switch (data.kind) {
    case 'gauge':
      for (const point of data.points) writeNumberPoint(writer, point)
      break
    case 'sum':
      for (const point of data.points) writeNumberPoint(writer, point)
      writer.int32(0x10, data.temporality)
      writer.uint32(0x18, data.isMonotonic ? 1 : 0)
      break
    case 'histogram':
      for (const point of data.points) writeHistogramPoint(writer, point)
      writer.int32(0x10, data.temporality)
      break
    case 'exponential_histogram':
      for (const point of data.points) writeExponentialPoint(writer, point)
      writer.int32(0x10, data.temporality)
      break
    case 'summary':
      for (const point of data.points) writeSummaryPoint(writer, point)
      break
  }
  writer.raw(data.unknown)
  writer.close(start)
}

function writeNumberPoint(writer: TreeWriter, point: NumberPoint): void {
  const start = writer.open(0x0a)
  const { value } = point
  writer.fixed64(0x11, point.startTimeUnixNano)
  writer.fixed64(0x19, point.timeUnixNano)
  if (typeof value === 'number') writer.presentDouble(0x21, value)
  for (const exemplar of point.exemplars) writeExemplar(writer, 0x2a, exemplar)
  if (typeof value === 'bigint') writer.presentFixed64(0x31, value)
  writer.attributes(0x3a, point.attributes)
  writer.uint32(0x40, point.flags)
  writer.raw(point.unknown)
  writer.close(start)
}

function writeHistogramPoint(writer: TreeWriter, point: HistogramPoint): void {
  const start = writer.open(0x0a)
  writer.fixed64(0x11, point.startTimeUnixNano)
  writer.fixed64(0x19, point.timeUnixNano)
  writer.fixed64(0x21, point.count)
  writer.optionalDouble(0x29, point.sum)
  const { bucketCounts, explicitBounds } = point
  if (bucketCounts.length > 0) {
    writer.tag(0x32)
    writer.varint(bucketCounts.length * 8)
    writer.ensure(bucketCounts.length * 8)
    for (const count of bucketCounts) {
      writer.words.setBigUint64(writer.length, count, true)
      writer.length += 8
    }
  }
  if (explicitBounds.length > 0) {
    writer.tag(0x3a)
    writer.varint(explicitBounds.length * 8)
    for (const bound of explicitBounds) writer.float64(bound)
  }
  for (const exemplar of point.exemplars) writeExemplar(writer, 0x42, exemplar)
  writer.attributes(0x4a, point.attributes)
  writer.uint32(0x50, point.flags)
  writer.optionalDouble(0x59, point.min)
  writer.optionalDouble(0x61, point.max)
  writer.raw(point.unknown)
  writer.close(start)
}

function writeExponentialPoint(writer: TreeWriter, point: ExponentialHistogramPoint): void {
  const start = writer.open(0x0a)
  writer.attributes(0x0a, point.attributes)
  writer.fixed64(0x11, point.startTimeUnixNano)
  writer.fixed64(0x19, point.timeUnixNano)
  writer.fixed64(0x21, point.count)
  writer.optionalDouble(0x29, point.sum)
  writer.sint32(0x30, point.scale)
  writer.fixed64(0x39, point.zeroCount)
  writeBuckets(writer, 0x42, point.positive)
  writeBuckets(writer, 0x4a, point.negative)
  writer.uint32(0x50, point.flags)
  for (const exemplar of point.exemplars) writeExemplar(writer, 0x5a, exemplar)
  writer.optionalDouble(0x61, point.min)
  writer.optionalDouble(0x69, point.max)
  writer.double(0x71, point.zeroThreshold)
  writer.raw(point.unknown)
  writer.close(start)
}

/** Written though they may be empty, as the collector's own encoder writes them. */
function writeBuckets(writer: TreeWriter, tag: number, buckets: ExponentialBuckets): void {
  const { offset, bucketCounts, unknown } = buckets
  const start = writer.open(tag)
  writer.sint32(0x08, offset)
  if (bucketCounts.length > 0) {
    const countsStart = writer.open(0x12)
    for (const count of bucketCounts) writer.varint64(count)
    writer.close(countsStart)
  }
  writer.raw(unknown)
  writer.close(start)
}

function writeSummaryPoint(writer: TreeWriter, point: SummaryPoint): void {
  const start = writer.open(0x0a)
  writer.fixed64(0x11, point.startTimeUnixNano)
  writer.fixed64(0x19, point.timeUnixNano)
  writer.fixed64(0x21, point.count)
  writer.double(0x29, point.sum)
  for (const { quantile, value, unknown } of point.quantiles) {
    const quantileStart = writer.open(0x32)
    writer.double(0x09, quantile)
    writer.double(0x11, value)
    writer.raw(unknown)
    writer.close(quantileStart)
  }
  writer.attributes(0x3a, point.attributes)
  writer.uint32(0x40, point.flags)
  writer.raw(point.unknown)
  writer.close(start)
}

function writeExemplar(writer: TreeWriter, tag: number, exemplar: Exemplar): void {
  const start = writer.open(tag)
  const { value } = exemplar
  writer.fixed64(0x11, exemplar.timeUnixNano)
  if (typeof value === 'number') writer.presentDouble(0x19, value)
  writer.blob(0x22, exemplar.spanId)
  writer.blob(0x2a, exemplar.traceId)
  if (typeof value === 'bigint') writer.presentFixed64(0x31, value)
  writer.attributes(0x3a, exemplar.filteredAttributes)
  writer.raw(exemplar.unknown)
  writer.close(start)
}
