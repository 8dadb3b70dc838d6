// OTLP over HTTP/2 with TLS, beside HTTP/1.1 on the same port.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { defineSettings } from '#component'
import { alloyHttpClientFields, OtelHttpClient, otelHttpClient } from '#component/otel_client'
import { decoded, TestHost, type Written } from '#component/test_host'
import { decodeRpcStatus, tracesFromJson, tracesWire } from '#pdata/otlp'
import { receive, type Receiving } from './fixture.ts'

const directory = new URL('../../component/http_client/testdata/', import.meta.url)
const pem = (name: string): string => readFileSync(new URL(name, directory), 'utf8')
const tls = { cert_pem: pem('server.pem'), key_pem: pem('server.key') }

const clientSettings = defineSettings(alloyHttpClientFields)

const spans = Array.from({ length: 3 }, (_, i) => ({ spanId: `eee19b7ec3c1b17${i}`, name: 'span' }))
const tracesJson = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
const tracesBytes = Buffer.concat(tracesWire(tracesFromJson(tracesJson)))

function session(t: TestContext, receiving: Receiving): ClientHttp2Session {
  const client = connect(`https://localhost:${receiving.receiver.ports.http}`, {
    ca: pem('authority.pem'),
    lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  } as Parameters<typeof connect>[1])
  client.on('error', () => {})
  t.after(() => client.destroy())
  return client
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

function post(
  client: ClientHttp2Session,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  path = '/v1/traces',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/x-protobuf',
      ...headers,
    })
    const chunks: Buffer[] = []
    let answer = { status: 0, type: '' }
    stream.on('response', (got) => {
      answer = { status: Number(got[':status']), type: String(got['content-type']) }
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve({ ...answer, body: Buffer.concat(chunks) }))
    stream.on('error', reject)
    stream.on('close', () => reject(new Error(`the stream ended with ${stream.rstCode}`)))
    stream.end(body)
  })
}

test('one port speaks HTTP/2 with those who can, and HTTP/1.1 with the others', async (t) => {
  const receiving = await receive(t, { http: { tls } })
  const client = session(t, receiving)
  const answers = await Promise.all([
    post(client, tracesBytes),
    post(client, gzipSync(tracesBytes), { 'content-encoding': 'gzip' }),
    post(client, Buffer.from(tracesJson), { 'content-type': 'application/json' }),
  ])
  assert.deepEqual(
    answers.map(({ status, type }) => [status, type]),
    [
      [200, 'application/x-protobuf'],
      [200, 'application/x-protobuf'],
      [200, 'application/json'],
    ],
  )
  const http1 = await new Promise<string>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: receiving.receiver.ports.http,
      servername: 'localhost',
      ca: pem('authority.pem'),
      agent: false as const,
      method: 'POST',
      path: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf' },
    }
    const request = httpsRequest(options, (response) => {
      response.resume()
      resolve(`${response.httpVersion} ${response.statusCode}`)
    })
    request.on('error', reject)
    request.end(tracesBytes)
  })
  assert.equal(http1, '1.1 200')
  assert.equal(receiving.host.counters.in, 12)
})

test('a thousand requests at once over one connection are all taken', async (t) => {
  const receiving = await receive(t, { http: { tls } })
  const client = session(t, receiving)
  const answers = await Promise.all(Array.from({ length: 1000 }, () => post(client, tracesBytes)))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(receiving.host.counters.in, 3000)
})

test('refusals over HTTP/2 leave the connection to others', async (t) => {
  const receiving = await receive(t, { http: { tls, max_request_body_size: '1KiB' } })
  const client = session(t, receiving)
  const cases: readonly { body: Uint8Array; headers?: Record<string, string>; path?: string; want: number }[] = [
    { body: Buffer.from([0x0a, 0xff]), want: 400 },
    { body: tracesBytes, headers: { 'content-type': 'text/plain' }, want: 415 },
    { body: tracesBytes, headers: { 'content-encoding': 'br' }, want: 415 },
    { body: tracesBytes, path: '/v1/nothing', want: 404 },
    { body: Buffer.alloc(4 << 20, 10), want: 413 },
  ]
  for (const { body, headers, path, want } of cases) {
    const answer = await post(client, body, headers, path)
    assert.equal(answer.status, want)
    if (want === 413) assert.match(decodeRpcStatus(answer.body).message, /more than the 1024 bytes allowed/)
    assert.equal((await post(client, tracesBytes)).status, 200)
  }
})

test('metadata of requests goes along, without what is HTTP/2 itself', async (t) => {
  const receiving = await receive(t, { http: { tls, include_metadata: true } })
  const client = session(t, receiving)
  await post(client, tracesBytes, { 'x-tenant': 'a' })
  const context = receiving.traces[0]?.context
  assert.deepEqual(context?.metadata.get('x-tenant'), ['a'])
  assert.deepEqual(context?.metadata.get('host'), [`localhost:${receiving.receiver.ports.http}`])
  assert.equal(context?.metadata.has(':path'), false)
  assert.equal(context?.peer, '127.0.0.1')
})

test("the exporters' client comes over HTTP/2, unless it is told not to", async (t) => {
  const receiving = await receive(t, { http: { tls, include_metadata: true } })
  const send = async (more: Written): Promise<void> => {
    const written = {
      tls: { ca_file: new URL('authority.pem', directory).pathname, server_name: 'localhost' },
      ...more,
    }
    const client = new OtelHttpClient(otelHttpClient(decoded(clientSettings, written)), new TestHost())
    t.after(() => client.close())
    const url = `https://127.0.0.1:${receiving.receiver.ports.http}/v1/traces`
    const answer = await client.post({ url, contentType: 'application/x-protobuf', body: [tracesBytes], context: null })
    assert.equal(answer.status, 200)
    await answer.bytes(1000)
  }
  await send({})
  await send({ force_attempt_http2: false })
  // Only HTTP/2 has it.
  const isHttp2 = receiving.traces.map(({ context }) => context?.metadata.has(':authority'))
  assert.deepEqual(isHttp2, [true, false])
})

test('connections that say nothing after the handshake, and bodies that do not end, are let go', async (t) => {
  const receiving = await receive(t, { http: { tls, read_timeout: '1s' } })
  const socket = connectTls({
    host: '127.0.0.1',
    port: receiving.receiver.ports.http,
    servername: 'localhost',
    ca: pem('authority.pem'),
    ALPNProtocols: ['h2'],
  })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  const gone = new Promise((resolve) => socket.on('close', resolve))
  socket.resume()
  const client = session(t, receiving)
  const stream = client.request({ ':method': 'POST', ':path': '/v1/traces', 'content-type': 'application/x-protobuf' })
  stream.on('error', () => {})
  stream.write(tracesBytes)
  await new Promise((resolve) => stream.on('close', resolve))
  assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL)
  assert.equal((await post(client, tracesBytes)).status, 200)
  await gone
})

test('a stop answers what is under way and then says goodbye', async (t) => {
  const receiving = await receive(t, { http: { tls } })
  let release = (): void => {}
  let entered = (): void => {}
  const underWay = new Promise<void>((resolve) => (entered = resolve))
  receiving.before = () => {
    entered()
    return new Promise<void>((resolve) => (release = resolve))
  }
  const client = session(t, receiving)
  const answered = post(client, tracesBytes)
  await underWay
  const stopped = receiving.receiver.stop(10_000)
  release()
  assert.equal((await answered).status, 200)
  await stopped
  assert.ok(client.closed || client.destroyed)
})
