import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Client, type ClientOptions, credentials, Metadata, type ServiceError, status as Status } from '@grpc/grpc-js'
import fc from 'fast-check'
import type { Logger } from '#component'
import type { ServerTlsSettings } from '#component/listener'
import { ManualClock, systemClock } from '#lib/clock'
import { snappyCompress } from '#lib/snappy'
import { snappyFramesEncode } from '#lib/snappy_frames'
import { decodeRpcStatus } from '#pdata/otlp'
import {
  GrpcCode,
  GrpcError,
  type GrpcMethod,
  GrpcServer,
  type GrpcServerOptions,
  type GrpcServerSettings,
} from './door.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const pem = (name: string): string => readFileSync(new URL(`../http_client/testdata/${name}`, import.meta.url), 'utf8')

const settings: GrpcServerSettings = {
  address: { host: '127.0.0.1', port: 0 },
  tls: undefined,
  tlsReloadMs: 0,
  messageBytesMax: 4 * 1024 * 1024,
  streamsMax: 0,
  keepalive: {
    idleMsMax: Infinity,
    ageMsMax: Infinity,
    ageGraceMs: Infinity,
    pingAfterMs: Infinity,
    pingTimeoutMs: 20_000,
    clientPingMsMin: 300_000,
    clientPingsIdle: false,
  },
}

const echo: GrpcMethod = { kind: 'unary', handle: (message) => message }
const echoPath = '/test.Test/Echo'

interface Serving extends Partial<Omit<GrpcServerSettings, 'keepalive'>> {
  readonly keepalive?: Partial<GrpcServerSettings['keepalive']>
  readonly methods?: Readonly<Record<string, GrpcMethod>>
  readonly options?: Partial<GrpcServerOptions>
}

async function serve(t: TestContext, serving: Serving = {}): Promise<GrpcServer> {
  const { methods, options, keepalive, ...more } = serving
  const server = new GrpcServer(
    { ...settings, ...more, keepalive: { ...settings.keepalive, ...keepalive } },
    {
      log: silent,
      clock: systemClock,
      methods: new Map(Object.entries({ [echoPath]: echo, ...methods })),
      ...options,
    },
  )
  await server.start()
  t.after(() => server.stop(0))
  return server
}

/** gRPC's own JavaScript client, without generated code. */
function clientOf(
  t: TestContext,
  server: GrpcServer | string,
  options: ClientOptions = {},
  creds = credentials.createInsecure(),
): Client {
  const address = typeof server === 'string' ? server : `127.0.0.1:${server.port}`
  const client = new Client(address, creds, { 'grpc.use_local_subchannel_pool': 1, ...options })
  t.after(() => client.close())
  return client
}

function call(
  client: Client,
  message: Uint8Array,
  more: { path?: string; metadata?: Metadata; deadlineMs?: number } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      more.path ?? echoPath,
      (request: Buffer) => request,
      (response: Buffer) => response,
      Buffer.from(message),
      more.metadata ?? new Metadata(),
      more.deadlineMs === undefined ? {} : { deadline: Date.now() + more.deadlineMs },
      (error, response) => (error ? reject(error) : resolve(response as Buffer)),
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

const random = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7919 + (i >> 7)) & 0xff))

// ----------------------------------------------------------------------------------------------- a client in pieces

