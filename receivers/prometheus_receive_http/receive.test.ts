import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Capsule, ConsumeError, type MetricsPort } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { snappyCompress } from '#lib/snappy'
import { labelsText, type Metrics } from '#pdata'
import { prometheusReceiveHttp } from './component.ts'
import { ReceiveHttp } from './receiver.ts'

/** A port that keeps what it gets, or fails as told. */
class KeepingPort implements MetricsPort {
  readonly nodeId = 'test.keeping.x'
  readonly signal = 'metrics'
  readonly batches: Metrics[] = []
  failure: Error | undefined

  consume(batch: Metrics): void {
    if (this.failure) throw this.failure
    this.batches.push(batch)
  }

  get text(): string {
    const lines = this.batches.flatMap((batch) => {
      const { layout, values } = batch.series()
      return layout.series.map((series, i) => `${labelsText(series.labels)} ${values[i]}`)
    })
    return lines.join('\n')
  }
}

// Messages by hand, field by field, so that they do not come from the codec under test (prometheus/prompb/*.proto).
const bytes = (field: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.of((field << 3) | 2, content.length), content])
const text = (field: number, content: string): Uint8Array => bytes(field, Buffer.from(content))
const varint = (field: number, value: number): Uint8Array => Buffer.of(field << 3, value)
function double(field: number, value: number): Uint8Array {
  const encoded = Buffer.alloc(9)
  encoded[0] = (field << 3) | 1
  encoded.writeDoubleLE(value, 1)
  return encoded
}
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

const label = (name: string, value: string): Uint8Array => bytes(1, join(text(1, name), text(2, value)))
const sample = (value: number): Uint8Array => bytes(2, join(double(1, value), varint(2, 100)))
const v1 = (...series: Uint8Array[]): Uint8Array => join(...series.map((one) => bytes(1, one)))
const good = v1(join(label('__name__', 'm'), label('a', '1'), sample(42)))
const nameless = v1(join(label('a', '1'), sample(1)), join(label('__name__', 'n'), sample(2)))

/** Symbols, then one series: label references, a sample, metadata (type gauge, unit by reference). */
const v2 = (references: readonly number[]): Uint8Array =>
  join(
    ...['', '__name__', 'm', 'a', '1', 'bytes'].map((symbol) => text(4, symbol)),
    bytes(
      5,
      join(
        bytes(1, Uint8Array.from(references)),
        bytes(2, join(double(1, 7), varint(2, 100))),
        bytes(5, join(varint(1, 2), varint(4, 5))),
      ),
    ),
  )
const good2 = v2([1, 2, 3, 4])

const v2Type = 'application/x-protobuf;proto=io.prometheus.write.v2.Request'
const both = ['prometheus.WriteRequest', 'io.prometheus.write.v2.Request']

interface Bench {
  readonly host: TestHost
  readonly port: KeepingPort
  readonly receiver: ReceiveHttp
  post(message: Uint8Array, headers?: Record<string, string>, path?: string): Promise<Response>
}

const written = (port: KeepingPort, more: Written = {}): Written => ({
  forward_to: [new Capsule('MetricsReceiver', port)],
  http: { listen_address: '127.0.0.1', listen_port: 0n },
  ...more,
})

