// The OpenTelemetry SDKs' own exporters as clients: JavaScript's, and Python's where it is installed.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { credentials, Metadata } from '@grpc/grpc-js'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { anyValueText, attributeValue, logsTree, metricsTree, tracesTree } from '#pdata/otlp'
import { receive, type Receiving } from './fixture.ts'

interface Exporters {
  readonly traces: SpanExporter
  readonly logs: LogRecordExporter
  readonly metrics: PushMetricExporter
}

async function sendAll({ traces, logs, metrics }: Exporters): Promise<void> {
  const tracer = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(traces)] })
  for (let i = 0; i < 10; i++) {
    const span = tracer
      .getTracer('lib', '1')
      .startSpan(`span ${i}`, { attributes: { text: 'käse', number: 1.5, many: [1, 2] } })
    span.addEvent('event', { of: i })
    span.end()
  }
  const logger = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: logs })] })
  logger.getLogger('lib').emit({ body: 'a line', severityNumber: 9, attributes: { where: 'here' } })
  const meter = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })],
  })
  meter.getMeter('lib').createCounter('count').add(3, { a: 'b' })
  meter.getMeter('lib').createHistogram('duration').record(1.5)
  await Promise.all([tracer.forceFlush(), logger.forceFlush(), meter.forceFlush()])
  await Promise.all([tracer.shutdown(), logger.shutdown(), meter.shutdown()])
}

function assertAllThere({ traces, logs, metrics, host }: Receiving): void {
  const spans = traces.flatMap((batch) => tracesTree(batch).resourceSpans).flatMap(({ scopeSpans }) => scopeSpans)
  assert.deepEqual(
    spans.flatMap((s) => s.spans.map(({ name }) => name)),
    Array.from({ length: 10 }, (_, i) => `span ${i}`),
  )
  const [first] = spans[0]?.spans ?? []
  assert.equal(attributeValue(first?.attributes ?? [], 'text'), 'käse')
  assert.equal(first?.traceId.length, 16)
  assert.equal(first?.events[0]?.name, 'event')
  const [record] = logs
    .flatMap((b) => logsTree(b).resourceLogs)
    .flatMap((r) => r.scopeLogs)
    .flatMap((s) => s.logRecords)
  assert.equal(anyValueText(record?.body ?? null), 'a line')
  assert.equal(record?.severityNumber, 9)
  const named = metrics
    .flatMap((b) => metricsTree(b).resourceMetrics)
    .flatMap((r) => r.scopeMetrics)
    .flatMap((s) => s.metrics)
  assert.deepEqual(
    new Set(named.map(({ name, data }) => `${name}: ${data.kind}`)),
    new Set(['count: sum', 'duration: histogram']),
  )
  const { counters } = host
  assert.equal(counters.in, counters.out)
}

const cases: readonly { name: string; exporters(receiving: Receiving): Exporters }[] = (
  ['none', 'gzip'] as const
).flatMap((compression) => [
  {
    name: `gRPC, ${compression}`,
    exporters: ({ grpc }: Receiving): Exporters => {
      const options = {
        url: `http://${grpc}`,
        credentials: credentials.createInsecure(),
        compression: compression as never,
      }
      return { traces: new GrpcTraces(options), logs: new GrpcLogs(options), metrics: new GrpcMetrics(options) }
    },
  },
  {
    name: `HTTP and protobuf, ${compression}`,
    exporters: ({ http }: Receiving): Exporters => {
      const options = (signal: string) => ({ url: `${http}/v1/${signal}`, compression: compression as never })
      return {
        traces: new ProtoTraces(options('traces')),
        logs: new ProtoLogs(options('logs')),
        metrics: new ProtoMetrics(options('metrics')),
      }
    },
  },
  {
    name: `HTTP and JSON, ${compression}`,
    exporters: ({ http }: Receiving): Exporters => {
      const options = (signal: string) => ({ url: `${http}/v1/${signal}`, compression: compression as never })
      return {
        traces: new JsonTraces(options('traces')),
        logs: new JsonLogs(options('logs')),
        metrics: new JsonMetrics(options('metrics')),
      }
    },
  },
])

for (const { name, exporters } of cases) {
  test(`JavaScript's SDK sends all signals over ${name}`, async (t) => {
    const receiving = await receive(t)
    await sendAll(exporters(receiving))
    assertAllThere(receiving)
  })
}

test("JavaScript's SDK's metadata goes along where it is asked for", async (t) => {
  const receiving = await receive(t, { grpc: { include_metadata: true }, http: { include_metadata: true } })
  const metadata = new Metadata()
  metadata.set('x-tenant', 'a')
  const grpc = { url: `http://${receiving.grpc}`, credentials: credentials.createInsecure(), metadata }
  const http = (signal: string) => ({ url: `${receiving.http}/v1/${signal}`, headers: { 'X-Tenant': 'b' } })
  await sendAll({
    traces: new GrpcTraces(grpc),
    logs: new ProtoLogs(http('logs')),
    metrics: new JsonMetrics(http('metrics')),
  })
  assertAllThere(receiving)
  const tenants = [receiving.traces, receiving.logs, receiving.metrics].map(([batch]) =>
    batch?.context?.metadata.get('x-tenant'),
  )
  assert.deepEqual(tenants, [['a'], ['b'], ['b']])
  assert.equal(receiving.traces[0]?.context?.peer, '127.0.0.1')
})

// --------------------------------------------------------------------------------------------------------- Python

/** False skips the test; with SOLDER_REQUIRE_REAL=1 what is missing is a failure instead. */
function hasPythonSdk(): boolean {
  const modules =
    'opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http, grpc_reflection, grpc_health'
  const { status, stderr } = spawnSync('python3', ['-c', `import ${modules}`], { encoding: 'utf8' })
  if (status !== 0 && process.env['SOLDER_REQUIRE_REAL'] === '1') throw new Error(`Python's SDK is missing: ${stderr}`)
  return status === 0
}

async function python(t: TestContext, receiving: Receiving, what: string): Promise<string> {
  const script = join(import.meta.dirname, 'testdata', 'python_sdk.py')
  const child = spawn('python3', [script, what, receiving.grpc, receiving.http], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  const status = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(status, 0, err)
  return out
}

const withPython = { skip: hasPythonSdk() ? false : "Python's SDK is not installed" }

for (const protocol of ['grpc', 'grpc-gzip', 'http', 'http-gzip', 'http-deflate']) {
  test(`Python's SDK sends all signals over ${protocol}`, withPython, async (t) => {
    const receiving = await receive(t)
    await python(t, receiving, protocol)
    assertAllThere(receiving)
  })
}

test("Python's gRPC finds the services by reflection and checks their health", withPython, async (t) => {
  const out = await python(t, await receive(t), 'reflection')
  assert.match(out, /opentelemetry\.proto\.collector\.trace\.v1\.TraceService/)
  assert.match(out, /grpc\.reflection\.v1\.ServerReflection/)
  assert.match(out, /Export\(\.opentelemetry\.proto\.collector\.logs\.v1\.ExportLogsServiceRequest\)/)
  assert.match(out, /field status of opentelemetry\.proto\.trace\.v1\.Span/)
  assert.match(out, /health 1/)
})
