import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type BodyInput, type Clock, decodeBody, type Logger, type Value } from '#component'
import { ManualClock, systemClock } from '#lib/clock'
import { createHttpClient, type HttpClient } from './client.ts'
import { BodyTooLargeError, RequestError } from './errors.ts'
import { proxyChoice } from './proxy.ts'
import { type HttpClientSettings, httpClientSettings } from './settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'http_client-'))
after(() => rmSync(directory, { recursive: true }))

const pem = (name: string): string => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8')
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

type Written = { readonly [name: string]: Value | Written }

/** Settings as a front end would decode them; `problems` gets what is wrong. */
function decode(written: Written, problems: string[] = []): HttpClientSettings | undefined {
  const body = (from: Written): BodyInput => ({
    attributes: Object.entries(from).flatMap(([name, value]) => (isBlock(value) ? [] : [{ name, value }])),
    blocks: Object.entries(from).flatMap(([name, value]) => (isBlock(value) ? [{ name, body: body(value) }] : [])),
  })
  return decodeBody(httpClientSettings, body(written), (issue) => problems.push(issue.message))
}

function isBlock(value: Value | Written): value is Written {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
}

function clientFor(
  t: TestContext,
  written: Written,
  environment: Record<string, string> = {},
  clock: Clock = systemClock,
): HttpClient {
  const problems: string[] = []
  const settings = decode(written, problems)
  assert.deepEqual(problems, [])
  const options = { userAgent: 'Solder/test', log: silent, clock, environment }
  const client = createHttpClient(settings as HttpClientSettings, options)
  t.after(() => client.close())
  return client
}

async function listening(t: TestContext, server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server that answers what `answer` says and keeps what it was asked. */
async function serve(t: TestContext, answer: RequestListener): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  return { url: `http://127.0.0.1:${await listening(t, server)}`, asked }
}

const readAll = async (request: IncomingMessage): Promise<string> => Buffer.concat(await request.toArray()).toString()

test('checks of the settings', async (t) => {
  const both = 'at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured'
  const cases: { name: string; written: Written; want: string[] }[] = [
    { name: 'nothing set', written: {}, want: [] },
    { name: 'two authentications', written: { bearer_token: 'a', basic_auth: { username: 'u' } }, want: [both] },
    { name: 'an empty token is none', written: { bearer_token: '', basic_auth: { username: 'u' } }, want: [] },
    { name: 'token and file', written: { bearer_token: 'a', bearer_token_file: 'f' }, want: [both] },
    {
      name: 'password twice',
      written: { basic_auth: { password: 'p', password_file: 'f' } },
      want: ['at most one of basic_auth password & password_file must be configured'],
    },
    {
      name: 'basic as a type',
      written: { authorization: { type: ' Basic ', credentials: 'x' } },
      want: ['authorization type cannot be set to "basic", use "basic_auth" block instead'],
    },
    {
      name: 'an empty oauth2 block',
      written: { oauth2: {} },
      want: [
        'oauth2 client_id must be configured',
        'either oauth2 client_secret or client_secret_file must be configured',
        'oauth2 token_url must be configured',
      ],
    },
    {
      name: 'a certificate without key',
      written: { tls_config: { cert_pem: 'x' } },
      want: ['exactly one of key_pem or key_file must be configured when a client certificate is configured'],
    },
    {
      name: 'an unknown TLS version',
      written: { tls_config: { min_version: 'TLS9' } },
      want: ['unknown TLS version: TLS9'],
    },
    {
      name: 'a reserved header',
      written: { http_headers: new Map([['x-amz-date', ['1']]]) },
      want: ['setting header "X-Amz-Date" is not allowed'],
    },
    {
      name: 'no_proxy without a proxy',
      written: { no_proxy: 'a' },
      want: ['if no_proxy is configured, proxy_url must also be configured'],
    },
    {
      name: 'a proxy from two places',
      written: { proxy_from_environment: true, proxy_url: 'http://p' },
      want: ['if proxy_from_environment is configured, proxy_url must not be configured'],
    },
    {
      name: 'a proxy of an unknown kind',
      written: { proxy_url: 'ftp://p' },
      want: ['Cannot use the proxy: its URL must begin with http://, https:// or socks5://'],
    },
  ]
  for (const { name, written, want } of cases) {
    await t.test(name, () => {
      const problems: string[] = []
      decode(written, problems)
      assert.deepEqual(problems, want)
    })
  }
})

