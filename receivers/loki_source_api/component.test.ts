import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { Capsule, ConsumeError, defineSettings, type LogsPort } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, TestHost, type Written } from '#component/test_host'
import { labelsFrom, type Logs, LogStream } from '#pdata'
import { encodePush, labelText } from '#pdata/loki'
import { lokiSourceApi } from './component.ts'
import { LokiSourceApi } from './receiver.ts'

interface Line {
  readonly labels: string
  readonly line: string
  readonly ts: bigint
  readonly meta: readonly string[] | null
}

class Api {
  readonly host = new TestHost()
  readonly lines: Line[] = []
  failure: Error | undefined
  receiver: LokiSourceApi | undefined

  async start(t: TestContext, written: Written): Promise<this> {
    const port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
    const settings = decoded(lokiSourceApi.settings, {
      forward_to: [new Capsule('LogsReceiver', port)],
      http: { listen_address: '127.0.0.1', listen_port: 0n },
      ...written,
    })
    this.receiver = (await lokiSourceApi.create(this.host, settings)) as LokiSourceApi
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  #take(batch: Logs): void {
    if (this.failure) throw this.failure
    for (const { labels, timestampsNs, lines, metadata } of batch.streams ?? []) {
      for (const [i, line] of lines.entries()) {
        this.lines.push({ labels: labelText(labels), line, ts: timestampsNs[i] as bigint, meta: metadata?.[i] ?? null })
      }
    }
  }