function session(t: TestContext, server: GrpcServer): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${server.port}`)
  client.on('error', () => {})
  t.after(() => client.destroy())
  return client
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
  readonly rstCode: number
}

/** Sends `pieces` as DATA frames of their own. */
function send(
  client: ClientHttp2Session,
  headers: Record<string, string>,
  pieces: readonly Uint8Array[],
  end = true,
): Promise<Answer> {
  const stream = client.request({
    ':method': 'POST',
    ':path': echoPath,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => {})
  for (const piece of pieces) stream.write(piece)
  if (end) stream.end()
  return new Promise((resolve) => {
    let head: IncomingHttpHeaders = {}
    let trailers: IncomingHttpHeaders = {}
    const body: Buffer[] = []
    stream.on('response', (got) => (head = got))
    stream.on('trailers', (got) => (trailers = got))
    stream.on('data', (chunk: Buffer) => body.push(chunk))
    stream.on('close', () =>
      resolve({
        headers: head,
        trailers: { ...head, ...trailers },
        body: Buffer.concat(body),
        rstCode: stream.rstCode ?? 0,
      }),
    )
  })
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

// ------------------------------------------------------------------------------------------------------------ tests

test("gRPC's own client sends messages of all sizes and gets them back", async (t) => {
  const server = await serve(t)
  const client = clientOf(t, server)
  for (const size of [0, 1, 16_379, 16_384, 70_000, 1_000_000, 4 * 1024 * 1024]) {
    const message = random(size)
    assert.deepEqual(await call(client, message), message, `${size} bytes`)
  }
  const many = await Promise.all(Array.from({ length: 200 }, (_, i) => call(client, Uint8Array.of(i & 0xff))))
  assert.deepEqual(
    many.map((answer) => answer[0]),
    Array.from({ length: 200 }, (_, i) => i & 0xff),
  )
  assert.equal(server.memory.bytes, 0)
})

for (const [name, algorithm] of [
  ['deflate', 1],
  ['gzip', 2],
] as const) {
  test(`gRPC's own client sends ${name}`, async (t) => {
    const client = clientOf(t, await serve(t), { 'grpc.default_compression_algorithm': algorithm })
    const message = Buffer.from('compressible '.repeat(10_000))
    assert.deepEqual(await call(client, message), message)
  })
}

const message = Buffer.from('a message that is compressed, compressed, compressed')
const encodings: readonly { name: string; encoding: string; body: Uint8Array }[] = [
  { name: 'identity', encoding: 'identity', body: frame(message) },
  { name: 'gzip', encoding: 'gzip', body: frame(gzipSync(message), 1) },
  { name: 'deflate', encoding: 'deflate', body: frame(deflateSync(message), 1) },
  { name: 'zstd', encoding: 'zstd', body: frame(zstdCompressSync(message), 1) },
  { name: 'snappy in frames', encoding: 'snappy', body: frame(snappyFramesEncode(message), 1) },
  { name: 'snappy as a block', encoding: 'snappy', body: frame(snappyCompress(message), 1) },
  { name: 'an encoding that this message does not use', encoding: 'gzip', body: frame(message) },
]
for (const { name, encoding, body } of encodings) {
  test(`a message is taken in ${name}, in one frame and in frames of a byte`, async (t) => {
    const client = session(t, await serve(t))
    for (const pieces of [[body], [...body].map((byte) => Uint8Array.of(byte))]) {
      const answer = await send(client, { 'grpc-encoding': encoding }, pieces)
      assert.equal(answer.trailers['grpc-status'], '0')
      assert.deepEqual(answer.body, frame(message))
      assert.equal(answer.headers[':status'], 200)
      assert.equal(answer.headers['content-type'], 'application/grpc')
    }
  })
}

