import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { ConsumeError, type OtelOutput, type TracesPort } from '#component'
import { decoded, TestHost, type Written } from '#component/test_host'
import { type Attributes, tracesTree } from '#pdata/otlp'
import { zipkinReceiver } from './component.ts'
import { ZipkinError } from './error.ts'
import type { ZipkinReceiver } from './receiver.ts'
import { spansFromJson, spansFromProtobuf } from './span.ts'
import { zipkinTraces } from './to_otlp.ts'
import { version1Traces } from './version1.ts'

const shown = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, typeof value === 'bigint' ? `${value}n` : value]))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** What is set of every span, with what is said of its resource and scope. */
function spansIn(tree: ReturnType<typeof tracesTree>): Record<string, unknown>[] {
  return tree.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        resource: shown(resource.attributes),
        scope: `${scope.name} ${scope.version}`.trim(),
        ids: [span.traceId, span.spanId, span.parentSpanId].map(hex).join(' ').trim(),
        name: span.name,
        kind: span.kind,
        time: `${span.startTimeUnixNano} ${span.endTimeUnixNano - span.startTimeUnixNano}`,
        attributes: shown(span.attributes),
        events: span.events.map(({ timeUnixNano, name, attributes }) => [timeUnixNano, name, shown(attributes)]),
        links: span.links.map(({ traceId, spanId, attributes }) => [hex(traceId), hex(spanId), shown(attributes)]),
        status: `${span.status.code} ${span.status.message}`.trim(),
        state: span.traceState,
      })),
    ),
  )
}

class Zipkin {
  readonly host = new TestHost()
  readonly spans: Record<string, unknown>[] = []
  failure: Error | undefined
  receiver: ZipkinReceiver | undefined

