import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Capsule, type Component, ConsumeError, type NodeCounters } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { outcomeOf } from '#component/otel_exporter'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Traces } from '#pdata'
import {
  encodeExportResponse,
  encodeRpcStatus,
  logsFromJson,
  metricsFromJson,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesFromJson,
  tracesTree,
} from '#pdata/otlp'
import * as grpc from '@grpc/grpc-js'
import { otelcolExporterOtlp, otlpGrpcExporter } from './component.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-otlp-grpc-'))
const closers: (() => void | Promise<void>)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
  await rm(root, { recursive: true, force: true })
})
let directories = 0

type Handler = grpc.handleUnaryCall<Buffer, Buffer>
const identity = (bytes: Buffer): Buffer => bytes
const method = (path: string): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
})
const service = (signal: string): grpc.ServiceDefinition => ({
  export: method(`/opentelemetry.proto.collector.${signal}/Export`),
})
const ok = Buffer.from(encodeExportResponse({ rejected: 0, message: '' }))

/** A backend on gRPC's own server, which keeps the names of the spans that it took. */
class Backend {
  server = new grpc.Server()
  port = 0
  calls = 0
  readonly spans: string[] = []
  readonly metadata: grpc.Metadata[] = []
  logs = 0
  points = 0
  /** What it answers to the nth call; absent: it takes everything. */
  answer: (n: number, spans: readonly string[]) => Parameters<grpc.sendUnaryData<Buffer>>[0] | Buffer | 'nothing' =
    () => ok
  readonly #options: grpc.ServerOptions

  constructor(options: grpc.ServerOptions = {}) {
    this.#options = options
  }

  async start(): Promise<this> {
    this.server = new grpc.Server(this.#options)
    const traces: Handler = (call, reply) => {
      const names = namesOf(readTracesRequest(call.request))
      this.metadata.push(call.metadata)
      const answer = this.answer(this.calls++, names)
      if (answer === 'nothing') return
      if (Buffer.isBuffer(answer)) {
        this.spans.push(...names)
        reply(null, answer)
      } else reply(answer)
    }
    this.server.addService(service('trace.v1.TraceService'), { export: traces })
    const logs: Handler = (call, reply) => {
      this.logs += readLogsRequest(call.request).count
      reply(null, ok)
    }
    this.server.addService(service('logs.v1.LogsService'), { export: logs })
    const metrics: Handler = (call, reply) => {
      this.points += readMetricsRequest(call.request).count
      reply(null, ok)
    }
    this.server.addService(service('metrics.v1.MetricsService'), { export: metrics })
    this.port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, port: number): void => (error ? reject(error) : resolve(port))
      this.server.bindAsync(`127.0.0.1:${this.port}`, grpc.ServerCredentials.createInsecure(), bound)
    })
    return this
  }

  stop(): void {
    this.server.forceShutdown()
  }
}

async function backend(options: grpc.ServerOptions = {}): Promise<Backend> {
  const made = await new Backend(options).start()
  closers.push(() => made.stop())
  return made
}

function namesOf(batch: Traces): string[] {
  return tracesTree(batch).resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans.map((span) => span.name)))
}

const id = '5b8efff798038103d269b633813fc60c'

function spansOf(names: readonly string[]): Traces {
  const spans = names.map((name) => ({ traceId: id, spanId: 'eee19b7ec3c1b174', name }))
  return tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }))
}

const quick = { initial_interval: '5ms', max_interval: '20ms' }

interface Running {
  readonly host: TestHost
  readonly exporter: Component<object>
  readonly names: string[]
  /** As the service would: what comes in is counted, and what is refused. */
  send(...names: string[]): Promise<void>
  stop(): Promise<void>
}

