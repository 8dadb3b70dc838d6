// OTLP's messages as data (opentelemetry-proto v1, stable parts): what the validator knows of each field.

/**
 * How the value of a field is checked. Those from `bytes` on are length-delimited. `item` is a message that counts as an
 * item of its signal; `nested` is an AnyValue, whose depth is bounded; `attribute` a KeyValue.
 */
export const Action = {
  unknown: 0,
  varint: 1,
  fixed64: 2,
  fixed32: 3,
  bytes: 4,
  text: 5,
  message: 6,
  traceId: 7,
  spanId: 8,
  packedFixed64: 9,
  packedVarint: 10,
  item: 11,
  nested: 12,
  attribute: 13,
} as const

type Scalar = 'varint' | 'fixed64' | 'fixed32' | 'bytes' | 'text' | 'traceId' | 'spanId'

interface FieldSpec {
  readonly kind: Scalar | 'message' | 'item' | 'nested' | 'attribute' | 'fixed64s' | 'varints'
  readonly message?: string
  readonly repeated: boolean
  /** Fields of a message with the same `oneof` number exclude each other. */
  readonly oneof?: number
}

type MessageSpec = Readonly<Record<number, FieldSpec>>

const one = (kind: Scalar, oneof?: number): FieldSpec =>
  oneof === undefined ? { kind, repeated: false } : { kind, repeated: false, oneof }
const many = (message: string): FieldSpec => ({ kind: 'message', message, repeated: true })
const item = (message: string): FieldSpec => ({ kind: 'item', message, repeated: true })
const part = (message: string, oneof?: number): FieldSpec =>
  oneof === undefined
    ? { kind: 'message', message, repeated: false }
    : { kind: 'message', message, repeated: false, oneof }
const texts: FieldSpec = { kind: 'text', repeated: true }
const anyValue: FieldSpec = { kind: 'nested', message: 'AnyValue', repeated: false }

const varint = one('varint')
const fixed64 = one('fixed64')
const fixed32 = one('fixed32')
const text = one('text')
const traceId = one('traceId')
const spanId = one('spanId')
const attributes: FieldSpec = { kind: 'attribute', message: 'KeyValue', repeated: true }

const commonMessages: Readonly<Record<string, MessageSpec>> = {
  AnyValue: {
    1: one('text', 1),
    2: one('varint', 1),
    3: one('varint', 1),
    4: one('fixed64', 1),
    5: part('ArrayValue', 1),
    6: part('KeyValueList', 1),
    7: one('bytes', 1),
    8: one('varint', 1),
  },
  ArrayValue: { 1: { kind: 'nested', message: 'AnyValue', repeated: true } },
  KeyValueList: { 1: attributes },
  KeyValue: { 1: text, 2: anyValue, 3: varint },
  InstrumentationScope: { 1: text, 2: text, 3: attributes, 4: varint },
  EntityRef: { 1: text, 2: text, 3: texts, 4: texts },
  Resource: { 1: attributes, 2: varint, 3: many('EntityRef') },
}

const traceMessages: Readonly<Record<string, MessageSpec>> = {
  ExportTraceServiceRequest: { 1: many('ResourceSpans') },
  ResourceSpans: { 1: part('Resource'), 2: many('ScopeSpans'), 3: text },
  ScopeSpans: { 1: part('InstrumentationScope'), 2: item('Span'), 3: text },
  Span: {
    1: traceId,
    2: spanId,
    3: text,
    4: spanId,
    5: text,
    6: varint,
    7: fixed64,
    8: fixed64,
    9: attributes,
    10: varint,
    11: many('Event'),
    12: varint,
    13: many('Link'),
    14: varint,
    15: part('Status'),
    16: fixed32,
  },
  Event: { 1: fixed64, 2: text, 3: attributes, 4: varint },
  Link: { 1: traceId, 2: spanId, 3: text, 4: attributes, 5: varint, 6: fixed32 },
  Status: { 2: text, 3: varint },
}

const logMessages: Readonly<Record<string, MessageSpec>> = {
  ExportLogsServiceRequest: { 1: many('ResourceLogs') },
  ResourceLogs: { 1: part('Resource'), 2: many('ScopeLogs'), 3: text },
  ScopeLogs: { 1: part('InstrumentationScope'), 2: item('LogRecord'), 3: text },
  LogRecord: {
    1: fixed64,
    2: varint,
    3: text,
    5: anyValue,
    6: attributes,
    7: varint,
    8: fixed32,
    9: traceId,
    10: spanId,
    11: fixed64,
    12: text,
  },
}

