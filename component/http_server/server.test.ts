import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Logger } from '#component'
import { BodyReader, RequestRefused } from '#component/http_requests'
import type { ServerTlsSettings } from '#component/listener'
import { ManualClock, systemClock } from '#lib/clock'
import { snappyCompress } from '#lib/snappy'
import { HttpServer, type HttpServerOptions, type HttpServerSettings } from './server.ts'

const directory = mkdtempSync(join(tmpdir(), 'http_server-'))
after(() => rmSync(directory, { recursive: true }))

const certificates = new URL('../http_client/testdata/', import.meta.url)
const pem = (name: string): string => readFileSync(new URL(name, certificates), 'utf8')
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const settings: HttpServerSettings = {
  host: '127.0.0.1',
  port: 0,
  connectionsMax: 0,
  readTimeoutMs: 30_000,
  writeTimeoutMs: 30_000,
  idleTimeoutMs: 120_000,
  tls: undefined,
}

const tls: ServerTlsSettings = {
  certPem: pem('server.pem'),
  certFile: '',
  keyPem: pem('server.key'),
  keyFile: '',
  clientCaPem: pem('authority.pem'),
  clientCaFile: '',
  clientAuth: 'NoClientCert',
  cipherSuites: [],
  curves: [],
  minVersion: '',
  maxVersion: '',
}

type Handle = HttpServerOptions['handle']

async function serve(
  t: TestContext,
  more: Partial<HttpServerSettings>,
  handle: Handle = (_, response) => void response.end('yes'),
  clock: HttpServerOptions['clock'] = systemClock,
): Promise<HttpServer> {
  const server = new HttpServer({ ...settings, ...more }, { log: silent, clock, handle })
  await server.start()
  t.after(() => server.stop(0))
  return server
}

const get = async (server: HttpServer): Promise<string> => (await fetch(`http://127.0.0.1:${server.port}/`)).text()

/** A raw connection and what came over it until it was closed. */
function raw(server: HttpServer): { socket: Socket; closed: Promise<string> } {
  const socket = connect(server.port, '127.0.0.1')
  const closed = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  return { socket, closed }
}

const post = async (server: HttpServer, body: Uint8Array, encoding = 'identity'): Promise<string> => {
  const headers = { 'content-encoding': encoding }
  const response = await fetch(`http://127.0.0.1:${server.port}/`, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
  })
  return `${response.status} ${await response.text()}`
}

test('bodies are decompressed within bounds', async (t) => {
  const reader = new BodyReader({ bodyBytesMax: 1000, decompressedBytesMax: 5000, totalBytesMax: 8000 })
  const server = await serve(t, {}, async (request, response) => {
    try {
      await reader.read(request, ['identity', 'gzip', 'deflate', 'snappy', 'zstd'], (body) => {
        response.end(`${body.length}`)
      })
    } catch (error) {
      assert.ok(error instanceof RequestRefused)
      response.writeHead(error.status).end(error.message)
    }
  })
  const zeros = (n: number): Uint8Array => new Uint8Array(n)
  const wire = '413 the body has more than the 1000 bytes allowed'
  const memory = '413 the body has more than the 5000 bytes allowed'
  const cases: { name: string; body: Uint8Array; encoding?: string; want: string }[] = [
    { name: 'nothing', body: zeros(0), want: '200 0' },
    { name: 'as much as allowed', body: zeros(1000), want: '200 1000' },
    { name: 'more', body: zeros(1001), want: wire },
    { name: 'gzip', body: gzipSync(zeros(5000)), encoding: 'gzip', want: '200 5000' },
    { name: 'gzip, written large', body: gzipSync(zeros(10)), encoding: 'GZIP', want: '200 10' },
    { name: 'a gzip bomb', body: gzipSync(zeros(100_000)), encoding: 'gzip', want: memory },
    { name: 'no gzip', body: zeros(5), encoding: 'gzip', want: '400 the body is no valid gzip' },
    { name: 'deflate', body: deflateSync(zeros(5000)), encoding: 'deflate', want: '200 5000' },
    { name: 'a deflate bomb', body: deflateSync(zeros(5001)), encoding: 'deflate', want: memory },
    { name: 'snappy', body: snappyCompress(zeros(5000)), encoding: 'snappy', want: '200 5000' },
    { name: 'a snappy bomb', body: snappyCompress(zeros(5001)), encoding: 'snappy', want: memory },
    { name: 'no snappy', body: zeros(5), encoding: 'snappy', want: '400 the body is no valid snappy' },
    { name: 'zstd', body: zstdCompressSync(zeros(5000)), encoding: 'zstd', want: '200 5000' },
    { name: 'a zstd bomb', body: zstdCompressSync(zeros(5001)), encoding: 'zstd', want: memory },
    {
      name: 'another encoding',
      body: zeros(1),
      encoding: 'br',
      want: '415 the content encoding "br" is not one of: identity, gzip, deflate, snappy, zstd',
    },
  ]
  for (const { name, body, encoding, want } of cases) {
    await t.test(name, async () => assert.equal(await post(server, body, encoding), want))
  }
  assert.equal(reader.bytes, 0)
})