async function exporter(port: number, written: Written = {}, dataDir?: string): Promise<Running> {
  const host = new TestHost({ dataDir: dataDir ?? join(root, String(++directories)) })
  const { client, ...rest } = written
  const settings = decoded(otelcolExporterOtlp.settings, {
    client: { endpoint: `127.0.0.1:${port}`, tls: { insecure: true }, ...(client as Written | undefined) },
    retry_on_failure: quick,
    ...rest,
  })
  const made = (await otelcolExporterOtlp.create(host, settings)) as Component<object>
  await made.start?.()
  const names: string[] = []
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) await made.stop(500)
    stopped = true
  }
  closers.push(stop)
  return {
    host,
    exporter: made,
    names,
    stop,
    send: async (...some) => {
      names.push(...some)
      host.counters.in += some.length
      try {
        await made.traces?.consume(spansOf(some))
      } catch (error) {
        host.counters.refused += some.length
        throw error
      }
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

function balanced(c: NodeCounters): void {
  assert.equal(c.in, c.out + c.dropped + c.refused + c.waiting, JSON.stringify({ ...c, waiting: c.waiting }))
}

test('all three signals arrive, with their headers, and are counted under the names of the collector', async () => {
  const b = await backend()
  const e = await exporter(b.port, { client: { headers: new Map([['X-Tenant', 'blue']]), compression: 'gzip' } })
  await e.send('a', 'b')
  const record = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'x' } }] }] }] }
  const gauge = { name: 'g', gauge: { dataPoints: [{ asInt: '1' }, { asInt: '2' }] } }
  const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge] }] }] }
  e.host.counters.in += 3
  await e.exporter.logs?.consume(logsFromJson(JSON.stringify(record)))
  await e.exporter.metrics?.consume(metricsFromJson(JSON.stringify(metrics)))
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans, ['a', 'b'])
  assert.equal(b.logs, 1)
  assert.equal(b.points, 2)
  assert.deepEqual(b.metadata[0]?.get('x-tenant'), ['blue'])
  assert.match(String(b.metadata[0]?.get('user-agent')[0]), /^Solder\/test/)
  const count = (name: string): number | undefined =>
    e.host.counts.get(`otelcol_exporter_${name}_total{exporter="otlp_grpc/test.component.x"}`)?.value
  assert.equal(count('sent_spans'), 2)
  assert.equal(count('sent_log_records'), 1)
  assert.equal(count('sent_metric_points'), 2)
  assert.equal(count('send_failed_spans'), 0)
  balanced(e.host.counters)
})

const failure = (code: grpc.status, details = 'no') => ({ code, details })

test('a backend that fails 70% of the time gets everything once', async () => {
  const b = await backend()
  const codes = [grpc.status.UNAVAILABLE, grpc.status.ABORTED, grpc.status.DATA_LOSS, grpc.status.CANCELLED]
  b.answer = (n) => ((n * 7919) % 10 < 7 ? failure(codes[n % codes.length] as grpc.status) : ok)
  const e = await exporter(b.port)
  for (let i = 0; i < 40; i++) await e.send(`a${i}`, `b${i}`)
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), e.names.toSorted())
  assert.equal(e.host.counters.out, 80)
  balanced(e.host.counters)
})

test('a backend that accepts and never answers is asked again when the time is over', async () => {
  const b = await backend()
  b.answer = (n) => (n === 0 ? 'nothing' : ok)
  const e = await exporter(b.port, { timeout: '1s' })
  await e.send('a')
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans, ['a'])
  assert.equal(b.calls, 2)
})

test('a backend that restarts is found again, and gets what came meanwhile', async () => {
  const b = await backend()
  const e = await exporter(b.port)
  await e.send('a')
  await until(() => e.host.counters.waiting === 0)
  b.stop()
  for (let i = 0; i < 5; i++) await e.send(`while away ${i}`)
  await e.host.until(() => e.host.health.state === 'unhealthy')
  await b.start()
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), e.names.toSorted())
  assert.equal(e.host.health.state, 'healthy')
  balanced(e.host.counters)
})