const bomb = Buffer.alloc(64 * 1024 * 1024)
const refusals: readonly {
  name: string
  headers?: Record<string, string>
  pieces: readonly Uint8Array[]
  code: GrpcCode
  want: RegExp
}[] = [
  { name: 'a request without a message', pieces: [], code: GrpcCode.INTERNAL, want: /ends inside its message/ },
  { name: 'half a prefix', pieces: [Uint8Array.of(0, 0)], code: GrpcCode.INTERNAL, want: /ends inside its message/ },
  { name: 'half a message', pieces: [frame(message).subarray(0, 20)], code: GrpcCode.INTERNAL, want: /ends inside/ },
  {
    name: 'two messages',
    pieces: [frame(message), frame(message)],
    code: GrpcCode.UNIMPLEMENTED,
    want: /more than one/,
  },
  { name: 'an unknown flag', pieces: [frame(message, 2)], code: GrpcCode.INTERNAL, want: /unknown flag/ },
  {
    name: 'a length of 4 GiB',
    pieces: [Uint8Array.of(0, 255, 255, 255, 255)],
    code: GrpcCode.RESOURCE_EXHAUSTED,
    want: /larger than max \(4294967295 vs. 4194304\)/,
  },
  {
    name: 'an unknown encoding',
    headers: { 'grpc-encoding': 'lzma' },
    pieces: [frame(message, 1)],
    code: GrpcCode.UNIMPLEMENTED,
    want: /"lzma"/,
  },
  {
    name: 'a compressed message without an encoding',
    pieces: [frame(message, 1)],
    code: GrpcCode.INTERNAL,
    want: /no message encoding/,
  },
  {
    name: 'broken gzip',
    headers: { 'grpc-encoding': 'gzip' },
    pieces: [frame(message, 1)],
    code: GrpcCode.INTERNAL,
    want: /no valid gzip/,
  },
  {
    name: 'broken zstd',
    headers: { 'grpc-encoding': 'zstd' },
    pieces: [frame(message, 1)],
    code: GrpcCode.INTERNAL,
    want: /no valid zstd/,
  },
  {
    name: 'broken snappy',
    headers: { 'grpc-encoding': 'snappy' },
    pieces: [frame(message, 1)],
    code: GrpcCode.INTERNAL,
    want: /decompress/,
  },
  {
    name: 'a gzip bomb',
    headers: { 'grpc-encoding': 'gzip' },
    pieces: [frame(gzipSync(bomb), 1)],
    code: GrpcCode.RESOURCE_EXHAUSTED,
    want: /after decompression larger than max 4194304/,
  },
  {
    name: 'a zstd bomb',
    headers: { 'grpc-encoding': 'zstd' },
    pieces: [frame(zstdCompressSync(bomb), 1)],
    code: GrpcCode.RESOURCE_EXHAUSTED,
    want: /after decompression/,
  },
  {
    name: 'a snappy bomb',
    headers: { 'grpc-encoding': 'snappy' },
    pieces: [frame(snappyFramesEncode(bomb), 1)],
    code: GrpcCode.RESOURCE_EXHAUSTED,
    want: /after decompression/,
  },
  {
    name: 'a snappy block that claims 4 GiB',
    headers: { 'grpc-encoding': 'snappy' },
    pieces: [frame(Uint8Array.of(255, 255, 255, 255, 15, 0), 1)],
    code: GrpcCode.RESOURCE_EXHAUSTED,
    want: /after decompression/,
  },
  {
    name: 'a timeout that is none',
    headers: { 'grpc-timeout': 'soon' },
    pieces: [frame(message)],
    code: GrpcCode.INTERNAL,
    want: /malformed grpc-timeout: soon/,
  },
  {
    name: 'an unknown method',
    headers: { ':path': '/test.Test/Other' },
    pieces: [frame(message)],
    code: GrpcCode.UNIMPLEMENTED,
    want: /unknown method Other for service test.Test/,
  },
  {
    name: 'an unknown service',
    headers: { ':path': '/other.Other/Echo' },
    pieces: [frame(message)],
    code: GrpcCode.UNIMPLEMENTED,
    want: /unknown service other.Other/,
  },
  {
    name: 'a path that is none',
    headers: { ':path': '/' },
    pieces: [frame(message)],
    code: GrpcCode.UNIMPLEMENTED,
    want: /unknown service/,
  },
]
test('what cannot be answered is refused with its status, and the connection goes on', async (t) => {
  const server = await serve(t)
  const client = session(t, server)
  for (const { name, headers, pieces, code, want } of refusals) {
    const { trailers } = await send(client, headers ?? {}, pieces)
    assert.equal(trailers['grpc-status'], String(code), name)
    assert.match(decodeURIComponent(String(trailers['grpc-message'])), want, name)
  }
  assert.equal((await send(client, {}, [frame(message)])).trailers['grpc-status'], '0')
  assert.equal(server.memory.bytes, 0)
})

test('what is not gRPC gets an HTTP status', async (t) => {
  const client = session(t, await serve(t))
  const get = await send(client, { ':method': 'GET' }, [])
  assert.equal(get.headers[':status'], 405)
  const other = await send(client, { 'content-type': 'application/json' }, [Buffer.from('{}')])
  assert.equal(other.headers[':status'], 415)
})

test('a refusal before the end of the request tells the client to stop sending', async (t) => {
  const client = session(t, await serve(t))
  const answer = await send(client, {}, [Uint8Array.of(0, 255, 0, 0, 0)], false)
  assert.equal(answer.trailers['grpc-status'], String(GrpcCode.RESOURCE_EXHAUSTED))
  assert.equal(answer.rstCode, constants.NGHTTP2_NO_ERROR)
})

test('a deadline ends the call on the server too', async (t) => {
  const clock = new ManualClock()
  let ended: () => boolean = () => false
  const seen: GrpcMethod = {
    kind: 'unary',
    handle: (_, started) => {
      ended = () => started.ended
      setImmediate(() => clock.advance(250))
      return new Promise(() => {})
    },
  }
  const server = await serve(t, { methods: { '/test.Test/Seen': seen }, options: { clock } })
  const client = session(t, server)
  const { trailers } = await send(client, { ':path': '/test.Test/Seen', 'grpc-timeout': '250m' }, [frame(message)])
  assert.equal(trailers['grpc-status'], String(GrpcCode.DEADLINE_EXCEEDED))
  assert.equal(ended(), true)
})

