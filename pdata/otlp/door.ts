// The door of OTLP: requests, forms, parts and JSON of batches, and work on attributes.
export { KeyValueList, noRecordedValue, Temporality } from './tree.ts'
export type {
  AnyValue,
  Attributes,
  EntityRef,
  Exemplar,
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
  KeyValue,
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
  Unknowns,
} from './tree.ts'
export { OtlpError } from './error.ts'
export { anyValueDepthMax, messagesMax } from './validate.ts'
export {
  logsFromJson,
  logsToJson,
  logsTree,
  logsWire,
  mergeLogs,
  mergeMetrics,
  mergeTraces,
  metricsFromJson,
  metricsToJson,
  metricsTree,
  metricsWire,
  ownLogsTree,
  ownMetricsTree,
  ownTracesTree,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  splitLogs,
  splitMetrics,
  splitTraces,
  tracesFromJson,
  tracesToJson,
  tracesTree,
  tracesWire,
  wireBytes,
} from './batches.ts'
export { countWire, itemLevels, pointLevels, WireCursor, wireVarint } from './wire.ts'
export { WireBuilder } from './wire_builder.ts'
export { TreeReader } from './reader.ts'
export { isTextAt } from './text.ts'
export { WireValues } from './wire_values.ts'
export {
  anyValuesEqual,
  anyValueText,
  attributeValue,
  cloneAnyValue,
  cloneAttributes,
  deleteAttribute,
  setAttribute,
} from './attributes.ts'
export {
  decodeExportResponse,
  decodeRpcStatus,
  encodeExportResponse,
  encodeRpcStatus,
  exportResponseFromJson,
  exportResponseToJson,
} from './response.ts'
export type { ExportResponse, RpcStatus } from './response.ts'
export { emptyResource, emptyScope } from './decode.ts'
