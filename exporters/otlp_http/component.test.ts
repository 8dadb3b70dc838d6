import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { Capsule, type Component, type NodeCounters } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { snappyUncompress } from '#lib/snappy'
import { snappyFramesDecode } from '#lib/snappy_frames'
import type { ClientContext, Traces } from '#pdata'
import {
  encodeExportResponse,
  encodeRpcStatus,
  exportResponseToJson,
  readTracesRequest,
  tracesFromJson,
  tracesTree,
} from '#pdata/otlp'
import { otelcolExporterOtlphttp, otlpHttpExporter } from './component.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-otlp-http-'))
const closers: (() => void | Promise<void>)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
  await rm(root, { recursive: true, force: true })
})
let directories = 0

/** Takes off what a request's `Content-Encoding` names. */
const decoders: Readonly<Record<string, (bytes: Buffer) => Uint8Array>> = {
  gzip: (bytes) => gunzipSync(bytes),
  zlib: (bytes) => inflateSync(bytes),
  deflate: (bytes) => inflateSync(bytes),
  zstd: (bytes) => zstdDecompressSync(bytes),
  snappy: (bytes) => snappyUncompress(bytes, 1_000_000),
  'x-snappy-framed': (bytes) => snappyFramesDecode(bytes, 1_000_000),
}

/** A backend that keeps the names of the spans it took. */
class Backend {
  readonly server: Server
  calls = 0
  readonly spans: string[] = []
  readonly requests: IncomingMessage[] = []
  /** False: it answered itself, and took nothing. */
  answer: (n: number, response: ServerResponse, names: readonly string[]) => boolean = () => true
  taken: Uint8Array = encodeExportResponse({ rejected: 0, message: '' })

  constructor() {
    this.server = createServer((request, response) => void this.#serve(request, response))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const decode = decoders[request.headers['content-encoding'] ?? '']
    const body = Buffer.concat(chunks)
    const bytes = decode ? decode(body) : body
    const json = request.headers['content-type'] === 'application/json'
    const batch = json ? tracesFromJson(Buffer.from(bytes).toString()) : readTracesRequest(bytes)
    const names = namesOf(batch)
    this.requests.push(request)
    if (!this.answer(this.calls++, response, names)) return
    this.spans.push(...names)
    const text = exportResponseToJson('traces', { rejected: 0, message: '' })
    response.writeHead(200, { 'content-type': json ? 'application/json' : 'application/x-protobuf' })
    response.end(json ? text : this.taken)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}

async function backend(): Promise<Backend> {
  const made = new Backend()
  await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    made.server.closeAllConnections()
    made.server.close()
  })
  return made
}

function refuse(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  body: Uint8Array | string = '',
): false {
  response.writeHead(status, headers).end(body)
  return false
}

function namesOf(batch: Traces): string[] {
  return tracesTree(batch).resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans.map((span) => span.name)))
}

function spansOf(names: readonly string[], context: ClientContext | null = null): Traces {
  const spans = names.map((name) => ({ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name }))
  return tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), context)
}

interface Running {
  readonly host: TestHost
  readonly exporter: Component<object>
  readonly names: string[]
  send(names: readonly string[], context?: ClientContext): Promise<void>
}

async function exporter(url: string, written: Written = {}): Promise<Running> {
  const host = new TestHost({ dataDir: join(root, String(++directories)) })
  const { client, ...rest } = written
  const settings = decoded(otelcolExporterOtlphttp.settings, {
    client: { endpoint: url, ...(client as Written | undefined) },
    retry_on_failure: { initial_interval: '5ms', max_interval: '20ms' },
    ...rest,
  })
  const made = (await otelcolExporterOtlphttp.create(host, settings)) as Component<object>
  await made.start?.()
  closers.push(() => made.stop(500))
  const names: string[] = []
  return {
    host,
    exporter: made,
    names,
    send: async (some, context) => {
      names.push(...some)
      host.counters.in += some.length
      await made.traces?.consume(spansOf(some, context ?? null))
    },
  }
}

