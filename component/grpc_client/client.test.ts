import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { ClientTls } from '#component/http_client'
import { systemClock } from '#lib/clock'
import { snappyFramesDecode } from '#lib/snappy_frames'
import * as grpc from '@grpc/grpc-js'
import { GrpcClient, type GrpcClientOptions, GrpcCode, type GrpcResult } from './door.ts'

const path = '/echo.Echo/Say'
const identity = (bytes: Buffer): Buffer => bytes
const echo: grpc.ServiceDefinition = {
  say: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
}
type Say = grpc.handleUnaryCall<Buffer, Buffer>

const closers: (() => void)[] = []
after(() => {
  for (const close of closers) close()
})

/** gRPC's own server. */
async function serve(
  say: Say,
  address = '127.0.0.1:0',
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<{ port: number; server: grpc.Server }> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 32 * 1024 * 1024 })
  server.addService(echo, { say })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  closers.push(() => server.forceShutdown())
  return { port, server }
}

const say: Say = (call, answer) => answer(null, call.request)

function client(target: string, options: Partial<GrpcClientOptions> = {}): GrpcClient {
  const made = new GrpcClient({
    target,
    authority: '',
    tls: undefined,
    balancing: 'round_robin',
    keepalive: undefined,
    compression: 'identity',
    waitForReady: false,
    userAgent: 'Solder/test',
    clock: systemClock,
    ...options,
  })
  closers.push(() => made.close())
  return made
}

const hello = [Buffer.from('hel'), Buffer.from('lo')]

function call(c: GrpcClient, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<GrpcResult> {
  return c.unary({ path, message: hello, timeoutMs: 5000, ...options })
}

const text = (result: GrpcResult): string => Buffer.from(result.response).toString()

for (const compression of ['identity', 'gzip', 'deflate'] as const) {
  test(`a message travels to gRPC's own server and back with ${compression}`, async () => {
    let seen: grpc.MetadataValue[] = []
    const { port } = await serve((call, answer) => {
      seen = call.metadata.get('x-tenant')
      answer(null, call.request)
    })
    const c = client(`127.0.0.1:${port}`, { compression })
    const big = Buffer.alloc(3 * 1024 * 1024, 'abcdefgh')
    const result = await c.unary({ path, message: [big], metadata: { 'x-tenant': 'blue' }, timeoutMs: 10_000 })
    assert.equal(result.code, GrpcCode.OK, result.message)
    assert.ok(big.equals(result.response))
    assert.deepEqual(seen, ['blue'])
    assert.equal((await c.unary({ path, message: [], timeoutMs: 10_000 })).response.length, 0)
  })
}

/** What gRPC's own server cannot do: a server of HTTP/2 frames. */
async function raw(onStream: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    onStream(stream)
  })
  server.on('sessionError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

for (const [compression, uncompress] of [
  ['zstd', zstdDecompressSync],
  ['snappy', (bytes: Uint8Array) => snappyFramesDecode(bytes, 1000)],
] as const) {
  test(`a message compressed with ${compression} says so and is one stream of that format`, async () => {
    const target = await raw((stream) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const body = Buffer.concat(chunks)
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
        const message = Buffer.from(uncompress(body.subarray(5)))
        const header = Buffer.from([0, 0, 0, 0, message.length])
        stream.end(Buffer.concat([header, message]))
      })
    })
    assert.equal(text(await call(client(target, { compression }))), 'hello')
  })
}

test('a status comes with its code, its message and how long to wait', async () => {
  // google.rpc.Status{code: 8, details: [Any{RetryInfo{retry_delay: {seconds: 3, nanos: 500000000}}}]}
  const any = Buffer.from('type.googleapis.com/google.rpc.RetryInfo')
  const duration = Buffer.from([0x08, 3, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01])
  const info = Buffer.concat([Buffer.from([0x0a, duration.length]), duration])
  const detail = Buffer.concat([Buffer.from([0x0a, any.length]), any, Buffer.from([0x12, info.length]), info])
  const status = Buffer.concat([Buffer.from([0x08, 8, 0x1a, detail.length]), detail])
  const { port } = await serve((_, answer) => {
    const metadata = new grpc.Metadata()
    metadata.set('grpc-status-details-bin', status)
    answer({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'zu viel für 100%', metadata })
  })
  const result = await call(client(`127.0.0.1:${port}`))
  assert.deepEqual(
    { ...result, response: 0 },
    { code: 8, message: 'zu viel für 100%', retryDelayMs: 3500, response: 0, unanswered: false },
  )
})