test('what a server gets to see of each authentication', async (t) => {
  const file = join(directory, 'secret')
  writeFileSync(file, ' from file\n')
  const cases: { name: string; written: Written; url?: string; want: string | undefined }[] = [
    { name: 'none', written: {}, want: undefined },
    { name: 'basic', written: { basic_auth: { username: 'u', password: 'p' } }, want: 'Basic dTpw' },
    {
      name: 'an inline password keeps its end of line',
      written: { basic_auth: { username: '1234', password: 's3cret\n' } },
      want: 'Basic MTIzNDpzM2NyZXQK',
    },
    {
      name: 'a password file loses it',
      written: { basic_auth: { username: 'u', password_file: file } },
      want: `Basic ${Buffer.from('u:from file').toString('base64')}`,
    },
    { name: 'bearer token', written: { bearer_token: 'tok' }, want: 'Bearer tok' },
    { name: 'bearer token file', written: { bearer_token_file: file }, want: 'Bearer from file' },
    { name: 'authorization', written: { authorization: { credentials: 'x' } }, want: 'Bearer x' },
    {
      name: 'another scheme',
      written: { authorization: { type: 'Key', credentials_file: file } },
      want: 'Key from file',
    },
    { name: 'user and password in the URL', written: {}, url: 'http://us%40r:pw@', want: 'Basic dXNAcjpwdw==' },
    {
      name: 'the URL goes before the settings',
      written: { bearer_token: 'tok' },
      url: 'http://us%40r:pw@',
      want: 'Basic dXNAcjpwdw==',
    },
  ]
  const { url, asked } = await serve(t, (_, response) => response.end())
  for (const { name, written, url: prefix, want } of cases) {
    await t.test(name, async (t) => {
      const client = clientFor(t, written)
      const response = await client.request({ method: 'GET', url: prefix ? prefix + url.slice(7) : url })
      await response.discard()
      assert.equal(asked.at(-1)?.headers.authorization, want)
      assert.equal(asked.at(-1)?.headers['user-agent'], 'Solder/test')
    })
  }
})

test('a credential file that changes counts from the next request on', async (t) => {
  const file = join(directory, 'token')
  const { url, asked } = await serve(t, (_, response) => response.end())
  const client = clientFor(t, { bearer_token_file: file })
  for (const word of ['one', 'two']) {
    writeFileSync(file, word)
    await (await client.request({ method: 'GET', url })).discard()
    assert.equal(asked.at(-1)?.headers.authorization, `Bearer ${word}`)
  }
})

test('headers of the settings and of the request are sent, and the body with its length', async (t) => {
  let got = ''
  const { url, asked } = await serve(t, (request, response) => {
    void readAll(request).then((text) => {
      got = text
      response.writeHead(201, { 'x-answer': 'yes' }).end('body')
    })
  })
  const client = clientFor(t, { http_headers: new Map([['X-Many', ['a', 'b']]]) })
  const response = await client.request({
    method: 'POST',
    url: `${url}/p?q=1`,
    headers: { 'X-One': '1', 'User-Agent': 'mine' },
    body: 'héllo',
  })
  assert.equal((await response.bytes(4)).toString(), 'body')
  assert.equal(response.status, 201)
  assert.equal(response.statusText, 'Created')
  assert.equal(response.headers['x-answer'], 'yes')
  assert.equal(got, 'héllo')
  const { headers, url: path } = asked[0] as IncomingMessage
  assert.equal(path, '/p?q=1')
  assert.equal(headers['x-one'], '1')
  assert.equal(headers['x-many'], 'a, b')
  assert.equal(headers['user-agent'], 'mine')
  assert.equal(headers['content-length'], '6')
  assert.equal(headers['accept-encoding'], undefined)
})

test('a body in pieces is sent as one, with its length', async (t) => {
  const got: Buffer[] = []
  const { url, asked } = await serve(t, (request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      got.push(Buffer.concat(chunks))
      response.end()
    })
  })
  const client = clientFor(t, {})
  const many = Array.from({ length: 2000 }, (_, i) => Buffer.alloc(1 + (i % 97), i & 0xff))
  for (const body of [[], [Buffer.from('one')], [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc')], many]) {
    await (await client.request({ method: 'POST', url, body })).discard()
    assert.deepEqual(got.at(-1), Buffer.concat(body))
    assert.equal(asked.at(-1)?.headers['content-length'], String(Buffer.concat(body).length))
  }
})

