import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Component, Target } from '#component'
import type { HttpDiscoverySettings } from '#component/discovery'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { discoveryHttp } from './component.ts'

interface Answer {
  status?: number
  type?: string
  body: string | Uint8Array
  encoding?: string
}

/** A server of targets that answers what `next` holds. */
async function serve(t: TestContext): Promise<{ url: string; next: Answer; asked: IncomingMessage[] }> {
  const state = { url: '', next: { body: '[]' } as Answer, asked: [] as IncomingMessage[] }
  const server = createServer((request, response) => {
    state.asked.push(request)
    const { status = 200, type = 'application/json', body, encoding } = state.next
    response
      .writeHead(status, { 'content-type': type, ...(encoding ? { 'content-encoding': encoding } : {}) })
      .end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sd`
  return state
}

const targets = (host: TestHost): Record<string, string>[] =>
  (host.exports['targets'] as readonly Target[]).map((target) => Object.fromEntries(target.labels))

async function make(t: TestContext, host: TestHost, written: Written): Promise<Component<HttpDiscoverySettings>> {
  const component = await discoveryHttp.create(host, decoded(discoveryHttp.settings, written))
  t.after(() => component.stop(0))
  return component
}

test('checks of the settings', () => {
  assert.deepEqual(problemsOf(discoveryHttp.settings, { url: 'ftp://x' }), ["URL scheme must be 'http' or 'https'"])
  assert.equal(problemsOf(discoveryHttp.settings, { url: 'http://x', bearer_token: 'a', basic_auth: {} }).length, 1)
})

test('targets come from the server, with its URL', async (t) => {
  const server = await serve(t)
  server.next = { body: '[{"targets":["a:1"],"labels":{"__meta_x":"y"}}]' }
  const host = new TestHost()
  const component = await make(t, host, { url: server.url, refresh_interval: '90s', bearer_token: 'tok' })
  assert.deepEqual(targets(host), [])
  await component.start?.()
  await host.until(() => targets(host).length > 0)
  assert.deepEqual(targets(host), [{ __address__: 'a:1', __meta_x: 'y', __meta_url: server.url }])
  const { headers } = server.asked[0] as IncomingMessage
  assert.equal(headers['x-prometheus-refresh-interval-seconds'], '90')
  assert.equal(headers.authorization, 'Bearer tok')
  assert.equal(headers.accept, 'application/json')
})

test('an answer that is no list of targets keeps the last ones', async (t) => {
  const server = await serve(t)
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const good = { body: '[{"targets":["a:1"]}]' }
  server.next = good
  const component = await make(t, host, { url: server.url })
  await component.start?.()
  await host.until(() => host.health.state === 'healthy')
  const cases: { answer: Answer; want: string | RegExp }[] = [
    { answer: { status: 503, body: '' }, want: 'server returned HTTP status 503 Service Unavailable' },
    { answer: { type: 'text/html', body: '[]' }, want: 'unsupported content type "text/html"' },
    { answer: { body: '[{"targets":' }, want: /JSON/ },
    { answer: { body: '[null]' }, want: 'nil target group item found' },
  ]
  for (const { answer, want } of cases) {
    server.next = answer
    await clock.advance(60_000)
    await host.until(() => host.health.state === 'unhealthy')
    if (typeof want === 'string') assert.equal(host.health.message, want)
    else assert.match(host.health.message, want)
    assert.equal(targets(host).length, 1)
    server.next = { ...good, type: 'application/json; charset=utf-8' }
    await clock.advance(60_000)
    await host.until(() => host.health.state === 'healthy')
  }
  assert.equal(host.counts.get('prometheus_sd_http_failures_total')?.value, cases.length)
  server.next = { body: gzipSync('[]'), encoding: 'gzip' }
  await clock.advance(60_000)
  await host.until(() => targets(host).length === 0)
  await component.stop(0)
  await component.stop(0)
  assert.equal(clock.pending, 0)
})

test('an update asks the new server and keeps the targets until it answers', async (t) => {
  const [one, two] = [await serve(t), await serve(t)]
  one.next = { body: '[{"targets":["one"]}]' }
  two.next = { body: '[{"targets":["two"]}]' }
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const component = await make(t, host, { url: one.url })
  await component.start?.()
  await host.until(() => targets(host)[0]?.['__address__'] === 'one')
  await host.until(() => host.health.state === 'healthy')
  host.setHealth('unknown', '')
  await component.update?.(decoded(discoveryHttp.settings, { url: two.url }))
  assert.equal(targets(host)[0]?.['__address__'], 'one')
  // Its limits turn with the clock: the clock stands still until it has answered.
  await host.until(() => host.health.state === 'healthy')
  assert.equal(two.asked.length, 1)
  await clock.advance(5000)
  assert.equal(targets(host)[0]?.['__address__'], 'two')
})
