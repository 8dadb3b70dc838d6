import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { Capsule, ConsumeError, HealthState } from '#component'
import { AuthError, type OtelExtension } from '#component/otel_extension'
import { problemsOf, TestHost, decoded } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { lz4FrameEncode } from '#lib/lz4'
import { snappyCompress } from '#lib/snappy'
import { snappyFramesEncode } from '#lib/snappy_frames'
import { decodeExportResponse, decodeRpcStatus, tracesFromJson, tracesWire } from '#pdata/otlp'
import { otelcolReceiverOtlp, otlpReceiver } from './component.ts'
import { receive, type Receiving } from './fixture.ts'
import { exportPaths } from './grpc.ts'
import { OtlpReceiver } from './receiver.ts'

const tracesJson = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeSpans: [
        {
          spans: Array.from({ length: 3 }, (_, i) => ({
            traceId: '5b8efff798038103d269b633813fc60c',
            spanId: `eee19b7ec3c1b17${i}`,
            name: 'span',
            startTimeUnixNano: '1',
            endTimeUnixNano: '2',
          })),
        },
      ],
    },
  ],
})
const tracesBytes = Buffer.concat(tracesWire(tracesFromJson(tracesJson)))
const protobuf = 'application/x-protobuf'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly body?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
  readonly socketPath?: string
}

function ask(receiving: Receiving, asked: Asked = {}): Promise<Answer> {
  const { method = 'POST', path = '/v1/traces', body = tracesBytes, headers = {}, socketPath } = asked
  return new Promise((resolve, reject) => {
    const where = socketPath === undefined ? { host: '127.0.0.1', port: receiving.receiver.ports.http } : { socketPath }
    const request = httpRequest(
      { ...where, method, path, agent: false, headers: { 'content-type': protobuf, ...headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        )
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(method === 'POST' ? body : undefined)
  })
}

function callExport(
  t: TestContext,
  receiving: Receiving,
  message: Uint8Array,
  signal: keyof typeof exportPaths = 'traces',
  metadata = new Metadata(),
): Promise<Buffer> {
  const client = new Client(receiving.grpc, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  t.after(() => client.close())
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      exportPaths[signal],
      (m: Buffer) => m,
      (m: Buffer) => m,
      Buffer.from(message),
      metadata,
      (error, answer) => (error ? reject(error) : resolve(answer as Buffer)),
    )
  })
}

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise
  } catch (error) {
    return error as ServiceError
  }
  throw new Error('the call went well')
}

test('HTTP takes protobuf and JSON in every encoding, and answers in kind', async (t) => {
  const receiving = await receive(t)
  const encodings: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zlib', deflateSync],
    ['zstd', zstdCompressSync],
    ['snappy', snappyCompress],
    ['snappy', snappyFramesEncode],
    ['lz4', lz4FrameEncode],
  ]
  for (const [encoding, encode] of [['', (bytes: Uint8Array) => bytes] as const, ...encodings]) {
    const headers: Record<string, string> = encoding === '' ? {} : { 'content-encoding': encoding }
    const answer = await ask(receiving, { body: encode(tracesBytes), headers })
    assert.equal(answer.status, 200, encoding)
    assert.equal(answer.headers['content-type'], protobuf)
    assert.deepEqual(decodeExportResponse(answer.body), { rejected: 0, message: '' })
    const json = await ask(receiving, {
      body: encode(Buffer.from(tracesJson)),
      headers: { ...headers, 'content-type': 'Application/JSON; charset=utf-8' },
    })
    assert.equal(json.status, 200, encoding)
    assert.equal(json.headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(String(json.body)), { partialSuccess: {} })
  }
  assert.equal(receiving.traces.length, 16)
  assert.ok(receiving.traces.every(({ count }) => count === 3))
  assert.deepEqual([receiving.host.counters.in, receiving.host.counters.out], [48, 48])
  const counted = 'otelcol_receiver_accepted_spans_total{receiver="otlp/test.component.x",transport="http"}'
  assert.equal(receiving.host.counts.get(counted)?.value, 48)
})