async function bench(t: TestContext, more: Written = {}): Promise<Bench> {
  const host = new TestHost()
  const port = new KeepingPort()
  const receiver = new ReceiveHttp(host, decoded(prometheusReceiveHttp.settings, written(port, more)))
  await receiver.start()
  t.after(() => receiver.stop(0))
  const post = (
    message: Uint8Array,
    headers: Record<string, string> = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    path = '/api/v1/metrics/write',
  ): Promise<Response> =>
    fetch(`http://127.0.0.1:${receiver.port}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(snappyCompress(message)),
    })
  return { host, port, receiver, post }
}

test('checks of the settings', async (t) => {
  const field = 'accepted_remote_write_protobuf_messages'
  const cases: { more: Written; want: string[] }[] = [
    { more: {}, want: [] },
    { more: { [field]: both }, want: [] },
    { more: { [field]: [] }, want: [`${field} must not be empty`] },
    {
      more: { [field]: ['v3'] },
      want: [
        'unsupported protocol version "v3": valid values are "prometheus.WriteRequest" and "io.prometheus.write.v2.Request"',
      ],
    },
    {
      more: { http: { listen_port: 70_000n } },
      want: ['Cannot listen: a port is between 0 and 65535: current value is 70000'],
    },
  ]
  for (const { more, want } of cases) {
    await t.test(JSON.stringify(want), () => {
      assert.deepEqual(problemsOf(prometheusReceiveHttp.settings, written(new KeepingPort(), more)), want)
    })
  }
})

test('version 1 is taken, decoded and handed on', async (t) => {
  const { host, port, post } = await bench(t)
  const response = await post(good)
  assert.equal(response.status, 204)
  assert.equal(response.headers.get('x-prometheus-remote-write-samples-written'), null)
  assert.equal(port.text, '{__name__="m", a="1"} 42')
  assert.deepEqual([host.counters.in, host.counters.out], [1, 1])
  const duration =
    'prometheus_receive_http_request_duration_seconds{method="POST",route="api_v1_metrics_write",status_code="204",ws="false"}'
  assert.equal(host.distributions.get(duration)?.count, 1)
  assert.equal(host.distributions.get('prometheus_fanout_latency')?.count, 1)
  assert.equal((await post(good, {})).status, 204, 'without headers too, as old senders do')
})

test('version 2 is taken where the settings allow it, and told what was written', async (t) => {
  const { port, post } = await bench(t, { accepted_remote_write_protobuf_messages: both })
  const response = await post(good2, { 'content-type': v2Type, 'content-encoding': 'snappy' })
  assert.equal(response.status, 204)
  assert.equal(response.headers.get('x-prometheus-remote-write-samples-written'), '1')
  assert.equal(response.headers.get('x-prometheus-remote-write-histograms-written'), '0')
  assert.equal(response.headers.get('x-prometheus-remote-write-exemplars-written'), '0')
  assert.equal(port.text, '{__name__="m", a="1"} 7')
})

test('type and unit become labels where the settings say so', async (t) => {
  const { port, post } = await bench(t, {
    accepted_remote_write_protobuf_messages: both,
    enable_type_and_unit_labels: true,
  })
  for (let i = 0; i < 2; i++) await post(good2, { 'content-type': v2Type, 'content-encoding': 'snappy' })
  const [first, second] = port.batches.map((batch) => batch.series())
  assert.equal(
    labelsText(first?.layout.series[0]?.labels ?? []),
    '{__name__="m", __type__="gauge", __unit__="bytes", a="1"}',
  )
  assert.equal(first?.layout.series[0], second?.layout.series[0], 'the same series gives the same object')
})

test('what is not taken, and how that is said', async (t) => {
  const { host, port, post, receiver } = await bench(t)
  const snappy = { 'content-encoding': 'snappy' }
  const cases: { name: string; send(): Promise<Response>; status: number; text: RegExp }[] = [
    {
      name: 'version 2, when it is not allowed',
      send: () => post(good2, { ...snappy, 'content-type': v2Type }),
      status: 415,
      text: /is not one of: prometheus\.WriteRequest/,
    },
    {
      name: 'another content type',
      send: () => post(good, { ...snappy, 'content-type': 'application/json' }),
      status: 415,
      text: /application\/x-protobuf/,
    },
    {
      name: 'another encoding',
      send: () => post(good, { 'content-encoding': 'gzip' }),
      status: 415,
      text: /not snappy/,
    },
    { name: 'a broken message', send: () => post(Buffer.from('nonsense')), status: 400, text: /./ },
    {
      name: 'a broken block',
      send: () =>
        fetch(`http://127.0.0.1:${receiver.port}/api/v1/metrics/write`, {
          method: 'POST',
          body: new Uint8Array([255, 255]),
        }),
      status: 400,
      text: /snappy/,
    },
    {
      name: 'a block that claims gigabytes',
      send: () =>
        fetch(`http://127.0.0.1:${receiver.port}/api/v1/metrics/write`, {
          method: 'POST',
          body: new Uint8Array([255, 255, 255, 255, 15, 0]),
        }),
      status: 413,
      text: /more than the 33554432 bytes/,
    },
    { name: 'another path', send: () => post(good, snappy, '/api/v1/write'), status: 404, text: /404/ },
    {
      name: 'another method',
      send: () => fetch(`http://127.0.0.1:${receiver.port}/api/v1/metrics/write`),
      status: 405,
      text: /^$/,
    },
  ]
  for (const { name, send, status, text } of cases) {
    await t.test(name, async () => {
      const response = await send()
      assert.equal(response.status, status)
      assert.match(await response.text(), text)
    })
  }
  assert.equal(port.batches.length, 0)
  assert.deepEqual([host.counters.in, host.counters.out], [0, 0])
})

