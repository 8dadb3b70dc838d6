// Arbitrary trees of all signals, for tests against other codecs and for fuzzing.
import fc from 'fast-check'
import type {
  AnyValue,
  Attributes,
  Exemplar,
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
  TracesTree,
} from '../tree.ts'
import { KeyValueList } from '../tree.ts'

/** Records with the usual prototype, which `deepEqual` looks at. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'GET', 'service.name', 'checkout', '"\\\n\u0000', 'süß', '日本', '𝒳') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
)
const uint64 = fc.oneof(fc.constantFrom(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n))
const int64 = fc.oneof(fc.constantFrom(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
const uint32 = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.nat({ max: 0xffffffff }))
const int32 = fc.oneof(fc.constantFrom(0, 1, 2), fc.integer())
const double = fc.double()
const optional = fc.option(double)
const blob = fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes))
const id = (size: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.constant(new Uint8Array(0)),
    // Not all zeros, which JSON leaves out as invalid.
    fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Uint8Array.from(bytes).fill(bytes[0]! | 1, 0, 1)),
  )
const unknown = fc.constant(null)
const some = <T>(each: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> => fc.array(each, { maxLength })

const { value: anyValue } = fc.letrec<{ value: AnyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text,
    fc.boolean(),
    int64,
    double,
    fc.constant(null),
    blob,
    some(tie('value')),
    some(record({ key: text, value: tie('value') })).map((entries) => new KeyValueList(entries)),
  ),
}))

export { anyValue }

export const attributes: fc.Arbitrary<Attributes> = some(record({ key: text, value: anyValue }))

const resource: fc.Arbitrary<Resource> = record({
  attributes,
  droppedAttributesCount: uint32,
  entityRefs: some(
    record({ schemaUrl: text, type: text, idKeys: some(text), descriptionKeys: some(text), unknown }),
    1,
  ),
  unknown,
})

const scope: fc.Arbitrary<Scope> = record({
  name: text,
  version: text,
  attributes,
  droppedAttributesCount: uint32,
  unknown,
})

const span: fc.Arbitrary<Span> = record({
  traceId: id(16),
  spanId: id(8),
  traceState: text,
  parentSpanId: id(8),
  flags: uint32,
  name: text,
  kind: int32,
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  droppedAttributesCount: uint32,
  events: some(record({ timeUnixNano: uint64, name: text, attributes, droppedAttributesCount: uint32, unknown }), 2),
  droppedEventsCount: uint32,
  links: some(
    record({
      traceId: id(16),
      spanId: id(8),
      traceState: text,
      attributes,
      droppedAttributesCount: uint32,
      flags: uint32,
      unknown,
    }),
    2,
  ),
  droppedLinksCount: uint32,
  status: record({ message: text, code: int32, unknown }),
  unknown,
})

export const tracesTrees: fc.Arbitrary<TracesTree> = record({
  resourceSpans: some(
    record({
      resource,
      scopeSpans: some(record({ scope, spans: some(span), schemaUrl: text, unknown })),
      schemaUrl: text,
      unknown,
    }),
  ),
})

const logRecord: fc.Arbitrary<LogRecord> = record({
  timeUnixNano: uint64,
  observedTimeUnixNano: uint64,
  severityNumber: int32,
  severityText: text,
  body: anyValue,
  attributes,
  droppedAttributesCount: uint32,
  flags: uint32,
  traceId: id(16),
  spanId: id(8),
  eventName: text,
  unknown,
})

export const logsTrees: fc.Arbitrary<LogsTree> = record({
  resourceLogs: some(
    record({
      resource,
      scopeLogs: some(record({ scope, logRecords: some(logRecord), schemaUrl: text, unknown })),
      schemaUrl: text,
      unknown,
    }),
  ),
})

const numberValue = fc.oneof(int64, double, fc.constant(null))

const exemplar: fc.Arbitrary<Exemplar> = record({
  filteredAttributes: attributes,
  timeUnixNano: uint64,
  value: numberValue,
  spanId: id(8),
  traceId: id(16),
  unknown,
})

const numberPoint: fc.Arbitrary<NumberPoint> = record({
  attributes,
  startTimeUnixNano: uint64,
  timeUnixNano: uint64,
  value: numberValue,
  exemplars: some(exemplar, 1),
  flags: uint32,
  unknown,
})

const histogramPoint: fc.Arbitrary<HistogramPoint> = record({
  attributes,
  startTimeUnixNano: uint64,
  timeUnixNano: uint64,
  count: uint64,
  sum: optional,
  bucketCounts: some(uint64, 20),
  explicitBounds: some(double, 20),
  exemplars: some(exemplar, 1),
  flags: uint32,
  min: optional,
  max: optional,
  unknown,
})

const buckets = record({ offset: int32, bucketCounts: some(uint64, 30), unknown })

const exponentialPoint = record({
  attributes,
  startTimeUnixNano: uint64,
  timeUnixNano: uint64,
  count: uint64,
  sum: optional,
  scale: int32,
  zeroCount: uint64,
  positive: buckets,
  negative: buckets,
  flags: uint32,
  exemplars: some(exemplar, 1),
  min: optional,
  max: optional,
  zeroThreshold: double,
  unknown,
})

const summaryPoint = record({
  attributes,
  startTimeUnixNano: uint64,
  timeUnixNano: uint64,
  count: uint64,
  sum: double,
  quantiles: some(record({ quantile: double, value: double, unknown })),
  flags: uint32,
  unknown,
})

const data: fc.Arbitrary<MetricData> = fc.oneof(
  record({ kind: fc.constant('empty' as const) }),
  record({ kind: fc.constant('gauge' as const), points: some(numberPoint), unknown }),
  record({
    kind: fc.constant('sum' as const),
    points: some(numberPoint),
    temporality: int32,
    isMonotonic: fc.boolean(),
    unknown,
  }),
  record({ kind: fc.constant('histogram' as const), points: some(histogramPoint), temporality: int32, unknown }),
  record({
    kind: fc.constant('exponential_histogram' as const),
    points: some(exponentialPoint),
    temporality: int32,
    unknown,
  }),
  record({ kind: fc.constant('summary' as const), points: some(summaryPoint), unknown }),
)

const metric: fc.Arbitrary<Metric> = record({
  name: text,
  description: text,
  unit: text,
  metadata: attributes,
  data,
  unknown,
})

export const metricsTrees: fc.Arbitrary<MetricsTree> = record({
  resourceMetrics: some(
    record({
      resource,
      scopeMetrics: some(record({ scope, metrics: some(metric), schemaUrl: text, unknown })),
      schemaUrl: text,
      unknown,
    }),
  ),
})