test('redirects', async (t) => {
  const other = await serve(t, (_, response) => response.end('other'))
  const { url, asked } = await serve(t, (request, response) => {
    const [, status, to] = /^\/(\d+)\/(.*)$/.exec(request.url as string) ?? []
    if (status === undefined) response.end('here')
    else response.writeHead(Number(status), { location: to === 'other' ? other.url : `/${to}` }).end()
  })
  const cases = [
    {
      name: '302 of a POST asks for what is there',
      method: 'POST',
      path: '/302/x',
      want: ['POST', 'GET'],
      length: undefined,
    },
    { name: '307 repeats the request', method: 'POST', path: '/307/x', want: ['POST', 'POST'], length: '4' },
    { name: '308 too', method: 'PUT', path: '/308/x', want: ['PUT', 'PUT'], length: '4' },
    { name: '303 of a HEAD stays', method: 'HEAD', path: '/303/x', want: ['HEAD', 'HEAD'], length: undefined },
  ]
  for (const { name, method, path, want, length } of cases) {
    await t.test(name, async (t) => {
      const from = asked.length
      const client = clientFor(t, { bearer_token: 'tok' })
      const body = method === 'HEAD' ? {} : { body: 'body' }
      const response = await client.request({ method, url: url + path, ...body })
      await response.discard()
      assert.equal(response.status, 200)
      assert.deepEqual(
        asked.slice(from).map((r) => r.method),
        want,
      )
      assert.equal(asked.at(-1)?.headers.authorization, 'Bearer tok')
      assert.equal(asked.at(-1)?.headers['content-length'], length)
    })
  }
  await t.test('credentials and secret headers are not sent to another server', async (t) => {
    const client = clientFor(t, { bearer_token: 'tok', http_headers: new Map([['x-key', ['secret']]]) })
    const headers = { cookie: 'c', 'x-plain': 'p' }
    const response = await client.request({ method: 'GET', url: `${url}/302/other`, headers })
    assert.equal((await response.bytes(10)).toString(), 'other')
    assert.equal(other.asked[0]?.headers.authorization, undefined)
    assert.equal(other.asked[0]?.headers['x-key'], undefined)
    assert.equal(other.asked[0]?.headers.cookie, undefined)
    assert.equal(other.asked[0]?.headers['x-plain'], 'p')
  })
  await t.test('are not followed where the settings say so', async (t) => {
    const response = await clientFor(t, { follow_redirects: false }).request({ method: 'GET', url: `${url}/302/x` })
    await response.discard()
    assert.equal(response.status, 302)
  })
  await t.test('a circle ends', async (t) => {
    const round = await serve(t, (_, response) => response.writeHead(302, { location: '/' }).end())
    const request = clientFor(t, {}).request({ method: 'GET', url: round.url })
    await assert.rejects(request, /stopped after 10 redirects/)
    assert.equal(round.asked.length, 11)
  })
})

test('a connection is used again, and a kept one that the server closed is replaced unseen', async (t) => {
  const ports = new Set<number | undefined>()
  const server = createServer((request, response) => {
    ports.add(request.socket.remotePort)
    response.end('x')
  })
  const url = `http://127.0.0.1:${await listening(t, server)}`
  const client = clientFor(t, {})
  const get = async (): Promise<void> =>
    void (await (await client.request({ method: 'POST', url, body: 'b' })).bytes(1))
  await get()
  await get()
  assert.equal(ports.size, 1)
  server.closeAllConnections()
  await get()
  assert.equal(ports.size, 2)
})

test('bodies are bounded', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/length') response.writeHead(200, { 'content-length': '100' })
    if (request.url === '/bomb')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1e6)))
    else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('small'))
    else response.end(Buffer.alloc(100))
  })
  const client = clientFor(t, {})
  const get = (path: string, more: object = {}): ReturnType<HttpClient['request']> =>
    client.request({ method: 'GET', url: url + path, ...more })
  for (const path of ['/length', '/chunked']) {
    await assert.rejects((await get(path)).bytes(99), BodyTooLargeError)
    assert.equal((await (await get(path)).bytes(100)).length, 100)
  }
  const bomb = await get('/bomb', { acceptEncoding: true, decompressBytesMax: 1000 })
  await assert.rejects(bomb.bytes(1e9), { name: 'BodyTooLargeError', limitBytes: 1000 })
  const small = await get('/gzip', { acceptEncoding: true })
  assert.equal((await small.bytes(5)).toString(), 'small')
  assert.equal(small.headers['content-encoding'], undefined)
  const streamed = await get('/gzip', { acceptEncoding: true })
  assert.equal(streamed.body, streamed.body)
  assert.equal((await streamed.body.toArray()).join(''), 'small')
  const raw = await get('/gzip')
  assert.equal(raw.headers['content-encoding'], 'gzip')
  assert.deepEqual(await raw.bytes(100), gzipSync('small'))
})