  post(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.receiver?.port}${path}`, { method: 'POST', body, headers })
  }
}

const json = { 'content-type': 'application/json' }
const protobuf = { 'content-type': 'application/x-protobuf' }
const push = '/loki/api/v1/push'
const stream = new LogStream(labelsFrom([['a', 'b']]), BigInt64Array.of(1n, 2n), ['one', 'two'], [null, ['m', 'x']])
const asJson = JSON.stringify({
  streams: [{ stream: { a: 'b' }, values: [['1', 'one'], ['2', 'two', { m: 'x' }]] }], // prettier-ignore
})

const bodies: { name: string; body: Uint8Array | string; headers: Record<string, string> }[] = [
  { name: 'protobuf', body: encodePush([stream]), headers: protobuf },
  {
    name: 'protobuf that says snappy',
    body: encodePush([stream]),
    headers: { ...protobuf, 'content-encoding': 'snappy' },
  },
  { name: 'JSON', body: asJson, headers: json },
  { name: 'JSON with a charset', body: asJson, headers: { 'content-type': 'application/json; charset=utf-8' } },
  { name: 'JSON, gzip', body: gzipSync(asJson), headers: { ...json, 'content-encoding': 'gzip' } },
  { name: 'JSON, deflate', body: deflateRawSync(asJson), headers: { ...json, 'content-encoding': 'deflate' } },
  { name: 'JSON, zlib', body: deflateSync(asJson), headers: { ...json, 'content-encoding': 'deflate' } },
]
for (const { name, body, headers } of bodies) {
  test(`A push in ${name} is taken with its times and metadata`, async (t) => {
    const api = await new Api().start(t, { use_incoming_timestamp: true, labels: new Map([['via', 'api']]) })
    for (const path of [push, '/api/v1/push']) {
      const response = await api.post(path, body, headers)
      assert.equal(response.status, 204, await response.text())
    }
    const labels = '{a="b", via="api"}'
    const want = [
      { labels, line: 'one', ts: 1n, meta: null },
      { labels, line: 'two', ts: 2n, meta: ['m', 'x'] },
    ]
    assert.deepEqual(api.lines, [...want, ...want])
    assert.equal(api.host.counts.get('loki_source_api_entries_written')?.value, 4)
    assert.equal(api.host.counters.in, api.host.counters.out)
  })
}

test('Without incoming times lines get the time of the request, none of them twice', async (t) => {
  const api = await new Api().start(t, {})
  const before = BigInt(Date.now() - 1000) * 1_000_000n
  await api.post(push, asJson, json)
  const [one, two] = api.lines
  assert.ok(one && two && one.ts > before && two.ts > one.ts)
})

test('Rules change labels, drop streams, and internal labels stay behind; the tenant goes along', async (t) => {
  const { rule } = decoded(defineSettings({ rule: relabelRuleBlocks('Rules.') }), {
    rule: [
      { source_labels: ['a'], target_label: 'copy' },
      { source_labels: ['drop'], regex: 'yes', action: 'drop' },
    ],
  })
  const rules = new RelabelRules(rule)
  const api = await new Api().start(t, { relabel_rules: new Capsule('RelabelRules', rules) })
  const values = [['1', 'x']]
  const body = JSON.stringify({
    streams: [
      { stream: { a: 'b', __hidden__: 'c' }, values },
      { stream: { drop: 'yes' }, values },
    ],
  })
  assert.equal((await api.post(push, body, { ...json, 'x-scope-orgid': 't1' })).status, 204)
  assert.deepEqual(
    api.lines.map(({ labels, line }) => [labels, line]),
    [['{a="b", copy="b"}', 'x']],
  )
  assert.deepEqual([...api.host.counters.droppedByReason], [['relabel rules', 1]])
})

test('Streams whose labels cannot be read are refused and counted, the others taken', async (t) => {
  const api = await new Api().start(t, {})
  const streams = [
    { stream: { '\u00e4': 'b' }, values: [['1', 'y'], ['2', 'z']] }, // prettier-ignore
    { stream: { a: 'b' }, values: [['1', 'x']] },
  ]
  const response = await api.post(push, JSON.stringify({ streams }), json)
  assert.equal(response.status, 400)
  assert.match(await response.text(), /Cannot read labels: the name of a label expected/)
  assert.deepEqual(
    api.lines.map(({ line }) => line),
    ['x'],
  )
  const { counters } = api.host
  assert.deepEqual([...counters.droppedByReason], [['labels that cannot be read', 2]])
  assert.deepEqual([counters.in, counters.out, counters.dropped], [3, 1, 2])
})

test('Plain text is taken line by line', async (t) => {
  const api = await new Api().start(t, { labels: new Map([['job', 'raw']]) })
  for (const path of ['/loki/api/v1/raw', '/api/v1/raw']) {
    assert.equal((await api.post(path, 'one\r\n\n two\nthree')).status, 204)
  }
  const want = ['one', ' two', 'three'].map((line) => ['{job="raw"}', line])
  assert.deepEqual(
    api.lines.map(({ labels, line }) => [labels, line]),
    [...want, ...want],
  )
})

const refused: {
  name: string
  path?: string
  method?: string
  body?: string | Uint8Array
  headers?: Record<string, string>
  want: number
}[] = [
  { name: 'an unknown path', path: '/other', want: 404 },
  { name: 'another method', method: 'GET', want: 405 },
  { name: 'broken JSON', body: '{', headers: json, want: 400 },
  { name: 'broken protobuf', body: 'xxxx', headers: protobuf, want: 400 },
  { name: 'broken gzip', body: 'xxxx', headers: { ...json, 'content-encoding': 'gzip' }, want: 400 },
  { name: 'broken deflate', body: 'xxxx', headers: { ...json, 'content-encoding': 'deflate' }, want: 400 },
  { name: 'an unknown encoding', body: asJson, headers: { ...json, 'content-encoding': 'br' }, want: 400 },
  { name: 'a body too large', body: 'x'.repeat(70_000), headers: json, want: 413 },
  {
    name: 'a body too large once decompressed',
    body: gzipSync('x'.repeat(70_000)),
    headers: { ...json, 'content-encoding': 'gzip' },
    want: 413,
  },
]
for (const { name, path = push, method = 'POST', body, headers = {}, want } of refused) {
  test(`Refused: ${name}`, async (t) => {
    const api = await new Api().start(t, { max_send_message_size: '64KiB' })
    const init = { method, headers, ...(body === undefined ? {} : { body }) }
    const response = await fetch(`http://127.0.0.1:${api.receiver?.port}${path}`, init)
    assert.equal(response.status, want, await response.text())
    assert.equal(api.host.counters.in, 0)
  })
}

test('A next component that refuses is the answer', async (t) => {
  const api = await new Api().start(t, {})
  api.failure = new ConsumeError('Cannot take lines: full', { retryable: true, retryAfterMs: 2500 })
  const later = await api.post(push, asJson, json)
  assert.equal(later.status, 503)
  assert.equal(later.headers.get('retry-after'), '3')
  api.failure = new ConsumeError('Cannot take lines: bad', { retryable: false })
  assert.equal((await api.post(push, asJson, json)).status, 400)
  assert.equal(api.host.counters.refused, 4)
  assert.equal(await (await fetch(`http://127.0.0.1:${api.receiver?.port}/ready`)).text(), 'ready')
})
