// OTLP's JSON out of trees, in the form that the collector's pdata gives: defaults are left out; resources, scopes,
// statuses, bodies and values of attributes are always there.
import { Buffer } from 'node:buffer'
import type {
  AnyValue,
  Attributes,
  EntityRef,
  Exemplar,
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  LogRecord,
  LogsTree,
  Metric,
  MetricData,
  MetricsTree,
  NumberPoint,
  Resource,
  Scope,
  Span,
  SpanEvent,
  SpanLink,
  SummaryPoint,
  TracesTree,
} from './tree.ts'
import { KeyValueList } from './tree.ts'

/** Fields that protobuf kept as unknown have no JSON and are left out. */
export function encodeTracesJson(tree: TracesTree): string {
  const groups = tree.resourceSpans.map(({ resource, scopeSpans, schemaUrl }) => {
    const scopes = scopeSpans.map(
      (group) =>
        `{"scope":${scopeJson(group.scope)}${list('spans', group.spans, spanJson)}${text('schemaUrl', group.schemaUrl)}}`,
    )
    return `{"resource":${resourceJson(resource)}${joined('scopeSpans', scopes)}${text('schemaUrl', schemaUrl)}}`
  })
  return `{"resourceSpans":[${groups.join(',')}]}`
}

/** See `encodeTracesJson`. */
export function encodeLogsJson(tree: LogsTree): string {
  const groups = tree.resourceLogs.map(({ resource, scopeLogs, schemaUrl }) => {
    const scopes = scopeLogs.map(
      (group) =>
        `{"scope":${scopeJson(group.scope)}${list('logRecords', group.logRecords, logRecordJson)}${text('schemaUrl', group.schemaUrl)}}`,
    )
    return `{"resource":${resourceJson(resource)}${joined('scopeLogs', scopes)}${text('schemaUrl', schemaUrl)}}`
  })
  return `{"resourceLogs":[${groups.join(',')}]}`
}

/** See `encodeTracesJson`. */
export function encodeMetricsJson(tree: MetricsTree): string {
  const groups = tree.resourceMetrics.map(({ resource, scopeMetrics, schemaUrl }) => {
    const scopes = scopeMetrics.map(
      (group) =>
        `{"scope":${scopeJson(group.scope)}${list('metrics', group.metrics, metricJson)}${text('schemaUrl', group.schemaUrl)}}`,
    )
    return `{"resource":${resourceJson(resource)}${joined('scopeMetrics', scopes)}${text('schemaUrl', schemaUrl)}}`
  })
  return `{"resourceMetrics":[${groups.join(',')}]}`
}

/** A string in JSON; short ones in which nothing is escaped are told by a look, which JSON.stringify takes longer for. */
function quoted(value: string): string {
  const { length } = value
  if (length > 64) return JSON.stringify(value)
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit >= 0x80) return JSON.stringify(value)
  }
  return `"${value}"`
}

// Each of these gives a field with a comma before it, or nothing where the value is the default.

function text(name: string, value: string): string {
  return value === '' ? '' : `,"${name}":${quoted(value)}`
}

function integer(name: string, value: number): string {
  return value === 0 ? '' : `,"${name}":${value}`
}

function long(name: string, value: bigint): string {
  return value === 0n ? '' : `,"${name}":"${value}"`
}

function double(name: string, value: number): string {
  return value === 0 && !Object.is(value, -0) ? '' : `,"${name}":${doubleJson(value)}`
}

function optional(name: string, value: number | null): string {
  return value === null ? '' : `,"${name}":${doubleJson(value)}`
}

function joined(name: string, parts: readonly string[]): string {
  return parts.length === 0 ? '' : `,"${name}":[${parts.join(',')}]`
}

function list<Element>(name: string, elements: readonly Element[], write: (element: Element) => string): string {
  return elements.length === 0 ? '' : joined(name, elements.map(write))
}

function attributesField(name: string, attributes: Attributes): string {
  return attributes.length === 0 ? '' : `,"${name}":${attributesJson(attributes)}`
}

/** An object of fields that each have a comma before them. */
function object(fields: string): string {
  return `{${fields.slice(1)}}`
}

function doubleJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  return `"${value}"`
}

/** In hex; none is left out, and so is one of zeros only, which the specification calls invalid. */
function id(name: string, bytes: Uint8Array): string {
  if (bytes.every((byte) => byte === 0)) return ''
  return `,"${name}":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}"`
}

function attributesJson(attributes: Attributes): string {
  let all = '['
  for (let i = 0; i < attributes.length; i++) {
    const { key, value } = attributes[i]!
    const start = i === 0 ? '{' : ',{'
    all += `${start}${key === '' ? '' : `"key":${quoted(key)},`}"value":${anyValueJson(value)}}`
  }
  return `${all}]`
}

function anyValueJson(value: AnyValue): string {
  switch (typeof value) {
    case 'string':
      return `{"stringValue":${quoted(value)}}`
    case 'boolean':
      return `{"boolValue":${value}}`
    case 'bigint':
      return `{"intValue":"${value}"}`
    case 'number':
      return `{"doubleValue":${doubleJson(value)}}`
    default:
  }
  if (value === null) return '{}'
  if (Array.isArray(value)) return `{"arrayValue":${object(list('values', value, anyValueJson))}}`
  if (value instanceof KeyValueList) return `{"kvlistValue":${object(attributesField('values', value.entries))}}`
  return `{"bytesValue":"${Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')}"}`
}

function resourceJson(resource: Resource): string {
  return object(
    attributesField('attributes', resource.attributes) +
      integer('droppedAttributesCount', resource.droppedAttributesCount) +
      list('entityRefs', resource.entityRefs, entityRefJson),
  )
}

function entityRefJson(entity: EntityRef): string {
  return object(
    text('schemaUrl', entity.schemaUrl) +
      text('type', entity.type) +
      list('idKeys', entity.idKeys, (key) => quoted(key)) +
      list('descriptionKeys', entity.descriptionKeys, (key) => quoted(key)),
  )
}

function scopeJson(scope: Scope): string {
  return object(
    text('name', scope.name) +
      text('version', scope.version) +
      attributesField('attributes', scope.attributes) +
      integer('droppedAttributesCount', scope.droppedAttributesCount),
  )
}

function spanJson(span: Span): string {
  return object(
    id('traceId', span.traceId) +
      id('spanId', span.spanId) +
      text('traceState', span.traceState) +
      id('parentSpanId', span.parentSpanId) +
      integer('flags', span.flags) +
      text('name', span.name) +
      integer('kind', span.kind) +
      long('startTimeUnixNano', span.startTimeUnixNano) +
      long('endTimeUnixNano', span.endTimeUnixNano) +
      attributesField('attributes', span.attributes) +
      integer('droppedAttributesCount', span.droppedAttributesCount) +
      list('events', span.events, eventJson) +
      integer('droppedEventsCount', span.droppedEventsCount) +
      list('links', span.links, linkJson) +
      integer('droppedLinksCount', span.droppedLinksCount) +
      `,"status":${object(text('message', span.status.message) + integer('code', span.status.code))}`,
  )
}

function eventJson(event: SpanEvent): string {
  return object(
    long('timeUnixNano', event.timeUnixNano) +
      text('name', event.name) +
      attributesField('attributes', event.attributes) +
      integer('droppedAttributesCount', event.droppedAttributesCount),
  )
}

function linkJson(link: SpanLink): string {
  return object(
    id('traceId', link.traceId) +
      id('spanId', link.spanId) +
      text('traceState', link.traceState) +
      attributesField('attributes', link.attributes) +
      integer('droppedAttributesCount', link.droppedAttributesCount) +
      integer('flags', link.flags),
  )
}

function logRecordJson(record: LogRecord): string {
  return object(
    long('timeUnixNano', record.timeUnixNano) +
      long('observedTimeUnixNano', record.observedTimeUnixNano) +
      integer('severityNumber', record.severityNumber) +
      text('severityText', record.severityText) +
      `,"body":${anyValueJson(record.body)}` +
      attributesField('attributes', record.attributes) +
      integer('droppedAttributesCount', record.droppedAttributesCount) +
      integer('flags', record.flags) +
      id('traceId', record.traceId) +
      id('spanId', record.spanId) +
      text('eventName', record.eventName),
  )
}