test('a server that says when to come back is obeyed; one that does not, for want of resources, is final', async () => {
  const b = await backend()
  const delayed = new grpc.Metadata()
  const status = encodeRpcStatus({ code: 8, message: 'slow down', retryAfterMs: 60 })
  delayed.set('grpc-status-details-bin', Buffer.from(status))
  b.answer = (n, [name]) => {
    if (name === 'final') return failure(grpc.status.RESOURCE_EXHAUSTED, 'quota')
    if (n > 0) return ok
    return { code: grpc.status.RESOURCE_EXHAUSTED, details: 'slow down', metadata: delayed }
  }
  const e = await exporter(b.port)
  await e.send('a')
  await until(() => e.host.counters.waiting === 0)
  await e.send('final')
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans, ['a'])
  assert.equal(e.host.counters.droppedByReason.get('rejected by the backend'), 1)
  balanced(e.host.counters)
})

test('the wait that a server asks for is what the queue is told', () => {
  const result = { code: 8, message: 'slow down', retryDelayMs: 60, response: new Uint8Array(0), unanswered: false }
  assert.deepEqual(outcomeOf(result), { kind: 'retry', message: 'RESOURCE_EXHAUSTED: slow down', retryAfterMs: 60 })
})

test('a request that is too large for the server is sent in halves; an item that is too large alone is dropped', async () => {
  const b = await backend({ 'grpc.max_receive_message_length': 2000 })
  const e = await exporter(b.port, { client: { compression: 'none' } })
  const names = Array.from({ length: 100 }, (_, i) => `span ${i} ${'x'.repeat(i === 50 ? 3000 : 50)}`)
  await e.send(...names)
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(
    b.spans,
    names.filter((_, i) => i !== 50),
  )
  assert.deepEqual([...e.host.counters.droppedByReason], [['too large', 1]])
  balanced(e.host.counters)
})

test('halves that were delivered are not sent again when the rest has to wait', async () => {
  const b = await backend({ 'grpc.max_receive_message_length': 1000 })
  b.answer = (n) => (n % 2 === 1 ? failure(grpc.status.UNAVAILABLE) : ok)
  const e = await exporter(b.port, { client: { compression: 'none' } })
  await e.send(...Array.from({ length: 40 }, (_, i) => `span ${i} ${'x'.repeat(50)}`))
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans, e.names)
  balanced(e.host.counters)
})

test('what the backend rejects of a request is counted as dropped, with its reason in the log', async () => {
  const b = await backend()
  b.answer = () => Buffer.from(encodeExportResponse({ rejected: 2, message: 'bad spans' }))
  const e = await exporter(b.port)
  await e.send('a', 'b', 'c')
  await until(() => e.host.counters.waiting === 0)
  assert.equal(e.host.counters.out, 1)
  assert.deepEqual([...e.host.counters.droppedByReason], [['rejected by the backend', 2]])
  balanced(e.host.counters)
})

test('codes that will not succeed later are final', async () => {
  const b = await backend()
  const codes = [
    grpc.status.INVALID_ARGUMENT,
    grpc.status.UNAUTHENTICATED,
    grpc.status.UNIMPLEMENTED,
    grpc.status.INTERNAL,
  ]
  b.answer = (n) => failure(codes[n] as grpc.status)
  const e = await exporter(b.port)
  for (const code of codes) await e.send(String(code))
  await until(() => e.host.counters.waiting === 0)
  assert.equal(b.calls, codes.length)
  assert.equal(e.host.counters.dropped, codes.length)
})

test('retries end after max_elapsed_time, or are not made at all', async () => {
  const b = await backend()
  b.answer = () => failure(grpc.status.UNAVAILABLE)
  const bounded = await exporter(b.port, { retry_on_failure: { ...quick, max_elapsed_time: '500ms' } })
  await bounded.send('a')
  await until(() => bounded.host.counters.waiting === 0)
  assert.deepEqual([...bounded.host.counters.droppedByReason], [['retries exhausted', 1]])
  assert.ok(b.calls > 1)
  b.calls = 0
  const once = await exporter(b.port, { retry_on_failure: { enabled: false } })
  await once.send('a')
  await until(() => once.host.counters.waiting === 0)
  assert.deepEqual([...once.host.counters.droppedByReason], [['send failed', 1]])
  assert.equal(b.calls, 1)
})