test("gRPC's own client's deadline is kept", async (t) => {
  const never: GrpcMethod = { kind: 'unary', handle: () => new Promise(() => {}) }
  const client = clientOf(t, await serve(t, { methods: { '/test.Test/Never': never } }))
  const error = await failure(call(client, message, { path: '/test.Test/Never', deadlineMs: 100 }))
  assert.equal(error.code, Status.DEADLINE_EXCEEDED)
})

test('a method that fails says so with its code, its message in any letters, and when to come back', async (t) => {
  const methods: Readonly<Record<string, GrpcMethod>> = {
    '/test.Test/Pressed': {
      kind: 'unary',
      handle: () => Promise.reject(new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, 'voll: 100 % – später', 1500)),
    },
    '/test.Test/Broken': {
      kind: 'unary',
      handle: () => {
        throw new TypeError('a mistake')
      },
    },
  }
  const client = clientOf(t, await serve(t, { methods }))
  const pressed = await failure(call(client, message, { path: '/test.Test/Pressed' }))
  assert.equal(pressed.code, Status.RESOURCE_EXHAUSTED)
  assert.equal(pressed.details, 'voll: 100 % – später')
  const [details] = pressed.metadata.get('grpc-status-details-bin')
  assert.deepEqual(decodeRpcStatus(details as Buffer), { code: 8, message: 'voll: 100 % – später', retryAfterMs: 1500 })
  const broken = await failure(call(client, message, { path: '/test.Test/Broken' }))
  assert.equal(broken.code, Status.UNKNOWN)
})

test('a method sees metadata, the peer, and what the authenticator found', async (t) => {
  const got: unknown[] = []
  const look: GrpcMethod = {
    kind: 'unary',
    handle: (bytes, { headers, peer, attributes }) => {
      got.push(headers['x-tenant'], peer, attributes?.get('subject'))
      return bytes
    },
  }
  const authenticate: GrpcServerOptions['authenticate'] = async (headers) => {
    if (headers['authorization'] !== 'Bearer x') throw new GrpcError(GrpcCode.UNAUTHENTICATED, 'who are you?')
    return new Map([['subject', 'me']])
  }
  const client = clientOf(t, await serve(t, { methods: { '/test.Test/Look': look }, options: { authenticate } }))
  const metadata = new Metadata()
  metadata.set('x-tenant', 'a')
  assert.equal(
    (await failure(call(client, message, { metadata, path: '/test.Test/Look' }))).code,
    Status.UNAUTHENTICATED,
  )
  metadata.set('authorization', 'Bearer x')
  await call(client, random(1_000_000), { metadata, path: '/test.Test/Look' })
  assert.deepEqual(got, ['a', '127.0.0.1', 'me'])
  const health = await call(client, new Uint8Array(), { path: '/grpc.health.v1.Health/Check' })
  assert.deepEqual(health, Buffer.from([8, 1]), 'probes need no credentials')
})

const tls: ServerTlsSettings = {
  certPem: pem('server.pem'),
  certFile: '',
  keyPem: pem('server.key'),
  keyFile: '',
  clientCaPem: '',
  clientCaFile: '',
  clientAuth: 'NoClientCert',
  cipherSuites: [],
  curves: [],
  minVersion: '',
  maxVersion: '',
}
const named = { 'grpc.ssl_target_name_override': 'localhost' }

test('TLS, and certificates that are renewed on disk', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'grpc_server-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const certFile = join(directory, 'cert.pem')
  writeFileSync(certFile, tls.certPem)
  const clock = new ManualClock()
  const server = await serve(t, { tls: { ...tls, certPem: '', certFile }, tlsReloadMs: 1000, options: { clock } })
  const creds = credentials.createSsl(Buffer.from(pem('authority.pem')))
  assert.deepEqual(await call(clientOf(t, server, named, creds), message), message)
  writeFileSync(certFile, 'no certificate')
  clock.advance(1000)
  assert.deepEqual(await call(clientOf(t, server, named, creds), message), message, 'the old one stays')
  const plain = await failure(call(clientOf(t, server), message, { deadlineMs: 2000 }))
  assert.notEqual(plain.code, Status.OK)
})

