import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { OptionalSecret } from '#component'
import { ManualClock } from '#lib/clock'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { remoteHttp, type RemoteHttpSettings } from './component.ts'

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const text = (host: TestHost): string | undefined => (host.exports['content'] as OptionalSecret | undefined)?.reveal()

const settings = (written: Written): RemoteHttpSettings => decoded(remoteHttp.settings, written)

test('checks of the settings', async (t) => {
  const url = 'http://x/'
  const cases: { written: Written; want: string[] }[] = [
    { written: { url }, want: [] },
    { written: { url, poll_timeout: '1m' }, want: ['poll_timeout must be less than poll_frequency'] },
    { written: { url, poll_frequency: '0s' }, want: ['poll_frequency must be greater than 0'] },
    { written: { url, poll_timeout: '0s' }, want: ['poll_timeout must be greater than 0'] },
    { written: { url: 'file:///x' }, want: ['url must begin with http:// or https://'] },
    { written: { url, method: 'a b' }, want: ['invalid method "a b"'] },
  ]
  for (const { written, want } of cases) {
    await t.test(JSON.stringify(written), () => assert.deepEqual(problemsOf(remoteHttp.settings, written), want))
  }
})

test('the first answer is there before the start, later ones when they change', async (t) => {
  const asked: IncomingMessage[] = []
  let answer = ' one \n'
  let status = 200
  const url = await serve(t, (request, response) => {
    asked.push(request)
    response.writeHead(status).end(answer)
  })
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const more = { method: 'POST', body: 'ask', headers: new Map([['x-key', 'v']]) }
  const component = await remoteHttp.create(host, decoded(remoteHttp.settings, { url, is_secret: true, ...more }))
  t.after(() => component.stop(0))
  assert.equal(text(host), 'one')
  assert.equal(String(host.exports['content']), '(secret)')
  assert.equal(asked[0]?.method, 'POST')
  assert.equal(asked[0]?.headers['x-key'], 'v')
  assert.equal(asked[0]?.headers['user-agent'], 'Solder/test')
  assert.equal(clock.pending, 0, 'nothing goes on before the start')
  await component.start?.()
  answer = 'two'
  await clock.advance(60_000)
  await host.until(() => text(host) === 'two')
  status = 500
  await clock.advance(60_000)
  await host.until(() => host.health.state === 'unhealthy')
  assert.equal(host.health.message, 'polling failed: unexpected status code 500 Internal Server Error')
  assert.equal(text(host), 'two')
  status = 200
  await clock.advance(60_000)
  await host.until(() => host.health.state === 'healthy')
})

test('a server that gives nothing at first is an error of the settings', async (t) => {
  const url = await serve(t, (_, response) => response.writeHead(404).end())
  await assert.rejects(async () => remoteHttp.create(new TestHost(), settings({ url })), {
    name: 'SettingsError',
    message: 'polling failed: unexpected status code 404 Not Found',
  })
})

test('an update that gives nothing keeps the old settings', async (t) => {
  const url = await serve(t, (request, response) => response.writeHead(request.url === '/' ? 200 : 404).end('yes'))
  const host = new TestHost()
  const component = await remoteHttp.create(host, settings({ url }))
  t.after(() => component.stop(0))
  await component.start?.()
  await assert.rejects(async () => component.update?.(settings({ url: `${url}none` })), /404/)
  assert.equal(text(host), 'yes')
})

test('it stops while it asks, twice', async (t) => {
  let asked = (): void => {}
  const reached = new Promise<void>((resolve) => (asked = resolve))
  let first = true
  const url = await serve(t, (_, response) => {
    if (first) response.end('one')
    else asked()
    first = false
  })
  const clock = new ManualClock()
  const component = await remoteHttp.create(new TestHost({ clock }), settings({ url }))
  await component.start?.()
  await clock.advance(60_000)
  await reached
  await component.stop(0)
  await component.stop(0)
})