test('a request leaves no timer behind, however its body was read', async (t) => {
  const { url } = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('small'))
  })
  const clock = new ManualClock()
  const settings = decode({}) as HttpClientSettings
  const client = createHttpClient(settings, { userAgent: 'x', log: silent, clock, environment: {} })
  t.after(() => client.close())
  const request = { method: 'GET', url, timeoutMs: 1000 }
  await (await client.request(request)).bytes(100)
  await (await client.request({ ...request, acceptEncoding: true })).bytes(100)
  await (await client.request({ ...request, acceptEncoding: true })).body.toArray()
  await (await client.request({ ...request, acceptEncoding: true })).discard()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(clock.pending, 0)
})

test('a server that is too slow', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/drip') {
      const timer = setInterval(() => response.write('x'), 5)
      response.on('close', () => clearInterval(timer))
    }
  })
  const client = clientFor(t, {})
  await t.test('before its headers', async () => {
    const request = client.request({ method: 'GET', url: `${url}/silent?key=secret`, timeoutMs: 30 })
    await assert.rejects(request, {
      name: 'RequestError',
      reason: 'timeout',
      message: `Cannot GET ${url}/silent: no whole answer within 30 ms`,
    })
  })
  await t.test('in its body', async (t) => {
    const clock = new ManualClock()
    const dripping = clientFor(t, {}, {}, clock)
    const response = await dripping.request({ method: 'GET', url: `${url}/drip`, timeoutMs: 50 })
    const refused = assert.rejects(response.bytes(1e9), { reason: 'timeout' })
    await clock.advance(50)
    await refused
  })
  await t.test('for the caller, who breaks it off', async () => {
    const controller = new AbortController()
    const request = client.request({ method: 'GET', url: `${url}/silent`, signal: controller.signal })
    controller.abort()
    await assert.rejects(request, { reason: 'aborted' })
  })
  await t.test('when the client is closed', async (t) => {
    const closing = clientFor(t, {})
    const request = closing.request({ method: 'GET', url: `${url}/silent` })
    closing.close()
    await assert.rejects(request, { reason: 'closed' })
    await assert.rejects(closing.request({ method: 'GET', url }), { reason: 'closed' })
  })
})

test('errors say why and show no credentials', async (t) => {
  const server = createTcpServer((socket) => socket.destroy())
  const port = await listening(t, server)
  const closed = createTcpServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const closedPort = (closed.address() as AddressInfo).port
  await new Promise((resolve) => closed.close(resolve))
  const client = clientFor(t, {})
  const cases = [
    { url: 'ftp://user:pw@host/', want: /^Cannot GET ftp:\/\/host\/: it is no http or https URL$/ },
    { url: 'nonsense', want: /^Cannot GET \(not a URL\): it is no http or https URL$/ },
    { url: `http://user:pw@127.0.0.1:${closedPort}/p?token=pw`, want: /^Cannot GET [^ ]+\/p: connect ECONNREFUSED/ },
    { url: `http://user:pw@127.0.0.1:${port}/`, want: /^Cannot GET [^ ]+: socket hang up$/ },
  ]
  for (const { url, want } of cases) {
    const error = await client.request({ method: 'GET', url }).then(
      () => undefined,
      (e: Error) => e,
    )
    assert.ok(error instanceof RequestError)
    assert.match(error.message, want)
    assert.doesNotMatch(error.message, /pw/)
  }
  const file = join(directory, 'missing')
  const missing = clientFor(t, { bearer_token_file: file }).request({ method: 'GET', url: 'http://127.0.0.1:1' })
  await assert.rejects(missing, /ENOENT/)
})

const identity = { key: pem('server.key'), cert: pem('server.pem') }

test('TLS', async (t) => {
  const server = createHttpsServer({
    ...identity,
    requestCert: true,
    ca: pem('authority.pem'),
    rejectUnauthorized: false,
  })
  server.on('request', (request, response) => {
    const { subject } = (request.socket as import('node:tls').TLSSocket).getPeerCertificate()
    response.end(subject ? String(subject.CN) : 'nobody')
  })
  const port = await listening(t, server)
  const ca = pem('authority.pem')
  const wrong = pem('client.pem')
  const untrusted = /self-signed certificate|unable to (verify|get)/
  const cases: { name: string; tls?: Written; host?: string; want: string | RegExp }[] = [
    { name: 'a foreign authority is not trusted', want: untrusted },
    { name: 'its own is', tls: { ca_pem: ca }, want: 'nobody' },
    { name: 'by name', tls: { ca_pem: ca }, host: 'localhost', want: 'nobody' },
    { name: 'a name that the certificate lacks', tls: { ca_pem: ca, server_name: 'x.test' }, want: /altnames|Host/i },
    { name: 'no check', tls: { insecure_skip_verify: true, server_name: 'x.test' }, want: 'nobody' },
    { name: 'another authority', tls: { ca_pem: wrong }, want: untrusted },
    {
      name: 'a client certificate',
      tls: { ca_pem: ca, cert_pem: pem('client.pem'), key_pem: pem('client.key') },
      want: 'client',
    },
    { name: 'TLS 1.3 and newer', tls: { ca_pem: ca, min_version: 'TLS13' }, want: 'nobody' },
  ]
  for (const { name, tls, host, want } of cases) {
    for (const enable_http2 of [true, false]) {
      await t.test(`${name}, HTTP/2 ${enable_http2 ? 'offered' : 'off'}`, async (t) => {
        const client = clientFor(t, { enable_http2, ...(tls ? { tls_config: tls } : {}) })
        const get = async (): Promise<string> => {
          const response = await client.request({ method: 'GET', url: `https://${host ?? '127.0.0.1'}:${port}/` })
          return (await response.bytes(100)).toString()
        }
        if (typeof want !== 'string') await assert.rejects(get(), want)
        else for (let i = 0; i < 2; i++) assert.equal(await get(), want)
      })
    }
  }
})

