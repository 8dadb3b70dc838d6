// Spans become counts and durations: on trees and on what comes over the wire.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ResourceSpans } from '#pdata/otlp'
import {
  decoded,
  OtelSink,
  problemsOf,
  resourceSpans,
  type SpanInput,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { type Metrics, Traces } from '#pdata'
import { anyValueText, attributeValue, readTracesRequest, tracesWire } from '#pdata/otlp'
import { otelcolConnectorSpanmetrics, spanMetricsConnector } from './component.ts'

/** Every series of a batch with its value: `resource/metric{attributes} value`. */
function linesOf(batch: Metrics | undefined): string[] {
  const lines: string[] = []
  for (const { resource, scopeMetrics } of batch?.tree?.resourceMetrics ?? []) {
    const service = anyValueText(attributeValue(resource.attributes, 'service.name') ?? null)
    for (const { name, data } of scopeMetrics[0]?.metrics ?? []) {
      if (data.kind === 'empty') continue
      for (const point of data.points) {
        const attributes = point.attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`).join(',')
        const value = 'value' in point ? point.value : `${point.count}/${point.sum}`
        lines.push(`${service}/${name.replace('traces.span.metrics.', '')}{${attributes}} ${value}`)
      }
    }
  }
  return lines.sort()
}

async function started(written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const settings = decoded(spanMetricsConnector.settings, { exclude_dimensions: ['collector.instance.id'], ...written })
  const connector = await spanMetricsConnector.create(host, settings, sink.output)
  await connector.start?.()
  const { counters } = host
  const check = (): void => assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  const send = async (...resources: ResourceSpans[]): Promise<void> => {
    const batch = Traces.fromTree(tracesTreeOf(...resources))
    counters.in += batch.count
    await connector.traces?.consume(batch)
    check()
  }
  /** The newest batch. */
  const lines = (): string[] => linesOf(sink.metrics.at(-1))
  return { clock, host, sink, connector, send, lines, check }
}

const shop = (...spans: SpanInput[]): ResourceSpans => resourceSpans({ 'service.name': 'shop', zone: 'z1' }, spans)

test('counts and durations go on from interval to interval, the first count is 0', async () => {
  const { send, clock, lines, check, sink } = await started({ metrics_flush_interval: '10s' })
  await send(shop({ name: 'a', kind: 2, durationMs: 5 }, { name: 'a', kind: 2, durationMs: 20 }))
  await send(shop({ name: 'a', kind: 3, status: 2, durationMs: -5 }))
  await clock.advance(10_000)
  const server = 'service.name=shop,span.name=a,span.kind=SPAN_KIND_SERVER,status.code=STATUS_CODE_UNSET'
  const client = 'service.name=shop,span.name=a,span.kind=SPAN_KIND_CLIENT,status.code=STATUS_CODE_ERROR'
  assert.deepEqual(lines(), [
    `shop/calls{${client}} 0`,
    `shop/calls{${server}} 0`,
    `shop/duration{${client}} 1/0`,
    `shop/duration{${server}} 2/25`,
  ])
  await clock.advance(10_000)
  assert.deepEqual(lines().slice(0, 2), [`shop/calls{${client}} 1`, `shop/calls{${server}} 2`])
  check()
  const [duration] = sink.metrics[0]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics.slice(1) ?? []
  assert.ok(duration?.data.kind === 'histogram')
  assert.equal(duration.unit, 'ms')
  assert.deepEqual(duration.data.points[0]?.bucketCounts.slice(0, 6), [0n, 0n, 1n, 0n, 0n, 1n])
  assert.deepEqual(
    [duration.data.points[0]?.startTimeUnixNano, duration.data.points[0]?.timeUnixNano],
    [1_700_000_000_000_000_000n, 1_700_000_010_000_000_000n],
  )
})

const excluded = ['collector.instance.id', 'span.kind', 'status.code', 'service.name']
const cases: readonly { name: string; written: Written; spans: readonly SpanInput[]; want: readonly string[] }[] = [
  {
    name: 'dimensions come from the span, the resource, the default, or are left out',
    written: {
      dimensions: [{ name: 'a' }, { name: 'zone' }, { name: 'b', default: 'none' }, { name: 'c', default: '' }],
    },
    spans: [{ attributes: { a: 'x', zone: 'own' } }, { attributes: { b: 5n } }],
    want: ['calls{span.name=span,a=x,zone=own,b=none,c=} 1', 'calls{span.name=span,zone=z1,b=5,c=} 1'],
  },
  {
    name: 'calls and durations have dimensions of their own',
    written: {
      dimensions: [{ name: 'a' }],
      calls_dimensions: [{ name: 'c' }],
      histogram: { dimensions: [{ name: 'h' }] },
    },
    spans: [
      { attributes: { a: 'x', c: '1', h: '1' } },
      { attributes: { a: 'x', c: '2', h: '1' } },
      { attributes: { a: 'x', c: '1', h: '2' } },
    ],
    want: [
      'calls{span.name=span,a=x,c=1} 2',
      'calls{span.name=span,a=x,c=2} 1',
      'duration{span.name=span,a=x,h=1} 2/0',
      'duration{span.name=span,a=x,h=2} 1/0',
    ],
  },
  {
    name: 'patterns take all attributes that match, the span’s first',
    written: { dimensions: [{ glob: 'app.{x,y}*' }, { glob: 'zo?e' }, { name: 'app.y' }] },
    spans: [{ attributes: { 'app.x1': true, 'app.y': 'y', 'app.z': 'no' } }, { attributes: { zone: 'mine' } }],
    want: ['calls{span.name=span,app.x1=true,app.y=y,zone=z1} 1', 'calls{span.name=span,zone=mine} 1'],
  },
  {
    name: 'values that look the same are the same series',
    written: { dimensions: [{ name: 'a' }] },
    spans: [{ attributes: { a: 200n } }, { attributes: { a: '200' } }, { attributes: { a: 200 } }],
    want: ['calls{span.name=span,a=200} 3'],
  },
  {
    name: 'more series than the limit go into one that is marked',
    written: { aggregation_cardinality_limit: 2 },
    spans: [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }, { name: 'a' }, { name: 'c' }],
    want: ['calls{otel.metric.overflow=true} 3', 'calls{span.name=a} 2', 'calls{span.name=b} 1'],
  },
  {
    name: 'events are counted by their attributes and those of the span',
    written: { events: { enabled: true, dimensions: [{ name: 'type' }] }, dimensions: [{ name: 'zone' }] },
    spans: [{ attributes: { zone: 'own' }, events: [{ attributes: { type: 'E', zone: 'ev' } }, {}] }, { events: [{}] }],
    want: [
      'calls{span.name=span,zone=own} 1',
      'calls{span.name=span,zone=z1} 1',
      'events{span.name=span,zone=own,type=E} 1',
      'events{span.name=span,zone=own} 1',
      'events{span.name=span,zone=z1} 1',
    ],
  },
  {
    name: 'patterns are looked for in events, too',
    written: { events: { enabled: true, dimensions: [{ glob: 'ex.*' }] }, dimensions: [{ glob: 'zo*' }] },
    spans: [{ attributes: { zone: 'own', 'ex.span': '1' }, events: [{ attributes: { 'ex.type': 'E', zonk: 'ev' } }] }],
    want: ['calls{span.name=span,zone=own} 1', 'events{span.name=span,zone=own,zonk=ev,ex.span=1,ex.type=E} 1'],
  },
  {
    name: 'a sampled span counts for those that it stands for',
    written: { enable_metrics_sampling_method: true },
    spans: [
      { name: 'a', traceState: 'x=1,ot=rv:1;th:c', durationMs: 2 },
      { name: 'b', traceState: 'x=1,ot=th:zz' },
      { name: 'c', traceState: 'ot=th:0' },
    ],
    want: [
      'calls{span.name=a,sampling.method=extrapolated} 4',
      'calls{span.name=b,sampling.method=counted} 1',
      'calls{span.name=c,sampling.method=extrapolated} 1',
    ],
  },
  {
    name: 'no histogram where it is disabled, and names without a prefix',
    written: { histogram: { disable: true }, namespace: '' },
    spans: [{}],
    want: ['calls{span.name=span} 1'],
  },
  {
    name: 'seconds have bounds in seconds',
    written: { histogram: { unit: 's', explicit: { buckets: ['5s', '1s', '1s'] } } },
    spans: [{ durationMs: 1500 }],
    want: ['calls{span.name=span} 1', 'duration{span.name=span} 1/1.5'],
  },
  {
    name: 'exponential buckets keep count and sum',
    written: { histogram: { exponential: { max_size: 4 } } },
    spans: [1, 2, 4, 1000, 0].map((durationMs) => ({ durationMs })),
    want: ['calls{span.name=span} 5', 'duration{span.name=span} 5/1007'],
  },
]
for (const { name, written, spans, want } of cases) {
  test(name, async () => {
    const { send, clock, lines, check } = await started({ exclude_dimensions: excluded, ...written })
    await send(shop(...spans))
    await clock.advance(120_000)
    const got = lines().map((line) => line.replace('shop/', ''))
    const wantsDurations = want.some((line) => line.startsWith('duration'))
    assert.deepEqual(wantsDurations ? got : got.filter((line) => !line.startsWith('duration')), [...want].sort())
    check()
  })
}

test('a span of many attributes and many events takes linear time', async () => {
  const events = { enabled: true, dimensions: [{ name: 'zone' }, { glob: 'ex.*' }] }
  const { send, clock, lines } = await started({ exclude_dimensions: excluded, histogram: { disable: true }, events })
  const many = 30_000
  const attributes = Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, 'v']))
  await send(shop({ attributes, events: Array.from({ length: many }, () => ({})) }))
  await clock.advance(120_000)
  assert.deepEqual(lines().at(-1), `shop/events{span.name=span,zone=z1} ${many}`)
})

test('scopes that are asked for are said with their version', async () => {
  const { send, clock, lines } = await started({
    exclude_dimensions: excluded,
    include_instrumentation_scope: ['lib', 'other'],
  })
  const service = { 'service.name': 'shop' }
  await send(
    resourceSpans(service, [{}], { name: 'lib', version: '1.0' }),
    resourceSpans(service, [{}, {}], { name: 'other' }),
    resourceSpans(service, [{}], { name: 'unknown' }),
  )
  await clock.advance(120_000)
  assert.deepEqual(lines().slice(0, 3), [
    'shop/calls{span.name=span,span.instrumentation.scope.name=lib,span.instrumentation.scope.version=1.0} 1',
    'shop/calls{span.name=span,span.instrumentation.scope.name=other} 2',
    'shop/calls{span.name=span} 1',
  ])
})

test('spans of resources without a service are dropped and counted', async () => {
  const { send, clock, sink, host } = await started()
  await send(resourceSpans({ zone: 'z' }, [{}, {}]))
  await clock.advance(60_000)
  assert.equal(sink.metrics.length, 0)
  assert.equal(host.counters.droppedByReason.get('no service name'), 2)
})

test('deltas begin anew, where the last ones ended', async () => {
  const { send, clock, sink, lines } = await started({
    aggregation_temporality: 'AGGREGATION_TEMPORALITY_DELTA',
    exclude_dimensions: excluded,
  })
  await send(shop({}, {}))
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['shop/calls{span.name=span} 2', 'shop/duration{span.name=span} 2/0'])
  await clock.advance(30_000)
  await send(shop({}))
  await clock.advance(30_000)
  assert.deepEqual(lines(), ['shop/calls{span.name=span} 1', 'shop/duration{span.name=span} 1/0'])
  const times = sink.metrics.map((batch) => {
    const [metric] = batch.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
    assert.ok(metric?.data.kind === 'sum')
    assert.equal(metric.data.temporality, 1)
    return metric.data.points.map((point) => [point.startTimeUnixNano, point.timeUnixNano])
  })
  const t = 1_700_000_000_000_000_000n
  assert.deepEqual(times, [[[t, t + 60_000_000_000n]], [[t + 60_000_000_000n, t + 120_000_000_000n]]])
  await clock.advance(60_000)
  assert.equal(sink.metrics.length, 2)
})

test('exemplars are the first of an interval, and none twice', async () => {
  const { send, clock, sink } = await started({ exemplars: { enabled: true, max_per_data_point: 2 } })
  const ids = ['01', '02', '03'].map((id) => ({ traceId: id.repeat(16), spanId: id.repeat(8), durationMs: 3 }))
  await send(shop(...ids, {}))
  await clock.advance(60_000)
  await clock.advance(60_000)
  const exemplars = sink.metrics.map((batch) =>
    batch.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics.map(({ data }) => {
      assert.ok(data.kind === 'sum' || data.kind === 'histogram')
      return data.points[0]?.exemplars.map(({ traceId, value }) => [
        Buffer.from(traceId).toString('hex').slice(0, 2),
        value,
      ])
    }),
  )
  const two = [
    ['01', 3],
    ['02', 3],
  ]
  assert.deepEqual(exemplars, [
    [two, two],
    [[], []],
  ])
})

test('resources and series that are not seen any more are forgotten', async () => {
  const { send, clock, lines } = await started({
    metrics_expiration: '3m',
    series_expiration: '2m',
    exclude_dimensions: excluded,
    histogram: { disable: true },
  })
  const other = resourceSpans({ 'service.name': 'other' }, [{ name: 'o' }])
  await send(shop({ name: 'a' }, { name: 'b' }), other)
  await clock.advance(90_000)
  await send(shop({ name: 'b' }))
  await clock.advance(30_000)
  assert.deepEqual(lines(), ['other/calls{span.name=o} 1', 'shop/calls{span.name=a} 1', 'shop/calls{span.name=b} 2'])
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['shop/calls{span.name=b} 2'])
  await send(shop({ name: 'b' }, { name: 'a' }))
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['shop/calls{span.name=a} 0', 'shop/calls{span.name=b} 3'])
})

test('the resource not seen for longest goes first, and its last values are sent', async () => {
  const { send, clock, lines, connector } = await started({
    resource_metrics_cache_size: 2,
    exclude_dimensions: excluded,
    histogram: { disable: true },
  })
  for (const name of ['r1', 'r2', 'r1', 'r3']) await send(resourceSpans({ 'service.name': name }, [{}]))
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['r1/calls{span.name=span} 0', 'r2/calls{span.name=span} 1', 'r3/calls{span.name=span} 0'])
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['r1/calls{span.name=span} 2', 'r3/calls{span.name=span} 1'])
  for (let i = 0; i < 1005; i++) await send(resourceSpans({ 'service.name': `many${i}` }, [{}]))
  assert.deepEqual(connector.debug?.(), { resources: 2, series: 2, overflowed: 0, lostResources: 5 })
})

test('a resource that was pushed out and comes again before the next sending goes on counting', async () => {
  const { send, clock, lines } = await started({
    resource_metrics_cache_size: 1,
    exclude_dimensions: excluded,
    histogram: { disable: true },
  })
  const of = (name: string) => resourceSpans({ 'service.name': name }, [{}])
  await send(of('r1'), of('r2'), of('r1'))
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['r1/calls{span.name=span} 0', 'r2/calls{span.name=span} 1'])
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['r1/calls{span.name=span} 2'])
})

test('a dimension of all metrics and of calls is there once', async () => {
  const { send, clock, lines } = await started({
    exclude_dimensions: excluded,
    dimensions: [{ name: 'a' }],
    calls_dimensions: [{ name: 'a', default: 'none' }],
    histogram: { disable: true },
    aggregation_temporality: 'AGGREGATION_TEMPORALITY_DELTA',
  })
  await send(shop({ attributes: { a: 'x' } }, {}))
  await clock.advance(60_000)
  assert.deepEqual(lines().toSorted(), ['shop/calls{span.name=span,a=none} 1', 'shop/calls{span.name=span,a=x} 1'])
})

test('resources are told apart by the attributes that are chosen', async () => {
  const { send, clock, sink } = await started({ resource_metrics_key_attributes: ['service.name'] })
  await send(
    resourceSpans({ 'service.name': 'shop', pid: 1n }, [{}]),
    resourceSpans({ 'service.name': 'shop', pid: 2n }, [{}]),
  )
  await clock.advance(120_000)
  const resources = sink.metrics.at(-1)?.tree?.resourceMetrics ?? []
  assert.equal(resources.length, 1)
  assert.equal(attributeValue(resources[0]?.resource.attributes ?? [], 'pid'), 1n)
  assert.deepEqual(linesOf(sink.metrics.at(-1))[0]?.slice(-2), ' 2')
})

test('what is refused is dropped and said, and the next interval has it again', async () => {
  const { send, clock, sink, host, check, lines } = await started({ exclude_dimensions: excluded })
  sink.refusal = new Error('no')
  await send(shop({}))
  await clock.advance(60_000)
  assert.equal(host.counters.droppedByReason.get('send failed'), 2)
  check()
  sink.refusal = null
  await clock.advance(60_000)
  assert.deepEqual(lines(), ['shop/calls{span.name=span} 1', 'shop/duration{span.name=span} 1/0'])
})

test('stopping sends what there is, the counts behind their zeros', async () => {
  const { send, sink, connector, clock, check } = await started({ exclude_dimensions: excluded })
  await send(shop({}))
  await connector.stop(1000)
  await connector.stop(1000)
  assert.deepEqual(
    sink.metrics.map((batch) => linesOf(batch)[0]),
    ['shop/calls{span.name=span} 0', 'shop/calls{span.name=span} 1'],
  )
  assert.equal(clock.pending, 0)
  check()
})

test('the instance says which one it is', async () => {
  const { send, clock, lines } = await started({ exclude_dimensions: excluded.slice(1) })
  await send(shop({}))
  await clock.advance(60_000)
  assert.match(
    lines()[0] ?? '',
    /collector\.instance\.id=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\}/,
  )
})

test('refuses what cannot work', () => {
  const yaml = (written: Written): string[] => problemsOf(spanMetricsConnector.settings, written)
  assert.deepEqual(yaml({ dimensions: [{ name: 'span.name' }, { name: 'a' }, { name: 'a' }, {}, { glob: 'a[' }] }), [
    'duplicate dimension name span.name',
    'duplicate dimension name a',
    'a dimension needs either "name" or "glob"',
    '"glob" is invalid: missing closing ]: a[',
  ])
  assert.deepEqual(yaml({ dimensions: [{ name: 'a' }], calls_dimensions: [{ name: 'a' }] }), [])
  assert.deepEqual(yaml({ exemplars: { enabled: true, max_per_data_point: -1n } }), [
    'max_per_data_point must not be negative',
  ])
  assert.deepEqual(yaml({ dimensions: [{ glob: 'a', default: 'b' }] }), ['a dimension with "glob" has no "default"'])
  assert.deepEqual(yaml({ histogram: { explicit: {}, exponential: {} } }), [
    'use either explicit or exponential buckets, not both',
  ])
  assert.deepEqual(yaml({ events: { enabled: true }, resource_metrics_cache_size: 0n }), [
    'resource_metrics_cache_size must be at least 1: current value is 0',
    'no dimensions configured for events',
  ])
  const alloy = (written: Written): string[] =>
    problemsOf(otelcolConnectorSpanmetrics.settings, { output: {}, ...written })
  assert.deepEqual(alloy({ histogram: { explicit: {} } }), [])
  assert.deepEqual(alloy({ histogram: {}, metrics_flush_interval: '0s' }), [
    'either exponential or explicit histogram configuration must be specified',
    'metrics_flush_interval must be greater than 0',
  ])
  assert.deepEqual(alloy({ histogram: { explicit: {} }, aggregation_temporality: 'X' }), [
    'should be one of "CUMULATIVE", "DELTA", got "X"',
  ])
})

/** What the metrics must be, worked out from the tree in the plainest way. */
function expected(resources: readonly ResourceSpans[]): Record<string, { count: number; sum: number }> {
  const out: Record<string, { count: number; sum: number }> = {}
  for (const { resource, scopeSpans } of resources) {
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const find = (key: string): string => {
        const value = attributeValue(span.attributes, key) ?? attributeValue(resource.attributes, key)
        return value === undefined ? '' : `,${key}=${anyValueText(value)}`
      }
      const key = `span.name=${span.name}${find('d')}${find('zone')}`
      const series = (out[key] ??= { count: 0, sum: 0 })
      series.count++
      series.sum += Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6
    }
  }
  return out
}

test('is the same as a plain count over the tree, whatever the spans are', async () => {
  const attributes = fc.dictionary(
    fc.constantFrom('d', 'zone', 'x', 'long'.repeat(50)),
    fc.oneof(fc.constantFrom('', 'a', 'ü'.repeat(100)), fc.bigInt({ min: -3n, max: 3n }), fc.boolean()),
  )
  const span = fc.record({
    name: fc.constantFrom('', 'a', 'b', 'name'.repeat(50)),
    attributes,
    durationMs: fc.integer({ min: 0, max: 20_000 }),
    traceState: fc.constantFrom('', 'a=b'),
    traceId: fc.constantFrom('', '0a'.repeat(16)),
  })
  const batch = fc.array(fc.tuple(attributes, fc.array(span, { maxLength: 8 })), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 4 }), async (batches) => {
      const { connector, host, clock, sink } = await started({
        dimensions: [{ name: 'd' }, { name: 'zone' }],
        exclude_dimensions: excluded,
        resource_metrics_key_attributes: ['service.name'],
        dimensions_cache_size: 5n,
      })
      const trees = batches.map((resources) =>
        resources.map(([of, spans]) => resourceSpans({ 'service.name': 'shop', ...of }, spans)),
      )
      for (const tree of trees) {
        const [chunk] = tracesWire(Traces.fromTree(tracesTreeOf(...tree)))
        const wire = readTracesRequest(chunk ?? new Uint8Array())
        host.counters.in += wire.count
        await connector.traces?.consume(wire)
      }
      await clock.advance(120_000)
      const got: Record<string, { count: number; sum: number }> = {}
      for (const line of linesOf(sink.metrics.at(-1))) {
        const [, key = '', count, sum] = /^shop\/duration\{(.*)\} (\d+)\/(.*)$/s.exec(line) ?? []
        if (key !== '') got[key] = { count: Number(count), sum: Number(sum) }
      }
      assert.deepEqual(got, expected(trees.flat()))
    }),
    { numRuns: 60 },
  )
})