function metricJson(metric: Metric): string {
  return object(
    text('name', metric.name) +
      text('description', metric.description) +
      text('unit', metric.unit) +
      dataField(metric.data) +
      attributesField('metadata', metric.metadata),
  )
}

function dataField(data: MetricData): string {
  switch (data.kind) {
    case 'empty':
      return ''
    case 'gauge':
      return `,"gauge":${object(list('dataPoints', data.points, numberPointJson))}`
    case 'sum':
      return `,"sum":${object(
        list('dataPoints', data.points, numberPointJson) +
          integer('aggregationTemporality', data.temporality) +
          (data.isMonotonic ? ',"isMonotonic":true' : ''),
      )}`
    case 'histogram':
      return `,"histogram":${object(
        list('dataPoints', data.points, histogramPointJson) + integer('aggregationTemporality', data.temporality),
      )}`
    case 'exponential_histogram':
      return `,"exponentialHistogram":${object(
        list('dataPoints', data.points, exponentialPointJson) + integer('aggregationTemporality', data.temporality),
      )}`
    case 'summary':
      return `,"summary":${object(list('dataPoints', data.points, summaryPointJson))}`
  }
}

function valueField(value: bigint | number | null): string {
  if (value === null) return ''
  return typeof value === 'bigint' ? `,"asInt":"${value}"` : `,"asDouble":${doubleJson(value)}`
}

function counts(name: string, values: readonly bigint[]): string {
  return list(name, values, (value) => `"${value}"`)
}

interface Timed {
  attributes: Attributes
  startTimeUnixNano: bigint
  timeUnixNano: bigint
}

function timedFields(point: Timed): string {
  return (
    attributesField('attributes', point.attributes) +
    long('startTimeUnixNano', point.startTimeUnixNano) +
    long('timeUnixNano', point.timeUnixNano)
  )
}

function numberPointJson(point: NumberPoint): string {
  return object(
    timedFields(point) +
      valueField(point.value) +
      list('exemplars', point.exemplars, exemplarJson) +
      integer('flags', point.flags),
  )
}

function histogramPointJson(point: HistogramPoint): string {
  return object(
    timedFields(point) +
      long('count', point.count) +
      optional('sum', point.sum) +
      counts('bucketCounts', point.bucketCounts) +
      list('explicitBounds', point.explicitBounds, doubleJson) +
      list('exemplars', point.exemplars, exemplarJson) +
      integer('flags', point.flags) +
      optional('min', point.min) +
      optional('max', point.max),
  )
}

function exponentialPointJson(point: ExponentialHistogramPoint): string {
  return object(
    timedFields(point) +
      long('count', point.count) +
      optional('sum', point.sum) +
      integer('scale', point.scale) +
      long('zeroCount', point.zeroCount) +
      `,"positive":${bucketsJson(point.positive)},"negative":${bucketsJson(point.negative)}` +
      integer('flags', point.flags) +
      list('exemplars', point.exemplars, exemplarJson) +
      optional('min', point.min) +
      optional('max', point.max) +
      double('zeroThreshold', point.zeroThreshold),
  )
}

function bucketsJson(buckets: ExponentialBuckets): string {
  return object(integer('offset', buckets.offset) + counts('bucketCounts', buckets.bucketCounts))
}

function summaryPointJson(point: SummaryPoint): string {
  return object(
    timedFields(point) +
      long('count', point.count) +
      double('sum', point.sum) +
      list('quantileValues', point.quantiles, (each) =>
        object(double('quantile', each.quantile) + double('value', each.value)),
      ) +
      integer('flags', point.flags),
  )
}

function exemplarJson(exemplar: Exemplar): string {
  return object(
    attributesField('filteredAttributes', exemplar.filteredAttributes) +
      long('timeUnixNano', exemplar.timeUnixNano) +
      valueField(exemplar.value) +
      id('spanId', exemplar.spanId) +
      id('traceId', exemplar.traceId),
  )
}
