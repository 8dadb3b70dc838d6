// OTLP telemetry as objects: what processors that change things work on.
//
// Times are nanoseconds since the epoch (0n: none). Ids are bytes, empty where there is none. Every message keeps the
// fields that this version does not know, as raw protobuf bytes, so that nothing is lost on the way. Decoders fill every
// property in the order written here, so that objects of one kind have one shape.

/**
 * OTLP's AnyValue. A `bigint` is int_value, a `number` double_value, `null` a value that is not set (or one that only
 * profiles use).
 */
export type AnyValue = string | boolean | bigint | number | Uint8Array | AnyValue[] | KeyValueList | null

/** A kvlist_value: a class, so that it is told from other objects. */
export class KeyValueList {
  entries: KeyValue[]
  constructor(entries: KeyValue[]) {
    this.entries = entries
  }
}

export interface KeyValue {
  key: string
  value: AnyValue
}

/** Attributes in the order in which they came; keys are unique where the sender keeps to the specification. */
export type Attributes = KeyValue[]

export interface Unknowns {
  /** Raw fields: tag and value, one after the other. */
  unknown: Uint8Array | null
}

export interface EntityRef extends Unknowns {
  schemaUrl: string
  type: string
  idKeys: string[]
  descriptionKeys: string[]
}

export interface Resource extends Unknowns {
  attributes: Attributes
  droppedAttributesCount: number
  entityRefs: EntityRef[]
}

export interface Scope extends Unknowns {
  name: string
  version: string
  attributes: Attributes
  droppedAttributesCount: number
}

// --------------------------------------------------------------------------------------------------------- traces

export interface TracesTree {
  resourceSpans: ResourceSpans[]
}

export interface ResourceSpans extends Unknowns {
  resource: Resource
  scopeSpans: ScopeSpans[]
  schemaUrl: string
}

export interface ScopeSpans extends Unknowns {
  scope: Scope
  spans: Span[]
  schemaUrl: string
}

export interface Span extends Unknowns {
  traceId: Uint8Array
  spanId: Uint8Array
  traceState: string
  parentSpanId: Uint8Array
  flags: number
  name: string
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number
  startTimeUnixNano: bigint
  endTimeUnixNano: bigint
  attributes: Attributes
  droppedAttributesCount: number
  events: SpanEvent[]
  droppedEventsCount: number
  links: SpanLink[]
  droppedLinksCount: number
  status: SpanStatus
}

export interface SpanEvent extends Unknowns {
  timeUnixNano: bigint
  name: string
  attributes: Attributes
  droppedAttributesCount: number
}

export interface SpanLink extends Unknowns {
  traceId: Uint8Array
  spanId: Uint8Array
  traceState: string
  attributes: Attributes
  droppedAttributesCount: number
  flags: number
}

export interface SpanStatus extends Unknowns {
  message: string
  /** 0 unset, 1 ok, 2 error. */
  code: number
}

// ----------------------------------------------------------------------------------------------------------- logs

export interface LogsTree {
  resourceLogs: ResourceLogs[]
}

export interface ResourceLogs extends Unknowns {
  resource: Resource
  scopeLogs: ScopeLogs[]
  schemaUrl: string
}

export interface ScopeLogs extends Unknowns {
  scope: Scope
  logRecords: LogRecord[]
  schemaUrl: string
}

export interface LogRecord extends Unknowns {
  timeUnixNano: bigint
  observedTimeUnixNano: bigint
  severityNumber: number
  severityText: string
  body: AnyValue
  attributes: Attributes
  droppedAttributesCount: number
  flags: number
  traceId: Uint8Array
  spanId: Uint8Array
  eventName: string
}

// -------------------------------------------------------------------------------------------------------- metrics

export interface MetricsTree {
  resourceMetrics: ResourceMetrics[]
}

export interface ResourceMetrics extends Unknowns {
  resource: Resource
  scopeMetrics: ScopeMetrics[]
  schemaUrl: string
}

export interface ScopeMetrics extends Unknowns {
  scope: Scope
  metrics: Metric[]
  schemaUrl: string
}

export interface Metric extends Unknowns {
  name: string
  description: string
  unit: string
  metadata: Attributes
  data: MetricData
}

/** 0 unspecified, 1 delta, 2 cumulative. */
export const Temporality = { unspecified: 0, delta: 1, cumulative: 2 } as const

export type MetricData =
  | { kind: 'empty' }
  | { kind: 'gauge'; points: NumberPoint[]; unknown: Uint8Array | null }
  | { kind: 'sum'; points: NumberPoint[]; temporality: number; isMonotonic: boolean; unknown: Uint8Array | null }
  | { kind: 'histogram'; points: HistogramPoint[]; temporality: number; unknown: Uint8Array | null }
  | {
      kind: 'exponential_histogram'
      points: ExponentialHistogramPoint[]
      temporality: number
      unknown: Uint8Array | null
    }
  | { kind: 'summary'; points: SummaryPoint[]; unknown: Uint8Array | null }

/** Bit 0 of a data point's flags: no value was recorded (a staleness marker). */
export const noRecordedValue = 1

export interface NumberPoint extends Unknowns {
  attributes: Attributes
  startTimeUnixNano: bigint
  timeUnixNano: bigint
  /** `bigint`: as_int; `number`: as_double; null: neither. */
  value: bigint | number | null
  exemplars: Exemplar[]
  flags: number
}

export interface HistogramPoint extends Unknowns {
  attributes: Attributes
  startTimeUnixNano: bigint
  timeUnixNano: bigint
  count: bigint
  sum: number | null
  bucketCounts: bigint[]
  explicitBounds: number[]
  exemplars: Exemplar[]
  flags: number
  min: number | null
  max: number | null
}

export interface ExponentialHistogramPoint extends Unknowns {
  attributes: Attributes
  startTimeUnixNano: bigint
  timeUnixNano: bigint
  count: bigint
  sum: number | null
  scale: number
  zeroCount: bigint
  positive: ExponentialBuckets
  negative: ExponentialBuckets
  flags: number
  exemplars: Exemplar[]
  min: number | null
  max: number | null
  zeroThreshold: number
}

export interface ExponentialBuckets extends Unknowns {
  offset: number
  bucketCounts: bigint[]
}

export interface SummaryPoint extends Unknowns {
  attributes: Attributes
  startTimeUnixNano: bigint
  timeUnixNano: bigint
  count: bigint
  sum: number
  quantiles: { quantile: number; value: number; unknown: Uint8Array | null }[]
  flags: number
}

export interface Exemplar extends Unknowns {
  filteredAttributes: Attributes
  timeUnixNano: bigint
  value: bigint | number | null
  spanId: Uint8Array
  traceId: Uint8Array
}
