// A gateway under attack and among broken backends, as the program that users run: it refuses in time, and says so; others
// notice nothing.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer as createTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Client, credentials, status } from '@grpc/grpc-js'
import { readTracesRequest, tracesFromJson, tracesTree, tracesWire } from '#pdata/otlp'
import {
  assertBalance,
  eventually,
  freePort,
  nodeState,
  type Program,
  residentPeak,
  startSolder,
  temporaryDirectory,
} from './real.ts'

const mebibyte = 1024 * 1024

/** A request with spans of these names. */
function request(names: readonly string[], padding = ''): Buffer {
  const attributes = padding === '' ? [] : [{ key: 'padding', value: { stringValue: padding } }]
  const spans = names.map((name, i) => ({
    traceId: Buffer.from(name.padEnd(16).slice(-16)).toString('hex'),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name,
    attributes,
  }))
  return Buffer.concat(tracesWire(tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }))))
}

/** The status of the answer. */
async function post(port: number, body: Uint8Array): Promise<{ status: number; retryAfter: string | null }> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: Uint8Array.from(body),
    signal: AbortSignal.timeout(60_000),
  })
  await response.arrayBuffer()
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}

/** gRPC's code of the answer. */
function call(client: Client, body: Buffer): Promise<number> {
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  const deadline = Date.now() + 60_000
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      (m: Buffer) => m,
      (m: Buffer) => m,
      body,
      { deadline },
      (error) => resolve(error?.code ?? status.OK),
    )
  })
}

function grpcClient(t: TestContext, port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  t.after(() => client.close())
  return client
}

function namesIn(body: Buffer, encoding: string | undefined): string[] {
  const bytes = encoding === 'gzip' ? gunzipSync(body) : body
  return tracesTree(readTracesRequest(bytes)).resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
  )
}

type Answer = (names: readonly string[], response: ServerResponse) => void

/** A backend that answers as it is told; false: it takes the spans. */
class Backend {
  readonly names: string[] = []
  requests = 0
  address = ''
  answer: Answer | undefined
  #server: Server | undefined

