import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type BodyInput, Count, decodeBody, Distribution, type Host, NodeCounters, type Value } from '#component'
import { systemClock } from '#lib/clock'
import { Metadata, Metrics, Series, SeriesBatch, SeriesLayout } from '#pdata'
import { decodeLimitsDefault, decodeWriteRequest, SeriesInterner } from '#pdata/remote_write'
import { prometheusRemoteWrite } from './component.ts'
import { type RemoteWriteSettings, remoteWriteSettings } from './settings.ts'

const root = mkdtempSync(join(tmpdir(), 'solder-remote-write-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directories = 0

interface Arrived {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly atMs: number
}

/** A fake backend: takes requests over HTTP and answers with what the test says. */
class FakeBackend {
  readonly requests: Arrived[] = []
  answer: (request: Arrived) => { status: number; headers?: Record<string, string>; body?: string } = () => ({
    status: 204,
  })
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const arrived = {
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
        atMs: performance.now(),
      }
      const { status, headers, body } = this.answer(arrived)
      this.requests.push(arrived)
      response.writeHead(status, headers).end(body)
    })
  })

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return this
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/write`
  }
  /** The samples that arrived, as `labels value`, metadata requests left out. */
  get samples(): string[] {
    return this.requests.flatMap(({ headers, body }) => {
      const protocol = String(headers['content-type']).includes('v2') ? 'v2' : 'v1'
      const { batch } = decodeWriteRequest(body, protocol, decodeLimitsDefault, new SeriesInterner({ bytesMax: 1e6 }))
      return batch.flatMap((b) =>
        [...b.values].map((value, i) => `${(b.layout.series[i] as Series).labels.join(',')} ${value}`),
      )
    })
  }
}

type Written = { readonly [name: string]: Value | Written | readonly Written[] }

function bodyOf(written: Written): BodyInput {
  const attributes: { name: string; value: Value }[] = []
  const blocks: { name: string; body: BodyInput }[] = []
  for (const [name, value] of Object.entries(written)) {
    const isPlain = (v: unknown): v is Written =>
      v !== null && typeof v === 'object' && Object.getPrototypeOf(v) === Object.prototype
    if (isPlain(value)) blocks.push({ name, body: bodyOf(value) })
    else if (Array.isArray(value) && value.length > 0 && value.every(isPlain)) {
      for (const one of value as Written[]) blocks.push({ name, body: bodyOf(one) })
    } else attributes.push({ name, value: value as Value })
  }
  return { attributes, blocks }
}

function decode(written: Written): { settings: RemoteWriteSettings | undefined; problems: string[] } {
  const problems: string[] = []
  const settings = decodeBody(remoteWriteSettings, bodyOf(written), (issue) => problems.push(issue.message))
  return { settings, problems }
}

class TestHost {
  readonly id = 'prometheus.remote_write.x'
  readonly componentName = 'prometheus.remote_write'
  readonly label = 'x'
  readonly log = { debug() {}, info() {}, warn() {}, error() {} }
  readonly clock = systemClock
  readonly counters = new NodeCounters()
  readonly counts = new Map<string, Count>()
  health = ''
  readonly dataDir: string
  readonly globals: Host['globals']
  constructor(dataDir: string, durability: 'spill' | 'always') {
    this.dataDir = dataDir
    this.globals = {
      hostname: 'h',
      version: '1',
      listenAddress: '',
      memoryAddress: '',
      storagePath: root,
      durability,
      userAgent: 'Solder/test',
    }
  }
  readonly instruments = {
    counter: (name: string, _help: string, attributes: Readonly<Record<string, string>> = {}) => {
      const key = `${name}${attributes['reason'] ?? ''}`
      const count = this.counts.get(key) ?? new Count()
      this.counts.set(key, count)
      return count
    },
    gauge: () => {},
    observedCounter: () => {},
    histogram: (_name: string, _help: string, bounds: readonly number[]) => new Distribution(bounds),
  }
  setExports(): void {}
  setHealth(state: string, message: string): void {
    this.health = `${state}: ${message}`
  }
  outlet(): never {
    throw new Error('nothing goes out of an exporter')
  }
  internalSource(): undefined {}
}

async function start(written: Written, options: { dataDir?: string; durability?: 'spill' | 'always' } = {}) {
  const { settings, problems } = decode(written)
  assert.deepEqual(problems, [])
  const host = new TestHost(options.dataDir ?? join(root, String(++directories)), options.durability ?? 'spill')
  const component = await prometheusRemoteWrite.create(host as Host, settings as RemoteWriteSettings)
  await component.start?.()
  after(() => component.stop(100))
  const send = (batch: Metrics): void | Promise<void> => {
    host.counters.in += batch.count
    return component.metrics?.consume(batch)
  }
  return { host, component, send }
}

const family = new Metadata('m', 'gauge', 'A number.', '')
const layouts = new Map<number, SeriesLayout>()

function batch(count: number, value = 1): Metrics {
  let layout = layouts.get(count)
  if (!layout) {
    layout = new SeriesLayout(
      Array.from({ length: count }, (_, i) => new Series(['__name__', 'm', 'a', String(i), 'job', 'j'], family)),
    )
    layouts.set(count, layout)
  }
  return Metrics.fromSeries(
    new SeriesBatch({
      layout,
      values: new Float64Array(count).fill(value),
      flags: null,
      timestampMs: 1_700_000_000_000 + value,
      timestampsMs: null,
      startsMs: null,
      exemplars: null,
      histograms: null,
    }),
  )
}

async function until(what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + 60_000
  while (!check()) {
    assert.ok(performance.now() < end, `never came true: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function agrees({ host }: { host: TestHost }): void {
  const { counters } = host
  assert.equal(counters.in, counters.out + counters.dropped + counters.refused + counters.waiting)
}