test('when all bodies together are too large, the next is told to come back', async (t) => {
  const reader = new BodyReader({ bodyBytesMax: 1000, decompressedBytesMax: 1000, totalBytesMax: 1500 })
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  let began = (): void => {}
  const first = new Promise<void>((resolve) => (began = resolve))
  const server = await serve(t, {}, async (request, response) => {
    const use = async (): Promise<void> => {
      began()
      await held
      response.end('taken')
    }
    await reader.read(request, ['identity'], use).catch((error: RequestRefused) => {
      response.writeHead(error.status).end(error.message)
    })
  })
  const taken = post(server, new Uint8Array(1000))
  await first
  assert.equal(await post(server, new Uint8Array(1000)), '503 too much is being received at once: try again later')
  release()
  assert.equal(await taken, '200 taken')
})

test('a body that breaks off is no crash', async (t) => {
  const reader = new BodyReader({ bodyBytesMax: 1000, decompressedBytesMax: 1000, totalBytesMax: 1500 })
  let failed: (error: unknown) => void = () => {}
  const failure = new Promise((resolve) => (failed = resolve))
  const server = await serve(t, {}, async (request, response) => {
    await reader.read(request, ['identity'], () => {}).catch(failed)
    response.end()
  })
  const { socket } = raw(server)
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc', () => socket.destroy())
  assert.equal(((await failure) as RequestRefused).status, 400)
  assert.equal(reader.bytes, 0)
})

test('slow clients', async (t) => {
  await t.test('headers that drip are cut off', async (t) => {
    const server = await serve(t, { readTimeoutMs: 100 })
    const { socket, closed } = raw(server)
    socket.write('GET / HTTP/1.1\r\n')
    const drip = setInterval(() => socket.write('x: y\r\n'), 20)
    t.after(() => clearInterval(drip))
    assert.match(await closed, /^HTTP\/1.1 408 Request Timeout\r\n/)
  })
  await t.test('so is a body that does', async (t) => {
    const server = await serve(t, { readTimeoutMs: 100 }, async (request, response) => {
      await request.toArray().catch(() => {})
      response.end()
    })
    const { socket, closed } = raw(server)
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 20)
    t.after(() => clearInterval(drip))
    await closed
  })
  await t.test('an answer that takes too long is broken off', async (t) => {
    const clock = new ManualClock()
    let asked = (): void => {}
    const reached = new Promise<void>((resolve) => (asked = resolve))
    const server = await serve(t, { writeTimeoutMs: 5000 }, () => asked(), clock)
    const { socket, closed } = raw(server)
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await reached
    await clock.advance(5000)
    assert.equal(await closed, '')
  })
  await t.test('an idle connection is closed', async (t) => {
    const server = await serve(t, { idleTimeoutMs: 50 })
    const { socket, closed } = raw(server)
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    assert.match(await closed, /^HTTP\/1.1 200 OK/)
  })
  await t.test('a connection that says nothing is closed', async (t) => {
    const server = await serve(t, { readTimeoutMs: 100 })
    await raw(server).closed
  })
  await t.test('also when it began before the settings changed', async (t) => {
    const server = await serve(t, { readTimeoutMs: 100 })
    const { socket, closed } = raw(server)
    await new Promise((resolve) => socket.once('connect', resolve))
    await get(server)
    server.update({ ...settings, readTimeoutMs: 60_000 })
    await closed
  })
  await t.test('nonsense is answered with 400', async (t) => {
    const server = await serve(t, {})
    const { socket, closed } = raw(server)
    socket.write('nonsense\r\n\r\n')
    assert.match(await closed, /^HTTP\/1.1 400 Bad Request/)
  })
})