async function delivered(e: Running): Promise<void> {
  while (e.host.counters.waiting > 0) await new Promise((resolve) => setTimeout(resolve, 2))
  balanced(e.host.counters)
}

function balanced(c: NodeCounters): void {
  assert.equal(c.in, c.out + c.dropped + c.refused + c.waiting, JSON.stringify({ ...c, waiting: c.waiting }))
}

for (const compression of ['none', ...Object.keys(decoders)]) {
  test(`spans arrive, compressed as ${compression}`, async () => {
    const b = await backend()
    const e = await exporter(b.url, { client: { compression, headers: new Map([['X-Tenant', 'blue']]) } })
    await e.send(['a', 'b'])
    await delivered(e)
    assert.deepEqual(b.spans, ['a', 'b'])
    const [request] = b.requests
    assert.equal(request?.url, '/v1/traces')
    assert.equal(request?.headers['content-type'], 'application/x-protobuf')
    assert.equal(request?.headers['x-tenant'], 'blue')
  })
}

test('spans arrive as JSON, at a URL of their own', async () => {
  const b = await backend()
  const e = await exporter(b.url, { encoding: 'json', traces_endpoint: `${b.url}/own?x=1` })
  await e.send(['a', 'b'])
  await delivered(e)
  assert.deepEqual(b.spans, ['a', 'b'])
  assert.equal(b.requests[0]?.url, '/own?x=1')
  assert.equal(b.requests[0]?.headers['content-type'], 'application/json')
})

test('a backend that fails 70% of the time, and closes in the middle of answers, gets everything', async () => {
  const b = await backend()
  const failures: ((response: ServerResponse) => false)[] = [
    (response) => refuse(response, 503),
    (response) => refuse(response, 502),
    (response) => refuse(response, 504),
    (response) => {
      response.destroy()
      return false
    },
  ]
  b.answer = (n, response) => ((n * 7919) % 10 < 7 ? (failures[n % failures.length]?.(response) ?? true) : true)
  const e = await exporter(b.url)
  for (let i = 0; i < 40; i++) await e.send([`a${i}`, `b${i}`])
  await delivered(e)
  assert.deepEqual(b.spans.toSorted(), e.names.toSorted())
})

test('an answer that breaks off after 200 was an answer: nothing is sent twice', async () => {
  const b = await backend()
  b.answer = (_, response, names) => {
    b.spans.push(...names)
    response.writeHead(200, { 'content-length': '100' })
    response.write('x')
    setImmediate(() => response.destroy())
    return false
  }
  const e = await exporter(b.url)
  await e.send(['a'])
  await delivered(e)
  assert.deepEqual(b.spans, ['a'])
})

