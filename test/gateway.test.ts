// The gateway from end to end, with real programs and real clients: the OpenTelemetry JavaScript SDK's exporters into a
// Solder with the collector's YAML, on to one with Alloy's language, and into a backend that keeps what arrives.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { SpanKind, SpanStatusCode, trace, TraceFlags, context as apiContext } from '@opentelemetry/api'
import { credentials } from '@grpc/grpc-js'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { LoggerProvider, type LogRecordExporter, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { MeterProvider, MetricReader, type PushMetricExporter, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { logsTree, metricsTree, readLogsRequest, readMetricsRequest, readTracesRequest, tracesTree } from '#pdata/otlp'
import {
  eventually,
  freePort,
  hasProgram,
  launcher,
  Program,
  RealPrometheus,
  startSolder,
  temporaryDirectory,
} from './real.ts'

const signals = ['traces', 'logs', 'metrics'] as const
type Signal = (typeof signals)[number]

// --------------------------------------------------------------------------------------------------------- backend

/** Keeps every item as text, with its resource and scope. */
class Backend {
  readonly items: Record<Signal, string[]> = { traces: [], logs: [], metrics: [] }
  requests = 0
  refused = 0
  /** The status to refuse the n-th request with; 0: cut the connection, undefined: take it. */
  refuse: (n: number) => number | undefined = () => undefined
  url = ''

  static async start(t: TestContext): Promise<Backend> {
    const backend = new Backend()
    const server = createServer((request, response) => void backend.#answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    backend.url = `http://127.0.0.1:${address.port}`
    return backend
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = await request.toArray().catch(() => [])
    if (!request.complete) return
    const status = this.refuse(this.requests++)
    if (status !== undefined) {
      this.refused++
      if (status === 0) request.socket.destroy()
      else response.writeHead(status).end('not now')
      return
    }
    const raw = Buffer.concat(chunks)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
    const signal = signals.find((name) => request.url === `/v1/${name}`)
    if (signal === undefined) response.writeHead(404).end()
    else {
      this.items[signal].push(...itemsIn[signal](body))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    }
  }

  get counts(): Record<Signal, number> {
    return {
      traces: this.items.traces.length,
      logs: this.items.logs.length,
      metrics: this.items.metrics.length,
    }
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `int ${part}` : part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  )
}

const itemsIn: Readonly<Record<Signal, (body: Uint8Array) => string[]>> = {
  traces: (body) =>
    tracesTree(readTracesRequest(body)).resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans }) => spans.map((span) => textOf({ resource, scope, span }))),
    ),
  logs: (body) =>
    logsTree(readLogsRequest(body)).resourceLogs.flatMap(({ resource, scopeLogs }) =>
      scopeLogs.flatMap(({ scope, logRecords }) => logRecords.map((record) => textOf({ resource, scope, record }))),
    ),
  metrics: (body) =>
    metricsTree(readMetricsRequest(body)).resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
      scopeMetrics.flatMap(({ scope, metrics }) =>
        metrics.flatMap(({ data, ...metric }) =>
          'points' in data
            ? data.points.map((point) => textOf({ resource, scope, ...metric, ...data, points: [point] }))
            : [],
        ),
      ),
    ),
}

// ------------------------------------------------------------------------------------------------------------- SDK

interface Exporters {
  readonly traces: SpanExporter
  readonly logs: LogRecordExporter
  readonly metrics: PushMetricExporter
}

interface Telemetry {
  readonly traces: ReadableSpan[]
  readonly logs: ReadableLogRecord[]
  readonly metrics: ResourceMetrics
}

const protocols = {
  grpc: ({ grpc }: Ports): Exporters => {
    const options = { url: `http://127.0.0.1:${grpc}`, credentials: credentials.createInsecure() }
    return { traces: new GrpcTraces(options), logs: new GrpcLogs(options), metrics: new GrpcMetrics(options) }
  },
  'http/protobuf': ({ http }: Ports): Exporters => protobufTo(`http://127.0.0.1:${http}`),
  'http/json': ({ http }: Ports): Exporters => {
    const to = (signal: Signal) => ({ url: `http://127.0.0.1:${http}/v1/${signal}` })
    return {
      traces: new JsonTraces(to('traces')),
      logs: new JsonLogs(to('logs')),
      metrics: new JsonMetrics(to('metrics')),
    }
  },
} as const