test('connections above the limit are closed', async (t) => {
  const server = await serve(t, { connectionsMax: 1 })
  const first = raw(server)
  first.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await new Promise((resolve) => first.socket.once('data', resolve))
  assert.equal(server.connections, 1)
  assert.equal(await raw(server).closed, '')
  first.socket.destroy()
  await first.closed
})

test('a handler that fails is answered with 500', async (t) => {
  const server = await serve(t, {}, () => Promise.reject(new Error('no')))
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 500)
})

test('the stop', async (t) => {
  const answers: ServerResponse[] = []
  let asked = (): void => {}
  const hold = (_: IncomingMessage, response: ServerResponse): void => {
    answers.push(response)
    asked()
  }
  const begin = async (server: HttpServer): Promise<{ socket: Socket; closed: Promise<string> }> => {
    const reached = new Promise<void>((resolve) => (asked = resolve))
    const connection = raw(server)
    connection.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await reached
    return connection
  }
  await t.test('lets a request end', async (t) => {
    const server = await serve(t, {}, hold)
    const { closed } = await begin(server)
    const stopped = server.stop(60_000)
    answers.pop()?.end('done')
    await stopped
    assert.match(await closed, /connection: close\r\n[^]*done/i)
  })
  await t.test('does not wait longer than its deadline', async (t) => {
    const server = await serve(t, {}, hold)
    const { closed } = await begin(server)
    await server.stop(20)
    assert.equal(await closed, '')
    await server.stop(20)
  })
  await t.test('may come twice and without a start', async () => {
    const server = new HttpServer(settings, { log: silent, clock: systemClock, handle: () => {} })
    await server.stop(0)
    await server.stop(0)
  })
})

test('a port that is taken is said with its address', async (t) => {
  const { port } = await serve(t, {})
  const second = new HttpServer({ ...settings, port }, { log: silent, clock: systemClock, handle: () => {} })
  await assert.rejects(second.start(), new RegExp(`Cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`))
})

/** What a client with these options gets: the body, or the code of its error. */
function secureGet(port: number, options: object): Promise<string> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const request = httpsRequest({ host: '127.0.0.1', port, agent, ca: pem('authority.pem'), ...options })
    request.on('response', (response) => {
      response.on('data', (chunk) => resolve(String(chunk)))
    })
    request.on('error', () => resolve('refused'))
    request.end()
  })
}

const clientCertificate = { cert: pem('client.pem'), key: pem('client.key') }
/** Signed by nobody that the server trusts: it trusts the authority only where it is told so. */
const cases = [
  { clientAuth: 'NoClientCert', none: 'yes', good: 'yes', foreign: 'yes' },
  { clientAuth: 'RequestClientCert', none: 'yes', good: 'yes', foreign: 'yes' },
  { clientAuth: 'RequireAnyClientCert', none: 'refused', good: 'yes', foreign: 'yes' },
  { clientAuth: 'VerifyClientCertIfGiven', none: 'yes', good: 'yes', foreign: 'refused' },
  { clientAuth: 'RequireAndVerifyClientCert', none: 'refused', good: 'yes', foreign: 'refused' },
]
for (const { clientAuth, none, good, foreign } of cases) {
  test(`TLS with ${clientAuth}`, async (t) => {
    const trusting = await serve(t, { tls: { ...tls, clientAuth } })
    const strict = await serve(t, { tls: { ...tls, clientAuth, clientCaPem: pem('renewed.pem') } })
    assert.equal(await secureGet(trusting.port, {}), none, 'without a certificate')
    assert.equal(await secureGet(trusting.port, clientCertificate), good, 'with a trusted one')
    assert.equal(await secureGet(strict.port, clientCertificate), foreign, 'with a foreign one')
  })
}