test('a queue that is full refuses, or makes its senders wait', async () => {
  const b = await backend()
  b.answer = () => failure(grpc.status.UNAVAILABLE)
  const small = { queue_size: 2, num_consumers: 1 }
  const refusing = await exporter(b.port, { sending_queue: small })
  await refusing.send('a')
  await refusing.send('b')
  await assert.rejects(refusing.send('c'), (error) => error instanceof ConsumeError && error.retryable)
  assert.equal(refusing.host.counters.refused, 1)
  balanced(refusing.host.counters)
  const name = 'otelcol_exporter_enqueue_failed_spans_total{exporter="otlp_grpc/test.component.x"}'
  assert.equal(refusing.host.counts.get(name)?.value, 1)
  const gauge = (which: string): number | undefined =>
    refusing.host.readings.get(
      `otelcol_exporter_queue_${which}{exporter="otlp_grpc/test.component.x",data_type="traces"}`,
    )?.()
  assert.equal(gauge('size'), 2)
  assert.equal(gauge('capacity'), 2)
  await refusing.stop()

  const waiting = await exporter(b.port, { sending_queue: { ...small, sizer: 'items', block_on_overflow: true } })
  await waiting.send('a', 'b')
  const blocked = [waiting.send('c'), waiting.send('d'), waiting.send('e')]
  await assert.rejects(waiting.send('f', 'g', 'h'), (error) => error instanceof ConsumeError && !error.retryable)
  b.answer = () => ok
  await Promise.all(blocked)
  await until(() => waiting.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), ['a', 'b', 'c', 'd', 'e'])
  balanced(waiting.host.counters)
})

test('batches are joined up to their size', async () => {
  const b = await backend()
  const batch = { min_size: 10, max_size: 10, flush_timeout: '500ms' }
  const e = await exporter(b.port, { sending_queue: { batch } })
  for (let i = 0; i < 12; i++) await e.send(`a${i}`, `b${i}`)
  await e.send(...Array.from({ length: 25 }, (_, i) => `c${i}`))
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), e.names.toSorted())
  assert.ok(b.calls <= 9, `${b.calls} calls`)
  balanced(e.host.counters)
})

test('without a queue, or waiting for the result, the sender learns what became of it', async () => {
  const b = await backend()
  const settings: [string, Written][] = [
    ['no queue', { sending_queue: { enabled: false } }],
    ['wait_for_result', { sending_queue: { wait_for_result: true } }],
  ]
  for (const [name, written] of settings) {
    b.spans.length = 0
    b.calls = 0
    b.answer = (n, [span]) => (span === 'bad' ? failure(grpc.status.INVALID_ARGUMENT) : n === 0 ? failure(14) : ok)
    const e = await exporter(b.port, written)
    await e.send('a', 'b')
    assert.deepEqual(b.spans, ['a', 'b'], name)
    await assert.rejects(e.send('bad'), (error) => error instanceof ConsumeError && !error.retryable)
    balanced(e.host.counters)
    assert.equal(e.host.counters.refused, 1)
    await e.stop()
  }
})

test('a stop during an outage keeps what waits for the next process', async () => {
  const b = await backend()
  b.answer = () => failure(grpc.status.UNAVAILABLE)
  const dataDir = join(root, 'kept')
  const first = await exporter(b.port, {}, dataDir)
  for (let i = 0; i < 20; i++) await first.send(`a${i}`)
  await until(() => b.calls > 0)
  await first.stop()
  b.answer = () => ok
  const second = await exporter(b.port, {}, dataDir)
  await until(() => b.spans.length === 20 && second.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), first.names.toSorted())
  assert.equal(second.host.counters.in, 20)
  balanced(second.host.counters)
  await second.stop()
  const left = await readdir(join(dataDir, 'traces')).catch(() => [])
  assert.deepEqual(
    left.filter((file) => file !== 'head'),
    [],
  )
})