function protobufTo(url: string): Exporters {
  const to = (signal: Signal) => ({ url: `${url}/v1/${signal}` })
  return {
    traces: new ProtoTraces(to('traces')),
    logs: new ProtoLogs(to('logs')),
    metrics: new ProtoMetrics(to('metrics')),
  }
}

class Collected extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const spansEach = 40
const recordsEach = 25

/** Spans, records and points of all kinds, marked with what they are for. */
async function telemetryOf(mark: string): Promise<Telemetry> {
  const spans: ReadableSpan[] = []
  const keep = { onStart() {}, onEnd: (span: ReadableSpan) => void spans.push(span), forceFlush: done, shutdown: done }
  const tracer = new BasicTracerProvider({ spanProcessors: [keep] }).getTracer(`for ${mark}`, '1.0')
  const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED }
  for (let i = 0; i < spansEach; i++) {
    const attributes = { text: 'käse 🧀', whole: 2 ** 40 + i, part: i / 7, yes: true, many: ['a', 'b'] }
    const options = { kind: SpanKind.SERVER, attributes, links: [{ context: parent, attributes: { of: i } }] }
    const span = tracer.startSpan(`span ${i}`, options, trace.setSpanContext(apiContext.active(), parent))
    span.addEvent('event', { at: i })
    if (i % 2) span.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' })
    span.end()
  }
  const records: ReadableLogRecord[] = []
  const onEmit = (record: ReadableLogRecord): void => void records.push(record)
  const logger = new LoggerProvider({ processors: [{ onEmit, forceFlush: done, shutdown: done }] })
  for (let i = 0; i < recordsEach; i++) {
    const body = i % 2 ? `line ${i}` : { event: 'structured', depth: { of: [i, 'x'] } }
    logger.getLogger(`for ${mark}`).emit({ body, severityNumber: 9, severityText: 'INFO', attributes: { i } })
  }
  const reader = new Collected()
  const meter = new MeterProvider({ readers: [reader] }).getMeter(`for ${mark}`)
  for (const path of ['/a', '/b', '/c']) {
    meter.createCounter('count', { unit: '{request}' }).add(3, { path })
    meter.createUpDownCounter('up_down').add(-1.5, { path })
    meter.createHistogram('duration', { unit: 's' }).record(1.5, { path })
    meter.createGauge('gauge').record(0.1, { path })
  }
  return { traces: spans, logs: records, metrics: (await reader.collect()).resourceMetrics }
}

async function done(): Promise<void> {}

function exported<T>(
  exporter: { export(items: T, done: (result: { code: number; error?: Error }) => void): void },
  items: T,
): Promise<void> {
  return new Promise((resolve, reject) => {
    exporter.export(items, ({ code, error }) => {
      if (code === 0) resolve()
      else reject(error ?? new Error('not exported'))
    })
  })
}

async function send(exporters: Exporters, { traces, logs, metrics }: Telemetry): Promise<void> {
  await Promise.all([
    exported(exporters.traces, traces),
    exported(exporters.logs, logs),
    exported(exporters.metrics, metrics),
  ])
  await Promise.all([exporters.traces.shutdown(), exporters.logs.shutdown(), exporters.metrics.shutdown()])
}

// --------------------------------------------------------------------------------------------------------- Solders

interface Ports {
  readonly grpc: number
  readonly http: number
  /** Own metrics, or the admin server. */
  readonly own: number
}

const freePorts = async (): Promise<Ports> => ({
  grpc: await freePort(),
  http: await freePort(),
  own: await freePort(),
})

/** Quick tries, without end. */
const yamlRetry = 'retry_on_failure: {initial_interval: 10ms, max_interval: 50ms, max_elapsed_time: 0s}'
const alloyRetry = `retry_on_failure {
    initial_interval = "10ms"
    max_interval     = "50ms"
    max_elapsed_time = "0s"
  }`