test('TLS versions and suites', async (t) => {
  const cases = [
    { server: { minVersion: 'TLS13' }, client: { maxVersion: 'TLSv1.2' }, want: 'refused' },
    { server: { minVersion: 'VersionTLS12' }, client: { maxVersion: 'TLSv1.2' }, want: 'yes' },
    { server: { maxVersion: 'TLS12' }, client: { minVersion: 'TLSv1.3' }, want: 'refused' },
    {
      server: { maxVersion: 'TLS12', cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
      client: { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      want: 'yes',
    },
    {
      server: { maxVersion: 'TLS12', cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'] },
      client: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      want: 'refused',
    },
    {
      server: {
        maxVersion: 'TLS12',
        cipherSuites: ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
        curves: ['X25519'],
      },
      client: { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' },
      want: 'yes',
    },
  ]
  for (const { server, client, want } of cases) {
    await t.test(JSON.stringify(server), async (t) => {
      const { port } = await serve(t, { tls: { ...tls, ...server } })
      assert.equal(await secureGet(port, client), want)
    })
  }
  for (const wrong of [
    { minVersion: 'TLS9' },
    { cipherSuites: ['X'] },
    { curves: ['X'] },
    { keyPem: '', keyFile: '/none' },
  ]) {
    const server = new HttpServer(
      { ...settings, tls: { ...tls, ...wrong } },
      { log: silent, clock: systemClock, handle() {} },
    )
    await assert.rejects(server.start())
  }
})

test('an update that changes nothing keeps idle connections, another one lets them go', async (t) => {
  const server = await serve(t, {})
  const { socket, closed } = raw(server)
  const ask = async (): Promise<void> => {
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
  }
  await ask()
  server.update({ ...settings })
  await ask()
  server.update({ ...settings, connectionsMax: 10 })
  assert.match(await closed, /200 OK[^]*200 OK/)
  assert.equal(await get(server), 'yes')
})

test('an update changes over to TLS and back without closing the listening socket', async (t) => {
  const server = await serve(t, {})
  const { port } = server
  assert.equal(await get(server), 'yes')
  server.update({ ...settings, port: 0, tls })
  assert.equal(await secureGet(port, {}), 'yes')
  assert.throws(() => server.update({ ...settings, tls: { ...tls, certPem: 'nonsense' } }))
  assert.equal(await secureGet(port, {}), 'yes', 'a certificate that cannot be read changes nothing')
  server.update(settings)
  assert.equal(server.port, port)
  assert.equal(await get(server), 'yes')
})

test('a certificate that is renewed on disk is taken over', async (t) => {
  const clock = new ManualClock()
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const install = (name: string): void => {
    copyFileSync(new URL(`${name}.pem`, certificates), certFile)
    copyFileSync(new URL(`${name}.key`, certificates), keyFile)
  }
  install('server')
  const fromFiles = { ...tls, certPem: '', keyPem: '', certFile, keyFile }
  const { port } = await serve(t, { tls: fromFiles }, undefined, clock)
  assert.equal(await secureGet(port, { servername: 'renewed.test' }), 'refused')
  install('renewed')
  await clock.advance(10_000)
  assert.equal(await secureGet(port, { servername: 'renewed.test' }), 'yes')
  rmSync(keyFile)
  await clock.advance(10_000)
  assert.equal(await secureGet(port, { servername: 'renewed.test' }), 'yes')
})