test('a changed certificate authority counts from the next request on', async (t) => {
  const port = await listening(
    t,
    createHttpsServer(identity, (_, response) => response.end()),
  )
  const file = join(directory, 'ca.pem')
  writeFileSync(file, pem('client.pem'))
  const client = clientFor(t, { tls_config: { ca_file: file } })
  const get = async (): Promise<void> => {
    await (await client.request({ method: 'GET', url: `https://127.0.0.1:${port}/` })).discard()
  }
  await assert.rejects(get())
  writeFileSync(file, pem('authority.pem'))
  await get()
  writeFileSync(file, pem('client.pem'))
  await assert.rejects(get())
})

test('HTTP/2 where the server has it', async (t) => {
  const seen: string[] = []
  const sessions: import('node:http2').ServerHttp2Session[] = []
  const server = createSecureServer({ ...identity, allowHTTP1: true }, (request, response) => {
    seen.push(`${request.httpVersion} ${request.method} ${request.url} ${request.headers.authorization}`)
    if (request.url === '/silent') return
    request.pipe(response)
  })
  server.on('session', (session) => sessions.push(session))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const tls_config = { ca_pem: pem('authority.pem') }
  const client = clientFor(t, { bearer_token: 'tok', tls_config })
  const post = async (more: object = {}): Promise<string> => {
    const response = await client.request({ method: 'POST', url: `${url}/p`, body: 'echo', ...more })
    return `${response.status} ${(await response.bytes(100)).toString()}`
  }
  assert.deepEqual(await Promise.all([post(), post(), post()]), ['200 echo', '200 echo', '200 echo'])
  assert.equal(sessions.length, 1)
  assert.equal(seen[0], '2.0 POST /p Bearer tok')
  await assert.rejects(post({ url: `${url}/silent`, timeoutMs: 50 }), { reason: 'timeout' })
  assert.equal(await post(), '200 echo')
  assert.equal(sessions.length, 2, 'a session that did not answer is left')
  await new Promise<void>((resolve) => sessions[1]?.close(resolve))
  assert.equal(await post(), '200 echo')
  const old = clientFor(t, { tls_config, enable_http2: false })
  await (await old.request({ method: 'GET', url })).discard()
  assert.equal(seen.at(-1), '1.1 GET / undefined')
})

/** A forward proxy that really forwards; `log` gets what it was asked. */
async function serveProxy(t: TestContext): Promise<{ url: string; log: string[] }> {
  const log: string[] = []
  const server = createServer((request, response) => {
    log.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers['proxy-authorization']}`)
    response.end('by proxy')
  })
  server.on('connect', (request, socket) => {
    log.push(`CONNECT ${request.url} ${request.headers['x-connect']} ${request.headers['proxy-authorization']}`)
    const { port } = new URL(`http://${request.url}`)
    const upstream = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    for (const end of [socket, upstream]) end.on('error', () => [socket, upstream].forEach((s) => s.destroy()))
  })
  return { url: `127.0.0.1:${await listening(t, server)}`, log }
}

