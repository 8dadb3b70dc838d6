// What OpenTelemetry's JavaScript SDK sends, in protobuf and in JSON, against the codec.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import type { ISerializer } from '@opentelemetry/otlp-transformer'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { AggregationTemporality, AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import {
  logsFromJson,
  logsTree,
  metricsFromJson,
  metricsTree,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesFromJson,
  tracesTree,
} from './batches.ts'
import { encodeExportResponse } from './response.ts'

function both<Request, Response>(
  protobuf: ISerializer<Request, Response>,
  json: ISerializer<Request, Response>,
  request: Request,
): { bytes: Uint8Array; text: string } {
  const bytes = protobuf.serializeRequest(request)
  const text = json.serializeRequest(request)
  assert.ok(bytes !== undefined && text !== undefined)
  return { bytes: new Uint8Array(bytes), text: new TextDecoder().decode(text) }
}

test("the SDK's spans in protobuf and in JSON are the same tree", async () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const tracer = provider.getTracer('lib', '1.2.3')
  const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, startTime: [1_700_000_000, 1] })
  const child = tracer.startSpan(
    'child',
    {
      attributes: { text: 'süß', whole: 42, fraction: 1.5, yes: true, list: ['a', 'b'], negative: -3 },
      links: [{ context: parent.spanContext(), attributes: { why: 'because' } }],
    },
    trace.setSpan(ROOT_CONTEXT, parent),
  )
  child.addEvent('event', { at: 1 }, [1_700_000_000, 5])
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'bad' })
  child.end()
  parent.end()
  const { bytes, text } = both(ProtobufTraceSerializer, JsonTraceSerializer, exporter.getFinishedSpans())
  const batch = readTracesRequest(bytes)
  assert.equal(batch.count, 2)
  assert.deepEqual(tracesTree(batch), tracesTree(tracesFromJson(text)))
  const [group] = tracesTree(batch).resourceSpans[0]!.scopeSpans
  assert.equal(group!.scope.name, 'lib')
  const [first, second] = group!.spans
  assert.deepEqual(first!.parentSpanId, second!.spanId)
  assert.equal(second!.startTimeUnixNano, 1_700_000_000_000_000_001n)
  assert.deepEqual(first!.attributes.slice(0, 5), [
    { key: 'text', value: 'süß' },
    { key: 'whole', value: 42n },
    { key: 'fraction', value: 1.5 },
    { key: 'yes', value: true },
    { key: 'list', value: ['a', 'b'] },
  ])
  assert.deepEqual(first!.status, { message: 'bad', code: 2, unknown: null })
  assert.deepEqual(
    ProtobufTraceSerializer.deserializeResponse(encodeExportResponse({ rejected: 3, message: 'late' })).partialSuccess,
    { rejectedSpans: 3, errorMessage: 'late' },
  )
  await provider.shutdown()
})

test("the SDK's log records in protobuf and in JSON are the same tree", async () => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger('lib')
  logger.emit({ severityNumber: SeverityNumber.WARN, severityText: 'WARN', body: 'text', attributes: { a: [1, 2] } })
  logger.emit({ body: { deep: { list: ['x', null, 1.5, new Uint8Array([1, 2])] } }, eventName: 'happened' })
  const { bytes, text } = both(ProtobufLogsSerializer, JsonLogsSerializer, exporter.getFinishedLogRecords())
  const batch = readLogsRequest(bytes)
  assert.equal(batch.count, 2)
  assert.deepEqual(logsTree(batch), logsTree(logsFromJson(text)))
  const [first, second] = logsTree(batch).resourceLogs[0]!.scopeLogs[0]!.logRecords
  assert.equal(first!.severityNumber, 13)
  assert.equal(first!.body, 'text')
  assert.equal(second!.eventName, 'happened')
  await provider.shutdown()
})

class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

test("the SDK's metrics in protobuf and in JSON are the same tree", async () => {
  const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA })
  const views = [
    { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const },
  ]
  const provider = new MeterProvider({ readers: [reader], views })
  const meter = provider.getMeter('lib')
  meter.createCounter('counter', { unit: '1', description: 'Counts.' }).add(5, { a: 'b' })
  meter.createObservableGauge('gauge').addCallback((result) => result.observe(-1.25))
  for (const name of ['histogram', 'exponential']) {
    const histogram = meter.createHistogram(name, { unit: 's' })
    for (const value of [0, 0.1, 7, 7.5, 1e6]) histogram.record(value)
  }
  const { resourceMetrics } = await reader.collect()
  const { bytes, text } = both(ProtobufMetricsSerializer, JsonMetricsSerializer, resourceMetrics)
  const batch = readMetricsRequest(bytes)
  assert.equal(batch.count, 4)
  assert.deepEqual(metricsTree(batch), metricsTree(metricsFromJson(text)))
  const { metrics } = metricsTree(batch).resourceMetrics[0]!.scopeMetrics[0]!
  assert.deepEqual(metrics.map(({ name, data }) => `${name} ${data.kind}`).toSorted(), [
    'counter sum',
    'exponential exponential_histogram',
    'gauge gauge',
    'histogram histogram',
  ])
  const counter = metrics.find(({ name }) => name === 'counter')!.data
  assert.ok(counter.kind === 'sum' && counter.isMonotonic && counter.temporality === 1)
  assert.equal(Number(counter.points[0]!.value), 5)
  await provider.shutdown()
})