const quick = { batch_send_deadline: '20ms', min_backoff: '5ms', max_backoff: '20ms' }

test('what is wrong with settings is said', () => {
  const url = 'http://127.0.0.1/'
  const cases: { name: string; written: Written; want: string[] }[] = [
    { name: 'no URL', written: { endpoint: {} }, want: ['missing required attribute "url"'] },
    {
      name: 'not a URL',
      written: { endpoint: { url: '::' } },
      want: ['Cannot use the URL: it is not one: "::"'],
    },
    {
      name: 'an unknown message',
      written: { endpoint: { url, protobuf_message: 'v3' } },
      want: ['unknown remote write protobuf message v3'],
    },
    {
      name: 'AWS',
      written: { endpoint: { url, sigv4: {} } },
      want: ['Cannot authenticate with sigv4: it is not supported yet'],
    },
    {
      name: 'the same name twice',
      written: {
        endpoint: [
          { url, name: 'a' },
          { url, name: 'a' },
        ],
      },
      want: ['found duplicate remote write endpoint name "a"'],
    },
    {
      name: 'shards',
      written: { endpoint: { url, queue_config: { min_shards: 9n, max_shards: 2n } } },
      want: ['min_shards must not be more than max_shards'],
    },
  ]
  for (const { name, written, want } of cases) assert.deepEqual(decode(written).problems, want, name)
})