const metricMessages: Readonly<Record<string, MessageSpec>> = {
  ExportMetricsServiceRequest: { 1: many('ResourceMetrics') },
  ResourceMetrics: { 1: part('Resource'), 2: many('ScopeMetrics'), 3: text },
  ScopeMetrics: { 1: part('InstrumentationScope'), 2: many('Metric'), 3: text },
  Metric: {
    1: text,
    2: text,
    3: text,
    5: part('Gauge', 5),
    7: part('Sum', 5),
    9: part('Histogram', 5),
    10: part('ExponentialHistogram', 5),
    11: part('Summary', 5),
    12: attributes,
  },
  Gauge: { 1: item('NumberDataPoint') },
  Sum: { 1: item('NumberDataPoint'), 2: varint, 3: varint },
  Histogram: { 1: item('HistogramDataPoint'), 2: varint },
  ExponentialHistogram: { 1: item('ExponentialHistogramDataPoint'), 2: varint },
  Summary: { 1: item('SummaryDataPoint') },
  NumberDataPoint: {
    2: fixed64,
    3: fixed64,
    4: one('fixed64', 4),
    5: many('Exemplar'),
    6: one('fixed64', 4),
    7: attributes,
    8: varint,
  },
  HistogramDataPoint: {
    2: fixed64,
    3: fixed64,
    4: fixed64,
    5: fixed64,
    6: { kind: 'fixed64s', repeated: true },
    7: { kind: 'fixed64s', repeated: true },
    8: many('Exemplar'),
    9: attributes,
    10: varint,
    11: fixed64,
    12: fixed64,
  },
  ExponentialHistogramDataPoint: {
    1: attributes,
    2: fixed64,
    3: fixed64,
    4: fixed64,
    5: fixed64,
    6: varint,
    7: fixed64,
    8: part('Buckets'),
    9: part('Buckets'),
    10: varint,
    11: many('Exemplar'),
    12: fixed64,
    13: fixed64,
    14: fixed64,
  },
  Buckets: { 1: varint, 2: { kind: 'varints', repeated: true } },
  SummaryDataPoint: {
    2: fixed64,
    3: fixed64,
    4: fixed64,
    5: fixed64,
    6: many('ValueAtQuantile'),
    7: attributes,
    8: varint,
  },
  ValueAtQuantile: { 1: fixed64, 2: fixed64 },
  Exemplar: {
    2: fixed64,
    3: one('fixed64', 3),
    4: spanId,
    5: traceId,
    6: one('fixed64', 3),
    7: attributes,
  },
}

const messages = { ...commonMessages, ...traceMessages, ...logMessages, ...metricMessages }

/** Names of the messages; a message's number is its place here. */
export const messageNames: readonly string[] = Object.keys(messages)

export function messageNumber(name: string): number {
  const number = messageNames.indexOf(name)
  if (number < 0) throw new Error(`Cannot find an OTLP message: current value is ${name}`)
  return number
}

/**
 * One rule for each message and tag below 256 (field << 3 | wire type; no field of OTLP has a higher one), 0 where the
 * tag is not known: `action | bit << 4 | message << 9`. `bit` tells singular fields of a message apart (those of one oneof
 * have the same one), 0 for repeated ones.
 */
export const rules: Uint16Array = buildRules()

function buildRules(): Uint16Array {
  const table = new Uint16Array(messageNames.length * 256)
  messageNames.forEach((name, number) => {
    for (const [key, spec] of Object.entries(messages[name] as MessageSpec)) {
      const field = Number(key)
      const bit = spec.repeated ? 0 : (spec.oneof ?? field)
      const message = spec.message === undefined ? 0 : messageNumber(spec.message)
      for (const [wireType, action] of actionsOf(spec)) {
        table[(number << 8) | (field << 3) | wireType] = action | (bit << 4) | (message << 9)
      }
    }
  })
  return table
}

/** Wire types that a field may have. Repeated numbers come packed or one by one. */
function actionsOf({ kind }: FieldSpec): [wireType: number, action: number][] {
  switch (kind) {
    case 'varint':
      return [[0, Action.varint]]
    case 'fixed64':
      return [[1, Action.fixed64]]
    case 'fixed32':
      return [[5, Action.fixed32]]
    case 'varints':
      return [
        [0, Action.varint],
        [2, Action.packedVarint],
      ]
    case 'fixed64s':
      return [
        [1, Action.fixed64],
        [2, Action.packedFixed64],
      ]
    default:
      return [[2, Action[kind]]]
  }
}