test('proxies', async (t) => {
  const proxy = await serveProxy(t)
  const httpsPort = await listening(
    t,
    createHttpsServer(identity, (_, response) => response.end('secure')),
  )
  const tls_config = { ca_pem: pem('authority.pem') }
  const fetched = async (client: HttpClient, url: string): Promise<string> => {
    return (await (await client.request({ method: 'GET', url })).bytes(100)).toString()
  }
  await t.test('http goes to the proxy with the whole URL', async (t) => {
    const client = clientFor(t, { proxy_url: `http://u:p@${proxy.url}` })
    assert.equal(await fetched(client, 'http://far.test/x?y=1'), 'by proxy')
    assert.equal(proxy.log.at(-1), 'GET http://far.test/x?y=1 far.test Basic dTpw')
  })
  for (const enable_http2 of [true, false]) {
    await t.test(`https goes through a tunnel, HTTP/2 ${enable_http2 ? 'offered' : 'off'}`, async (t) => {
      const proxy_connect_header = new Map([['X-Connect', ['yes']]])
      const client = clientFor(t, {
        proxy_url: `http://u:p@${proxy.url}`,
        proxy_connect_header,
        tls_config,
        enable_http2,
      })
      assert.equal(await fetched(client, `https://localhost:${httpsPort}/`), 'secure')
      assert.equal(proxy.log.at(-1), `CONNECT localhost:${httpsPort} yes Basic dTpw`)
    })
  }
  await t.test('a proxy that refuses', async (t) => {
    const refusing = createServer()
    refusing.on('connect', (_, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))
    const client = clientFor(t, { proxy_url: `http://127.0.0.1:${await listening(t, refusing)}` })
    await assert.rejects(fetched(client, 'https://far.test/'), /the proxy gives no tunnel: it answered 407/)
  })
  await t.test('the environment names it, this machine excepted', async (t) => {
    const here = await serve(t, (_, response) => response.end('straight'))
    const environment = { HTTP_PROXY: proxy.url, NO_PROXY: 'excepted.test' }
    const client = clientFor(t, { proxy_from_environment: true }, environment)
    assert.equal(await fetched(client, 'http://far.test/'), 'by proxy')
    assert.equal(await fetched(client, here.url), 'straight')
  })
})

/** A SOCKS 5 proxy that connects to this machine whatever the name; the script says how it answers. */
async function serveSocks(t: TestContext, answers: { method?: number; auth?: number; reply?: number } = {}) {
  const log: string[] = []
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    let step = 0
    socket.on('data', function onData(chunk: Buffer) {
      if (step++ === 0) {
        const method = answers.method ?? (chunk.includes(2, 2) ? 2 : 0)
        if (method !== 2) step++
        socket.write(Buffer.of(5, method))
      } else if (step === 2) {
        const user = chunk.toString('latin1', 2, 2 + (chunk[1] as number))
        log.push(`user ${user} password ${chunk.toString('latin1', 3 + user.length)}`)
        socket.write(Buffer.of(1, answers.auth ?? 0))
      } else {
        const named = chunk[3] === 3
        const host = named ? chunk.toString('latin1', 5, chunk.length - 2) : chunk.subarray(4, 8).join('.')
        const port = chunk.readUInt16BE(chunk.length - 2)
        log.push(`${host}:${port}`)
        // In two pieces, as a network may deliver it, with a name for an address.
        socket.write(Buffer.of(5, answers.reply ?? 0, 0, 3, 2))
        socket.write(Buffer.from('ab\0\0'))
        socket.off('data', onData)
        const upstream = connect(port, '127.0.0.1')
        upstream.on('error', () => socket.destroy())
        socket.on('close', () => upstream.destroy())
        socket.pipe(upstream).pipe(socket)
      }
    })
  })
  return { port: await listening(t, server), log }
}

test('SOCKS 5 proxies', async (t) => {
  const { url } = await serve(t, (_, response) => response.end('plain'))
  const plainPort = new URL(url).port
  const httpsPort = await listening(
    t,
    createHttpsServer(identity, (_, response) => response.end('secure')),
  )
  const tls_config = { ca_pem: pem('authority.pem') }
  const fetched = async (client: HttpClient, url: string): Promise<string> =>
    (await (await client.request({ method: 'GET', url })).bytes(100)).toString()
  await t.test('carry http and https, and look names up', async (t) => {
    const { port, log } = await serveSocks(t)
    const client = clientFor(t, { proxy_url: `socks5://127.0.0.1:${port}`, tls_config })
    assert.equal(await fetched(client, `http://far.test:${plainPort}/`), 'plain')
    assert.equal(await fetched(client, `http://127.0.0.1:${plainPort}/`), 'plain')
    assert.equal(await fetched(client, `https://localhost:${httpsPort}/`), 'secure')
    assert.deepEqual(log, [`far.test:${plainPort}`, `127.0.0.1:${plainPort}`, `localhost:${httpsPort}`])
  })
  await t.test('get user and password', async (t) => {
    const { port, log } = await serveSocks(t)
    const client = clientFor(t, { proxy_url: `socks5://us%40r:pw@127.0.0.1:${port}` })
    assert.equal(await fetched(client, `http://far.test:${plainPort}/`), 'plain')
    assert.equal(log[0], 'user us@r password pw')
  })
  const refusals = [
    { answers: { method: 255 }, want: /the proxy gives no tunnel: it wants another authentication/ },
    { answers: { auth: 1 }, want: /the proxy gives no tunnel: it refuses user and password/ },
    { answers: { reply: 5 }, want: /the proxy gives no tunnel: connection refused/ },
  ]
  for (const { answers, want } of refusals) {
    await t.test(`may refuse: ${JSON.stringify(answers)}`, async (t) => {
      const { port } = await serveSocks(t, answers)
      const client = clientFor(t, { proxy_url: `socks5://u:secretword@127.0.0.1:${port}` })
      const error = await fetched(client, 'http://far.test/').then(
        () => undefined,
        (e: Error) => e,
      )
      assert.match(String(error?.message), want)
      assert.doesNotMatch(String(error?.message), /secretword/)
    })
  }
  await t.test('may close the connection', async (t) => {
    const port = await listening(
      t,
      createTcpServer((socket) => socket.end()),
    )
    const client = clientFor(t, { proxy_url: `socks5://127.0.0.1:${port}` })
    await assert.rejects(fetched(client, 'http://far.test/'), /closed/)
  })
})