/** YAML: spans and points go on over gRPC, records over HTTP. */
async function startFirst(t: TestContext, ports: Ports, next: Ports): Promise<Program> {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'config.yaml')
  writeFileSync(
    config,
    `
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${ports.grpc}"}, http: {endpoint: "127.0.0.1:${ports.http}"}}}
processors:
  batch: {timeout: 20ms, send_batch_size: 16, send_batch_max_size: 16}
exporters:
  otlp_grpc: {endpoint: "127.0.0.1:${next.grpc}", tls: {insecure: true}, ${yamlRetry}}
  otlp_http: {endpoint: "http://127.0.0.1:${next.http}", ${yamlRetry}}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${ports.own}}}}}]}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}
    metrics: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], processors: [batch], exporters: [otlp_http]}
`,
  )
  const program = new Program(launcher, [`--config=${config}`, `--storage.path=${join(directory, 'storage')}`])
  t.after(() => program.stop('SIGKILL'))
  await eventually(
    'the first Solder takes requests',
    async () => {
      if (program.child.exitCode !== null) throw new Error(`Solder ended: ${program.output}`)
      for (const port of [ports.grpc, ports.http]) await connected(port)
      return true
    },
    60_000,
  )
  return program
}

function connected(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}

/** Alloy's language: everything to the backend. `storage`: its queue is on disk from the first item, and nothing batches. */
async function startSecond(t: TestContext, ports: Ports, backendUrl: string, storage?: string): Promise<Program> {
  const directory = storage ?? temporaryDirectory(t)
  const config = join(directory, 'config.alloy')
  const first = storage === undefined ? 'otelcol.processor.batch.b' : 'otelcol.exporter.otlphttp.e'
  writeFileSync(
    config,
    `
otelcol.receiver.otlp "r" {
  grpc { endpoint = "127.0.0.1:${ports.grpc}" }
  http { endpoint = "127.0.0.1:${ports.http}" }
  output {
    traces  = [${first}.input]
    logs    = [${first}.input]
    metrics = [${first}.input]
  }
}
${
  storage === undefined
    ? `otelcol.processor.batch "b" {
  timeout             = "20ms"
  send_batch_size     = 16
  send_batch_max_size = 16
  output {
    traces  = [otelcol.exporter.otlphttp.e.input]
    logs    = [otelcol.exporter.otlphttp.e.input]
    metrics = [otelcol.exporter.otlphttp.e.input]
  }
}`
    : 'otelcol.storage.file "s" { }'
}
otelcol.exporter.otlphttp "e" {
  client { endpoint = "${backendUrl}" }
  ${alloyRetry}
  ${storage === undefined ? '' : 'sending_queue { storage = otelcol.storage.file.s.handler }'}
}
`,
  )
  const program = await startSolder(ports.own, [
    '--stability.level=experimental',
    `--storage.path=${join(directory, 'storage')}`,
    config,
  ])
  t.after(() => program.stop('SIGKILL'))
  return program
}

interface Counters {
  readonly in: number
  readonly out: number
  readonly refused: number
  readonly waiting: number
  readonly dropped: Readonly<Record<string, number>>
}