/** An attribute whose arrays lie in one another, so many of them. */
function nested(depth: number): Uint8Array {
  const field = (number: number, bytes: Uint8Array): Uint8Array => {
    const head: number[] = [(number << 3) | 2]
    let length = bytes.length
    for (; length >= 128; length = Math.floor(length / 128)) head.push((length % 128) | 128)
    return Buffer.concat([Uint8Array.from([...head, length]), bytes])
  }
  let value: Uint8Array = new Uint8Array()
  for (let i = 0; i < depth; i++) value = field(5, field(1, value)) // AnyValue.array_value, ArrayValue.values
  const attribute = Buffer.concat([field(1, Buffer.from('key')), field(2, value)])
  return field(1, field(1, field(1, attribute))) // ResourceSpans, Resource, attributes
}

const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
const deep = `${'{"arrayValue":{"values":['.repeat(200_000)}`
const refusals: readonly { name: string; asked: Asked; want: number; body?: RegExp }[] = [
  { name: 'GET', asked: { method: 'GET' }, want: 405, body: /supported: \[POST\]/ },
  {
    name: 'another type',
    asked: { headers: { 'content-type': 'text/plain' } },
    want: 415,
    body: /unsupported media type/,
  },
  { name: 'another path', asked: { path: '/v1/profiles' }, want: 404 },
  { name: 'broken protobuf', asked: { body: tracesBytes.subarray(0, 40) }, want: 400 },
  { name: 'protobuf of 2,000 arrays in one another', asked: { body: nested(2000) }, want: 400 },
  {
    name: 'broken JSON',
    asked: { body: '{"resourceSpans": [', headers: { 'content-type': 'application/json' } },
    want: 400,
    body: /"code":3/,
  },
  {
    name: 'JSON without end',
    asked: { body: `{"resourceSpans":${deep}`, headers: { 'content-type': 'application/json' } },
    want: 400,
  },
  {
    name: 'JSON that is not UTF-8',
    asked: { body: Uint8Array.of(0x22, 0xff), headers: { 'content-type': 'application/json' } },
    want: 400,
    body: /UTF-8/,
  },
  {
    name: 'an encoding that nobody knows',
    asked: { body: brotliCompressSync(tracesBytes), headers: { 'content-encoding': 'br' } },
    want: 415,
  },
  { name: 'broken gzip', asked: { headers: { 'content-encoding': 'gzip' } }, want: 400 },
  { name: 'a gzip bomb', asked: { body: bomb, headers: { 'content-encoding': 'gzip' } }, want: 413 },
]
test('HTTP refuses with the status that the specification names', async (t) => {
  const receiving = await receive(t)
  for (const { name, asked, want, body } of refusals) {
    const answer = await ask(receiving, asked)
    assert.equal(answer.status, want, name)
    if (body) assert.match(String(answer.body), body, name)
    if (want === 400 && answer.headers['content-type'] === protobuf)
      assert.equal(decodeRpcStatus(answer.body).code, 3, name)
  }
  assert.equal(receiving.traces.length, 0)
  assert.equal((await ask(receiving)).status, 200)
})

test('a body beyond the limit is refused before all of it is sent', async (t) => {
  const receiving = await receive(t, { http: { max_request_body_size: '1KiB' } })
  assert.equal((await ask(receiving, { body: Buffer.alloc(1025) })).status, 413)
  const socket = connect(receiving.receiver.ports.http, '127.0.0.1')
  socket.on('error', () => {})
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('close', () => resolve(text))
  })
  socket.write(`POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${protobuf}\r\ncontent-length: 1000000\r\n\r\n`)
  assert.match(await answer, /^HTTP\/1\.1 413 /)
})

test('1,000 silent and slow connections leave the receiver answering', { timeout: 120_000 }, async (t) => {
  const receiving = await receive(t)
  const head = `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${protobuf}\r\ncontent-length: 1000\r\n\r\n`
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, async (_, i) => {
      const socket = connect(receiving.receiver.ports.http, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
      if (i % 3 === 0) socket.write(`${head}x`)
      if (i % 3 === 1) socket.write(head.slice(0, 20))
      return socket
    }),
  )
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  assert.equal((await ask(receiving)).status, 200)
  await callExport(t, receiving, tracesBytes)
})