  async start(t: TestContext, port = 0): Promise<void> {
    const server = createServer((incoming, response) => void this.#take(incoming, response))
    this.#server = server
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const bound = server.address()
    assert.ok(bound !== null && typeof bound === 'object')
    this.address = `127.0.0.1:${bound.port}`
    t.after(() => this.stop())
  }

  stop(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  take(names: readonly string[], response: ServerResponse): void {
    this.names.push(...names)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = await incoming.toArray().catch(() => [])
    if (!incoming.complete) return
    this.requests++
    const names = namesIn(Buffer.concat(chunks), incoming.headers['content-encoding'])
    if (this.answer) this.answer(names, response)
    else this.take(names, response)
  }
}

const receiver = (grpc: number, http: number, to: string): string => `
otelcol.receiver.otlp "in" {
  grpc { endpoint = "127.0.0.1:${grpc}" }
  http { endpoint = "127.0.0.1:${http}" }
  output { traces = [${to}] }
}
`

const exporter = (name: string, address: string, more = ''): string => `
otelcol.exporter.otlphttp "${name}" {
  client {
    endpoint = "http://${address}"
    timeout  = "1s"
    ${more}
  }
  retry_on_failure {
    initial_interval = "50ms"
    max_interval     = "200ms"
    max_elapsed_time = "0s"
  }
}
`

interface Gateway {
  readonly program: Program
  readonly grpc: number
  readonly http: number
  readonly admin: number
}

async function startGateway(t: TestContext, rest: string, to: string): Promise<Gateway> {
  const directory = temporaryDirectory(t)
  const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()]
  const path = join(directory, 'config.alloy')
  writeFileSync(path, receiver(grpc, http, to) + rest)
  const program = await startSolder(admin, [
    '--stability.level=experimental',
    `--storage.path=${join(directory, 'storage')}`,
    path,
  ])
  t.after(() => program.stop('SIGKILL'))
  return { program, grpc, http, admin }
}

function assertAlive(t: TestContext, { program }: Gateway, bytesMax: number): void {
  assert.equal(program.child.exitCode, null, program.output)
  const peak = residentPeak(program) ?? 0
  t.diagnostic(`${(peak / mebibyte).toFixed(0)} MiB resident at most`)
  assert.ok(peak < bytesMax, `${peak} bytes were resident`)
}

// ----------------------------------------------------------------------------------------------------- connections

/** How many connections this process may hold open; the gateway has the same bound. */
function connectionsMax(): number {
  const limit = Number(spawnSync('sh', ['-c', 'ulimit -n']).stdout.toString())
  return Math.min(10_000, Number.isNaN(limit) ? 10_000 : limit - 1000)
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  return socket
}

test('ten thousand connections that say nothing, or say it slowly, keep nobody else out', async (t) => {
  const backend = new Backend()
  await backend.start(t)
  const gateway = await startGateway(t, exporter('out', backend.address), 'otelcol.exporter.otlphttp.out.input')
  const { grpc, http, admin } = gateway
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  const count = connectionsMax()
  const slow = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n'
  for (let first = 0; first < count; first += 500) {
    const some = Array.from({ length: Math.min(500, count - first) }, (_, i) => opened(i % 2 === 0 ? http : grpc))
    for (const [i, socket] of (await Promise.all(some)).entries()) {
      sockets.push(socket)
      // Some begin a request: its headers, or its body, or HTTP/2's first words.
      if (i % 8 === 2) socket.write(slow)
      if (i % 8 === 4) socket.write(`${slow}\r\nabc`)
      if (i % 8 === 3) socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    }
  }
  const open = sockets.filter((socket) => !socket.destroyed).length
  assert.ok(open >= count * 0.99, `${open} of ${count} connections are open`)
  const client = grpcClient(t, grpc)
  for (let i = 0; i < 20; i++) {
    assert.equal((await post(http, request([`http ${i}`]))).status, 200)
    assert.equal(await call(client, request([`grpc ${i}`])), status.OK)
  }
  await eventually('all spans arrive', () => backend.names.length === 40 || undefined)
  assertBalance(await nodeState(admin, 'otelcol.exporter.otlphttp.out'), 'exporter')
  for (const socket of sockets) socket.destroy()
  assert.equal((await post(http, request(['afterwards']))).status, 200)
  await eventually('the last span arrives', () => backend.names.includes('afterwards') || undefined)
  assertAlive(t, gateway, 500 * mebibyte)
  assert.equal(await gateway.program.stop(), 0)
})

// -------------------------------------------------------------------------------------------------------- backends

test('backends that are silent, break off, throttle or come and go get everything once, and hold up no other', async (t) => {
  let ill = true
  const backends = new Map<string, Backend>()
  const misbehave: Readonly<Record<string, (backend: Backend) => Answer>> = {
    good: (backend) => (names, response) => backend.take(names, response),
    silent: () => () => {},
    half: () => (_, response) => {
      response.writeHead(503, { 'content-length': '1000' })
      response.write('not n')
      setImmediate(() => response.destroy())
    },
    cut: () => (_, response) => void response.destroy(),
    throttling: () => (_, response) => void response.writeHead(429, { 'retry-after': '1' }).end(),
    small: (backend) => (names, response) => {
      if (names.length > 3) response.writeHead(413).end()
      else backend.take(names, response)
    },
  }
  for (const [name, answer] of Object.entries(misbehave)) {
    const backend = new Backend()
    await backend.start(t)
    const ifIll = answer(backend)
    // The small one stays small; the others get well.
    backend.answer = (names, response) =>
      ill || name === 'small' ? ifIll(names, response) : backend.take(names, response)
    backends.set(name, backend)
  }
  const absent = await freePort()
  const comesAndGoes = new Backend()
  const addresses = new Map([...backends].map(([name, { address }]) => [name, address]))
  addresses.set('away', `127.0.0.1:${absent}`)
  const batch = 'otelcol.processor.batch.all'
  const exporters = [...addresses].map(([name, address]) => exporter(name, address)).join('')
  const inputs = [...addresses.keys()].map((name) => `otelcol.exporter.otlphttp.${name}.input`).join(', ')
  const config = `${exporters}\notelcol.processor.batch "all" {\n timeout = "50ms"\n output { traces = [${inputs}] }\n}\n`
  const gateway = await startGateway(t, config, `${batch}.input`)
  const { http, admin } = gateway
  const sent: string[] = []
  for (let i = 0; i < 30; i++) {
    const names = Array.from({ length: 10 }, (_, k) => `span ${i} ${k}`)
    assert.equal((await post(http, request(names))).status, 200)
    sent.push(...names)
  }
  const good = backends.get('good') as Backend
  await eventually('the good one has everything', () => good.names.length === sent.length || undefined)
  const small = backends.get('small') as Backend
  await eventually('the small one has everything, in parts', () => small.names.length === sent.length || undefined)
  const state = (name: string) => nodeState(admin, `otelcol.exporter.otlphttp.${name}`)
  for (const name of ['silent', 'half', 'cut', 'throttling', 'away']) {
    await eventually(`${name} is called unwell`, async () => (await state(name)).health.state === 'unhealthy')
    assert.ok((await state(name)).counters.waiting > 0, name)
    assertBalance(await state(name), name)
  }
  assert.equal((await state('good')).health.state, 'healthy')
  ill = false
  await comesAndGoes.start(t, absent)
  backends.set('away', comesAndGoes)
  for (const [name, backend] of backends) {
    await eventually(`${name} gets everything`, () => backend.names.length >= sent.length || undefined)
    assert.deepEqual(backend.names.toSorted(), sent.toSorted(), `${name} gets it once`)
    const { counters } = await eventually(`${name} is at rest`, async () => {
      const now = await state(name)
      return now.counters.waiting === 0 ? now : undefined
    })
    assert.deepEqual([counters.out, counters.dropped], [sent.length, {}], name)
  }
  assertAlive(t, gateway, 500 * mebibyte)
  assert.equal(await gateway.program.stop(), 0)
})

test('a gRPC backend that takes connections and never speaks is given up on, and its spans wait', async (t) => {
  const sockets = new Set<Socket>()
  const mute = createTcp((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.resume()
  })
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    mute.close()
  })
  const bound = mute.address()
  assert.ok(bound !== null && typeof bound === 'object')
  const backend = new Backend()
  await backend.start(t)
  const config = `
otelcol.exporter.otlp "mute" {
  timeout = "500ms"
  client {
    endpoint = "127.0.0.1:${bound.port}"
    tls { insecure = true }
  }
  retry_on_failure { max_elapsed_time = "3s" }
}
${exporter('good', backend.address)}`
  const outputs = 'otelcol.exporter.otlp.mute.input, otelcol.exporter.otlphttp.good.input'
  const gateway = await startGateway(t, config, outputs)
  for (let i = 0; i < 20; i++) assert.equal((await post(gateway.http, request([`span ${i}`]))).status, 200)
  await eventually('the other backend has everything', () => backend.names.length === 20 || undefined)
  const { counters } = await eventually('the mute one is given up on', async () => {
    const now = await nodeState(gateway.admin, 'otelcol.exporter.otlp.mute')
    return now.counters.waiting === 0 ? now : undefined
  })
  assert.deepEqual(counters.dropped, { 'retries exhausted': 20 })
  assert.equal(await gateway.program.stop(), 0)
})