test('a method that the server does not have, and a server that speaks no gRPC, are statuses', async () => {
  const { port } = await serve(say)
  const c = client(`127.0.0.1:${port}`)
  assert.equal((await c.unary({ path: '/no/Such', message: hello, timeoutMs: 5000 })).code, GrpcCode.UNIMPLEMENTED)
  for (const [status, code] of [
    [401, GrpcCode.UNAUTHENTICATED],
    [404, GrpcCode.UNIMPLEMENTED],
    [503, GrpcCode.UNAVAILABLE],
    [500, GrpcCode.UNKNOWN],
  ] as const) {
    const target = await raw((stream) => stream.respond({ ':status': status }, { endStream: true }))
    assert.equal((await call(client(target))).code, code)
  }
})

test('a call ends when its time is over, when it is broken off and when the client is closed', async () => {
  const { port } = await serve(() => {})
  const c = client(`127.0.0.1:${port}`)
  assert.equal((await call(c, { timeoutMs: 30 })).code, GrpcCode.DEADLINE_EXCEEDED)
  const aborter = new AbortController()
  const aborted = call(c, { signal: aborter.signal })
  setImmediate(() => aborter.abort())
  assert.equal((await aborted).code, GrpcCode.CANCELLED)
  assert.equal((await call(c, { signal: aborter.signal })).code, GrpcCode.CANCELLED)
  const closed = call(c)
  setImmediate(() => c.close())
  assert.equal((await closed).code, GrpcCode.CANCELLED)
  assert.equal((await call(c)).code, GrpcCode.CANCELLED)
})

test('a connection that breaks in the middle of a call is UNAVAILABLE, and the next call connects anew', async () => {
  let broken = 0
  const target = await raw((stream) => {
    if (broken++ === 0) stream.session?.destroy()
    else stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true })
  })
  const c = client(target)
  assert.equal((await call(c)).code, GrpcCode.UNAVAILABLE)
  assert.equal((await call(c)).code, GrpcCode.OK)
})

test('streams that the server resets end with the code that the reset means', async () => {
  const resets = [
    [7, GrpcCode.UNAVAILABLE],
    [8, GrpcCode.CANCELLED],
    [11, GrpcCode.RESOURCE_EXHAUSTED],
    [2, GrpcCode.INTERNAL],
  ] as const
  for (const [reset, code] of resets) {
    const target = await raw((stream) => stream.close(reset))
    assert.equal((await call(client(target))).code, code, `reset with ${reset}`)
  }
})

test('nobody listens: UNAVAILABLE at once; a server that comes later is found, and one that restarts', async () => {
  const placeholder = createTcpServer()
  await new Promise<void>((resolve) => placeholder.listen(0, '127.0.0.1', resolve))
  const { port } = placeholder.address() as AddressInfo
  await new Promise((resolve) => placeholder.close(resolve))
  const c = client(`127.0.0.1:${port}`)
  const refused = await call(c)
  assert.equal(refused.code, GrpcCode.UNAVAILABLE)
  assert.match(refused.message, /ECONNREFUSED/)
  const waiting = call(client(`127.0.0.1:${port}`, { waitForReady: true }), { timeoutMs: 20_000 })
  const first = await serve(say, `127.0.0.1:${port}`)
  assert.equal(text(await call(c)), 'hello')
  assert.equal((await waiting).code, GrpcCode.OK)
  first.server.forceShutdown()
  await serve(say, `127.0.0.1:${port}`)
  let result = await call(c)
  // The call may have gone over the connection that was just closed.
  if (result.code === GrpcCode.UNAVAILABLE) result = await call(c)
  assert.equal(result.code, GrpcCode.OK)
})

test('a server that accepts and says nothing is bounded by the time of the call', async () => {
  const silent = createTcpServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  closers.push(() => silent.close())
  silent.on('connection', (socket) => closers.push(() => socket.destroy()))
  const c = client(`127.0.0.1:${(silent.address() as AddressInfo).port}`)
  assert.equal((await call(c, { timeoutMs: 30 })).code, GrpcCode.DEADLINE_EXCEEDED)
  c.close()
})

