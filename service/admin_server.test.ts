import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { decoded, problemsOf, type Written } from '#component/test_host'
import type { Logger } from '#component'
import { systemClock } from '#lib/clock'
import { httpBlock } from '#config'
import { AdminServer } from './admin_server.ts'

const directory = mkdtempSync(join(tmpdir(), 'admin_server-'))
after(() => rmSync(directory, { recursive: true }))

const certificates = new URL('../component/http_client/testdata/', import.meta.url)
const pem = (name: string): string => readFileSync(new URL(name, certificates), 'utf8')
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

async function serve(t: TestContext): Promise<AdminServer> {
  const server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silent,
    handle: (_, response) => void response.end('page'),
  })
  await server.start()
  t.after(() => server.stop(0))
  return server
}

const apply = (server: AdminServer, written: Written): void =>
  server.apply(new Map([['http', decoded(httpBlock, written)]]))

/** `status body`, with `+` where the server asks for a password, or `broken`. */
function get(
  server: AdminServer,
  path: string,
  options: { secure?: boolean; auth?: string; cert?: boolean } = {},
): Promise<string> {
  const { secure, auth, cert } = options
  return new Promise((resolve) => {
    const tls = { ca: pem('authority.pem'), ...(cert ? { cert: pem('client.pem'), key: pem('client.key') } : {}) }
    const common = { host: '127.0.0.1', port: server.port, path, ...(auth === undefined ? {} : { auth }) }
    const request = secure
      ? httpsRequest({ ...common, ...tls, agent: new Agent({ keepAlive: false }) })
      : httpRequest({ ...common, agent: false })
    request.on('error', () => resolve('broken'))
    request.on('response', (response) => {
      const asks = response.headers['www-authenticate'] === 'Basic realm="Restricted"' ? '+' : ''
      void response.toArray().then((chunks) => resolve(`${response.statusCode}${asks} ${chunks.join('')}`))
    })
    request.end()
  })
}

test('only readiness is answered until the configuration says who may ask', async (t) => {
  const server = await serve(t)
  assert.equal(await get(server, '/-/ready'), '200 page')
  assert.equal(await get(server, '/metrics'), '503 Solder is not ready.\n')
  server.apply(new Map())
  assert.equal(await get(server, '/metrics'), '200 page')
})

test('basic authentication and its filter', async (t) => {
  const basic = { username: 'admin', password: 'pass:word' }
  const cases: { name: string; auth: Written; open: string[]; closed: string[] }[] = [
    { name: 'everywhere', auth: { basic }, open: [], closed: ['/', '/metrics', '/-/ready', '/%2dx'] },
    {
      name: 'on the paths named',
      auth: { basic, filter: { paths: ['/metrics', '/api'] } },
      open: ['/', '/-/ready', '/x/metrics'],
      closed: ['/metrics', '/metrics/x', '/%6detrics', '/api/v0', '/metrics?x=1'],
    },
    {
      name: 'on all others',
      auth: { basic, filter: { paths: ['/-/'], authenticate_matching_paths: false } },
      open: ['/-/ready', '/-/healthy'],
      closed: ['/', '/metrics', '/x/-/'],
    },
    { name: 'nowhere, by an empty filter', auth: { basic, filter: {} }, open: ['/', '/metrics'], closed: [] },
    { name: 'nowhere, without user and password', auth: {}, open: ['/'], closed: [] },
  ]
  for (const { name, auth, open, closed } of cases) {
    await t.test(name, async (t) => {
      const server = await serve(t)
      apply(server, { auth })
      for (const path of open) assert.equal(await get(server, path), '200 page', path)
      for (const path of closed) {
        assert.equal(await get(server, path), '401+ ', path)
        assert.equal(await get(server, path, { auth: 'admin:pass:word' }), '200 page', path)
        for (const wrong of ['admin:pass', 'other:pass:word', ':', 'admin:pass:word ']) {
          assert.equal(await get(server, path, { auth: wrong }), '401+ ', `${path} ${wrong}`)
        }
      }
    })
  }
})

test('TLS comes, changes and goes while the socket stays', async (t) => {
  const server = await serve(t)
  const { port } = server
  const files = { cert_file: join(directory, 'cert.pem'), key_file: join(directory, 'key.pem') }
  copyFileSync(new URL('server.pem', certificates), files.cert_file)
  copyFileSync(new URL('server.key', certificates), files.key_file)
  apply(server, { tls: files })
  assert.equal(await get(server, '/', { secure: true }), '200 page')
  assert.equal(await get(server, '/'), 'broken')
  const strict = {
    cert_pem: pem('server.pem'),
    key_pem: pem('server.key'),
    client_ca_pem: pem('authority.pem'),
    client_auth_type: 'RequireAndVerifyClientCert',
    min_version: 'TLS13',
  }
  apply(server, { tls: strict, auth: { basic: { username: 'a', password: 'b' } } })
  assert.equal(await get(server, '/', { secure: true }), 'broken')
  assert.equal(await get(server, '/', { secure: true, cert: true }), '401+ ')
  assert.equal(await get(server, '/', { secure: true, cert: true, auth: 'a:b' }), '200 page')
  assert.throws(() => apply(server, { tls: { ...files, key_file: '/none' } }), /ENOENT/)
  assert.equal(await get(server, '/', { secure: true, cert: true, auth: 'a:b' }), '200 page', 'all stays as it was')
  server.apply(new Map())
  assert.equal(server.port, port)
  assert.equal(await get(server, '/'), '200 page')
})

test('a certificate that cannot be read at first leaves the server closed', async (t) => {
  const server = await serve(t)
  const written = { tls: { cert_file: '/none', key_file: '/none' } }
  const settings = new Map([['http', decoded(httpBlock, written)]])
  assert.throws(() => server.check(settings), /^Error: Cannot use the TLS settings of the http block: ENOENT/)
  assert.throws(() => apply(server, written))
  assert.equal(await get(server, '/metrics'), '503 Solder is not ready.\n')
})

test('checks of the block', async (t) => {
  const pair = { cert_pem: 'c', key_pem: 'k' }
  const cases: { tls: Written; want: string[] }[] = [
    { tls: pair, want: [] },
    { tls: {}, want: ['must specify either cert_pem or cert_file', 'must specify either key_pem or key_file'] },
    { tls: { ...pair, cert_file: 'x' }, want: ['cannot specify both cert_pem and cert_file'] },
    { tls: { ...pair, key_file: 'x' }, want: ['cannot specify both key_pem and key_file'] },
    {
      tls: { ...pair, client_ca_file: 'x' },
      want: ['cannot specify client_ca_pem or client_ca_file when client_auth_type is NoClientCert'],
    },
    {
      tls: { ...pair, client_ca_file: 'x', client_ca_pem: 'y', client_auth_type: 'RequestClientCert' },
      want: ['cannot specify both client_ca_pem and client_ca_file'],
    },
  ]
  for (const { tls, want } of cases) {
    await t.test(JSON.stringify(tls), () => assert.deepEqual(problemsOf(httpBlock, { tls }), want))
  }
})