async function countersOf(port: number, id: string): Promise<Counters> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v0/web/components/${id}`)
  return ((await response.json()) as { counters: Counters }).counters
}

/** All that went into every node came out of it. */
async function assertBalance(port: number, ids: readonly string[], items: number): Promise<void> {
  for (const id of ids) {
    const want = { in: items, out: items, refused: 0, waiting: 0, dropped: {} }
    const found = await eventually(`${id} is at rest`, async () => {
      const counters = await countersOf(port, id)
      return counters.waiting === 0 && counters.out >= items ? counters : undefined
    })
    assert.deepEqual(found, want, id)
  }
}

const secondNodes = ['otelcol.receiver.otlp.r', 'otelcol.processor.batch.b', 'otelcol.exporter.otlphttp.e']

/** The sum of a family of the collector's own metrics; 0 where there is none. */
async function ownSum(port: number, name: RegExp): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return text
    .split('\n')
    .filter((line) => name.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function assertFirstBalance(port: number, items: number): Promise<void> {
  const of = 'spans|log_records|metric_points'
  assert.equal(await ownSum(port, new RegExp(`^otelcol_receiver_accepted_(${of})\\{`)), items, 'accepted')
  // What the next one has taken counts as sent once its answer is back.
  const sent = new RegExp(`^otelcol_exporter_sent_(${of})\\{`)
  await eventually('all counts as sent', async () => (await ownSum(port, sent)) >= items || undefined)
  assert.equal(await ownSum(port, sent), items, 'sent')
  assert.equal(await ownSum(port, /^otelcol_(receiver_refused|receiver_failed|exporter_(send|enqueue)_failed)_/), 0)
}

const sum = (counts: Readonly<Record<Signal, number>>): number => counts.traces + counts.logs + counts.metrics

/** Two Solders; everything over every protocol; the same telemetry straight to another backend, for comparison. */
async function assertAllArrives(t: TestContext, refuse: Backend['refuse']): Promise<Backend> {
  const backend = await Backend.start(t)
  const straight = await Backend.start(t)
  backend.refuse = refuse
  const [first, second] = [await freePorts(), await freePorts()]
  await Promise.all([startSecond(t, second, backend.url), startFirst(t, first, second)])
  await Promise.all(
    Object.entries(protocols).map(async ([name, exportersTo]) => {
      const telemetry = await telemetryOf(name)
      await send(exportersTo(first), telemetry)
      await send(protobufTo(straight.url), telemetry)
    }),
  )
  const want = straight.counts
  assert.equal(want.traces, 3 * spansEach)
  assert.equal(want.logs, 3 * recordsEach)
  assert.equal(want.metrics, 3 * 12)
  await eventually('everything has arrived', () => sum(backend.counts) >= sum(want) || undefined)
  await assertBalance(second.own, secondNodes, sum(want))
  await assertFirstBalance(first.own, sum(want))
  for (const signal of signals) {
    assert.deepEqual(backend.items[signal].toSorted(), straight.items[signal].toSorted(), signal)
  }
  return backend
}

// ----------------------------------------------------------------------------------------------------------- tests

test('what the SDK sends over every protocol arrives once and unchanged', { timeout: 240_000 }, async (t) => {
  const backend = await assertAllArrives(t, () => undefined)
  assert.equal(backend.refused, 0)
})

test('a backend that fails 70% of requests gets everything once', { timeout: 240_000 }, async (t) => {
  // By turns: every status of the specification that may pass, and connections that are cut.
  const failures = [503, 429, 0, undefined, 502, 504, undefined, 503, 0, undefined]
  const backend = await assertAllArrives(t, (n) => failures[n % failures.length])
  assert.ok(backend.refused >= backend.requests * 0.6, `${backend.refused} of ${backend.requests} were refused`)
})

/** Points of every kind, marked with the protocol that they go by. */
async function pointsOf(protocol: string): Promise<ResourceMetrics> {
  const reader = new Collected()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('points')
  for (const path of ['/a', '/b', '/c']) {
    meter.createCounter('count', { unit: '{request}' }).add(3, { path, protocol })
    meter.createUpDownCounter('up_down').add(-1.5, { path, protocol })
    meter.createHistogram('duration', { unit: 's' }).record(1.5, { path, protocol })
    meter.createGauge('level', { unit: 'By' }).record(0.1, { path, protocol })
  }
  return (await reader.collect()).resourceMetrics
}

/** YAML into Prometheus, and on to a second Solder; that one, in Alloy's language, into Prometheus too. */
function prometheusConfigurations(ports: Ports, next: Ports, url: string): { yaml: string; alloy: string } {
  const yaml = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${ports.grpc}"}, http: {endpoint: "127.0.0.1:${ports.http}"}}}
exporters:
  prometheus_remote_write: {endpoint: "${url}/api/v1/write", external_labels: {via: first}}
  otlp_http: {endpoint: "http://127.0.0.1:${next.http}", ${yamlRetry}}
service:
  pipelines:
    metrics: {receivers: [otlp], exporters: [prometheus_remote_write, otlp_http]}
`
  const alloy = `
otelcol.receiver.otlp "r" {
  http { endpoint = "127.0.0.1:${next.http}" }
  output { metrics = [otelcol.exporter.prometheus.p.input] }
}
otelcol.exporter.prometheus "p" {
  forward_to = [prometheus.remote_write.w.receiver]
}
prometheus.remote_write "w" {
  external_labels = { via = "second" }
  endpoint {
    url = "${url}/api/v1/write"
    queue_config { batch_send_deadline = "100ms" }
  }
}
`
  return { yaml, alloy }
}

const withPrometheus = { skip: hasProgram('prometheus') ? false : 'prometheus is not installed', timeout: 240_000 }

test(
  'points of the SDK over every protocol are in a real Prometheus, by way of one Solder and of two',
  withPrometheus,
  async (t) => {
    const directory = temporaryDirectory(t)
    const prometheus = new RealPrometheus(directory, await freePort())
    await prometheus.start()
    t.after(() => prometheus.stop())
    const [ports, next] = [await freePorts(), await freePorts()]
    const { yaml, alloy } = prometheusConfigurations(ports, next, prometheus.url)
    writeFileSync(join(directory, 'first.yaml'), yaml)
    writeFileSync(join(directory, 'second.alloy'), alloy)
    const second = await startSolder(next.own, [
      `--storage.path=${join(directory, 's2')}`,
      join(directory, 'second.alloy'),
    ])
    t.after(() => second.stop('SIGKILL'))
    const first = new Program(launcher, [
      `--config=${join(directory, 'first.yaml')}`,
      `--storage.path=${join(directory, 's1')}`,
    ])
    t.after(() => first.stop('SIGKILL'))
    await eventually('the first Solder takes requests', async () => {
      await connected(ports.grpc)
      await connected(ports.http)
      return true
    })
    for (const [name, exportersTo] of Object.entries(protocols)) {
      const exporters = exportersTo(ports)
      await exported(exporters.metrics, await pointsOf(name))
      await Promise.all([exporters.traces.shutdown(), exporters.logs.shutdown(), exporters.metrics.shutdown()])
    }
    const want: Readonly<Record<string, number>> = {
      count_total: 3,
      up_down: -1.5,
      duration_seconds_count: 1,
      duration_seconds_sum: 1.5,
      'duration_seconds_bucket{le="+Inf"}': 1,
      level_bytes: 0.1,
    }
    const keys = ['first', 'second'].flatMap((via) =>
      Object.keys(protocols).flatMap((protocol) => ['/a', '/b', '/c'].map((path) => `${via} ${protocol} ${path}`)),
    )
    for (const [query, value] of Object.entries(want)) {
      const found = await eventually(`all series of ${query} are there`, async () => {
        const series = await prometheus.query(query)
        return series.length >= keys.length ? series : undefined
      })
      const got = found.map(({ metric }) => `${metric['via']} ${metric['protocol']} ${metric['path']}`)
      assert.deepEqual(got.toSorted(), keys.toSorted(), query)
      for (const { value: sample } of found) assert.equal(Number(sample[1]), value, query)
    }
  },
)

test('what was acknowledged before a SIGKILL arrives after it', { timeout: 240_000 }, async (t) => {
  const backend = await Backend.start(t)
  backend.refuse = (n) => (n % 10 < 7 ? 503 : undefined)
  const ports = await freePorts()
  const storage = temporaryDirectory(t)
  const program = await startSecond(t, ports, backend.url, storage)
  const acknowledged = new Set<string>()
  let sent = 0
  let dead = false
  const keepSending = async (): Promise<void> => {
    while (!dead) {
      const name = `span ${sent++}`
      const taken = await postSpan(ports.http, name).catch(() => false)
      if (taken) acknowledged.add(name)
    }
  }
  const senders = Promise.all(Array.from({ length: 8 }, keepSending))
  await eventually('much was acknowledged, and some delivered', () =>
    acknowledged.size >= 300 && backend.counts.traces >= 20 ? true : undefined,
  )
  const killed = program.stop('SIGKILL')
  await killed
  dead = true
  await senders
  const before = arrived(backend)
  assert.ok(
    [...acknowledged].some((name) => !before.has(name)),
    'some only lay on disk',
  )

  await startSecond(t, ports, backend.url, storage)
  for (let i = 0; i < 20; i++) assert.ok(await postSpan(ports.http, `late ${i}`))
  for (let i = 0; i < 20; i++) acknowledged.add(`late ${i}`)
  await eventually('everything acknowledged has arrived', () => {
    const names = arrived(backend)
    return [...acknowledged].every((name) => names.has(name)) || undefined
  })
  const exporter = await eventually('the exporter is at rest', async () => {
    const counters = await countersOf(ports.own, 'otelcol.exporter.otlphttp.e')
    return counters.waiting === 0 ? counters : undefined
  })
  assert.deepEqual(exporter, { in: exporter.out, out: exporter.out, refused: 0, waiting: 0, dropped: {} })
  assert.ok(exporter.out > 20, 'what lay on disk counts as taken up')
})

async function postSpan(port: number, name: string): Promise<boolean> {
  const span = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name }
  const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
  })
  await response.arrayBuffer()
  return response.status === 200
}

function arrived(backend: Backend): Set<string> {
  return new Set(backend.items.traces.map((item) => (JSON.parse(item) as { span: { name: string } }).span.name))
}