test('round_robin goes to every address in turn and around those that are away; pick_first stays', async () => {
  const counts = [0, 0]
  const servers = await Promise.all(
    [0, 1].map((i) =>
      serve((call, answer) => {
        counts[i] = (counts[i] as number) + 1
        answer(null, call.request)
      }),
    ),
  )
  const target = `ipv4:${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  const turns = client(target)
  for (let i = 0; i < 2; i++) await call(turns)
  while (counts.includes(0)) await call(turns) // the second connection may come a little later
  const before = [...counts]
  for (let i = 0; i < 10; i++) await call(turns)
  assert.deepEqual(
    counts.map((n, i) => n - (before[i] as number)),
    [5, 5],
  )
  counts.fill(0)
  const first = client(target, { balancing: 'pick_first' })
  for (let i = 0; i < 4; i++) await call(first)
  assert.deepEqual(counts, [4, 0])
  servers[0]?.server.forceShutdown()
  let answered = 0
  for (let i = 0; i < 6; i++) if ((await call(turns)).code === GrpcCode.OK) answered++
  assert.ok(answered >= 5, `${answered} of 6`)
  let result = await call(first)
  if (result.code !== GrpcCode.OK) result = await call(first)
  assert.equal(result.code, GrpcCode.OK)
})

test('a socket in the file system is a target too', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'solder-grpc-'))
  closers.push(() => void rm(directory, { recursive: true, force: true }))
  const socket = join(directory, 's')
  await serve(say, `unix:${socket}`)
  for (const target of [`unix:${socket}`, `unix://${socket}`]) {
    const result = await call(client(target))
    assert.equal(text(result), 'hello', result.message)
  }
})

const testdata = (name: string): Buffer => readFileSync(new URL(`../http_client/testdata/${name}`, import.meta.url))

test('over TLS the server proves its name, and the client can prove its own', async () => {
  const { port } = await serve(
    say,
    '127.0.0.1:0',
    grpc.ServerCredentials.createSsl(
      testdata('authority.pem'),
      [{ private_key: testdata('server.key'), cert_chain: testdata('server.pem') }],
      true,
    ),
  )
  const settings = {
    ca_pem: testdata('authority.pem').toString(),
    ca_file: '',
    cert_pem: testdata('client.pem').toString(),
    cert_file: '',
    key_pem: undefined,
    key_file: new URL('../http_client/testdata/client.key', import.meta.url).pathname,
    server_name: '',
    insecure_skip_verify: false,
    min_version: '',
  } as const
  const good = await call(client(`localhost:${port}`, { tls: new ClientTls(settings) }))
  assert.equal(good.code, GrpcCode.OK, good.message)
  const refusals = [
    { ...settings, ca_pem: '' },
    { ...settings, cert_pem: '', key_file: '' },
    { ...settings, server_name: 'other.example' },
  ]
  for (const refused of refusals) {
    const result = await call(client(`localhost:${port}`, { tls: new ClientTls(refused) }))
    assert.equal(result.code, GrpcCode.UNAVAILABLE, `${refusals.indexOf(refused)}: ${result.message}`)
  }
  const plain = await call(client(`localhost:${port}`))
  assert.notEqual(plain.code, GrpcCode.OK)
})

test('a server that does not answer pings is left', async () => {
  const deaf = createTcpServer()
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
  closers.push(() => deaf.close())
  deaf.on('connection', (socket) => {
    closers.push(() => socket.destroy())
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])) // SETTINGS, and nothing after them
  })
  const keepalive = { timeMs: 20, timeoutMs: 20, withoutStream: false }
  const result = await call(client(`127.0.0.1:${(deaf.address() as AddressInfo).port}`, { keepalive }))
  assert.equal(result.code, GrpcCode.UNAVAILABLE)
  assert.match(result.message, /ping/)
})

test('endpoints that lead nowhere are refused', () => {
  for (const target of ['', 'a b:1', 'host:99999', 'host:port']) {
    assert.throws(() => client(target), /Cannot use the endpoint/, target)
  }
  for (const target of [
    'host:4317',
    'http://host:4317',
    'dns:///host:4317',
    'dns://1.1.1.1/host',
    '[::1]:4317',
    ':4317',
  ]) {
    client(target)
  }
})