test('with storage, what was taken survives the death of the process', async () => {
  const b = await backend()
  b.answer = () => failure(grpc.status.UNAVAILABLE)
  const directory = join(root, 'stored')
  const storage: OtelExtension = { id: 'file', storage: { directoryFor: (id) => join(directory, id), fsync: true } }
  const sending_queue = { storage: new Capsule('otelcol.Handler', storage) }
  const died = await exporter(b.port, { sending_queue })
  for (let i = 0; i < 10; i++) await died.send(`a${i}`)
  // No stop: what a dead process leaves. Its files are read by the next one as they lie there.
  const copied = join(root, 'copied')
  await cp(directory, copied, { recursive: true })
  const next: OtelExtension = { id: 'file', storage: { directoryFor: (id) => join(copied, id), fsync: true } }
  await died.stop()
  b.answer = () => ok
  const e = await exporter(b.port, { sending_queue: { storage: new Capsule('otelcol.Handler', next) } })
  await until(() => b.spans.length >= 10 && e.host.counters.waiting === 0)
  assert.deepEqual(b.spans.toSorted(), died.names.toSorted())
  balanced(e.host.counters)
})

test('a queue that is turned off, and on again, loses nothing of what it was given', async () => {
  const b = await backend()
  const e = await exporter(b.port)
  await e.send('queued')
  const client = { endpoint: `127.0.0.1:${b.port}`, tls: { insecure: true } }
  const off = decoded(otelcolExporterOtlp.settings, { client, sending_queue: { enabled: false } })
  await e.exporter.update?.(off)
  await e.send('direct')
  assert.deepEqual(b.spans.toSorted(), ['direct', 'queued'])
  await e.exporter.update?.(decoded(otelcolExporterOtlp.settings, { client }))
  await e.send('queued again')
  await until(() => e.host.counters.waiting === 0)
  assert.equal(e.host.counters.out, 3)
  balanced(e.host.counters)
})

test('new settings take over while the old ones fail', async () => {
  const dead = await backend()
  dead.answer = () => failure(grpc.status.UNAVAILABLE)
  const alive = await backend()
  const e = await exporter(dead.port)
  await e.send('a')
  await until(() => dead.calls > 0)
  const client = { endpoint: `127.0.0.1:${alive.port}`, tls: { insecure: true } }
  await e.exporter.update?.(decoded(otelcolExporterOtlp.settings, { client, retry_on_failure: quick }))
  await e.send('b')
  await until(() => e.host.counters.waiting === 0)
  assert.deepEqual(alive.spans.toSorted(), ['a', 'b'])
  balanced(e.host.counters)
})

test('settings that cannot work are refused', () => {
  const client = { endpoint: 'backend:4317' }
  const cases: [Written, RegExp][] = [
    [{}, /missing required block "client"/],
    [{ client: { endpoint: 'a b' } }, /should be host:port/],
    [{ client: { ...client, compression: 'br' } }, /unsupported compression type "br"/],
    [{ client: { ...client, tls: { min_version: '1.4' } } }, /unsupported TLS version/],
    [{ client: { ...client, tls: { cert_pem: 'x' } } }, /provide both certificate and key/],
    [{ client, retry_on_failure: { multiplier: 1 } }, /multiplier must be greater than 1/],
    [{ client, sending_queue: { queue_size: 0 } }, /queue_size must be greater than zero/],
    [{ client, sending_queue: { sizer: 'spans' } }, /"requests", "items", "bytes"/],
    [{ client, sending_queue: { batch: { min_size: 10, max_size: 5 } } }, /max_size/],
  ]
  for (const [written, problem] of cases) {
    assert.match(problemsOf(otelcolExporterOtlp.settings, written).join('\n'), problem)
  }
  assert.deepEqual(problemsOf(otelcolExporterOtlp.settings, { client }), [])
  assert.match(problemsOf(otlpGrpcExporter.settings, {}).join(), /requires a non-empty "endpoint"/)
  assert.deepEqual(
    problemsOf(otlpGrpcExporter.settings, {
      endpoint: 'https://backend:4317',
      headers: [
        new Map([
          ['name', 'a'],
          ['value', 'b'],
        ]),
      ],
      keepalive: { time: '30s' },
      tls: { insecure: true, server_name_override: 'x' },
      sending_queue: { batch: { partition: { metadata_keys: ['tenant'] } } },
    }),
    [],
  )
})
