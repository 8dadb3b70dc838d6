// Trees out of OTLP's JSON.
import { emptyResource, emptyScope } from './decode.ts'
import type { JsonObject } from './json_reader.ts'
import { InexactNumber, JsonReader, parseJson } from './json_reader.ts'
import type {
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
  ResourceLogs,
  ResourceMetrics,
  ResourceSpans,
  Scope,
  ScopeLogs,
  ScopeMetrics,
  ScopeSpans,
  Span,
  SpanEvent,
  SpanLink,
  SpanStatus,
  SummaryPoint,
  TracesTree,
} from './tree.ts'

/** The tree of a request in JSON. Fields that are not known are ignored. Throws `OtlpError`, which names the path. */
export function decodeTracesJson(text: string): TracesTree {
  return decodeJson(text, (reader, request) => ({
    resourceSpans: reader.list(request, 'resourceSpans', 'resource_spans', readResourceSpans),
  }))
}

/** See `decodeTracesJson`. */
export function decodeLogsJson(text: string): LogsTree {
  return decodeJson(text, (reader, request) => ({
    resourceLogs: reader.list(request, 'resourceLogs', 'resource_logs', readResourceLogs),
  }))
}

/** See `decodeTracesJson`. */
export function decodeMetricsJson(text: string): MetricsTree {
  return decodeJson(text, (reader, request) => ({
    resourceMetrics: reader.list(request, 'resourceMetrics', 'resource_metrics', readResourceMetrics),
  }))
}

function decodeJson<Tree>(text: string, read: (reader: JsonReader, request: JsonObject) => Tree): Tree {
  try {
    const reader = new JsonReader(false)
    return read(reader, reader.object(parseJson(text, false)))
  } catch (error) {
    if (!(error instanceof InexactNumber)) throw error
  }
  const reader = new JsonReader(true)
  return read(reader, reader.object(parseJson(text, true)))
}

function readResource(reader: JsonReader, from: JsonObject): Resource {
  return {
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    entityRefs: reader.list(from, 'entityRefs', 'entity_refs', readEntityRef),
    unknown: null,
  }
}

function readEntityRef(reader: JsonReader, from: JsonObject): EntityRef {
  return {
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    type: reader.text(from, 'type'),
    idKeys: reader.texts(from, 'idKeys', 'id_keys'),
    descriptionKeys: reader.texts(from, 'descriptionKeys', 'description_keys'),
    unknown: null,
  }
}

function readScope(reader: JsonReader, from: JsonObject): Scope {
  return {
    name: reader.text(from, 'name'),
    version: reader.text(from, 'version'),
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    unknown: null,
  }
}

// --------------------------------------------------------------------------------------------------------- traces

