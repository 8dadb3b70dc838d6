import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '#lib/clock'
import { Capsule, ConsumeError, decodeBody, Distribution, NodeCounters } from '#component'
import type { BodyInput, Host, MetricsPort, Value } from '#component'
import { RelabelRules } from '#component/relabel'
import { labelsText, Metrics, Series, SeriesBatch, SeriesLayout } from '#pdata'
import { prometheusRelabel } from './component.ts'
import type { PrometheusRelabelSettings } from './component.ts'
import { goDuration } from './go_duration.ts'

type Body = Readonly<Record<string, Value>>

class Downstream implements MetricsPort {
  readonly nodeId = 'test.sink.x'
  readonly signal = 'metrics'
  readonly batches: Metrics[] = []
  answer: (() => Promise<void>) | undefined
  consume(batch: Metrics): void | Promise<void> {
    if (this.answer) return this.answer()
    this.batches.push(batch)
    return undefined
  }
  get texts(): string[] {
    return (this.batches.at(-1)?.series().layout.series ?? []).map((s) => labelsText(s.labels))
  }
}

function decode(body: Body, rules: readonly Body[] = []): PrometheusRelabelSettings | string[] {
  const messages: string[] = []
  const input = (from: Body): BodyInput['attributes'] => Object.entries(from).map(([name, value]) => ({ name, value }))
  const blocks = rules.map((rule) => ({ name: 'rule', body: { attributes: input(rule), blocks: [] } }))
  const settings = decodeBody(prometheusRelabel.settings, { attributes: input(body), blocks }, (issue) =>
    messages.push(issue.message),
  )
  return settings ?? messages
}

function settingsOf(port: MetricsPort, ...rules: Body[]): PrometheusRelabelSettings {
  const settings = decode({ forward_to: [new Capsule('MetricsReceiver', port)] }, rules)
  assert.ok(!Array.isArray(settings), String(settings))
  return settings as PrometheusRelabelSettings
}

/** A host that keeps what a component gives it. The outlet counts as the service's does. */
function hostOf() {
  const counters = new NodeCounters()
  const exported: Readonly<Record<string, Value>>[] = []
  const latency = new Distribution([1])
  const metrics = new Map<string, () => number | undefined>()
  const observe = (name: string, _help: string, read: () => number | undefined): void => void metrics.set(name, read)
  const host = {
    id: 'prometheus.relabel.x',
    clock: new ManualClock(),
    counters,
    instruments: { observedCounter: observe, gauge: observe, histogram: () => latency },
    setExports: (exports: Readonly<Record<string, Value>>) => void exported.push(exports),
    outlet: (ports: readonly MetricsPort[]) => ({
      consume(batch: Metrics): void | Promise<void> {
        const done = ports[0]?.consume(batch)
        const count = (): void => void (counters.out += batch.count)
        return done ? done.then(count) : count()
      },
    }),
  } as unknown as Host
  const read = (name: string): number | undefined => metrics.get(name)?.()
  return { host, counters, exported, read, latency }
}

const layout = new SeriesLayout(['a', 'b', 'c'].map((name) => new Series(['__name__', name], null)))
const batch = Metrics.fromSeries(
  new SeriesBatch({
    layout,
    values: Float64Array.of(1, 2, 3),
    flags: null,
    timestampMs: 1000,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
  }),
)
const dropB: Body = { source_labels: ['__name__'], regex: 'b', action: 'drop' }
const keepB: Body = { source_labels: ['__name__'], regex: 'b', action: 'keep' }