const outcomes: readonly { name: string; error: Error; grpc: number; http: number; retryAfterMs: number | null }[] = [
  {
    name: 'may pass',
    error: new ConsumeError('full', { retryable: true }),
    grpc: status.UNAVAILABLE,
    http: 503,
    retryAfterMs: null,
  },
  {
    name: 'passes soon',
    error: new ConsumeError('full', { retryable: true, retryAfterMs: 1500 }),
    grpc: status.RESOURCE_EXHAUSTED,
    http: 429,
    retryAfterMs: 1500,
  },
  {
    name: 'never passes',
    error: new ConsumeError('no', { retryable: false }),
    grpc: status.INTERNAL,
    http: 500,
    retryAfterMs: null,
  },
  {
    name: 'is for good here, and may be sent again',
    error: new ConsumeError('a statement failed', { retryable: false, clientMayRetry: true }),
    grpc: status.UNAVAILABLE,
    http: 503,
    retryAfterMs: null,
  },
  { name: 'is a mistake', error: new TypeError('oh'), grpc: status.INTERNAL, http: 500, retryAfterMs: null },
]
for (const { name, error, grpc, http, retryAfterMs } of outcomes) {
  test(`a failure of the next component that ${name} is told as such`, async (t) => {
    const receiving = await receive(t)
    receiving.before = () => {
      throw error
    }
    const call = await failure(callExport(t, receiving, tracesBytes))
    assert.equal(call.code, grpc)
    assert.equal(call.details, error.message)
    const [details] = call.metadata.get('grpc-status-details-bin')
    assert.equal(details === undefined ? null : decodeRpcStatus(details as Buffer).retryAfterMs, retryAfterMs)
    const answer = await ask(receiving)
    assert.equal(answer.status, http)
    assert.equal(answer.headers['retry-after'], retryAfterMs === null ? undefined : '2')
    assert.deepEqual(decodeRpcStatus(answer.body), { code: grpc, message: error.message, retryAfterMs })
    const json = await ask(receiving, { body: tracesJson, headers: { 'content-type': 'application/json' } })
    const said = JSON.parse(String(json.body)) as { code: number; details?: { retryDelay: string }[] }
    assert.deepEqual([said.code, said.details?.[0]?.retryDelay], [grpc, retryAfterMs === null ? undefined : '1.5s'])
    const { counters, counts } = receiving.host
    assert.deepEqual([counters.in, counters.out, counters.refused], [9, 0, 9])
    const refused = (transport: string): number | undefined =>
      counts.get(`otelcol_receiver_refused_spans_total{receiver="otlp/test.component.x",transport="${transport}"}`)
        ?.value
    assert.deepEqual([refused('grpc'), refused('http')], [3, 6])
  })
}

test('nothing is acknowledged before the next component took it', async (t) => {
  const receiving = await receive(t)
  const release: (() => void)[] = []
  receiving.before = () => new Promise((resolve) => void release.push(resolve))
  let answered = 0
  const answers = [callExport(t, receiving, tracesBytes).then(() => answered++), ask(receiving).then(() => answered++)]
  while (release.length < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answered, 0)
  for (const run of release) run()
  await Promise.all(answers)
  assert.equal(answered, 2)
})

test('a signal that goes nowhere is not served, an empty request goes nowhere', async (t) => {
  const receiving = await receive(t, { signals: ['traces'] })
  assert.equal((await failure(callExport(t, receiving, new Uint8Array(), 'logs'))).code, status.UNIMPLEMENTED)
  assert.equal((await ask(receiving, { path: '/v1/logs' })).status, 404)
  assert.deepEqual(await callExport(t, receiving, new Uint8Array()), Buffer.alloc(0))
  assert.equal((await ask(receiving, { body: '' })).status, 200)
  assert.equal(receiving.traces.length, 0)
})

test('gRPC refuses what is not OTLP', async (t) => {
  const receiving = await receive(t)
  const error = await failure(callExport(t, receiving, tracesBytes.subarray(0, 40)))
  assert.equal(error.code, status.INVALID_ARGUMENT)
  const large = await failure(callExport(t, receiving, Buffer.alloc(4 * 1024 * 1024 + 1)))
  assert.equal(large.code, status.RESOURCE_EXHAUSTED)
})

test('garbage never goes through and never breaks the receiver', async (t) => {
  const receiving = await receive(t)
  await fc.assert(
    fc.asyncProperty(fc.nat(tracesBytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const broken = Uint8Array.from(tracesBytes)
      broken[at] = (broken[at] as number) ^ by
      const { status: code } = await ask(receiving, { body: broken })
      assert.ok(code === 200 || code === 400, String(code))
    }),
    { numRuns: 150, interruptAfterTimeLimit: 1500 },
  )
  assert.equal((await ask(receiving)).status, 200)
})