function readResourceSpans(reader: JsonReader, from: JsonObject): ResourceSpans {
  return {
    resource: reader.message(from, 'resource', 'resource', readResource) ?? emptyResource(),
    scopeSpans: reader.list(from, 'scopeSpans', 'scope_spans', readScopeSpans),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

function readScopeSpans(reader: JsonReader, from: JsonObject): ScopeSpans {
  return {
    scope: reader.message(from, 'scope', 'scope', readScope) ?? emptyScope(),
    spans: reader.list(from, 'spans', 'spans', readSpan),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

const spanKinds = {
  SPAN_KIND_UNSPECIFIED: 0,
  SPAN_KIND_INTERNAL: 1,
  SPAN_KIND_SERVER: 2,
  SPAN_KIND_CLIENT: 3,
  SPAN_KIND_PRODUCER: 4,
  SPAN_KIND_CONSUMER: 5,
}

const statusCodes = { STATUS_CODE_UNSET: 0, STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2 }

function readSpan(reader: JsonReader, from: JsonObject): Span {
  return {
    traceId: reader.id(from, 'traceId', 'trace_id', 16),
    spanId: reader.id(from, 'spanId', 'span_id', 8),
    traceState: reader.text(from, 'traceState', 'trace_state'),
    parentSpanId: reader.id(from, 'parentSpanId', 'parent_span_id', 8),
    flags: reader.uint32(from, 'flags'),
    name: reader.text(from, 'name'),
    kind: reader.enumeration(from, 'kind', 'kind', spanKinds),
    startTimeUnixNano: reader.uint64(from, 'startTimeUnixNano', 'start_time_unix_nano'),
    endTimeUnixNano: reader.uint64(from, 'endTimeUnixNano', 'end_time_unix_nano'),
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    events: reader.list(from, 'events', 'events', readEvent),
    droppedEventsCount: reader.uint32(from, 'droppedEventsCount', 'dropped_events_count'),
    links: reader.list(from, 'links', 'links', readLink),
    droppedLinksCount: reader.uint32(from, 'droppedLinksCount', 'dropped_links_count'),
    status: reader.message(from, 'status', 'status', readStatus) ?? { message: '', code: 0, unknown: null },
    unknown: null,
  }
}

function readStatus(reader: JsonReader, from: JsonObject): SpanStatus {
  return {
    message: reader.text(from, 'message'),
    code: reader.enumeration(from, 'code', 'code', statusCodes),
    unknown: null,
  }
}

function readEvent(reader: JsonReader, from: JsonObject): SpanEvent {
  return {
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    name: reader.text(from, 'name'),
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    unknown: null,
  }
}

function readLink(reader: JsonReader, from: JsonObject): SpanLink {
  return {
    traceId: reader.id(from, 'traceId', 'trace_id', 16),
    spanId: reader.id(from, 'spanId', 'span_id', 8),
    traceState: reader.text(from, 'traceState', 'trace_state'),
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    flags: reader.uint32(from, 'flags'),
    unknown: null,
  }
}

// ----------------------------------------------------------------------------------------------------------- logs

function readResourceLogs(reader: JsonReader, from: JsonObject): ResourceLogs {
  return {
    resource: reader.message(from, 'resource', 'resource', readResource) ?? emptyResource(),
    scopeLogs: reader.list(from, 'scopeLogs', 'scope_logs', readScopeLogs),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

function readScopeLogs(reader: JsonReader, from: JsonObject): ScopeLogs {
  return {
    scope: reader.message(from, 'scope', 'scope', readScope) ?? emptyScope(),
    logRecords: reader.list(from, 'logRecords', 'log_records', readLogRecord),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

/** SEVERITY_NUMBER_TRACE, …_TRACE2, …, …_FATAL4: 1 to 24. */
const severityNumbers: Readonly<Record<string, number>> = Object.fromEntries([
  ['SEVERITY_NUMBER_UNSPECIFIED', 0],
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name, i) =>
    ['', '2', '3', '4'].map((suffix, j) => [`SEVERITY_NUMBER_${name}${suffix}`, i * 4 + j + 1]),
  ),
])

function readLogRecord(reader: JsonReader, from: JsonObject): LogRecord {
  return {
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    observedTimeUnixNano: reader.uint64(from, 'observedTimeUnixNano', 'observed_time_unix_nano'),
    severityNumber: reader.enumeration(from, 'severityNumber', 'severity_number', severityNumbers),
    severityText: reader.text(from, 'severityText', 'severity_text'),
    body: reader.anyValue(from, 'body'),
    attributes: reader.attributes(from, 'attributes'),
    droppedAttributesCount: reader.uint32(from, 'droppedAttributesCount', 'dropped_attributes_count'),
    flags: reader.uint32(from, 'flags'),
    traceId: reader.id(from, 'traceId', 'trace_id', 16),
    spanId: reader.id(from, 'spanId', 'span_id', 8),
    eventName: reader.text(from, 'eventName', 'event_name'),
    unknown: null,
  }
}

// -------------------------------------------------------------------------------------------------------- metrics

function readResourceMetrics(reader: JsonReader, from: JsonObject): ResourceMetrics {
  return {
    resource: reader.message(from, 'resource', 'resource', readResource) ?? emptyResource(),
    scopeMetrics: reader.list(from, 'scopeMetrics', 'scope_metrics', readScopeMetrics),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

function readScopeMetrics(reader: JsonReader, from: JsonObject): ScopeMetrics {
  return {
    scope: reader.message(from, 'scope', 'scope', readScope) ?? emptyScope(),
    metrics: reader.list(from, 'metrics', 'metrics', readMetric),
    schemaUrl: reader.text(from, 'schemaUrl', 'schema_url'),
    unknown: null,
  }
}

function readMetric(reader: JsonReader, from: JsonObject): Metric {
  return {
    name: reader.text(from, 'name'),
    description: reader.text(from, 'description'),
    unit: reader.text(from, 'unit'),
    metadata: reader.attributes(from, 'metadata'),
    data: readData(reader, from),
    unknown: null,
  }
}

/** The oneof of a Metric: the last one counts. */
function readData(reader: JsonReader, from: JsonObject): MetricData {
  let data: MetricData | undefined
  for (const name in from) {
    switch (name) {
      case 'gauge':
        data = reader.message(from, name, name, readGauge) ?? data
        break
      case 'sum':
        data = reader.message(from, name, name, readSum) ?? data
        break
      case 'histogram':
        data = reader.message(from, name, name, readHistogram) ?? data
        break
      case 'exponentialHistogram':
      case 'exponential_histogram':
        data = reader.message(from, name, name, readExponentialHistogram) ?? data
        break
      case 'summary':
        data = reader.message(from, name, name, readSummary) ?? data
        break
      default:
    }
  }
  return data ?? { kind: 'empty' }
}

const temporalities = {
  AGGREGATION_TEMPORALITY_UNSPECIFIED: 0,
  AGGREGATION_TEMPORALITY_DELTA: 1,
  AGGREGATION_TEMPORALITY_CUMULATIVE: 2,
}

function temporalityOf(reader: JsonReader, from: JsonObject): number {
  return reader.enumeration(from, 'aggregationTemporality', 'aggregation_temporality', temporalities)
}

function readGauge(reader: JsonReader, from: JsonObject): MetricData {
  return { kind: 'gauge', points: reader.list(from, 'dataPoints', 'data_points', readNumberPoint), unknown: null }
}

function readSum(reader: JsonReader, from: JsonObject): MetricData {
  return {
    kind: 'sum',
    points: reader.list(from, 'dataPoints', 'data_points', readNumberPoint),
    temporality: temporalityOf(reader, from),
    isMonotonic: reader.bool(from, 'isMonotonic', 'is_monotonic'),
    unknown: null,
  }
}

function readHistogram(reader: JsonReader, from: JsonObject): MetricData {
  return {
    kind: 'histogram',
    points: reader.list(from, 'dataPoints', 'data_points', readHistogramPoint),
    temporality: temporalityOf(reader, from),
    unknown: null,
  }
}

function readExponentialHistogram(reader: JsonReader, from: JsonObject): MetricData {
  return {
    kind: 'exponential_histogram',
    points: reader.list(from, 'dataPoints', 'data_points', readExponentialPoint),
    temporality: temporalityOf(reader, from),
    unknown: null,
  }
}

function readSummary(reader: JsonReader, from: JsonObject): MetricData {
  return { kind: 'summary', points: reader.list(from, 'dataPoints', 'data_points', readSummaryPoint), unknown: null }
}

/** as_int or as_double: the last one counts; null where there is neither. */
function valueOf(reader: JsonReader, from: JsonObject): bigint | number | null {
  let value: bigint | number | null = null
  for (const name in from) {
    if (name === 'asInt' || name === 'as_int') value = reader.optionalInt64(from, name, name) ?? value
    else if (name === 'asDouble' || name === 'as_double') value = reader.optionalDouble(from, name) ?? value
  }
  return value
}

function readNumberPoint(reader: JsonReader, from: JsonObject): NumberPoint {
  return {
    attributes: reader.attributes(from, 'attributes'),
    startTimeUnixNano: reader.uint64(from, 'startTimeUnixNano', 'start_time_unix_nano'),
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    value: valueOf(reader, from),
    exemplars: reader.list(from, 'exemplars', 'exemplars', readExemplar),
    flags: reader.uint32(from, 'flags'),
    unknown: null,
  }
}

function readHistogramPoint(reader: JsonReader, from: JsonObject): HistogramPoint {
  return {
    attributes: reader.attributes(from, 'attributes'),
    startTimeUnixNano: reader.uint64(from, 'startTimeUnixNano', 'start_time_unix_nano'),
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    count: reader.uint64(from, 'count'),
    sum: reader.optionalDouble(from, 'sum'),
    bucketCounts: reader.uint64s(from, 'bucketCounts', 'bucket_counts'),
    explicitBounds: reader.doubles(from, 'explicitBounds', 'explicit_bounds'),
    exemplars: reader.list(from, 'exemplars', 'exemplars', readExemplar),
    flags: reader.uint32(from, 'flags'),
    min: reader.optionalDouble(from, 'min'),
    max: reader.optionalDouble(from, 'max'),
    unknown: null,
  }
}

function readExponentialPoint(reader: JsonReader, from: JsonObject): ExponentialHistogramPoint {
  return {
    attributes: reader.attributes(from, 'attributes'),
    startTimeUnixNano: reader.uint64(from, 'startTimeUnixNano', 'start_time_unix_nano'),
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    count: reader.uint64(from, 'count'),
    sum: reader.optionalDouble(from, 'sum'),
    scale: reader.int32(from, 'scale'),
    zeroCount: reader.uint64(from, 'zeroCount', 'zero_count'),
    positive: reader.message(from, 'positive', 'positive', readBuckets) ?? emptyBuckets(),
    negative: reader.message(from, 'negative', 'negative', readBuckets) ?? emptyBuckets(),
    flags: reader.uint32(from, 'flags'),
    exemplars: reader.list(from, 'exemplars', 'exemplars', readExemplar),
    min: reader.optionalDouble(from, 'min'),
    max: reader.optionalDouble(from, 'max'),
    zeroThreshold: reader.double(from, 'zeroThreshold', 'zero_threshold'),
    unknown: null,
  }
}

function emptyBuckets(): ExponentialBuckets {
  return { offset: 0, bucketCounts: [], unknown: null }
}

function readBuckets(reader: JsonReader, from: JsonObject): ExponentialBuckets {
  return {
    offset: reader.int32(from, 'offset'),
    bucketCounts: reader.uint64s(from, 'bucketCounts', 'bucket_counts'),
    unknown: null,
  }
}

function readSummaryPoint(reader: JsonReader, from: JsonObject): SummaryPoint {
  return {
    attributes: reader.attributes(from, 'attributes'),
    startTimeUnixNano: reader.uint64(from, 'startTimeUnixNano', 'start_time_unix_nano'),
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    count: reader.uint64(from, 'count'),
    sum: reader.double(from, 'sum'),
    quantiles: reader.list(from, 'quantileValues', 'quantile_values', readQuantile),
    flags: reader.uint32(from, 'flags'),
    unknown: null,
  }
}

function readQuantile(reader: JsonReader, from: JsonObject): SummaryPoint['quantiles'][number] {
  return { quantile: reader.double(from, 'quantile'), value: reader.double(from, 'value'), unknown: null }
}

function readExemplar(reader: JsonReader, from: JsonObject): Exemplar {
  return {
    filteredAttributes: reader.attributes(from, 'filteredAttributes', 'filtered_attributes'),
    timeUnixNano: reader.uint64(from, 'timeUnixNano', 'time_unix_nano'),
    value: valueOf(reader, from),
    spanId: reader.id(from, 'spanId', 'span_id', 8),
    traceId: reader.id(from, 'traceId', 'trace_id', 16),
    unknown: null,
  }
}