test('mutual TLS lets in clients with a certificate of the authority only', async (t) => {
  const server = await serve(t, {
    tls: { ...tls, clientCaPem: pem('authority.pem'), clientAuth: 'RequireAndVerifyClientCert' },
  })
  const authority = Buffer.from(pem('authority.pem'))
  const known = credentials.createSsl(authority, Buffer.from(pem('client.key')), Buffer.from(pem('client.pem')))
  assert.deepEqual(await call(clientOf(t, server, named, known), message), message)
  const unknown = credentials.createSsl(authority)
  const refused = await failure(call(clientOf(t, server, named, unknown), message, { deadlineMs: 5000 }))
  assert.equal(refused.code, Status.UNAVAILABLE)
})

test('a Unix socket, also where a dead process left one', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'grpc_server-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'otlp.sock')
  const first = await serve(t, { address: { path } })
  assert.deepEqual(await call(clientOf(t, `unix:${path}`), message), message)
  await assert.rejects(serve(t, { address: { path } }), /Cannot listen on .*otlp\.sock/, 'somebody answers there')
  await first.stop(0)
  const dying = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  assert.equal(spawnSync(process.execPath, ['-e', dying, path]).signal, 'SIGKILL')
  assert.ok(existsSync(path))
  await serve(t, { address: { path } })
  assert.deepEqual(await call(clientOf(t, `unix:${path}`), message), message)
})

test('the health service answers checks, and tells watchers of the stop', async (t) => {
  const server = await serve(t)
  const client = clientOf(t, server)
  const check = (name: string): Promise<Buffer> =>
    call(client, Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]), {
      path: '/grpc.health.v1.Health/Check',
    })
  assert.deepEqual(await check(''), Buffer.from([8, 1]))
  assert.deepEqual(await check('test.Test'), Buffer.from([8, 1]))
  assert.equal((await failure(check('other'))).code, Status.NOT_FOUND)
  const watch = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    (m: Buffer) => m,
    (m: Buffer) => m,
    Buffer.alloc(0),
    new Metadata(),
  )
  const seen: number[] = []
  let stopped: Promise<void> | undefined
  await new Promise<void>((resolve) => {
    watch.on('error', () => {})
    watch.on('data', (answer: Buffer) => {
      seen.push(answer[1] as number)
      if (seen.length === 1) stopped = server.stop(50)
      else resolve()
    })
  })
  await stopped
  assert.deepEqual(seen, [1, 2])
})

test('questions to the own services that are broken, too large or not allowed are refused', async (t) => {
  const descriptors = (): Promise<string> => Promise.reject(new Error('not asked'))
  const client = session(t, await serve(t, { options: { descriptors } }))
  const watch = '/grpc.health.v1.Health/Watch'
  const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
  const cases: readonly [string, Uint8Array, GrpcCode][] = [
    [watch, frame(Uint8Array.of(0xff)), GrpcCode.INVALID_ARGUMENT],
    [watch, frame(random(70_000)), GrpcCode.RESOURCE_EXHAUSTED],
    [watch, frame(Uint8Array.of(1), 1), GrpcCode.INTERNAL],
    [reflection, frame(Uint8Array.of(0x3a, 0)), GrpcCode.UNKNOWN],
  ]
  for (const [path, body, code] of cases) {
    const { trailers } = await send(client, { ':path': path }, [body])
    assert.equal(trailers['grpc-status'], String(code))
  }
  const authenticate = (): Promise<never> => Promise.reject(new GrpcError(GrpcCode.UNAUTHENTICATED, 'who are you?'))
  const strict = session(t, await serve(t, { options: { descriptors, authenticate } }))
  const { trailers } = await send(strict, { ':path': reflection }, [frame(Uint8Array.of(0x3a, 0))])
  assert.equal(trailers['grpc-status'], String(GrpcCode.UNAUTHENTICATED))
})