describe('prometheus.relabel', () => {
  it('passes on what its rules leave, and counts what they drop', async () => {
    const { host, counters, read, latency } = hostOf()
    const sink = new Downstream()
    const component = await prometheusRelabel.create(host, settingsOf(sink, dropB))
    for (let i = 0; i < 2; i++) await component.metrics?.consume(batch)
    assert.deepEqual(sink.texts, ['{__name__="a"}', '{__name__="c"}'])
    assert.equal(sink.batches[0]?.series().layout, sink.batches[1]?.series().layout)
    assert.deepEqual([counters.out, [...counters.droppedByReason]], [4, [['relabelled', 2]]])
    const want = { metrics_processed: 6, metrics_written: 4, cache_hits: 3, cache_misses: 3, cache_size: 3 }
    for (const [name, value] of Object.entries(want)) {
      assert.equal(read(`prometheus_relabel_${name}`), value, name)
      assert.equal(read(`alloy_prometheus_relabel_${name}`), value, name)
    }
    assert.equal(read('prometheus_forwarded_samples_total'), 4)
    assert.equal(latency.count, 2)
    await component.stop(0)
    await component.stop(0)
  })

  it('hands on the batch itself where rules change nothing', async () => {
    const sink = new Downstream()
    const component = await prometheusRelabel.create(hostOf().host, settingsOf(sink))
    await component.metrics?.consume(batch)
    assert.equal(sink.batches[0], batch)
  })

  it('counts nothing as dropped when the next consumer refuses the rest', async () => {
    const { host, counters } = hostOf()
    const sink = new Downstream()
    const component = await prometheusRelabel.create(host, settingsOf(sink, dropB))
    const full = new ConsumeError('full', { retryable: true })
    sink.answer = () => {
      throw full
    }
    assert.throws(() => component.metrics?.consume(batch), full)
    let refuse: (error: Error) => void = () => {}
    sink.answer = () => new Promise((_, reject) => (refuse = reject))
    const refused = component.metrics?.consume(batch)
    assert.equal(counters.waiting, 1)
    refuse(full)
    await assert.rejects(async () => refused, full)
    assert.deepEqual([counters.out, counters.dropped, counters.waiting], [0, 0, 0])
    let take: () => void = () => {}
    sink.answer = () => new Promise((resolve) => (take = resolve))
    const taken = component.metrics?.consume(batch)
    take()
    await taken
    assert.deepEqual([counters.out, counters.dropped, counters.waiting], [2, 1, 0])
  })

  it('takes new rules and receivers in place', async () => {
    const { host, exported } = hostOf()
    const [first, second] = [new Downstream(), new Downstream()]
    const component = await prometheusRelabel.create(host, settingsOf(first, dropB))
    await component.metrics?.consume(batch)
    await component.update?.(settingsOf(second, dropB))
    assert.equal((exported[0]?.rules as Capsule | undefined)?.value, (exported[1]?.rules as Capsule | undefined)?.value)
    await component.metrics?.consume(batch)
    assert.deepEqual([first.batches.length, second.batches.length], [1, 1])
    assert.equal(first.batches[0]?.series().layout, second.batches[0]?.series().layout)
    await component.update?.(settingsOf(second, keepB))
    await component.metrics?.consume(batch)
    assert.deepEqual(second.texts, ['{__name__="b"}'])
    const rules = exported[2]?.rules
    assert.ok(rules instanceof Capsule && rules.type === 'RelabelRules' && rules.value instanceof RelabelRules)
  })

  const refusals: { body: Body; want: string }[] = [
    { body: { max_cache_size: -1n }, want: 'max_cache_size must be >= 0; got -1' },
    { body: { cache_ttl: '-5m', max_cache_size: 0n }, want: 'cache_ttl must be >= 0; got -5m0s' },
    { body: { max_cache_size: 0n }, want: 'one of max_cache_size or cache_ttl must be set' },
    { body: { cache_ttl: '10s', max_cache_size: 0n }, want: 'cache_ttl must be at least 1m0s when set; got 10s' },
    {
      body: { cache_ttl: '5m' },
      want: 'max_cache_size and cache_ttl are mutually exclusive: set max_cache_size = 0 to use cache_ttl, or unset cache_ttl to keep the cache bounded by size',
    },
  ]
  for (const { body, want } of refusals) {
    it(`refuses: ${want}`, () => assert.deepEqual(decode({ forward_to: [], ...body }), [want]))
  }

  it('takes a time to live in place of a size', () => {
    const settings = decode({ forward_to: [], max_cache_size: 0n, cache_ttl: '5m' })
    assert.ok(!Array.isArray(settings))
  })
})

describe('goDuration', () => {
  const cases: [ms: number, want: string][] = [
    [0, '0s'],
    [60_000, '1m0s'],
    [3_661_500, '1h1m1.5s'],
    [-1500, '-1.5s'],
    [250, '250ms'],
    [0.25, '250µs'],
    [0.00025, '250ns'],
    [90_000_000, '25h0m0s'],
  ]
  for (const [ms, want] of cases) it(`writes ${want}`, () => assert.equal(goDuration(ms), want))
})