for (const [message, type, version] of [
  ['prometheus.WriteRequest', 'application/x-protobuf', '0.1.0'],
  ['io.prometheus.write.v2.Request', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', '2.0.0'],
] as const) {
  test(`${message}: samples arrive with external labels, relabelled, under the protocol's headers`, async () => {
    const backend = await new FakeBackend().start()
    const bench = await start({
      external_labels: new Map([
        ['cluster', 'home'],
        ['job', 'not this'],
      ]),
      endpoint: {
        url: backend.url,
        protobuf_message: message,
        headers: new Map([['X-Scope-OrgID', 'tenant']]),
        queue_config: quick,
        write_relabel_config: { source_labels: ['a'], regex: '0', action: 'drop' },
      },
    })
    for (let value = 1; value <= 3; value++) await bench.send(batch(3, value))
    await until('all arrived', () => bench.host.counters.out === 6)
    assert.deepEqual(
      backend.samples,
      [1, 2, 3].flatMap((v) => [1, 2].map((a) => `__name__,m,a,${a},cluster,home,job,j ${v}`)),
    )
    const { headers } = backend.requests[0] as Arrived
    assert.equal(headers['content-type'], type)
    assert.equal(headers['content-encoding'], 'snappy')
    assert.equal(headers['x-prometheus-remote-write-version'], version)
    assert.equal(headers['user-agent'], 'Solder/test')
    assert.equal(headers['x-scope-orgid'], 'tenant')
    assert.equal(bench.host.counters.droppedByReason.get('write_relabel_config'), 3)
    agrees(bench)
    await bench.component.stop(1000)
  })
}

test('small batches travel together, large ones in several requests', async () => {
  const backend = await new FakeBackend().start()
  // Only a full request is sent.
  const queue = { ...quick, max_samples_per_send: 100n, batch_send_deadline: '1h' }
  const bench = await start({ endpoint: { url: backend.url, queue_config: queue } })
  for (let i = 0; i < 5; i++) await bench.send(batch(20, i))
  await until('the small ones', () => bench.host.counters.out === 100)
  assert.equal(backend.requests.length, 1)
  await bench.send(batch(300, 9))
  await until('the large one', () => bench.host.counters.out === 400)
  assert.equal(backend.samples.length, 400)
  assert.equal(backend.requests.length, 4)
  await bench.component.stop(1000)
})

test('5xx and 429 are tried again, after Retry-After where it is given; other refusals are dropped with their text', async () => {
  const backend = await new FakeBackend().start()
  const bench = await start({ endpoint: { url: backend.url, queue_config: quick } })
  const answers: ReturnType<FakeBackend['answer']>[] = [
    { status: 503, body: 'busy' },
    { status: 429, headers: { 'retry-after': '1' } },
    { status: 204 },
    { status: 400, body: 'out of order sample' },
  ]
  backend.answer = () => answers.shift() ?? { status: 204 }
  await bench.send(batch(2))
  await until('a problem is told', () => bench.host.health.includes('the backend answered 503: busy'))
  await until('delivered', () => bench.host.counters.out === 2)
  assert.match(bench.host.health, /^healthy/)
  const [, second, third] = backend.requests as [Arrived, Arrived, Arrived]
  assert.ok(third.atMs - second.atMs >= 990, `waited ${third.atMs - second.atMs} ms`)
  await bench.send(batch(2, 5))
  await until('refused', () => bench.host.counters.dropped === 2)
  assert.equal(bench.host.counters.droppedByReason.get('refused with 400'), 2)
  assert.equal(bench.host.counts.get('prometheus_remote_storage_samples_failed_total')?.value, 2)
  agrees(bench)
  await bench.component.stop(1000)
})

test('a backend that answers 415 to version 2 gets version 1, what waited included', async () => {
  const backend = await new FakeBackend().start()
  backend.answer = ({ headers }) => ({ status: String(headers['content-type']).includes('v2') ? 415 : 204 })
  const endpoint = {
    url: backend.url,
    protobuf_message: 'io.prometheus.write.v2.Request',
    queue_config: quick,
  }
  const bench = await start({ endpoint })
  for (let value = 1; value <= 3; value++) await bench.send(batch(2, value))
  await until('all arrived', () => bench.host.counters.out === 6)
  await bench.send(batch(2, 4))
  await until('more arrived', () => bench.host.counters.out === 8)
  const taken = backend.requests.filter(({ headers }) => headers['content-type'] === 'application/x-protobuf')
  assert.equal(backend.requests.length - taken.length, 1, 'version 2 was tried once')
  backend.requests.splice(0, backend.requests.length, ...taken)
  assert.deepEqual(
    backend.samples,
    [1, 2, 3, 4].flatMap((v) => [0, 1].map((a) => `__name__,m,a,${a},job,j ${v}`)),
  )
  agrees(bench)
  await bench.component.stop(1000)
})

test('an endpoint that is away does not hold up another one, and keeps its samples over a restart', async () => {
  const [good, bad] = [await new FakeBackend().start(), await new FakeBackend().start()]
  bad.answer = () => ({ status: 500 })
  const written = {
    endpoint: [
      { url: good.url, name: 'good', queue_config: quick },
      { url: bad.url, name: 'bad', queue_config: quick },
    ],
  }
  const first = await start(written)
  for (let value = 1; value <= 5; value++) await first.send(batch(4, value))
  await until('the good one got all', () => good.samples.length === 20)
  // What arrived there waits here until its answer has come back.
  await until('only the bad one waits', () => first.host.counters.waiting === 20)
  agrees(first)
  await first.component.stop(1000)
  assert.ok(readdirSync(join(first.host.dataDir, 'bad')).length > 0)
  bad.answer = () => ({ status: 204 })
  bad.requests.length = 0
  const second = await start(written, { dataDir: first.host.dataDir })
  await until('the bad one has caught up', () => bad.samples.length === 20)
  assert.deepEqual(
    bad.samples,
    [1, 2, 3, 4, 5].flatMap((v) => [0, 1, 2, 3].map((a) => `__name__,m,a,${a},job,j ${v}`)),
  )
  assert.equal(good.samples.length, 20)
  agrees(second)
  await second.component.stop(1000)
})

test('new settings take hold in place: another password, another backend', async () => {
  const [one, two] = [await new FakeBackend().start(), await new FakeBackend().start()]
  const endpoint = (url: string, password: string): Written => ({
    url,
    queue_config: quick,
    basic_auth: { username: 'u', password },
  })
  const bench = await start({ endpoint: endpoint(one.url, 'a') })
  await bench.send(batch(1, 1))
  await until('one', () => bench.host.counters.out === 1)
  await bench.component.update?.(decode({ endpoint: endpoint(one.url, 'b') }).settings as RemoteWriteSettings)
  await bench.send(batch(1, 2))
  await until('two', () => bench.host.counters.out === 2)
  await bench.component.update?.(decode({ endpoint: endpoint(two.url, 'b') }).settings as RemoteWriteSettings)
  await bench.send(batch(1, 3))
  await until('three', () => bench.host.counters.out === 3)
  const authorization = (backend: FakeBackend): string[] =>
    backend.requests.map(({ headers }) => Buffer.from(String(headers.authorization).slice(6), 'base64').toString())
  assert.deepEqual(authorization(one), ['u:a', 'u:b'])
  assert.deepEqual(authorization(two), ['u:b'])
  agrees(bench)
  await bench.component.stop(1000)
})

test('version 1 carries no metadata', async () => {
  const backend = await new FakeBackend().start()
  const metadataConfig = { send: true, send_interval: '10ms' }
  const bench = await start({ endpoint: { url: backend.url, queue_config: quick, metadata_config: metadataConfig } })
  await bench.send(batch(3))
  await until('samples', () => backend.requests.length > 0)
  await bench.component.stop(1000)
  for (const { body } of backend.requests) {
    const interner = new SeriesInterner({ bytesMax: 1e6 })
    const { metadata, samples } = decodeWriteRequest(body, 'v1', decodeLimitsDefault, interner)
    assert.deepEqual([metadata.length, samples], [0, 3])
  }
})

test('without an endpoint samples are dropped and counted', async () => {
  const bench = await start({})
  await bench.send(batch(3))
  assert.equal(bench.host.counters.droppedByReason.get('no endpoint'), 3)
  agrees(bench)
  await bench.component.stop(1000)
  await bench.component.stop(1000)
})