// ---------------------------------------------------------------------------------------------------------- memory

test('a flood is refused by the memory limiter before memory runs out, and taken again afterwards', async (t) => {
  const backend = new Backend()
  await backend.start(t)
  // Spans wait for seconds, in memory: what the limiter is there for.
  const limit = 192
  const config = `
otelcol.processor.memory_limiter "limit" {
  check_interval = "50ms"
  limit          = "${limit}MiB"
  spike_limit    = "48MiB"
  output { traces = [otelcol.processor.tail_sampling.hold.input] }
}
otelcol.processor.tail_sampling "hold" {
  decision_wait         = "15s"
  num_traces            = 10000000
  maximum_pending_bytes = 8589934592
  decision_cache        = { sampled_cache_size = 1000, non_sampled_cache_size = 1000 }
  policy {
    name = "kept"
    type = "string_attribute"
    string_attribute {
      key    = "keep"
      values = ["yes"]
    }
  }
  output { traces = [otelcol.exporter.otlphttp.out.input] }
}
${exporter('out', backend.address)}`
  const gateway = await startGateway(t, config, 'otelcol.processor.memory_limiter.limit.input')
  const { http, grpc, admin } = gateway
  const names = (n: number): string[] => Array.from({ length: 100 }, (_, i) => `flood ${n} ${i}`)
  const bodies = Array.from({ length: 20 }, (_, n) => request(names(n), 'x'.repeat(5000)))
  const client = grpcClient(t, grpc)
  const codes = new Map<string, number>()
  const note = (answer: string): void => void codes.set(answer, (codes.get(answer) ?? 0) + 1)
  let bytes = 0
  let n = 0
  const end = performance.now() + 60_000
  const isEnough = (): boolean =>
    ((codes.get('http 429') ?? 0) > 50 && (codes.get('grpc 8') ?? 0) > 50 && bytes > 3 * limit * mebibyte) ||
    performance.now() > end
  const flood = async (send: (body: Buffer) => Promise<string>): Promise<void> => {
    while (!isEnough()) {
      const body = bodies[n++ % bodies.length] as Buffer
      bytes += body.length
      note(await send(body))
    }
  }
  const overHttp = async (body: Buffer): Promise<string> => {
    const { status: code, retryAfter } = await post(http, body)
    // Refused for want of room, with the time to come back: what exporters of OTLP try again.
    if (code !== 200) assert.match(retryAfter ?? '', /^\d+$/)
    return `http ${code}`
  }
  const overGrpc = async (body: Buffer): Promise<string> => `grpc ${await call(client, body)}`
  await Promise.all([
    ...Array.from({ length: 6 }, () => flood(overHttp)),
    ...Array.from({ length: 6 }, () => flood(overGrpc)),
  ])
  t.diagnostic(`${(bytes / mebibyte).toFixed(0)} MiB sent: ${JSON.stringify(Object.fromEntries(codes))}`)
  assert.deepEqual([...codes.keys()].toSorted(), ['grpc 0', 'grpc 8', 'http 200', 'http 429'])
  assertAlive(t, gateway, 2.5 * limit * mebibyte)
  // What waited is decided on; there is room again, for everybody.
  await eventually('requests are taken again', async () => {
    return (
      (await post(http, request(['again']))).status === 200 && (await call(client, request(['again']))) === status.OK
    )
  })
  for (const id of ['otelcol.processor.memory_limiter.limit', 'otelcol.processor.tail_sampling.hold']) {
    assertBalance(await nodeState(admin, id), id)
  }
  const limiter = await nodeState(admin, 'otelcol.processor.memory_limiter.limit')
  assert.ok(limiter.counters.refused + (limiter.counters.dropped['refused'] ?? 0) >= 100 * 100)
  assert.equal(await gateway.program.stop(), 0)
})