test('idle and old connections are let go, and a call under way ends first', async (t) => {
  for (const [keepalive, reason] of [
    [{ idleMsMax: 5000 }, 'max_idle'],
    [{ ageMsMax: 5000 }, 'max_age'],
  ] as const) {
    const clock = new ManualClock()
    const release: (() => void)[] = []
    const held: GrpcMethod = {
      kind: 'unary',
      handle: (bytes) => new Promise((resolve) => void release.push(() => resolve(bytes))),
    }
    const server = await serve(t, { keepalive, methods: { '/test.Test/Held': held }, options: { clock } })
    const client = session(t, server)
    assert.equal((await send(client, {}, [frame(message)])).trailers['grpc-status'], '0')
    const goodbyes: [number, string][] = []
    const goodbye = new Promise<void>((resolve) => {
      client.on('goaway', (code, _, data) => {
        goodbyes.push([code, String(data ?? '')])
        resolve()
      })
    })
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()))
    const underWay = reason === 'max_age' ? send(client, { ':path': '/test.Test/Held' }, [frame(message)]) : undefined
    if (underWay) while (release.length === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(5500)
    await goodbye
    assert.deepEqual(goodbyes[0], [constants.NGHTTP2_NO_ERROR, reason])
    release[0]?.()
    if (underWay) assert.equal((await underWay).trailers['grpc-status'], '0')
    await closed
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a client that does not answer pings any more is given up', async (t) => {
  const clock = new ManualClock()
  const server = await serve(t, { keepalive: { pingAfterMs: 10_000, pingTimeoutMs: 1000 }, options: { clock } })
  const socket = connectTcp(server.port, '127.0.0.1')
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => {})
  // The preface and empty settings; then silence.
  socket.write(
    Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]),
  )
  await new Promise<void>((resolve) => socket.once('data', () => resolve()))
  while (server.connections > 0) {
    clock.advance(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
})

test('a client that pings too often is turned away; one that may is not', async (t) => {
  const strict = session(t, await serve(t))
  const goodbye = new Promise<[number, string]>((resolve) => {
    strict.on('goaway', (code, _, data) => resolve([code, String(data)]))
  })
  await new Promise<void>((resolve) => strict.once('connect', () => resolve()))
  for (let i = 0; i < 4; i++) strict.ping(() => {})
  assert.deepEqual(await goodbye, [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'too_many_pings'])

  const lax = session(t, await serve(t, { keepalive: { clientPingMsMin: 0, clientPingsIdle: true } }))
  await new Promise<void>((resolve) => lax.once('connect', () => resolve()))
  for (let i = 0; i < 20; i++) {
    await new Promise<void>((resolve, reject) => lax.ping((error) => (error ? reject(error) : resolve())))
  }
  assert.equal((await send(lax, {}, [frame(message)])).trailers['grpc-status'], '0')
})

test("gRPC's own client keeps its connection alive where it may, and is turned away where it may not", async (t) => {
  const pinging = {
    'grpc.keepalive_time_ms': 10,
    'grpc.keepalive_timeout_ms': 5000,
    'grpc.keepalive_permit_without_calls': 1,
  }
  const release: (() => void)[] = []
  const held: GrpcMethod = {
    kind: 'unary',
    handle: (bytes) => new Promise((resolve) => void release.push(() => resolve(bytes))),
  }
  const methods = { '/test.Test/Held': held }
  const strict = clientOf(t, await serve(t, { methods }), pinging)
  const refused = await failure(call(strict, message, { path: '/test.Test/Held' }))
  // How this client reads a goodbye with ENHANCE_YOUR_CALM.
  assert.equal(refused.code, Status.RESOURCE_EXHAUSTED)

  let calls = 0
  const clock = { ...systemClock, monotonic: () => ++calls * 1000 }
  const lax = await serve(t, { methods, keepalive: { clientPingMsMin: 1 }, options: { clock } })
  const answer = call(clientOf(t, lax, pinging), message, { path: '/test.Test/Held' })
  while (calls < 20) await new Promise((resolve) => setImmediate(resolve))
  release.at(-1)?.()
  assert.deepEqual(await answer, message)
})

test('a stop lets calls under way end, and refuses nobody who called before the goodbye', async (t) => {
  const release: (() => void)[] = []
  const held: GrpcMethod = {
    kind: 'unary',
    handle: (bytes) => new Promise((resolve) => void release.push(() => resolve(bytes))),
  }
  const server = await serve(t, { methods: { '/test.Test/Held': held } })
  const client = clientOf(t, server)
  const answers = Array.from({ length: 20 }, () => call(client, message, { path: '/test.Test/Held' }))
  while (release.length < 20) await new Promise((resolve) => setImmediate(resolve))
  const stopped = server.stop(10_000)
  for (const run of release) run()
  for (const answer of await Promise.all(answers)) assert.deepEqual(answer, message)
  await stopped
  await server.stop(0)
})