function extension(): Capsule {
  const value: OtelExtension = {
    id: 'auth',
    serverAuth: {
      authenticate: (headers) => {
        if (headers['authorization'] !== 'Bearer x') throw new AuthError('who are you?', 'Bearer')
        return new Map([['subject', 'me']])
      },
    },
  }
  return new Capsule('otelcol.Handler', value)
}

test('an authenticator lets in those whom it knows, over both protocols', async (t) => {
  const auth = extension()
  const receiving = await receive(t, { grpc: { auth }, http: { auth } })
  const denied = await ask(receiving)
  assert.equal(denied.status, 401)
  assert.equal(denied.headers['www-authenticate'], 'Bearer')
  assert.equal(decodeRpcStatus(denied.body).code, status.UNAUTHENTICATED)
  assert.equal((await failure(callExport(t, receiving, tracesBytes))).code, status.UNAUTHENTICATED)
  const metadata = new Metadata()
  metadata.set('authorization', 'Bearer x')
  await callExport(t, receiving, tracesBytes, 'traces', metadata)
  assert.equal((await ask(receiving, { headers: { authorization: 'Bearer x' } })).status, 200)
  for (const { context } of receiving.traces) {
    assert.equal(context?.auth?.get('subject'), 'me')
    assert.equal(context?.metadata.size, 0, 'metadata is not included')
  }
})

test('browsers of allowed origins may send', async (t) => {
  const cors = { allowed_origins: ['https://*.example.com'], allowed_headers: ['X-Tenant'], max_age: 60n }
  const receiving = await receive(t, { http: { cors, auth: extension() } })
  const preflight = (origin: string, header: string): Promise<Answer> =>
    ask(receiving, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': header },
    })
  const allowed = await preflight('https://shop.example.com', 'x-tenant, content-type')
  assert.equal(allowed.status, 204)
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://shop.example.com')
  assert.equal(allowed.headers['access-control-allow-methods'], 'POST')
  assert.equal(allowed.headers['access-control-allow-headers'], 'x-tenant, content-type')
  assert.equal(allowed.headers['access-control-max-age'], '60')
  const others = [await preflight('https://example.org', ''), await preflight('https://shop.example.com', 'x-other')]
  assert.deepEqual(
    others.map(({ headers }) => headers['access-control-allow-origin']),
    [undefined, undefined],
  )
  const sent = await ask(receiving, { headers: { origin: 'https://a.example.com', authorization: 'Bearer x' } })
  assert.equal(sent.status, 200)
  assert.equal(sent.headers['access-control-allow-origin'], 'https://a.example.com')
})

test('paths, encodings and keep-alive are as the settings say', async (t) => {
  const receiving = await receive(t, {
    http: { traces_url_path: 'custom/traces', compression_algorithms: ['gzip'], keep_alives_enabled: false },
  })
  const path = '/custom/traces'
  assert.equal(
    (
      await ask(receiving, {
        path: `${path}?x=1`,
        body: gzipSync(tracesBytes),
        headers: { 'content-encoding': 'gzip' },
      })
    ).status,
    200,
  )
  assert.equal(
    (await ask(receiving, { path, body: zstdCompressSync(tracesBytes), headers: { 'content-encoding': 'zstd' } }))
      .status,
    415,
  )
  const plain = await ask(receiving, { path })
  assert.equal(plain.status, 415, "'' is not among the encodings")
  assert.equal(plain.headers['connection'], 'close')
})

test('TLS over HTTP, and client certificates', async (t) => {
  const directory = new URL('../../component/http_client/testdata/', import.meta.url)
  const pem = (name: string): string => readFileSync(new URL(name, directory), 'utf8')
  const tls = {
    cert_pem: pem('server.pem'),
    key_pem: pem('server.key'),
    client_ca_file: new URL('authority.pem', directory).pathname,
  }
  const receiving = await receive(t, { http: { tls }, grpc: { tls } })
  const send = (client: object): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = {
        port: receiving.receiver.ports.http,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: pem('authority.pem'),
        agent: false,
        ...client,
      }
      const request = httpsRequest(
        { ...options, method: 'POST', path: '/v1/traces', headers: { 'content-type': protobuf } },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      request.on('error', reject)
      request.end(tracesBytes)
    })
  assert.equal(await send({ cert: pem('client.pem'), key: pem('client.key') }), 200)
  await assert.rejects(send({}))
})