test('invalid series are left out and counted; their sender does not send them again', async (t) => {
  const { host, port, post } = await bench(t)
  assert.equal((await post(nameless)).status, 204)
  assert.equal(port.text, '{__name__="n"} 2')
  const { counters } = host
  assert.deepEqual([counters.in, counters.out, counters.dropped, counters.refused], [2, 1, 1, 0])
  assert.equal(host.counts.get('prometheus_api_remote_write_invalid_labels_samples_total')?.value, 1)
})

test('a consumer that fails is told to the sender', async (t) => {
  const cases: { failure: Error; status: number; retryAfter: string | null }[] = [
    { failure: new ConsumeError('full', { retryable: true, retryAfterMs: 1500 }), status: 503, retryAfter: '2' },
    { failure: new ConsumeError('full', { retryable: true }), status: 503, retryAfter: '5' },
    { failure: new ConsumeError('no', { retryable: false }), status: 400, retryAfter: null },
    { failure: new Error('broken'), status: 500, retryAfter: null },
  ]
  for (const { failure, status, retryAfter } of cases) {
    await t.test(`${status} ${retryAfter}`, async (t) => {
      const { host, port, post } = await bench(t)
      port.failure = failure
      const response = await post(good)
      assert.equal(response.status, status)
      assert.equal(response.headers.get('retry-after'), retryAfter)
      assert.deepEqual([host.counters.in, host.counters.out, host.counters.refused], [1, 0, 1])
    })
  }
})

test('a port that is taken is tried again until it is free', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => blocker.once('listening', resolve))
  const listen_port = BigInt((blocker.address() as AddressInfo).port)
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const http = { listen_address: '127.0.0.1', listen_port }
  const receiver = new ReceiveHttp(host, decoded(prometheusReceiveHttp.settings, written(new KeepingPort(), { http })))
  t.after(() => receiver.stop(0))
  await receiver.start()
  assert.equal(host.health.state, 'unhealthy')
  assert.match(host.health.message, /EADDRINUSE/)
  await new Promise((resolve) => blocker.close(resolve))
  await clock.advance(1000)
  await host.until(() => host.health.state === 'healthy')
})

test('an update takes effect while the server goes on', async (t) => {
  const { port, post, receiver } = await bench(t)
  const before = receiver.port
  const next = new KeepingPort()
  await receiver.update(decoded(prometheusReceiveHttp.settings, written(next, { graceful_shutdown_timeout: '1s' })))
  assert.equal(receiver.port, before)
  assert.equal((await post(good)).status, 204)
  assert.deepEqual([port.batches.length, next.batches.length], [0, 1])
  await receiver.stop(1000)
  await receiver.stop(1000)
  await assert.rejects(post(good))
})