  async start(t: TestContext, written: Written = {}): Promise<this> {
    const port: TracesPort = {
      nodeId: 'sink',
      signal: 'traces',
      consume: (batch) => {
        if (this.failure) throw this.failure
        this.spans.push(...spansIn(tracesTree(batch)))
      },
    }
    const output: OtelOutput = { metrics: [], logs: [], traces: [{ nodeId: 'sink', traces: port }] }
    const settings = decoded(zipkinReceiver.settings, { endpoint: '127.0.0.1:0', ...written })
    this.receiver = (await zipkinReceiver.create(this.host, settings, output)) as unknown as ZipkinReceiver
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${this.receiver?.port}/api/v2/spans`
  }

  post(body: string | Uint8Array, headers: Record<string, string> = {}, url = this.url): Promise<Response> {
    return fetch(url, { method: 'POST', body, headers })
  }
}

test("OpenTelemetry's exporter for Zipkin sends spans, which come back as they were", async (t) => {
  const z = await new Zipkin().start(t)
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop', 'host.name': 'h' }),
    spanProcessors: [new SimpleSpanProcessor(new ZipkinExporter({ url: z.url }))],
  })
  const span = provider
    .getTracer('lib', '1')
    .startSpan('buy', { kind: SpanKind.CLIENT, startTime: [1_700_000_000, 5000] })
  span.setAttribute('n', 7)
  span.addEvent('cached', [1_700_000_000, 7000])
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no' })
  span.end([1_700_000_001, 5000])
  await provider.forceFlush()
  await provider.shutdown()
  const { spanId, traceId } = span.spanContext()
  assert.equal(z.spans.length, 1)
  const got = z.spans[0] as Record<string, unknown>
  const attributes = got['attributes'] as Record<string, unknown>
  const resource = got['resource'] as Record<string, unknown>
  assert.deepEqual([resource['service.name'], resource['host.name']], ['shop', 'h'])
  assert.equal(got['ids'], `${traceId} ${spanId}`)
  assert.deepEqual([got['name'], got['kind'], got['time']], ['buy', 3, '1700000000000005000 1000000000'])
  assert.equal(attributes['n'], '7')
  assert.match(got['status'] as string, /^2/)
  assert.deepEqual(got['events'], [[1_700_000_000_000_007_000n, 'cached', {}]])
})

const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', id: 'b7ad6b7169203331', parentId: '1' }
const full = {
  ...ids,
  name: 'get',
  kind: 'SERVER',
  timestamp: 1_700_000_000_000_001,
  duration: 2,
  localEndpoint: { serviceName: 'web', ipv4: '10.0.0.1', port: 80 },
  remoteEndpoint: { serviceName: 'db', ipv6: '2001:DB8:0::1' },
  annotations: [
    { timestamp: 1_700_000_000_000_002, value: 'a|{"k":"v|w","n":1,"x":1.5,"b":true}|3' },
    { timestamp: 1_700_000_000_000_003, value: 'just|a|text' },
  ],
  tags: {
    'otel.scope.name': 'lib',
    'otel.scope.version': '1',
    'host.name': 'h',
    'w3c.tracestate': 'a=b',
    'otlp.link.0': '0af7651916cd43dd8448eb211c80319d|b7ad6b7169203332|x=y|{"l":"m"}|0',
    error: 'boom',
    'http.status_code': '200',
    x: '1.5',
    y: 'true',
  },
}
const wantFull = {
  resource: { 'service.name': 'web', 'host.name': 'h' },
  scope: 'lib 1',
  ids: '0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 0000000000000001',
  name: 'get',
  kind: 2,
  time: '1700000000000001000 2000',
  attributes: {
    error: 'boom',
    'http.status_code': '200',
    x: '1.5',
    y: 'true',
    'net.host.ip': '10.0.0.1',
    'net.host.port': '80n',
    'peer.service': 'db',
    'net.peer.ip': '2001:db8::1',
  },
  events: [
    [1_700_000_000_000_002_000n, 'a', { k: 'v|w', n: '1n', x: 1.5, b: true }],
    [1_700_000_000_000_003_000n, 'just|a|text', {}],
  ],
  links: [['0af7651916cd43dd8448eb211c80319d', 'b7ad6b7169203332', { l: 'm' }]],
  status: '2',
  state: 'a=b',
}

test('Spans in JSON of version 2 are taken whole, also gzip', async (t) => {
  const z = await new Zipkin().start(t)
  assert.equal((await z.post(JSON.stringify([full]))).status, 202)
  assert.equal((await z.post(gzipSync(JSON.stringify([full])), { 'content-encoding': 'gzip' })).status, 202)
  assert.deepEqual(z.spans, [wantFull, wantFull])
  const counted = 'otelcol_receiver_accepted_spans_total{receiver="test.component.x",transport="http_v2_json"}'
  assert.equal(z.host.counts.get(counted)?.value, 2)
  assert.equal(z.host.counters.in, z.host.counters.out)
})

const proto = `syntax = "proto3"; package zipkin.proto3;
message Span {
  bytes trace_id = 1; bytes parent_id = 2; bytes id = 3;
  enum Kind { SPAN_KIND_UNSPECIFIED = 0; CLIENT = 1; SERVER = 2; PRODUCER = 3; CONSUMER = 4; }
  Kind kind = 4; string name = 5; fixed64 timestamp = 6; uint64 duration = 7;
  Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9; repeated Annotation annotations = 10;
  map<string, string> tags = 11; bool debug = 12; bool shared = 13;
}
message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
message Annotation { fixed64 timestamp = 1; string value = 2; }
message ListOfSpans { repeated Span spans = 1; }`

test('Spans in protobuf are the same as in JSON', async (t) => {
  const z = await new Zipkin().start(t)
  const type = protobuf.parse(proto).root.lookupType('zipkin.proto3.ListOfSpans')
  const span = {
    traceId: Buffer.from(ids.traceId, 'hex'),
    id: Buffer.from(ids.id, 'hex'),
    parentId: Buffer.from('0000000000000001', 'hex'),
    kind: 2,
    name: 'get',
    timestamp: full.timestamp,
    duration: 2,
    localEndpoint: { serviceName: 'web', ipv4: Buffer.from([10, 0, 0, 1]), port: 80 },
    remoteEndpoint: { serviceName: 'db', ipv6: Buffer.from('20010db8000000000000000000000001', 'hex') },
    annotations: full.annotations,
    tags: full.tags,
    shared: true,
  }
  const bytes = type.encode(type.create({ spans: [span, span] })).finish()
  assert.equal((await z.post(bytes, { 'content-type': 'application/x-protobuf' })).status, 202)
  assert.deepEqual(z.spans, [wantFull, wantFull])
})

test('Spans of several services and libraries are sorted; tags become what they look like; a start may be missing', async (t) => {
  const z = await new Zipkin().start(t, { parse_string_tags: true })
  const span = (id: string, service: string, tags: Record<string, string>) => ({ traceId: '1', id, localEndpoint: { serviceName: service }, tags }) // prettier-ignore
  const body = [
    span('1', 'b', { n: '-7', x: '1.50', t: 'true', s: '1e3', big: '99999999999999999999' }),
    span('2', 'a', { 'otel.library.name': 'l', 'otel.status_code': 'OK', 'span.kind': 'internal' }),
    span('3', 'a', { 'otel.status_code': 'ERROR', error: 'true' }),
    { traceId: '1', id: '4', parentId: '4', duration: 5 },
  ]
  assert.equal((await z.post(JSON.stringify(body))).status, 202)
  const [none, a1, a2, b] = z.spans as [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>, Record<string, unknown>] // prettier-ignore
  assert.deepEqual(none['resource'], {})
  assert.deepEqual([none['ids'], none['time']], [`${'1'.padStart(32, '0')} ${'4'.padStart(16, '0')}`, '0 5000'])
  assert.deepEqual(none['attributes'], { 'otel.zipkin.absentField.startTime': true })
  assert.deepEqual([a1['scope'], a1['status'], a1['kind']], ['', '2', 0])
  assert.deepEqual([a2['scope'], a2['status'], a2['kind']], ['l', '1', 1])
  const { 'otel.zipkin.absentField.startTime': _, ...tags } = b['attributes'] as Record<string, unknown>
  assert.deepEqual(tags, { n: '-7n', x: 1.5, t: true, s: '1e3', big: '99999999999999999999' })
})

test('Spans of version 1 have their kind, times and service in annotations', async (t) => {
  const z = await new Zipkin().start(t)
  const endpoint = { serviceName: 'web', ipv4: '10.0.0.1', port: 80 }
  const span = {
    ...ids,
    parentId: '0000000000000001',
    name: 'get',
    annotations: [
      { timestamp: 10, value: 'sr', endpoint },
      { timestamp: 11, value: 'cached', endpoint },
      { timestamp: 15, value: 'ss', endpoint },
    ],
    binaryAnnotations: [
      { key: 'lc', value: 'go', endpoint },
      { key: 'http.status_code', value: '500' },
      { key: 'census.status_description', value: 'why' },
      { key: 'error', value: 'yes' },
    ],
  }
  assert.equal((await z.post(JSON.stringify([span]), {}, z.url.replace('v2', 'v1'))).status, 202)
  assert.deepEqual(z.spans, [
    {
      resource: { 'service.name': 'web', ipv4: '10.0.0.1', port: '80' },
      scope: '',
      ids: wantFull.ids,
      name: 'get',
      kind: 2,
      time: '10000 5000',
      attributes: { component: 'go', 'http.status_code': '500' },
      events: [[11_000n, 'cached', {}]],
      links: [],
      status: '2 why',
      state: '',
    },
  ])
})

const refused: { name: string; body: string | Uint8Array; headers?: Record<string, string>; want: number }[] = [
  { name: 'no JSON', body: '{', want: 400 },
  { name: 'no list', body: '{}', want: 400 },
  { name: 'no id', body: '[{"traceId":"1"}]', want: 400 },
  { name: 'an id of zeros', body: '[{"traceId":"1","id":"0"}]', want: 400 },
  { name: 'an id that is too long', body: `[{"traceId":"${'1'.repeat(33)}","id":"1"}]`, want: 400 },
  { name: 'a tag that is no text', body: '[{"traceId":"1","id":"1","tags":{"a":{}}}]', want: 400 },
  { name: 'broken protobuf', body: Uint8Array.of(10, 5), headers: { 'content-type': 'application/x-protobuf' }, want: 400 }, // prettier-ignore
  { name: 'Thrift', body: 'x', headers: { 'content-type': 'application/x-thrift' }, want: 415 },
]
for (const { name, body, headers = {}, want } of refused) {
  test(`Refused: ${name}`, async (t) => {
    const z = await new Zipkin().start(t)
    const response = await z.post(body, headers)
    assert.equal(response.status, want, await response.text())
    assert.equal(z.host.counters.in, 0)
  })
}

test('A next component that refuses is the answer', async (t) => {
  const z = await new Zipkin().start(t)
  z.failure = new ConsumeError('Cannot take traces: full', { retryable: true })
  assert.equal((await z.post(JSON.stringify([full]))).status, 503)
  z.failure = new ConsumeError('Cannot take traces: bad', { retryable: false })
  assert.equal((await z.post(JSON.stringify([full]))).status, 400)
  assert.equal(z.host.counters.refused, 2)
  assert.equal((await z.post('[]')).status, 202)
  assert.equal((await fetch(z.url)).status, 405)
})

test('No body makes a reader throw another error than its own', () => {
  const json = fc.json({ maxDepth: 4 })
  const spans = fc.array(fc.dictionary(fc.constantFrom(...Object.keys(full), 'binaryAnnotations'), fc.jsonValue())).map((list) => JSON.stringify(list.map((one) => ({ ...ids, ...one })))) // prettier-ignore
  const attempt = (run: () => unknown): void => {
    try {
      run()
    } catch (error) {
      assert.ok(error instanceof ZipkinError, String(error))
    }
  }
  fc.assert(
    fc.property(fc.oneof(json, spans), fc.uint8Array({ maxLength: 60 }), (text, bytes) => {
      attempt(() => zipkinTraces(spansFromJson(text), true))
      attempt(() => version1Traces(text, true, 0))
      attempt(() => zipkinTraces(spansFromProtobuf(bytes), true))
    }),
  )
})