test('a proxy that never answers is given up at the time limit', async (t) => {
  const port = await listening(
    t,
    createTcpServer((socket) => socket.on('error', () => {})),
  )
  for (const enable_http2 of [true, false]) {
    const client = clientFor(t, { proxy_url: `http://127.0.0.1:${port}`, enable_http2 })
    const request = client.request({ method: 'GET', url: 'https://far.test/', timeoutMs: 30 })
    await assert.rejects(request, { reason: 'timeout' })
    client.close()
  }
})

test('a redirect with a body that never ends is let go with its request', async (t) => {
  let closed = (): void => {}
  const over = new Promise<void>((resolve) => (closed = resolve))
  const { url } = await serve(t, (request, response) => {
    if (request.url !== '/') return void response.end('here')
    response.writeHead(302, { location: '/here' }).write('endless')
    response.once('close', closed)
    return undefined
  })
  const client = clientFor(t, {})
  assert.equal((await (await client.request({ method: 'GET', url })).bytes(10)).toString(), 'here')
  await over
})

test('which requests go through a proxy', async (t) => {
  const p = 'http://p:1'
  const env = { HTTP_PROXY: 'plain:1', https_proxy: 'http://secure:2', NO_PROXY: 'a.test' }
  const cases: { written: Written; url: string; want: string | undefined; environment?: Record<string, string> }[] = [
    { written: {}, url: 'http://a.test/', want: undefined },
    { written: { proxy_url: p }, url: 'http://localhost/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: 'b.test' }, url: 'http://localhost/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'b.test' }, url: 'http://127.0.0.9/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'b.test' }, url: 'http://[::1]/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'b.test' }, url: 'http://a.test/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: 'x, A.test' }, url: 'http://a.test/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'a.test' }, url: 'http://sub.a.test/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'a.test' }, url: 'http://nota.test/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: '.a.test' }, url: 'http://a.test/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: '.a.test' }, url: 'http://sub.a.test/', want: undefined },
    { written: { proxy_url: p, no_proxy: '*.a.test' }, url: 'http://sub.a.test/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'a.test:80' }, url: 'http://a.test/', want: undefined },
    { written: { proxy_url: p, no_proxy: 'a.test:80' }, url: 'https://a.test/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: '10.0.0.0/8' }, url: 'http://10.2.3.4/', want: undefined },
    { written: { proxy_url: p, no_proxy: '10.0.0.0/8' }, url: 'http://11.2.3.4/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: '10.0.0.1' }, url: 'http://10.0.0.1:99/', want: undefined },
    { written: { proxy_url: p, no_proxy: '10.0.0.1:98' }, url: 'http://10.0.0.1:99/', want: 'p:1' },
    { written: { proxy_url: p, no_proxy: 'fd00::/8,10.0.0.0/99' }, url: 'http://[fd00::1]/', want: undefined },
    { written: { proxy_url: p, no_proxy: '*' }, url: 'http://a.test/', want: undefined },
    { written: { proxy_from_environment: true }, environment: env, url: 'http://b.test/', want: 'plain:1' },
    { written: { proxy_from_environment: true }, environment: env, url: 'https://b.test/', want: 'secure:2' },
    { written: { proxy_from_environment: true }, environment: env, url: 'https://a.test/', want: undefined },
    { written: {}, environment: env, url: 'http://b.test/', want: undefined },
  ]
  for (const { written, url, want, environment = {} } of cases) {
    await t.test(`${url} ${JSON.stringify(written)}`, () => {
      const choose = proxyChoice(decode(written) as HttpClientSettings, environment)
      assert.equal(choose(new URL(url))?.host, want)
    })
  }
})

/** A fake OAuth 2.0 token server: gives numbered tokens to one client, under the rules that a test sets. */
class FakeTokenServer {
  readonly requests: { authorization: string | undefined; form: Record<string, string> }[] = []
  expiresIn: number | undefined = 3600
  refuseHeader = false
  url = ''

  async start(t: TestContext): Promise<this> {
    const server = await serve(t, (request, response) => {
      void readAll(request).then((text) => {
        const { authorization } = request.headers
        this.requests.push({ authorization, form: Object.fromEntries(new URLSearchParams(text)) })
        if (this.refuseHeader && authorization !== undefined) {
          response.writeHead(401).end('{"error":"invalid_client"}')
          return
        }
        const token = { access_token: `token${this.requests.length}`, token_type: 'bearer', expires_in: this.expiresIn }
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(token))
      })
    })
    this.url = `${server.url}/token`
    return this
  }
}

test('OAuth 2.0', async (t) => {
  const backend = await serve(t, (request, response) => {
    response.writeHead(request.url === '/refuse' ? 401 : 200).end()
  })
  const authorizations = async (client: HttpClient, path = '/'): Promise<string | undefined> => {
    await (await client.request({ method: 'GET', url: backend.url + path })).discard()
    return backend.asked.at(-1)?.headers.authorization
  }
  const settings = (fake: FakeTokenServer, more: Written = {}): Written => ({
    oauth2: { client_id: 'id', client_secret: 'sec ret', token_url: fake.url, ...more },
  })
  await t.test('one token serves many requests', async (t) => {
    const fake = await new FakeTokenServer().start(t)
    const more = { scopes: ['a', 'b'], endpoint_params: new Map([['audience', 'x']]) }
    const client = clientFor(t, settings(fake, more))
    const got = await Promise.all([1, 2, 3].map(() => authorizations(client)))
    assert.deepEqual(got, ['Bearer token1', 'Bearer token1', 'Bearer token1'])
    assert.deepEqual(fake.requests, [
      {
        authorization: `Basic ${Buffer.from('id:sec+ret').toString('base64')}`,
        form: { grant_type: 'client_credentials', scope: 'a b', audience: 'x' },
      },
    ])
  })
  await t.test('a token about to expire is renewed', async (t) => {
    const fake = await new FakeTokenServer().start(t)
    fake.expiresIn = 5
    const client = clientFor(t, settings(fake))
    assert.equal(await authorizations(client), 'Bearer token1')
    assert.equal(await authorizations(client), 'Bearer token2')
  })
  await t.test('so is one that the server refuses', async (t) => {
    const fake = await new FakeTokenServer().start(t)
    const client = clientFor(t, settings(fake))
    assert.equal(await authorizations(client, '/refuse'), 'Bearer token1')
    assert.equal(await authorizations(client), 'Bearer token2')
  })
  await t.test('a server that wants the credentials in the body gets them there', async (t) => {
    const fake = await new FakeTokenServer().start(t)
    fake.refuseHeader = true
    const client = clientFor(t, settings(fake))
    assert.equal(await authorizations(client), 'Bearer token2')
    assert.deepEqual(fake.requests[1]?.form, {
      grant_type: 'client_credentials',
      client_id: 'id',
      client_secret: 'sec ret',
    })
  })
  await t.test('a changed secret file asks for a new token', async (t) => {
    const fake = await new FakeTokenServer().start(t)
    const file = join(directory, 'client_secret')
    writeFileSync(file, 'one\n')
    const oauth2 = { client_id: 'id', client_secret_file: file, token_url: fake.url }
    const client = clientFor(t, { oauth2 })
    assert.equal(await authorizations(client), 'Bearer token1')
    writeFileSync(file, 'two\n')
    assert.equal(await authorizations(client), 'Bearer token2')
    assert.equal(fake.requests[1]?.authorization, `Basic ${Buffer.from('id:two').toString('base64')}`)
  })
  await t.test('a refusal is said without the secret', async (t) => {
    const refusing = await serve(t, (_, response) => response.writeHead(400).end('{"error":"invalid_scope"}'))
    const oauth2 = { client_id: 'id', client_secret: 'sec ret', token_url: refusing.url }
    const request = clientFor(t, { oauth2 }).request({ method: 'GET', url: backend.url })
    await assert.rejects(request, (error: Error) => {
      assert.match(error.message, /the token server answered 400 \(invalid_scope\)$/)
      assert.doesNotMatch(error.message, /sec/)
      return true
    })
  })
})
