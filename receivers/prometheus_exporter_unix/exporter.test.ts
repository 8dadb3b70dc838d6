import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricFamily } from '#component'
import type { Logger } from '#component'
import { ManualClock } from '#lib/clock'
import { NoDataError } from './collector.ts'
import type { Collector } from './collector.ts'
import { Exporter } from './exporter.ts'
import { HostFiles } from './files.ts'
import { SampleLines } from './sample_lines.ts'

const files = new HostFiles({
  procfs_path: '/proc',
  sysfs_path: '/sys',
  rootfs_path: '/',
  udev_data_path: '/run/udev/data',
})
const family = (name: string): MetricFamily => new MetricFamily(name, 'gauge', 'Test.')
const a = family('a')
const b = family('b')

interface Setup {
  readonly exporter: Exporter
  readonly logged: string[]
  readonly clock: ManualClock
}

function setup(collectors: readonly Collector[], includeExporterMetrics = false): Setup {
  const logged: string[] = []
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void logged.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  const log: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const clock = new ManualClock()
  const exporter = new Exporter({ collectors, files, log, clock, version: '1.2.3', includeExporterMetrics })
  return { exporter, logged, clock }
}

async function scrape(exporter: Exporter, signal = new AbortController().signal): Promise<string[]> {
  const sink = new SampleLines()
  await exporter.collect(sink, signal)
  return sink.lines
}

const withoutOwn = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/^(promhttp_|node_exporter_build_info|node_scrape_collector_duration)/.test(line))

test('a collector that fails keeps what it gave, says so, and leaves the others alone; changes are logged once', async () => {
  let failure: Error | undefined = new Error('disk on fire')
  const failing: Collector = {
    name: 'a',
    collect(sink) {
      sink.sample(a, 1)
      if (failure) throw failure
    },
  }
  const fine: Collector = { name: 'b', collect: (sink) => sink.sample(b, 2) }
  const { exporter, logged } = setup([failing, fine])
  const success = (ok: number): string[] => [
    'a 1',
    `node_scrape_collector_success{collector="a"} ${ok}`,
    'b 2',
    'node_scrape_collector_success{collector="b"} 1',
  ]
  assert.deepEqual(withoutOwn(await scrape(exporter)), success(0))
  assert.deepEqual(withoutOwn(await scrape(exporter)), success(0))
  failure = new NoDataError('none here')
  assert.deepEqual(withoutOwn(await scrape(exporter)), success(0))
  failure = undefined
  assert.deepEqual(withoutOwn(await scrape(exporter)), success(1))
  assert.deepEqual(logged, [
    'error: A collector failed. {"collector":"a","error":"disk on fire"}',
    'debug: A collector found nothing. {"collector":"a","reason":"none here"}',
    'info: A collector works again. {"collector":"a"}',
  ])
})

test('a collector that waits does not hold the others up, and its samples stand in its own place', async () => {
  let finish: () => void = () => {}
  let begun = 0
  const waiting: Collector = {
    name: 'a',
    waits: true,
    async collect(sink) {
      begun++
      sink.sample(a, 1)
      await new Promise<void>((resolve) => (finish = resolve))
      sink.sample(a, 3)
    },
  }
  let sawOther = false
  const other: Collector = {
    name: 'b',
    collect(sink) {
      sawOther = true
      sink.sample(b, begun)
    },
  }
  const { exporter, clock } = setup([waiting, other])
  const lines = scrape(exporter)
  await clock.advance(250)
  finish()
  const done = await lines
  assert.ok(sawOther)
  assert.deepEqual(withoutOwn(done), [
    'a 1',
    'a 3',
    'node_scrape_collector_success{collector="a"} 1',
    'b 1',
    'node_scrape_collector_success{collector="b"} 1',
  ])
  assert.ok(done.includes('node_scrape_collector_duration_seconds{collector="a"} 0.25'))
})

test('a collector that hangs beyond the scrape has failed, gives nothing late, and sits out until it is back', async () => {
  let finish: () => void = () => {}
  let begun = 0
  const hanging: Collector = {
    name: 'a',
    waits: true,
    async collect(sink) {
      begun++
      await new Promise<void>((resolve) => (finish = resolve))
      sink.sample(a, begun)
    },
  }
  const { exporter } = setup([hanging])
  const timeout = new AbortController()
  const first = scrape(exporter, timeout.signal)
  timeout.abort()
  const failed = ['node_scrape_collector_success{collector="a"} 0']
  assert.deepEqual(withoutOwn(await first), failed)
  assert.deepEqual(withoutOwn(await scrape(exporter)), failed)
  assert.equal(begun, 1)
  finish()
  await new Promise((resolve) => setImmediate(resolve))
  const last = scrape(exporter)
  finish()
  assert.deepEqual(withoutOwn(await last), ['a 2', 'node_scrape_collector_success{collector="a"} 1'])
})

test('the exporter says what it is, and how its endpoint fares when asked', async () => {
  const { exporter } = setup([])
  const lines = await scrape(exporter)
  assert.match(
    lines[0] ?? '',
    /^node_exporter_build_info\{goarch="\w+",goos="linux",goversion="node[\d.]+",tags="solder",version="1.2.3"\} 1$/,
  )
  assert.deepEqual(lines.slice(1), [
    'promhttp_metric_handler_errors_total{cause="encoding"} 0',
    'promhttp_metric_handler_errors_total{cause="gathering"} 0',
  ])
  const chatty = setup([], true).exporter
  await scrape(chatty)
  assert.deepEqual((await scrape(chatty)).slice(3), [
    'promhttp_metric_handler_requests_in_flight 1',
    'promhttp_metric_handler_requests_total{code="200"} 1',
    'promhttp_metric_handler_requests_total{code="500"} 0',
    'promhttp_metric_handler_requests_total{code="503"} 0',
  ])
})