test('a port that is taken makes the component unhealthy until it is free', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  await receive(t, { grpc: { endpoint: `127.0.0.1:${port}` }, host })
  assert.equal(host.health.state, HealthState.unhealthy)
  assert.match(host.health.message, new RegExp(`Cannot listen on 127.0.0.1:${port}`))
  await new Promise((resolve) => taken.close(resolve))
  clock.advance(2000)
  await host.until(() => host.health.state === HealthState.healthy)
})

test('a stop hands on what is under way, and is safe twice and without a start', async (t) => {
  const receiving = await receive(t)
  const release: (() => void)[] = []
  receiving.before = () => new Promise((resolve) => void release.push(resolve))
  const answers = Promise.all([callExport(t, receiving, tracesBytes), ask(receiving)])
  while (release.length < 2) await new Promise((resolve) => setImmediate(resolve))
  const stopped = receiving.receiver.stop(10_000)
  for (const run of release) run()
  const [, { status: code }] = await answers
  assert.equal(code, 200)
  await stopped
  await receiving.receiver.stop(0)
  assert.equal(receiving.host.counters.out, 6)
  const never = otelcolReceiverOtlp.create(
    new TestHost(),
    decoded(otelcolReceiverOtlp.settings, { grpc: {}, output: {} }),
  )
  await (never as OtlpReceiver).stop(0)
})

test('YAML serves on Unix sockets, says its headers, and is called by its id', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'otlp-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const socketPath = join(directory, 'http.sock')
  const http = {
    transport: 'unix',
    endpoint: socketPath,
    response_headers: new Map([['X-Served-By', 'me']]),
    max_request_body_size: 0n,
  }
  const settings = decoded(otlpReceiver.settings, { protocols: { http } })
  const host = new TestHost()
  Object.assign(host, { id: 'receiver/otlp/x' })
  const kept: unknown[] = []
  const port = { nodeId: 's', signal: 'traces' as const, consume: (batch: unknown) => void kept.push(batch) }
  const output = { traces: [{ nodeId: 's', traces: port }], logs: [], metrics: [] }
  const receiver = await otlpReceiver.create(host, settings, output)
  await receiver.start?.()
  t.after(() => receiver.stop(0))
  const answer = await ask({} as Receiving, { socketPath })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['x-served-by'], 'me')
  assert.equal(kept.length, 1)
  assert.ok(host.counts.has('otelcol_receiver_accepted_spans_total{receiver="otlp/x",transport="http"}'))
})

const wrong: readonly { name: string; written: Parameters<typeof problemsOf>[1]; want: RegExp }[] = [
  {
    name: 'an endpoint without a port',
    written: { grpc: { endpoint: 'localhost' } },
    want: /the endpoint is written host:port: current value is "localhost"/,
  },
  {
    name: 'a transport that is none',
    written: { grpc: { transport: 'udp' } },
    want: /the transport is one of tcp, tcp4, tcp6, unix/,
  },
  { name: 'an empty path', written: { http: { traces_url_path: '' } }, want: /traces_url_path cannot be empty/ },
  { name: 'TLS without a certificate', written: { http: { tls: {} } }, want: /neither cert_pem nor cert_file/ },
  {
    name: 'a TLS version that is none',
    written: { http: { tls: { cert_file: 'a', key_file: 'b', min_version: '2' } } },
    want: /unsupported TLS version: "2"/,
  },
  {
    name: 'an encoding that is none',
    written: { http: { compression_algorithms: ['br'] } },
    want: /unsupported compression type "br"/,
  },
]
test('settings that cannot work are told', () => {
  for (const { name, written, want } of wrong) {
    const problems = problemsOf(otelcolReceiverOtlp.settings, { output: {}, ...written })
    assert.equal(problems.length, 1, name)
    assert.match(problems[0] ?? '', want, name)
  }
  assert.match(problemsOf(otlpReceiver.settings, {})[0] ?? '', /must specify at least one protocol/)
  assert.deepEqual(problemsOf(otlpReceiver.settings, { protocols: { grpc: {} } }), [])
})
