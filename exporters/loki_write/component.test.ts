import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Clock } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { systemClock } from '#lib/clock'
import { labelsFrom, Logs, LogStream } from '#pdata'
import { decodePush, labelText } from '#pdata/loki'
import { lokiWrite } from './component.ts'

interface Push {
  readonly headers: IncomingHttpHeaders
  readonly streams: LogStream[]
}

/** A Loki that answers as told (204 when nothing is left to tell) and keeps what it took. */
class Backend {
  readonly answers: number[] = []
  readonly taken: Push[] = []
  /** What it says with a refusal. */
  says = 'no thanks'
  requests = 0
  readonly #server = createServer()
  #wake: (() => void)[] = []

  static async listen(t: TestContext): Promise<Backend> {
    const backend = new Backend()
    backend.#server.listen(0, '127.0.0.1')
    await once(backend.#server, 'listening')
    t.after(() => {
      backend.#server.closeAllConnections()
      backend.#server.close()
    })
    return backend
  }

  constructor() {
    this.#server.on('request', async (request, response) => {
      const body = Buffer.concat(await request.toArray())
      const status = this.answers.shift() ?? 204
      this.requests++
      if (status < 300) this.taken.push({ headers: request.headers, streams: decodePush(body) })
      response.writeHead(status).end(status < 300 ? '' : this.says)
      for (const wake of this.#wake.splice(0)) wake()
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/loki/api/v1/push`
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  /** `labels -> lines`, over all requests. */
  lines(): Record<string, string[]> {
    const out: Record<string, string[]> = {}
    for (const { streams } of this.taken) {
      for (const { labels, lines } of streams) (out[labelText(labels)] ??= []).push(...lines)
    }
    return out
  }
}

const quick = { batch_wait: '10ms', min_backoff_period: '1ms', max_backoff_period: '2ms' }

async function started(t: TestContext, settings: Written, clock: Clock = systemClock) {
  const dataDir = mkdtempSync(join(tmpdir(), 'loki-write-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  const host = new TestHost({ dataDir, clock })
  const component = await lokiWrite.create(host, decoded(lokiWrite.settings, settings))
  await component.start?.()
  t.after(() => component.stop(1000))
  const send = async (batch: Logs): Promise<void> => {
    host.counters.in += batch.count
    await component.logs?.consume(batch)
  }
  return { host, component, send }
}

test('a clock that is set back delays no request', async (t) => {
  const backend = await Backend.listen(t)
  let backMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() - backMs }
  const { send } = await started(t, { endpoint: { url: backend.url, ...quick, batch_wait: '200ms' } }, clock)
  await send(Logs.fromStreams([stream({ a: 'b' }, '1')]))
  backMs = 3_600_000
  await send(Logs.fromStreams([stream({ a: 'b' }, '2')]))
  await backend.until(() => backend.taken.length > 0)
  assert.deepEqual(backend.lines(), { '{a="b"}': ['1', '2'] })
})

function stream(labels: Record<string, string>, ...lines: string[]): LogStream {
  const timestamps = BigInt64Array.from(lines.map((_, i) => 1_700_000_000_000_000_000n + BigInt(i)))
  return new LogStream(labelsFrom(Object.entries(labels)), timestamps, lines, null)
}

function assertAccounts(host: TestHost): void {
  const { counters } = host
  assert.equal(counters.in, counters.out + counters.dropped + counters.refused + counters.waiting)
}

test('lines are sent by stream and tenant, with external labels where the stream has none of the name', async (t) => {
  const backend = await Backend.listen(t)
  const { host, component, send } = await started(t, {
    endpoint: { url: backend.url, tenant_id: 'main', headers: new Map([['X-Own', 'yes']]), ...quick },
    external_labels: new Map([
      ['cluster', 'home'],
      ['app', 'external'],
    ]),
  })
  await send(Logs.fromStreams([stream({ app: 'a', __path__: '/x' }, '1', '2'), stream({ host: 'h' }, '3')]))
  await send(
    Logs.fromStreams([stream({ app: 'a', __path__: '/y' }, '4'), stream({ b: 'c', __tenant_id__: 't2' }, '5')]),
  )
  await component.stop(5000)
  assert.deepEqual(backend.lines(), {
    '{app="a", cluster="home"}': ['1', '2', '4'],
    '{app="external", cluster="home", host="h"}': ['3'],
    '{app="external", b="c", cluster="home"}': ['5'],
  })
  assert.deepEqual(backend.taken.map(({ headers }) => headers['x-scope-orgid']).sort(), ['main', 't2'])
  const { headers } = backend.taken[0] as Push
  assert.equal(headers['content-type'], 'application/x-protobuf')
  assert.equal(headers['content-encoding'], 'snappy')
  assert.equal(headers['x-own'], 'yes')
  assert.equal(host.counters.out, 5)
  assertAccounts(host)
  const attributes = `{host="${new URL(backend.url).host}",tenant="main"}`
  assert.equal(host.counts.get(`loki_write_sent_entries_total${attributes}`)?.value, 4)
})

test('a tenant of any letters is sent, one that no header can hold is dropped and holds up nobody', async (t) => {
  const backend = await Backend.listen(t)
  const { host, component, send } = await started(t, { endpoint: { url: backend.url, ...quick } })
  await send(
    Logs.fromStreams([stream({ a: 'b', __tenant_id__: 'x\ny' }, '1'), stream({ a: 'b', __tenant_id__: 'ж' }, '2')]),
  )
  await backend.until(() => backend.taken.length === 1)
  await component.stop(1000)
  const tenant = backend.taken[0]?.headers['x-scope-orgid'] as string
  assert.equal(Buffer.from(tenant, 'latin1').toString(), 'ж')
  assert.deepEqual([...host.counters.droppedByReason], [['ingester_error', 1]])
  assertAccounts(host)
})

test('a request is sent when it is full, and the rest after the wait', async (t) => {
  const backend = await Backend.listen(t)
  const { host, send } = await started(t, { endpoint: { url: backend.url, ...quick, batch_size: '10B' } })
  await send(Logs.fromStreams([stream({ a: 'b' }, 'aaaaaa', 'bbbb', 'cc', 'this line is longer than a request', 'd')]))
  await backend.until(() => backend.taken.length === 4)
  assert.deepEqual(
    backend.taken.map(({ streams }) => streams.flatMap(({ lines }) => lines)),
    [['aaaaaa', 'bbbb'], ['cc'], ['this line is longer than a request'], ['d']],
  )
  assertAccounts(host)
})

const failures = [
  { name: '500 is tried again', answers: [500, 503], taken: 1, reason: '' },
  { name: '429 is tried again', answers: [429], taken: 1, reason: '' },
  { name: '429 is final where told so', answers: [429], more: { retry_on_http_429: false }, reason: 'rate_limited' },
  { name: '400 is final', answers: [400], reason: 'ingester_error' },
  { name: 'so many tries', answers: [500, 500, 500], more: { max_backoff_retries: 3n }, reason: 'ingester_error' },
  {
    name: 'so many tries, rate limited',
    answers: [500, 429],
    more: { max_backoff_retries: 2n },
    reason: 'rate_limited',
  },
]
for (const { name, answers, more = {}, taken = 0, reason } of failures) {
  test(`refusals: ${name}`, async (t) => {
    const backend = await Backend.listen(t)
    backend.answers.push(...answers)
    const { host, component, send } = await started(t, { endpoint: { url: backend.url, ...quick, ...more } })
    await send(Logs.fromStreams([stream({ a: 'b' }, '1', '2')]))
    await backend.until(() => backend.requests === answers.length + taken)
    if (reason !== '') await host.until(() => host.counters.dropped > 0)
    await component.stop(1000)
    assert.equal(backend.taken.length, taken)
    assert.deepEqual([...host.counters.droppedByReason], reason === '' ? [] : [[reason, 2]])
    assertAccounts(host)
    if (reason === '') return
    const attributes = `{host="${new URL(backend.url).host}",tenant="",reason="${reason}"}`
    assert.equal(host.counts.get(`loki_write_dropped_entries_total${attributes}`)?.value, 2)
  })
}

const partly: { says: string; dropped: [reason: string, lines: number][] }[] = [
  {
    says: 'entry for stream \'{a="b"}\' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-01T00:00:00Z',
    dropped: [['greater_than_max_sample_age', 1]],
  },
  {
    says: "2 errors like: entry for stream '{a=\"b\"}' has timestamp too old: x; 1 errors like: max entry size '9' bytes exceeded for stream '{a=\"b; c\"}' while adding an entry with length '10' bytes",
    dropped: [
      ['greater_than_max_sample_age', 2],
      ['line_too_long', 1],
    ],
  },
  {
    says: "entry with timestamp 2020-01-01 00:00:00 ignored, reason: 'entry too far behind, entry timestamp is: x',\nuser 'fake', total ignored: 3 out of 4 for stream: {a=\"b\"}",
    dropped: [['too_far_behind', 3]],
  },
  { says: "9 errors like: entry for stream '{}' has timestamp too old: x", dropped: [['ingester_error', 4]] },
  { says: "stream '{a=\"b\"}' has label value too long: 'b'", dropped: [['ingester_error', 4]] },
]
for (const { says, dropped } of partly) {
  test(`lines that Loki refused are counted by its reasons, the others as sent: ${says.slice(0, 60)}`, async (t) => {
    const backend = await Backend.listen(t)
    backend.answers.push(400)
    // Loki lists lines: what counts stands behind them.
    backend.says = says.replace(/^(entry with timestamp.*\n)/, (line) => line.repeat(10))
    const { host, component, send } = await started(t, { endpoint: { url: backend.url, ...quick } })
    await send(Logs.fromStreams([stream({ a: 'b' }, '1', '2', '3', '4')]))
    await host.until(() => host.counters.dropped > 0)
    await component.stop(1000)
    assert.equal(backend.requests, 1)
    assert.deepEqual([...host.counters.droppedByReason], dropped)
    assertAccounts(host)
    const lines = dropped.reduce((sum, [, count]) => sum + count, 0)
    const where = `host="${new URL(backend.url).host}",tenant=""`
    assert.equal(host.counts.get(`loki_write_dropped_entries_total{${where},reason="ingester_error"}`)?.value, lines)
    assert.equal(host.counts.get(`loki_write_sent_entries_total{${where}}`)?.value ?? 0, 4 - lines)
  })
}

test('lines of too many streams are dropped and counted', async (t) => {
  const backend = await Backend.listen(t)
  const { host, component, send } = await started(t, { endpoint: { url: backend.url, ...quick }, max_streams: 1n })
  await send(Logs.fromStreams([stream({ a: '1' }, 'x'), stream({ a: '2' }, 'y', 'z'), stream({ a: '1' }, 'w')]))
  await component.stop(1000)
  assert.deepEqual(backend.lines(), { '{a="1"}': ['x', 'w'] })
  assert.deepEqual([...host.counters.droppedByReason], [['stream_limited', 2]])
  assertAccounts(host)
})

test('lines of too many streams count as dropped only once the others are on disk', async (t) => {
  const backend = await Backend.listen(t)
  const settings = { endpoint: { url: backend.url, ...quick }, max_streams: 1n, wal: { enabled: true } }
  const { host, component, send } = await started(t, settings)
  const batch = () => Logs.fromStreams([stream({ a: '1' }, 'x'), stream({ a: '2' }, 'y', 'z')])
  const taken = send(batch())
  assertAccounts(host)
  await taken
  assert.deepEqual([...host.counters.droppedByReason], [['stream_limited', 2]])
  assertAccounts(host)
  await component.stop(1000)
  assertAccounts(host)
  const noDisk = mkdtempSync(join(tmpdir(), 'loki-write-'))
  t.after(() => rmSync(noDisk, { recursive: true, force: true }))
  writeFileSync(join(noDisk, 'file'), '')
  const second = new TestHost({ dataDir: join(noDisk, 'file') })
  const refusing = await lokiWrite.create(second, decoded(lokiWrite.settings, settings))
  await refusing.start?.()
  second.counters.in += 3
  await assert.rejects(async () => refusing.logs?.consume(batch()), /Cannot take lines/)
  second.counters.refused += 3 // as the service does
  assert.equal(second.counters.dropped, 0)
  assertAccounts(second)
  await refusing.stop(1000)
})

test('what cannot be a setting is found', () => {
  const endpoint = { url: 'http://localhost' }
  const wal = { min_read_frequency: '1s', max_read_frequency: '1s' }
  assert.deepEqual(problemsOf(lokiWrite.settings, { endpoint, wal }), [
    'min_read_frequency must be lower than max_read_frequency',
  ])
  const headers = new Map([['a b', 'x']])
  assert.deepEqual(problemsOf(lokiWrite.settings, { endpoint: { ...endpoint, headers } }), [
    'invalid header name: current value is "a b"',
  ])
  assert.deepEqual(problemsOf(lokiWrite.settings, { endpoint: { ...endpoint, batch_size: '0' }, max_streams: -1n }), [])
})

test('a batch size of nothing sends each line alone', async (t) => {
  const backend = await Backend.listen(t)
  const { component, send } = await started(t, { endpoint: { url: backend.url, ...quick, batch_size: '0' } })
  await send(Logs.fromStreams([stream({ a: '1' }, 'x', 'y')]))
  await component.stop(1000)
  assert.deepEqual(
    backend.taken.map(({ streams }) => streams.map(({ lines }) => lines)),
    [[['x']], [['y']]],
  )
})

test('every endpoint gets everything, and is counted', async (t) => {
  const [one, two] = [await Backend.listen(t), await Backend.listen(t)]
  two.answers.push(400)
  const endpoint = [
    { url: one.url, ...quick },
    { url: two.url, name: 'two', ...quick },
  ]
  const { host, component, send } = await started(t, { endpoint })
  await send(Logs.fromStreams([stream({ a: '1' }, 'x')]))
  await component.stop(1000)
  assert.deepEqual(one.lines(), { '{a="1"}': ['x'] })
  assert.equal(host.counters.out, 1)
  assert.equal(host.counters.dropped, 1)
  assertAccounts(host)
})

for (const enabled of [false, true]) {
  test(`what could not be sent is sent after a restart, in order (wal ${enabled ? 'on' : 'off'})`, async (t) => {
    const backend = await Backend.listen(t)
    const dataDir = mkdtempSync(join(tmpdir(), 'loki-write-'))
    t.after(() => rmSync(dataDir, { recursive: true, force: true }))
    const settings = (url: string) =>
      decoded(lokiWrite.settings, { endpoint: { url, name: 'x', ...quick }, wal: { enabled } })
    const before = new TestHost({ dataDir })
    const first = await lokiWrite.create(before, settings('http://127.0.0.1:1/push'))
    await first.start?.()
    for (let i = 0; i < 20; i++) {
      before.counters.in += 1
      await first.logs?.consume(Logs.fromStreams([stream({ a: 'b' }, `${i}`)]))
    }
    await first.stop(3000)
    await first.stop(3000)
    assert.equal(before.counters.dropped, 0)
    const after = new TestHost({ dataDir })
    const second = await lokiWrite.create(after, settings(backend.url))
    await second.start?.()
    t.after(() => second.stop(1000))
    await backend.until(() => (backend.lines()['{a="b"}']?.length ?? 0) === 20)
    assert.deepEqual(
      backend.lines()['{a="b"}'],
      Array.from({ length: 20 }, (_, i) => `${i}`),
    )
    await second.stop(1000)
    assert.equal(after.counters.out, 20)
    assertAccounts(after)
  })
}

test('settings that cannot work are refused', () => {
  const cases: [Written, RegExp][] = [
    [{ endpoint: {} }, /missing required attribute "url"/],
    [{ endpoint: { url: 'ftp://x' } }, /must begin with http/],
    [
      {
        endpoint: [
          { url: 'http://x', name: 'a' },
          { url: 'http://y', name: 'a' },
        ],
      },
      /duplicate endpoint name/,
    ],
  ]
  for (const [written, want] of cases) assert.match(problemsOf(lokiWrite.settings, written).join('\n'), want)
})