test('a backend that throttles, with Retry-After in seconds, as a date or without, gets it later', async () => {
  const b = await backend()
  const answers: [number, Record<string, string>][] = [
    [429, { 'retry-after': '0' }],
    [503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    [429, {}],
  ]
  b.answer = (n, response) => {
    const [status, headers] = answers[n] ?? []
    return status === undefined ? true : refuse(response, status, headers)
  }
  const e = await exporter(b.url)
  await e.send(['a'])
  await delivered(e)
  assert.equal(b.calls, 4)
})

test('413 splits the request, and drops the item that is too large alone', async () => {
  const b = await backend()
  b.answer = (_, response, names) => (names.length > 7 || names.includes('huge') ? refuse(response, 413) : true)
  const e = await exporter(b.url)
  const names = Array.from({ length: 50 }, (_, i) => (i === 33 ? 'huge' : `span ${i}`))
  await e.send(names)
  await delivered(e)
  assert.deepEqual(
    b.spans,
    names.filter((name) => name !== 'huge'),
  )
  assert.deepEqual([...e.host.counters.droppedByReason], [['too large', 1]])
})

test('refusals that are final are dropped with what the backend says', async () => {
  const b = await backend()
  const e = await exporter(b.url)
  const status = encodeRpcStatus({ code: 3, message: 'no such tenant', retryAfterMs: null })
  const json = { 'content-type': 'application/json' }
  b.answer = (n, response) => {
    if (n === 0) return refuse(response, 400, { 'content-type': 'application/x-protobuf' }, status)
    if (n === 1) return refuse(response, 401, json, '{"code":16,"message":"who are you"}')
    return refuse(response, 500, {}, 'oops')
  }
  for (const name of ['a', 'b', 'c']) await e.send([name])
  await delivered(e)
  assert.equal(e.host.counters.droppedByReason.get('rejected by the backend'), 3)
  assert.equal(b.calls, 3)
})

test('what the backend rejects of a request is counted as dropped', async () => {
  const b = await backend()
  b.taken = encodeExportResponse({ rejected: 2, message: 'bad' })
  const e = await exporter(b.url)
  await e.send(['a', 'b', 'c'])
  await delivered(e)
  assert.equal(e.host.counters.out, 1)
  assert.equal(e.host.counters.dropped, 2)
})

test('an authenticator sees the client behind each batch, over batches and the disk', async () => {
  const b = await backend()
  const auth: OtelExtension = {
    id: 'headers',
    clientAuth: { headers: (context) => ({ 'x-scope': context?.metadata.get('tenant')?.[0] ?? 'none' }) },
  }
  const e = await exporter(b.url, { client: { auth: new Capsule('otelcol.Handler', auth) } })
  const context = (tenant: string): ClientContext => ({
    metadata: new Map([['tenant', [tenant]]]),
    auth: null,
    peer: '',
  })
  await e.send(['a'], context('red'))
  await e.send(['b'], context('blue'))
  await e.send(['c'])
  await delivered(e)
  assert.deepEqual(b.requests.map((r) => r.headers['x-scope']).toSorted(), ['blue', 'none', 'red'])
})

test('an authenticator that cannot authenticate now makes requests wait', async () => {
  const b = await backend()
  let failures = 2
  const auth: OtelExtension = {
    id: 'oauth2',
    clientAuth: {
      headers: async () => {
        if (failures-- > 0) throw new Error('no token')
        return { authorization: 'Bearer x' }
      },
    },
  }
  const e = await exporter(b.url, { client: { auth: new Capsule('otelcol.Handler', auth) } })
  await e.send(['a'])
  await delivered(e)
  assert.equal(b.requests[0]?.headers.authorization, 'Bearer x')
})

test('cookies keep a client at its backend where they are enabled', async () => {
  const b = await backend()
  b.answer = (n, response) => {
    if (n === 0) response.setHeader('set-cookie', ['route=7; Path=/; HttpOnly', 'gone=; Max-Age=0'])
    return true
  }
  const e = await exporter(b.url, { client: { cookies: { enabled: true } } })
  await e.send(['a'])
  await delivered(e)
  await e.send(['b'])
  await delivered(e)
  assert.deepEqual(
    b.requests.map((r) => r.headers.cookie),
    [undefined, 'route=7'],
  )
})

test('settings that cannot work are refused', () => {
  const cases: [Written, RegExp][] = [
    [{ client: { endpoint: '' } }, /at least one endpoint must be specified/],
    [{ client: { endpoint: 'backend:4318' } }, /must be an http:\/\/ or https:\/\/ URL/],
    [{ client: { endpoint: 'http://b', compression: 'br' } }, /unsupported compression type/],
    [{ client: { endpoint: 'http://b', compression_params: { level: 11n } } }, /unsupported parameters/],
    [{ client: { endpoint: 'http://b' }, encoding: 'xml' }, /"proto", "json"/],
  ]
  for (const [written, problem] of cases) {
    assert.match(problemsOf(otelcolExporterOtlphttp.settings, written).join('\n'), problem)
  }
  assert.deepEqual(problemsOf(otlpHttpExporter.settings, { traces_endpoint: 'http://b/x' }), [])
})
