// Trees of metrics out of validated protobuf.
import { emptyResource, emptyScope, readResource, readScope } from './decode.ts'
import { noBytes, TreeReader } from './reader.ts'
import type {
  Exemplar,
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  MetricData,
  NumberPoint,
  ResourceMetrics,
  ScopeMetrics,
  SummaryPoint,
} from './tree.ts'

/** Append the ResourceMetrics of a validated chunk. Ids, bytes and unknown fields are views of the chunk. */
export function decodeMetrics(chunk: Uint8Array, into: ResourceMetrics[]): void {
  const reader = new TreeReader(chunk)
  while (reader.at < chunk.length) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) into.push(readResourceMetrics(reader, reader.part()))
    else reader.unknown(null, tag, start)
  }
}

function readResourceMetrics(reader: TreeReader, end: number): ResourceMetrics {
  const group: ResourceMetrics = { resource: emptyResource(), scopeMetrics: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readResource(reader, reader.part(), group.resource)
    else if (tag === 0x12) group.scopeMetrics.push(readScopeMetrics(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function readScopeMetrics(reader: TreeReader, end: number): ScopeMetrics {
  const group: ScopeMetrics = { scope: emptyScope(), metrics: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readScope(reader, reader.part(), group.scope)
    else if (tag === 0x12) group.metrics.push(readMetric(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function readMetric(reader: TreeReader, end: number): Metric {
  const metric: Metric = {
    name: '',
    description: '',
    unit: '',
    metadata: [],
    data: { kind: 'empty' },
    unknown: null,
  }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    switch (tag) {
      case 0x0a:
        metric.name = reader.text()
        break
      case 0x12:
        metric.description = reader.text()
        break
      case 0x1a:
        metric.unit = reader.text()
        break
      case 0x2a:
      case 0x3a:
      case 0x4a:
      case 0x52:
      case 0x5a:
        metric.data = readData(reader, tag, reader.part())
        break
      case 0x62:
        reader.attribute(metric.metadata)
        break
      default:
        metric.unknown = reader.unknown(metric.unknown, tag, start)
    }
  }
  return metric
}

/** The oneof of a Metric: the tag tells which. */
function readData(reader: TreeReader, kindTag: number, end: number): MetricData {
  let data: Exclude<MetricData, { kind: 'empty' }>
  if (kindTag === 0x2a) data = { kind: 'gauge', points: [], unknown: null }
  else if (kindTag === 0x3a) data = { kind: 'sum', points: [], temporality: 0, isMonotonic: false, unknown: null }
  else if (kindTag === 0x4a) data = { kind: 'histogram', points: [], temporality: 0, unknown: null }
  else if (kindTag === 0x52) data = { kind: 'exponential_histogram', points: [], temporality: 0, unknown: null }
  else data = { kind: 'summary', points: [], unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readPoint(reader, data)
    else if (tag === 0x10 && 'temporality' in data) data.temporality = reader.int32()
    else if (tag === 0x18 && data.kind === 'sum') data.isMonotonic = reader.bool()
    else data.unknown = reader.unknown(data.unknown, tag, start)
  }
  return data
}

function readPoint(reader: TreeReader, data: Exclude<MetricData, { kind: 'empty' }>): void {
  const end = reader.part()
  switch (data.kind) {
    case 'gauge':
    case 'sum':
      data.points.push(readNumberPoint(reader, end))
      break
    case 'histogram':
      data.points.push(readHistogramPoint(reader, end))
      break
    case 'exponential_histogram':
      data.points.push(readExponentialPoint(reader, end))
      break
    case 'summary':
      data.points.push(readSummaryPoint(reader, end))
      break
  }
}

function readNumberPoint(reader: TreeReader, end: number): NumberPoint {
  const point: NumberPoint = {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    value: null,
    exemplars: [],
    flags: 0,
    unknown: null,
  }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x3a) reader.attribute(point.attributes)
    else if (tag === 0x11) point.startTimeUnixNano = reader.fixed64()
    else if (tag === 0x19) point.timeUnixNano = reader.fixed64()
    else if (tag === 0x21) point.value = reader.float64()
    else if (tag === 0x31) point.value = reader.sfixed64()
    else if (tag === 0x2a) point.exemplars.push(readExemplar(reader, reader.part()))
    else if (tag === 0x40) point.flags = reader.varint32()
    else point.unknown = reader.unknown(point.unknown, tag, start)
  }
  return point
}

function emptyHistogramPoint(): HistogramPoint {
  return {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    count: 0n,
    sum: null,
    bucketCounts: [],
    explicitBounds: [],
    exemplars: [],
    flags: 0,
    min: null,
    max: null,
    unknown: null,
  }
}

function readHistogramPoint(reader: TreeReader, end: number): HistogramPoint {
  const point = emptyHistogramPoint()
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    switch (tag) {
      case 0x11:
        point.startTimeUnixNano = reader.fixed64()
        break
      case 0x19:
        point.timeUnixNano = reader.fixed64()
        break
      case 0x21:
        point.count = reader.fixed64()
        break
      case 0x29:
        point.sum = reader.float64()
        break
      case 0x31:
        point.bucketCounts.push(reader.fixed64())
        break
      case 0x32: {
        const partEnd = reader.part()
        while (reader.at < partEnd) point.bucketCounts.push(reader.fixed64())
        break
      }
      case 0x39:
        point.explicitBounds.push(reader.float64())
        break
      case 0x3a: {
        const partEnd = reader.part()
        while (reader.at < partEnd) point.explicitBounds.push(reader.float64())
        break
      }
      case 0x42:
        point.exemplars.push(readExemplar(reader, reader.part()))
        break
      case 0x4a:
        reader.attribute(point.attributes)
        break
      case 0x50:
        point.flags = reader.varint32()
        break
      case 0x59:
        point.min = reader.float64()
        break
      case 0x61:
        point.max = reader.float64()
        break
      default:
        point.unknown = reader.unknown(point.unknown, tag, start)
    }
  }
  return point
}

function emptyExponentialPoint(): ExponentialHistogramPoint {
  return {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    count: 0n,
    sum: null,
    scale: 0,
    zeroCount: 0n,
    positive: { offset: 0, bucketCounts: [], unknown: null },
    negative: { offset: 0, bucketCounts: [], unknown: null },
    flags: 0,
    exemplars: [],
    min: null,
    max: null,
    zeroThreshold: 0,
    unknown: null,
  }
}

function readExponentialPoint(reader: TreeReader, end: number): ExponentialHistogramPoint {
  const point = emptyExponentialPoint()
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    switch (tag) {
      case 0x0a:
        reader.attribute(point.attributes)
        break
      case 0x11:
        point.startTimeUnixNano = reader.fixed64()
        break
      case 0x19:
        point.timeUnixNano = reader.fixed64()
        break
      case 0x21:
        point.count = reader.fixed64()
        break
      case 0x29:
        point.sum = reader.float64()
        break
      case 0x30:
        point.scale = reader.sint32()
        break
      case 0x39:
        point.zeroCount = reader.fixed64()
        break
      case 0x42:
        readBuckets(reader, reader.part(), point.positive)
        break
      case 0x4a:
        readBuckets(reader, reader.part(), point.negative)
        break
      case 0x50:
        point.flags = reader.varint32()
        break
      case 0x5a:
        point.exemplars.push(readExemplar(reader, reader.part()))
        break
      case 0x61:
        point.min = reader.float64()
        break
      case 0x69:
        point.max = reader.float64()
        break
      case 0x71:
        point.zeroThreshold = reader.float64()
        break
      default:
        point.unknown = reader.unknown(point.unknown, tag, start)
    }
  }
  return point
}

function readBuckets(reader: TreeReader, end: number, buckets: ExponentialBuckets): void {
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x08) buckets.offset = reader.sint32()
    else if (tag === 0x10) buckets.bucketCounts.push(reader.uint64())
    else if (tag === 0x12) {
      const partEnd = reader.part()
      while (reader.at < partEnd) buckets.bucketCounts.push(reader.uint64())
    } else buckets.unknown = reader.unknown(buckets.unknown, tag, start)
  }
}

function readSummaryPoint(reader: TreeReader, end: number): SummaryPoint {
  const point: SummaryPoint = {
    attributes: [],
    startTimeUnixNano: 0n,
    timeUnixNano: 0n,
    count: 0n,
    sum: 0,
    quantiles: [],
    flags: 0,
    unknown: null,
  }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x11) point.startTimeUnixNano = reader.fixed64()
    else if (tag === 0x19) point.timeUnixNano = reader.fixed64()
    else if (tag === 0x21) point.count = reader.fixed64()
    else if (tag === 0x29) point.sum = reader.float64()
    else if (tag === 0x32) point.quantiles.push(readQuantile(reader, reader.part()))
    else if (tag === 0x3a) reader.attribute(point.attributes)
    else if (tag === 0x40) point.flags = reader.varint32()
    else point.unknown = reader.unknown(point.unknown, tag, start)
  }
  return point
}

function readQuantile(reader: TreeReader, end: number): SummaryPoint['quantiles'][number] {
  const quantile: SummaryPoint['quantiles'][number] = { quantile: 0, value: 0, unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x09) quantile.quantile = reader.float64()
    else if (tag === 0x11) quantile.value = reader.float64()
    else quantile.unknown = reader.unknown(quantile.unknown, tag, start)
  }
  return quantile
}

function readExemplar(reader: TreeReader, end: number): Exemplar {
  const exemplar: Exemplar = {
    filteredAttributes: [],
    timeUnixNano: 0n,
    value: null,
    spanId: noBytes,
    traceId: noBytes,
    unknown: null,
  }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x3a) reader.attribute(exemplar.filteredAttributes)
    else if (tag === 0x11) exemplar.timeUnixNano = reader.fixed64()
    else if (tag === 0x19) exemplar.value = reader.float64()
    else if (tag === 0x31) exemplar.value = reader.sfixed64()
    else if (tag === 0x22) exemplar.spanId = reader.blob()
    else if (tag === 0x2a) exemplar.traceId = reader.blob()
    else exemplar.unknown = reader.unknown(exemplar.unknown, tag, start)
  }
  return exemplar
}
