import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { MetricSource } from '#component'
import type { Timer } from '#component'
import { Capsule, MetricFamily } from '#component'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import type { Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { Metrics } from '#pdata'
import { labelsText, labelValue, SlotFlag } from '#pdata'
import { prometheusScrape } from './component.ts'

const metricsPort = (consume: (batch: Metrics) => void | Promise<void>): Capsule =>
  new Capsule('MetricsReceiver', { nodeId: 'test.sink.x', signal: 'metrics', consume } as object)

/** Takes batches and lets a test wait for them. */
class Sink {
  readonly batches: Metrics[] = []
  readonly capsule = metricsPort((batch) => this.#take(batch))
  readonly #waiting: { count: number; resolve: () => void }[] = []
  fails = false

  #take(batch: Metrics): void {
    if (this.fails) throw new Error('the sink is full')
    this.batches.push(batch)
    for (const { count, resolve } of this.#waiting) if (this.batches.length >= count) resolve()
  }

  /** The batch that is the `count`th. */
  async nth(count: number): Promise<Metrics> {
    if (this.batches.length < count) await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
    return this.batches[count - 1] as Metrics
  }
}

/** `name{labels}`: value, `stale`, or `histogram`; absent slots left out. */
function shown(
  metrics: Metrics,
  pick: (name: string) => boolean = (name) => !name.startsWith('scrape_'),
): Record<string, unknown> {
  const { layout, values, flags } = metrics.series()
  const out: Record<string, unknown> = {}
  for (let i = 0; i < values.length; i++) {
    const series = layout.series[i]
    assert.ok(series)
    const flag = flags === null ? SlotFlag.value : flags[i]
    if (flag === SlotFlag.absent || !pick(labelValue(series.labels, '__name__'))) continue
    const value = flag === SlotFlag.stale ? 'stale' : flag === SlotFlag.histogram ? 'histogram' : values[i]
    out[
      labelsText(series.labels)
        .replace(/, instance="[^"]*", job="[^"]*"/, '')
        .replace('__name__=', '')
    ] = value
  }
  return out
}

/** Knows when its timers are due: answers over real sockets must not be overtaken by a time limit on a clock that runs away. */
class StepClock extends ManualClock {
  readonly #due = new Set<{ readonly at: number; readonly ms: number }>()
  /** Time limits of scrapes that were set. */
  limits = 0

  override setTimeout(run: () => void, ms: number): Timer {
    const entry = { at: this.monotonic() + Math.max(ms, 0), ms }
    this.#due.add(entry)
    if (ms === scrapeTimeoutMs) this.limits++
    const timer = super.setTimeout(() => {
      this.#due.delete(entry)
      run()
    }, ms)
    return {
      cancel: () => {
        this.#due.delete(entry)
        timer.cancel()
      },
    }
  }

  /** On to the next timer, until a scrape has begun. */
  async toScrape(): Promise<void> {
    const before = this.limits
    while (this.limits === before) {
      const next = Math.min(...[...this.#due].map(({ at }) => at))
      // A loop sets its next timer a little after its batch was taken.
      if (Number.isFinite(next)) await this.advance(next - this.monotonic())
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** No timer of a loop has a fraction: this one is known by it. */
const scrapeTimeoutMs = 4999.5

interface Running {
  readonly host: SourceHost
  readonly sink: Sink
  readonly clock: StepClock
  readonly component: Awaited<ReturnType<typeof prometheusScrape.create>>
  /** Turn the clock to the next scrape of any target and wait for its batch. */
  scrape(): Promise<Metrics>
}

class SourceHost extends TestHost {
  source: MetricSource | undefined
  override internalSource(address?: string): undefined {
    return (address === 'memory:12345' ? this.source : undefined) as undefined
  }
}

async function run(t: TestContext, written: Written, source?: MetricSource): Promise<Running> {
  const clock = new StepClock()
  const host = new SourceHost({ clock })
  host.source = source
  const sink = new Sink()
  const settings = decoded(prometheusScrape.settings, {
    forward_to: [sink.capsule],
    scrape_interval: '10s',
    scrape_timeout: '4999.5ms',
    ...written,
  })
  const component = await prometheusScrape.create(host, settings)
  t.after(() => component.stop(1000))
  await component.start?.()
  const scrape = async (): Promise<Metrics> => {
    const next = sink.batches.length + 1
    await clock.toScrape()
    return sink.nth(next)
  }
  return { host, sink, clock, component, scrape }
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const text = { 'content-type': 'text/plain; version=0.0.4' }
const target = (address: string, more: Record<string, string> = {}) =>
  new Map(Object.entries({ __address__: address, ...more }))
function states(running: Running): Readonly<Record<string, unknown>>[] {
  assert.ok(running.component.debug)
  return (running.component.debug() as { targets: Readonly<Record<string, unknown>>[] }).targets
}

const lastError = (running: Running): string =>
  states(running)
    .map((state) => state['last_error'])
    .join('; ')

test('a target is asked with its headers, and its samples go on with what is reported of the scrape', async (t) => {
  const requests: IncomingMessage[] = []
  const address = await serve(t, (request, response) => {
    requests.push(request)
    response.writeHead(200, { ...text, 'content-encoding': 'gzip' })
    response.end(gzipSync(`# TYPE a counter\na{x="1"} ${requests.length}\nb 2 1700000000000\n`))
  })
  const running = await run(t, { targets: [target(address)], extra_metrics: true })
  const first = await running.scrape()
  const second = await running.scrape()
  const { headers, url } = requests[0] as IncomingMessage
  assert.equal(url, '/metrics')
  assert.match(headers.accept ?? '', /^application\/openmetrics-text;version=1\.0\.0;escaping=underscores;q=0\.6,/)
  assert.equal(headers['accept-encoding'], 'gzip')
  assert.equal(headers['user-agent'], 'Solder/test')
  assert.equal(headers['x-prometheus-scrape-timeout-seconds'], '4.9995')
  const everything = shown(first, (name) => name !== 'scrape_duration_seconds')
  assert.deepEqual(everything, {
    '{"a", x="1"}': 1,
    '{"b"}': 2,
    '{"up"}': 1,
    '{"scrape_samples_scraped"}': 2,
    '{"scrape_samples_post_metric_relabeling"}': 2,
    '{"scrape_series_added"}': 2,
    '{"scrape_timeout_seconds"}': 4.9995,
    '{"scrape_sample_limit"}': 0,
    '{"scrape_body_size_bytes"}': 46,
  })
  const batch = second.series()
  assert.equal(batch.layout, first.series().layout, 'the layout is the same object')
  assert.equal(batch.timestampsMs?.[1], 1_700_000_000_000)
  assert.equal(batch.timestampMs - first.series().timestampMs, 10_000, 'timestamps are aligned')
  assert.equal(
    labelsText(batch.layout.series[0]?.labels ?? []),
    `{__name__="a", instance="${address}", job="test.component.x", x="1"}`,
  )
  assert.equal(running.host.counters.in, running.host.counters.out)
  assert.equal(running.host.counters.in, first.count + second.count)
  const [state] = states(running)
  assert.equal(state?.['health'], 'up')
  assert.equal(state['url'], `http://${address}/metrics`)
  assert.equal(running.host.readings.get('prometheus_scrape_targets_gauge')?.(), 1)
})

test('series that vanish, scrapes that fail and targets that go are marked stale', async (t) => {
  let body: string | undefined = 'stays 1\ngoes 2\n'
  const address = await serve(t, (_, response) => {
    response.writeHead(body === undefined ? 500 : 200, text)
    response.end(body ?? 'broken')
  })
  const running = await run(t, { targets: [target(address)] })
  assert.deepEqual(shown(await running.scrape()), { '{"stays"}': 1, '{"goes"}': 2, '{"up"}': 1 })
  body = 'stays 3\n'
  assert.deepEqual(shown(await running.scrape()), { '{"stays"}': 3, '{"goes"}': 'stale', '{"up"}': 1 })
  assert.deepEqual(shown(await running.scrape()), { '{"stays"}': 3, '{"up"}': 1 })
  body = 'stays 4\nthis is { not metrics\n'
  assert.deepEqual(shown(await running.scrape()), { '{"up"}': 0 }, 'what was read before the error is not marked')
  assert.match(lastError(running), /line 2, column 6: expected a value, got "is \{ not metrics"/)
  body = undefined
  assert.deepEqual(shown(await running.scrape()), { '{"stays"}': 'stale', '{"up"}': 0 })
  assert.equal(lastError(running), 'server returned HTTP status 500 Internal Server Error')
  assert.deepEqual(shown(await running.scrape()), { '{"up"}': 0 }, 'it is marked once')
  body = 'stays 5\n'
  assert.deepEqual(shown(await running.scrape()), { '{"stays"}': 5, '{"up"}': 1 })
  body = ''
  assert.deepEqual(
    shown(await running.scrape()),
    { '{"stays"}': 'stale', '{"up"}': 1 },
    'an empty body is a good scrape',
  )
  body = 'stays 6\n'
  const last = await running.scrape()
  const scrapes = running.sink.batches.length
  await running.component.update?.(
    decoded(prometheusScrape.settings, { targets: [], forward_to: [running.sink.capsule] }),
  )
  await running.clock.advance(20_000)
  assert.equal(running.sink.batches.length, scrapes, 'not yet: the target may come back')
  await running.clock.advance(11_000)
  const end = await running.sink.nth(scrapes + 1)
  assert.deepEqual(shown(end), { '{"stays"}': 'stale', '{"up"}': 'stale' })
  assert.equal(end.series().timestampMs - last.series().timestampMs, 10_000)
})

test('a target that comes back goes on without a marker', async (t) => {
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end('a 1\n'))
  const running = await run(t, { targets: [target(address)] })
  const first = await running.scrape()
  const written = { forward_to: [running.sink.capsule], scrape_interval: '10s', scrape_timeout: '4999.5ms' }
  await running.component.update?.(decoded(prometheusScrape.settings, { ...written, targets: [] }))
  await running.clock.advance(5000)
  await running.component.update?.(decoded(prometheusScrape.settings, { ...written, targets: [target(address)] }))
  const second = await running.scrape()
  assert.equal(second.series().layout, first.series().layout)
  assert.deepEqual(shown(second), { '{"a"}': 1, '{"up"}': 1 })
})

test('nothing is marked stale when the component stops, and it stops twice', async (t) => {
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end('a 1\n'))
  const running = await run(t, { targets: [target(address)] })
  await running.scrape()
  await running.component.stop(1000)
  await running.component.stop(1000)
  await running.clock.advance(60_000)
  assert.equal(running.sink.batches.length, 1)
  assert.equal(running.clock.pending, 0)
})

type Misbehaviour = (response: ServerResponse) => void
const endless: Misbehaviour = (response) => {
  response.writeHead(200, text)
  const line = Buffer.from('a 1\n'.repeat(5000))
  const more = (): void => {
    while (!response.destroyed && response.write(line));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}
const misbehaving: readonly { name: string; serve: Misbehaviour; error: RegExp; written?: Written; late?: boolean }[] =
  [
    {
      name: 'drips slowly',
      serve: (r) => void r.writeHead(200, text).write('a 1\n'),
      error: /no whole answer within 4999\.5 ms/,
      late: true,
    },
    { name: 'does not answer', serve: () => {}, error: /no whole answer within 4999\.5 ms/, late: true },
    { name: 'never ends', serve: endless, error: /^body size limit exceeded$/, written: { body_size_limit: '1MB' } },
    {
      name: 'sends a bomb of zeros',
      serve: (r) =>
        void r.writeHead(200, { ...text, 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000))),
      error: /^body size limit exceeded$/,
      written: { body_size_limit: '1MB' },
    },
    {
      name: 'sends gzip that breaks off',
      serve: (r) =>
        void r.writeHead(200, { ...text, 'content-encoding': 'gzip' }).end(gzipSync('a 1\n').subarray(0, 15)),
      error: /unexpected end of file/,
    },
    {
      name: 'sends invalid UTF-8',
      serve: (r) => void r.writeHead(200, text).end(Buffer.from([97, 123, 98, 61, 34, 0xc3, 34, 125, 32, 49])),
      error: /expected valid UTF-8/,
    },
    {
      name: 'breaks off',
      serve: (r) => {
        r.writeHead(200, { ...text, 'content-length': '100' })
        r.write('a 1\n', () => r.socket?.destroy())
      },
      error: /Cannot/,
    },
    { name: 'closes at once', serve: (r) => void r.socket?.destroy(), error: /Cannot GET/ },
    { name: 'ends its half of the connection', serve: (r) => void r.socket?.end(), error: /Cannot GET/ },
    {
      name: 'sends a page',
      serve: (r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      error: /line 1, column 1: expected a metric name/,
    },
    {
      name: 'sends a page where no fallback is',
      serve: (r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      error: /unsupported Content-Type "text\/html"/,
      written: { scrape_fallback_protocol: '' },
    },
    {
      name: 'has too many samples',
      serve: (r) => void r.writeHead(200, text).end('a 1\nb 1\n'),
      error: /^sample limit exceeded$/,
      written: { sample_limit: 1 },
    },
    {
      name: 'has too many labels',
      serve: (r) => void r.writeHead(200, text).end('a{b="c"} 1\n'),
      error: /^label_limit exceeded/,
      written: { label_limit: 3 },
    },
  ]

for (const { name, serve: answer, error, written = {}, late = false } of misbehaving) {
  test(`a target that ${name} is down, and the next scrape is another chance`, async (t) => {
    let good = false
    let asked: () => void = () => {}
    const request = new Promise<void>((resolve) => (asked = resolve))
    const address = await serve(t, (_, response) => {
      if (good) response.writeHead(200, text).end('fine 1\n')
      else answer(response)
      asked()
    })
    const running = await run(t, { targets: [target(address)], ...written })
    await running.clock.toScrape()
    if (late) {
      await request
      await running.clock.advance(scrapeTimeoutMs)
    }
    assert.deepEqual(shown(await running.sink.nth(1)), { '{"up"}': 0 })
    assert.match(lastError(running), error)
    good = true
    assert.deepEqual(shown(await running.scrape()), { '{"fine"}': 1, '{"up"}': 1 })
    assert.equal(lastError(running), '')
  })
}

const gauge = new MetricFamily('own', 'gauge', 'Own.', ['n'])

test('an in-process target is read without a socket, and fails when its source does', async (t) => {
  let fails = false
  const source: MetricSource = {
    collect(sink) {
      if (fails) throw new Error('no such device')
      sink.sample(gauge, 1, 'a')
      sink.sample(gauge, 2, 'b')
    },
  }
  const running = await run(
    t,
    { targets: [target('memory:12345', { __metrics_path__: '/api/v0/component/x/metrics' })] },
    source,
  )
  const first = await running.scrape()
  assert.deepEqual(shown(first), { '{"own", n="a"}': 1, '{"own", n="b"}': 2, '{"up"}': 1 })
  assert.equal((await running.scrape()).series().layout, first.series().layout)
  fails = true
  assert.deepEqual(shown(await running.scrape()), { '{"own", n="a"}': 'stale', '{"own", n="b"}': 'stale', '{"up"}': 0 })
  assert.equal(lastError(running), 'no such device')
})

test('a source that does not end is given up at the time limit', async (t) => {
  let aborted = false
  const source: MetricSource = {
    collect: (_, signal) => {
      signal.addEventListener('abort', () => (aborted = true))
      return new Promise(() => {})
    },
  }
  const running = await run(t, { targets: [target('memory:12345')] }, source)
  await running.clock.toScrape()
  await running.clock.advance(scrapeTimeoutMs)
  assert.deepEqual(shown(await running.sink.nth(1)), { '{"up"}': 0 })
  assert.ok(aborted)
})

test('more targets than allowed fail all, fewer let them go on', async (t) => {
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end('a 1\n'))
  const targets = [target(address, { n: '1' }), target(address, { n: '2' })]
  const running = await run(t, { targets, target_limit: 1 })
  await running.clock.advance(10_000)
  assert.deepEqual(shown(await running.sink.nth(2)), {
    [Object.keys(shown(running.sink.batches[1] as Metrics))[0] as string]: 0,
  })
  assert.match(lastError(running), /target_limit exceeded \(number of targets: 2, limit: 1\)/)
  const written = { targets: targets.slice(0, 1), forward_to: [running.sink.capsule], target_limit: 1 }
  await running.component.update?.(
    decoded(prometheusScrape.settings, { ...written, scrape_interval: '10s', scrape_timeout: '4999.5ms' }),
  )
  const { length } = running.sink.batches
  await running.clock.toScrape()
  assert.deepEqual(
    shown(await running.sink.nth(length + 1), (name) => name === 'a'),
    { '{"a", n="1"}': 1 },
  )
})

test('what the next component refuses is counted as dropped, and scraping goes on', async (t) => {
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end('a 1\n'))
  const running = await run(t, { targets: [target(address)] })
  running.sink.fails = true
  await running.clock.toScrape()
  await running.host.until(() => running.host.lines.includes('error: scrape commit failed'))
  const { counters } = running.host
  assert.equal(counters.in, 6)
  assert.equal(counters.dropped, 6)
  running.sink.fails = false
  assert.deepEqual(shown(await running.scrape()), { '{"a"}': 1, '{"up"}': 1 })
})

test('failed scrapes are written to the failure log', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'scrape-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'failures.log')
  const address = await serve(t, (_, response) => void response.writeHead(404).end())
  const running = await run(t, { targets: [target(address)], scrape_failure_log_file: file })
  await running.scrape()
  await running.component.stop(1000)
  const line = JSON.parse(readFileSync(file, 'utf8').trim()) as Record<string, string>
  assert.equal(line['msg'], 'server returned HTTP status 404 Not Found')
  assert.equal(line['job_name'], 'test.component.x')
})

test('honored metadata goes with the series', async (t) => {
  const address = await serve(
    t,
    (_, response) => void response.writeHead(200, text).end('# HELP a Help.\n# TYPE a gauge\na 1\n'),
  )
  const running = await run(t, { targets: [target(address)], honor_metadata: true })
  const { layout } = (await running.scrape()).series()
  assert.deepEqual({ ...layout.series[0]?.metadata }, { family: 'a', type: 'gauge', help: 'Help.', unit: '' })
  assert.equal(layout.series[1]?.metadata?.type, 'gauge')
})

test('counters begin with a zero where start timestamps are asked for', async (t) => {
  const body = `# TYPE a counter\na_total 5\na_created 1600000000\n# EOF\n`
  const address = await serve(
    t,
    (_, response) => void response.writeHead(200, { 'content-type': 'application/openmetrics-text' }).end(body),
  )
  const running = await run(t, { targets: [target(address)], start_timestamp_zero_ingestion: true })
  await running.clock.toScrape()
  const zeros = await running.sink.nth(1)
  assert.deepEqual(shown(zeros), { '{"a_total"}': 0 })
  assert.equal(zeros.series().timestampsMs?.[0], 1_600_000_000_000)
  const samples = await running.sink.nth(2)
  assert.deepEqual(shown(samples), { '{"a_total"}': 5, '{"up"}': 1 })
  assert.equal(samples.series().startsMs?.[0], 1_600_000_000_000)
  await running.clock.toScrape()
  assert.deepEqual(shown(await running.sink.nth(3)), { '{"a_total"}': 5, '{"up"}': 1 }, 'once')
})

test('a target that goes and comes back during a scrape is scraped once per turn', async (t) => {
  let asked: () => void = () => {}
  let answer: (() => void) | undefined
  let requests = 0
  const address = await serve(t, (_, response) => {
    requests++
    answer = () => void response.writeHead(200, text).end('a 1\n')
    asked()
  })
  const running = await run(t, { targets: [target(address)] })
  const written = { forward_to: [running.sink.capsule], scrape_interval: '10s', scrape_timeout: '4999.5ms' }
  const request = new Promise<void>((resolve) => (asked = resolve))
  await running.clock.toScrape()
  await request
  await running.component.update?.(decoded(prometheusScrape.settings, { ...written, targets: [] }))
  await running.component.update?.(decoded(prometheusScrape.settings, { ...written, targets: [target(address)] }))
  answer?.()
  await running.sink.nth(1)
  for (let turn = 2; turn <= 4; turn++) {
    const next = new Promise<void>((resolve) => (asked = resolve))
    await running.clock.toScrape()
    await next
    answer?.()
    const batch = await running.sink.nth(turn)
    const before = running.sink.batches[turn - 2] as Metrics
    assert.ok(batch.series().timestampMs > before.series().timestampMs)
  }
  assert.equal(requests, 4)
  assert.ok(running.clock.pending <= 1)
})

test('a series that begins to bring its own timestamps is marked stale once', async (t) => {
  let body = 'a 1\nb 1\n'
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end(body))
  const running = await run(t, { targets: [target(address)] })
  await running.scrape()
  body = 'a 1 1700000000000\nb 1\n'
  assert.deepEqual(shown(await running.scrape()), { '{"a"}': 1, '{"b"}': 1, '{"up"}': 1 })
  assert.deepEqual(shown(await running.sink.nth(3)), { '{"a"}': 'stale' })
  assert.deepEqual(shown(await running.scrape()), { '{"a"}': 1, '{"b"}': 1, '{"up"}': 1 })
  assert.equal(running.sink.batches.length, 4)
})

test('classic histograms go on as native ones where it is asked for', async (t) => {
  const body = '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\nother 1\n'
  const address = await serve(t, (_, response) => void response.writeHead(200, text).end(body))
  const running = await run(t, { targets: [target(address)], convert_classic_histograms_to_nhcb: true })
  for (let i = 0; i < 2; i++) {
    const batch = await running.scrape()
    const names = shown(batch, (name) => !name.startsWith('scrape_') || name === 'scrape_samples_scraped')
    assert.deepEqual(names, { '{"h"}': 'histogram', '{"other"}': 1, '{"up"}': 1, '{"scrape_samples_scraped"}': 2 })
    assert.deepEqual(batch.series().histograms?.[0]?.customValues, [1])
  }
})

test('settings that change are taken over in place', async (t) => {
  const bodies: (string | undefined)[] = []
  const address = await serve(t, (request, response) => {
    bodies.push(request.headers['accept-encoding'] as string)
    response.writeHead(200, text).end('a{job="own"} 1\nb 2\n')
  })
  const running = await run(t, { targets: [target(address)] })
  assert.deepEqual(Object.values(shown(await running.scrape())), [1, 2, 1])
  const settings = {
    targets: [target(address)],
    forward_to: [running.sink.capsule],
    scrape_interval: '10s',
    scrape_timeout: '4999.5ms',
  }
  await running.component.update?.(
    decoded(prometheusScrape.settings, {
      ...settings,
      honor_labels: true,
      enable_compression: false,
      extra_metrics: true,
    }),
  )
  const next = await running.scrape()
  assert.deepEqual(bodies, ['gzip', 'identity'])
  const { layout, flags } = next.series()
  const stale = layout.series.filter((_, i) => flags?.[i] === SlotFlag.stale)
  assert.deepEqual(
    stale.map((s) => labelValue(s.labels, 'exported_job')),
    ['own'],
    'the series under its former labels',
  )
  assert.ok(layout.series.some((s) => labelValue(s.labels, '__name__') === 'scrape_body_size_bytes'))
})

const wrong: readonly (readonly [Written, string])[] = [
  [
    { scrape_interval: '5s' },
    'scrape_timeout (10s) greater than scrape_interval (5s) for scrape config with job name ""',
  ],
  [{ scrape_interval: '0s', scrape_timeout: '0s' }, 'scrape_interval must be greater than 0'],
  [
    { scrape_protocols: ['x'] },
    'invalid scrape protocol "x": must be one of OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4, PrometheusText1.0.0',
  ],
  [
    { scrape_protocols: ['PrometheusProto', 'PrometheusProto'] },
    'duplicate scrape protocol "PrometheusProto": make sure the scrape protocols provided are unique',
  ],
  [
    { scrape_protocols: ['PrometheusProto'], enable_protobuf_negotiation: true },
    'both enable_protobuf_negotiation and scrape_protocols are set, only one can be set at a time',
  ],
  [
    { scrape_protocols: ['PrometheusText0.0.4'], scrape_native_histograms: true },
    'scrape_native_histograms is set to true, but PrometheusProto is not in scrape_protocols',
  ],
  [
    { scrape_fallback_protocol: 'x' },
    'invalid scrape_fallback_protocol "x": must be one of OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4, PrometheusText1.0.0',
  ],
  [
    { metric_name_validation_scheme: 'x' },
    'invalid metric_name_validation_scheme "x": must be either "utf8" or "legacy"',
  ],
  [
    { metric_name_escaping_scheme: 'x' },
    'invalid metric_name_escaping_scheme: "x", supported values: [allow-utf-8 underscores dots values]',
  ],
  [
    { metric_name_escaping_scheme: 'allow-utf-8' },
    "metric_name_escaping_scheme cannot be set to 'allow-utf-8' while metric_name_validation_scheme is not set to 'utf8'",
  ],
  [{ clustering: {} }, 'missing required attribute "enabled"'],
  [
    { bearer_token: 'a', basic_auth: { username: 'u' } },
    'at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured',
  ],
]

for (const [written, message] of wrong) {
  test(`the settings ${JSON.stringify(written)} are refused`, () => {
    const problems = problemsOf(prometheusScrape.settings, { targets: [], forward_to: [], ...written })
    assert.deepEqual(problems, [message])
  })
}

test('every setting may be there', () => {
  const problems = problemsOf(prometheusScrape.settings, {
    targets: [],
    forward_to: [],
    clustering: { enabled: true },
    body_size_limit: '1000B',
    params: new Map([['a', ['b']]]),
    scrape_native_histograms: true,
    metric_name_validation_scheme: 'utf8',
    metric_name_escaping_scheme: 'allow-utf-8',
  })
  assert.deepEqual(problems, [])
})