test('a stop breaks off what does not end before the deadline', async (t) => {
  const never: GrpcMethod = { kind: 'unary', handle: () => new Promise(() => {}) }
  const server = await serve(t, { methods: { '/test.Test/Never': never } })
  const client = session(t, server)
  const answer = send(client, { ':path': '/test.Test/Never' }, [frame(message)])
  while (server.memory.bytes === 0) await new Promise((resolve) => setImmediate(resolve))
  await server.stop(20)
  await answer
  assert.equal(server.connections, 0)
})

test('what is received at once is bounded over all connections, and counts as long as a method holds it', async (t) => {
  const release: (() => void)[] = []
  const held: GrpcMethod = {
    kind: 'unary',
    handle: (bytes) => new Promise((resolve) => void release.push(() => resolve(bytes))),
  }
  const server = await serve(t, { methods: { '/test.Test/Held': held }, options: { receivedBytesMax: 3000 } })
  const first = send(session(t, server), { ':path': '/test.Test/Held' }, [frame(random(2000))])
  while (release.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const { trailers } = await send(session(t, server), {}, [frame(random(2000))])
  assert.equal(trailers['grpc-status'], String(GrpcCode.RESOURCE_EXHAUSTED))
  const details = Buffer.from(String(trailers['grpc-status-details-bin']), 'base64')
  assert.equal(decodeRpcStatus(details).retryAfterMs, 1000)
  release[0]?.()
  assert.equal((await first).trailers['grpc-status'], '0')
  assert.equal(server.memory.bytes, 0)
})

test('calls beyond the limit of a connection wait in the client', async (t) => {
  let most = 0
  let now = 0
  const counted: GrpcMethod = {
    kind: 'unary',
    handle: async (bytes) => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      return bytes
    },
  }
  const client = clientOf(t, await serve(t, { streamsMax: 5, methods: { '/test.Test/Counted': counted } }))
  await call(client, message)
  await Promise.all(Array.from({ length: 50 }, () => call(client, message, { path: '/test.Test/Counted' })))
  assert.ok(most <= 5, `${most} at once`)
})

test('a flood of resets costs the client its connection, and nobody else', async (t) => {
  const server = await serve(t)
  const other = session(t, server)
  const flood = session(t, server)
  const closed = new Promise<void>((resolve) => flood.on('close', () => resolve()))
  let over = false
  void closed.then(() => (over = true))
  for (let i = 0; i < 200 && !over; i++) {
    for (let j = 0; j < 50 && !flood.destroyed && !flood.closed; j++) {
      const stream = flood.request({ ':method': 'POST', ':path': echoPath, 'content-type': 'application/grpc' })
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
  assert.equal((await send(other, {}, [frame(message)])).trailers['grpc-status'], '0')
  assert.equal(server.memory.bytes, 0)
})

test('1,000 silent and slow connections leave the server answering', { timeout: 120_000 }, async (t) => {
  const server = await serve(t)
  const sockets = await Promise.all(
    Array.from(
      { length: 1000 },
      (_, i) =>
        new Promise<ReturnType<typeof connectTcp>>((resolve) => {
          const socket = connectTcp(server.port, '127.0.0.1', () => {
            if (i % 2 === 0) socket.write('PRI * HTTP/2.0\r\n')
            resolve(socket)
          })
          socket.on('error', () => {})
        }),
    ),
  )
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  assert.equal((await send(session(t, server), {}, [frame(message)])).trailers['grpc-status'], '0')
})

test('a connection that says nothing is closed', async (t) => {
  const clock = new ManualClock()
  const server = await serve(t, { options: { clock } })
  const socket = connectTcp(server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(20_000)
  await new Promise<void>((resolve) => socket.on('close', () => resolve()))
})

test('garbage of any kind ends its call or connection only', async (t) => {
  const server = await serve(t)
  const good = session(t, server)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
      fc.boolean(),
      async (pieces, raw) => {
        if (raw) {
          await new Promise<void>((resolve) => {
            const socket = connectTcp(server.port, '127.0.0.1', () => {
              socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
              for (const piece of pieces) socket.write(piece)
              socket.end()
            })
            socket.resume()
            socket.on('error', () => {})
            socket.on('close', () => resolve())
          })
        } else await send(good, { 'grpc-encoding': 'gzip' }, pieces)
      },
    ),
    { interruptAfterTimeLimit: 1500, numRuns: 300 },
  )
  assert.equal((await send(good, {}, [frame(message)])).trailers['grpc-status'], '0')
  assert.equal(server.memory.bytes, 0)
})
