import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  labelsFrom,
  labelsText,
  Metadata,
  MetricType,
  type NativeHistogram,
  Series,
  SeriesBatch,
  SeriesLayout,
  SlotFlag,
} from '#pdata'
import { metricsFromJson, metricsToJson, metricsTree, type MetricsTree } from '#pdata/otlp'
import { Metrics } from '#pdata'
import { OtlpToSeries, type OtlpToSeriesOptions, SeriesToOtlp } from './door.ts'

const atNs = '1700000000000000000'
const atMs = 1_700_000_000_000

function tree(resource: Record<string, string>, ...metrics: unknown[]): MetricsTree {
  const attributes = Object.entries(resource).map(([key, value]) => ({ key, value: { stringValue: value } }))
  const scopeMetrics = [{ scope: { name: 'lib', version: '2' }, metrics }]
  return metricsTree(metricsFromJson(JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics }] })))
}

const shop = { 'service.name': 'shop', 'service.namespace': 'ns', 'service.instance.id': 'i', 'host.name': 'pi' }
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } })
const gauge = (name: string, value: number, ...attributes: object[]) => ({
  name,
  gauge: { dataPoints: [{ asDouble: value, timeUnixNano: atNs, attributes }] },
})

/** `labels value`, in order. */
function shown(batch: SeriesBatch): string[] {
  return batch.layout.series.map(({ labels }, slot) => {
    const flag = batch.flags?.[slot] ?? SlotFlag.value
    const value = flag === SlotFlag.value ? String(batch.values[slot]) : flag === SlotFlag.stale ? 'stale' : 'histogram'
    return `${labelsText(labels)} ${value}`
  })
}

const convert = (given: MetricsTree, options: Partial<OtlpToSeriesOptions> = {}) =>
  new OtlpToSeries({ targetInfo: 'none', ...options }).convert(given, atMs)

const cases: { name: string; given: MetricsTree; options?: Partial<OtlpToSeriesOptions>; want: string[] }[] = [
  {
    name: 'a gauge with the identity of its resource',
    given: tree(shop, gauge('g', 1.5, attribute('a.b', 'x'))),
    want: ['{__name__="g", a_b="x", instance="i", job="ns/shop"} 1.5'],
  },
  {
    name: 'target_info',
    given: tree(shop, gauge('g', 1)),
    options: { targetInfo: 'identified' },
    want: [
      '{__name__="g", instance="i", job="ns/shop"} 1',
      '{__name__="target_info", host_name="pi", instance="i", job="ns/shop"} 1',
    ],
  },
  {
    name: 'target_info with what identifies it',
    given: tree({ 'service.name': 'a', x: 'y' }, gauge('g', 1)),
    options: { targetInfo: 'identified', keepIdentifying: true },
    want: ['{__name__="g", job="a"} 1', '{__name__="target_info", job="a", service_name="a", x="y"} 1'],
  },
  {
    name: 'no target_info without an identity',
    given: tree({ x: 'y' }, gauge('g', 1)),
    options: { targetInfo: 'identified' },
    want: ['{__name__="g"} 1'],
  },
  {
    name: 'no target_info with an identity alone',
    given: tree({ 'service.name': 'y' }, gauge('g', 1)),
    options: { targetInfo: 'identified' },
    want: ['{__name__="g", job="y"} 1'],
  },
  {
    name: 'promoted attributes, which do not replace those of the point',
    given: tree({ ...shop, 'k8s.pod': 'p' }, gauge('g', 1, attribute('host.name', 'own'))),
    options: { promoted: ['host.name', 'k8s.pod'] },
    want: ['{__name__="g", host_name="own", instance="i", job="ns/shop", k8s_pod="p"} 1'],
  },
  {
    name: 'all attributes of the resource',
    given: tree(shop, gauge('g', 1)),
    options: { resourceToTelemetry: true, excludeServiceAttributes: true },
    want: ['{__name__="g", host_name="pi", instance="i", job="ns/shop"} 1'],
  },
  {
    name: 'labels and information of the scope',
    given: tree({}, gauge('g', 1)),
    options: { scopeLabels: 'name', scopeInfo: true },
    want: [
      '{__name__="g", otel_scope_name="lib", otel_scope_version="2"} 1',
      '{__name__="otel_scope_info", otel_scope_name="lib", otel_scope_version="2"} 1',
    ],
  },
  {
    name: 'attributes whose labels are the same',
    given: tree({}, gauge('g', 1, attribute('a_b', '2'), attribute('a.b', '1'), attribute('__name__', 'x'))),
    want: ['{__name__="g", a_b="1;2"} 1'],
  },
  {
    name: 'sums',
    given: tree(
      {},
      {
        name: 'c',
        sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asInt: '3', timeUnixNano: atNs }] },
      },
      { name: 'u', sum: { aggregationTemporality: 2, dataPoints: [{ asInt: '-3', timeUnixNano: atNs, flags: 1 }] } },
    ),
    want: ['{__name__="c_total"} 3', '{__name__="u"} stale'],
  },
  {
    name: 'a histogram',
    given: tree(
      {},
      {
        name: 'h',
        unit: 'ms',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [
            { timeUnixNano: atNs, count: '6', sum: 7.5, bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 1e21] },
          ],
        },
      },
    ),
    want: [
      '{__name__="h_milliseconds_sum"} 7.5',
      '{__name__="h_milliseconds_count"} 6',
      '{__name__="h_milliseconds_bucket", le="0.5"} 1',
      '{__name__="h_milliseconds_bucket", le="1000000000000000000000"} 3',
      '{__name__="h_milliseconds_bucket", le="+Inf"} 6',
    ],
  },
  {
    name: 'a summary',
    given: tree(
      {},
      {
        name: 's',
        summary: {
          dataPoints: [{ timeUnixNano: atNs, count: '2', sum: 3, quantileValues: [{ quantile: 0.99, value: 1.5 }] }],
        },
      },
    ),
    want: ['{__name__="s_sum"} 3', '{__name__="s_count"} 2', '{__name__="s", quantile="0.99"} 1.5'],
  },
  {
    name: 'a zero where a counter began',
    given: tree(
      {},
      {
        name: 'c',
        sum: {
          aggregationTemporality: 2,
          isMonotonic: true,
          dataPoints: [{ asInt: '3', timeUnixNano: atNs, startTimeUnixNano: '1600000000000000000' }],
        },
      },
    ),
    options: { zeroSamples: true },
    want: ['{__name__="c_total"} 0', '{__name__="c_total"} 3'],
  },
]
for (const { name, given, options, want } of cases) {
  test(`OTLP to series: ${name}`, () => assert.deepEqual(shown(convert(given, options).batch), want))
}

test('what cannot be told is counted by its reason', () => {
  const points = [{ timeUnixNano: atNs, asInt: '1', count: '1' }]
  const given = tree(
    {},
    { name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: points } },
    { name: 'h', histogram: { aggregationTemporality: 1, dataPoints: points } },
    {
      name: 'h2',
      histogram: { aggregationTemporality: 2, dataPoints: [{ count: '1', bucketCounts: ['1'], explicitBounds: [1] }] },
    },
    { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ scale: -5, count: '1' }] } },
    { name: '…', gauge: { dataPoints: points } },
    { name: 'n', gauge: { dataPoints: [{ timeUnixNano: atNs }] } },
  )
  const { batch, dropped } = convert(given)
  assert.equal(batch.count, 0)
  assert.deepEqual(
    [...dropped],
    [
      ['not cumulative', 2],
      ['inconsistent buckets', 1],
      ['exponential histogram too coarse', 1],
      ['invalid name', 1],
      ['no value', 1],
    ],
  )
})

test('exemplars stand at the bucket that they fell into', () => {
  const exemplars = [
    { timeUnixNano: atNs, asDouble: 9, traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' },
    { timeUnixNano: atNs, asDouble: 1, filteredAttributes: [attribute('k', 'v')] },
    { timeUnixNano: atNs, asDouble: 2, filteredAttributes: [attribute('k', 'v'.repeat(200))] },
  ]
  const dataPoints = [{ timeUnixNano: atNs, count: '3', bucketCounts: ['1', '2'], explicitBounds: [1], exemplars }]
  const { batch } = convert(tree({}, { name: 'h', histogram: { aggregationTemporality: 2, dataPoints } }))
  assert.deepEqual(batch.exemplars, [
    { slot: 1, labels: ['k', 'v'], value: 1, timestampMs: atMs },
    { slot: 2, labels: [], value: 2, timestampMs: atMs },
    {
      slot: 2,
      labels: ['span_id', 'eee19b7ec3c1b174', 'trace_id', '5b8efff798038103d269b633813fc60c'],
      value: 9,
      timestampMs: atMs,
    },
  ])
})

test('series and layouts are the same objects when they come again, until they are collected', () => {
  const converter = new OtlpToSeries({ seriesMax: 100 })
  const give = (value: number) => tree(shop, gauge('a', value), gauge('b', value))
  const first = converter.convert(give(1), atMs).batch
  const second = converter.convert(give(2), atMs + 1).batch
  assert.equal(first.layout, second.layout)
  assert.deepEqual([...second.values], [2, 2, 1])
  const fewer = converter.convert(tree(shop, gauge('a', 3)), atMs + 2).batch
  assert.equal(fewer.layout.series[0], first.layout.series[0])
  converter.collect(atMs + 2)
  const later = converter.convert(give(4), atMs + 3).batch
  assert.equal(later.layout.series[0], first.layout.series[0])
  assert.notEqual(later.layout.series[1], first.layout.series[1])
  for (let i = 0; i < 500; i++) converter.convert(tree({}, gauge(`m${i}`, 1)), atMs + 4)
  assert.ok(converter.size <= 102)
})

test('exponential histograms become native ones, finer ones merged down', () => {
  const point = (scale: number, offset: number, bucketCounts: string[]) => ({
    name: 'e',
    exponentialHistogram: {
      aggregationTemporality: 2,
      dataPoints: [
        { timeUnixNano: atNs, count: '9', sum: 10, scale, zeroCount: '1', positive: { offset, bucketCounts } },
      ],
    },
  })
  const native = (given: object): NativeHistogram => {
    const { batch } = convert(tree({}, given))
    return batch.histograms?.[0] as NativeHistogram
  }
  const plain = native(point(2, 1, ['1', '3', '0', '0', '0', '2', '0', '1']))
  assert.equal(plain.schema, 2)
  assert.deepEqual(plain.positiveSpans, [
    { offset: 2, length: 2 },
    { offset: 3, length: 3 },
  ])
  assert.deepEqual(plain.positiveBuckets, [1, 2, -1, -2, 1])
  const fine = native(point(10, -3, ['1', '1', '1', '1', '1', '1']))
  assert.equal(fine.schema, 8)
  // -3, -2, -1 | 0, 1, 2 in fours.
  assert.deepEqual(fine.positiveSpans, [{ offset: 0, length: 2 }])
  assert.deepEqual(fine.positiveBuckets, [3, 0])
})

test('native histograms survive the way to OTLP and back', () => {
  const count = fc.integer({ min: 0, max: 1000 })
  fc.assert(
    fc.property(
      fc.integer({ min: -4, max: 8 }),
      fc.integer({ min: -100, max: 100 }),
      fc.array(count, { maxLength: 30 }),
      (scale, offset, counts) => {
        const data = {
          aggregationTemporality: 2,
          dataPoints: [
            {
              timeUnixNano: atNs,
              count: String(counts.reduce((a, b) => a + b, 0)),
              sum: 1.5,
              scale,
              zeroThreshold: 0.25,
              positive: { offset, bucketCounts: counts.map(String) },
            },
          ],
        }
        const first = convert(tree({}, { name: 'e', exponentialHistogram: data })).batch
        const back = new SeriesToOtlp().convert(first)
        assert.equal(back.dropped.size, 0)
        const again = convert(back.tree).batch
        assert.deepEqual(again.histograms, first.histograms)
      },
    ),
    { numRuns: 200 },
  )
})

// ------------------------------------------------------------------------------------- series to OTLP

const series = (labels: Record<string, string>, metadata: Metadata | null = null): Series =>
  new Series(labelsFrom(Object.entries(labels)), metadata)

function batchOf(
  samples: readonly (readonly [Series, number | 'stale' | 'absent'])[],
  more: Partial<SeriesBatch> = {},
): SeriesBatch {
  return new SeriesBatch({
    layout: new SeriesLayout(samples.map(([one]) => one)),
    values: Float64Array.from(samples, ([, value]) => (typeof value === 'number' ? value : 0)),
    flags: Uint8Array.from(samples, ([, value]) =>
      value === 'stale' ? SlotFlag.stale : value === 'absent' ? SlotFlag.absent : SlotFlag.value,
    ),
    timestampMs: atMs,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
    ...more,
  })
}

const json = (given: MetricsTree): unknown => JSON.parse(metricsToJson(Metrics.fromTree(given)))
const target = { job: 'j', instance: '10.0.0.1:80' }

function metricsOf(samples: Parameters<typeof batchOf>[0]): Record<string, unknown>[] {
  const { tree: made } = new SeriesToOtlp().convert(batchOf(samples))
  const { resourceMetrics } = json(made) as {
    resourceMetrics: { scopeMetrics: { metrics: Record<string, unknown>[] }[] }[]
  }
  return resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
}

test('the resource of a target, with its target_info, and the scope', () => {
  const converter = new SeriesToOtlp({ scopeName: 'prom', scopeVersion: '1', legacyAttributes: true })
  const { tree: made } = converter.convert(
    batchOf([
      [series({ __name__: 'a', ...target }), 1],
      [series({ __name__: 'target_info', ...target, host_name: 'pi' }), 1],
      [series({ __name__: 'b', ...target, otel_scope_name: 's', otel_scope_version: '2' }), 2],
      [series({ __name__: 'otel_scope_info', ...target, otel_scope_name: 's', otel_scope_version: '2', k: 'v' }), 1],
    ]),
  )
  const [resource] = made.resourceMetrics
  assert.deepEqual(Object.fromEntries(resource?.resource.attributes.map(({ key, value }) => [key, value]) ?? []), {
    'service.name': 'j',
    'net.host.name': '10.0.0.1',
    'server.address': '10.0.0.1',
    'service.instance.id': '10.0.0.1:80',
    'net.host.port': '80',
    'http.scheme': 'http',
    'server.port': '80',
    'url.scheme': 'http',
    host_name: 'pi',
  })
  assert.deepEqual(
    resource?.scopeMetrics.map(({ scope }) => [scope.name, scope.version, scope.attributes]),
    [
      ['prom', '1', []],
      ['s', '2', [{ key: 'k', value: 'v' }]],
    ],
  )
})

test('a series of unknown type is a gauge, a counter a sum, and staleness a point without a value', () => {
  const counter = new Metadata('c', MetricType.counter, 'Counts.', 'seconds')
  assert.deepEqual(
    metricsOf([
      [series({ __name__: 'u', a: 'b' }), 1.5],
      [series({ __name__: 'c_total' }, counter), 'stale'],
      [series({ __name__: 'c_created' }, counter), 1_600_000_000],
      [series({ __name__: 'gone' }), 'absent'],
    ]),
    [
      {
        name: 'u',
        gauge: {
          dataPoints: [{ attributes: [{ key: 'a', value: { stringValue: 'b' } }], timeUnixNano: atNs, asDouble: 1.5 }],
        },
        metadata: [{ key: 'prometheus.type', value: { stringValue: 'unknown' } }],
      },
      {
        name: 'c_total',
        description: 'Counts.',
        unit: 's',
        sum: {
          aggregationTemporality: 2,
          isMonotonic: true,
          dataPoints: [{ startTimeUnixNano: '1600000000000000000', timeUnixNano: atNs, flags: 1 }],
        },
        metadata: [{ key: 'prometheus.type', value: { stringValue: 'counter' } }],
      },
    ],
  )
})

test('classic histograms and summaries come together by their metadata', () => {
  const h = new Metadata('h', MetricType.histogram, '', '')
  const s = new Metadata('s', MetricType.summary, '', '')
  const [histogram, summary] = metricsOf([
    [series({ __name__: 'h_bucket', le: '+Inf', a: 'b' }, h), 5],
    [series({ __name__: 'h_bucket', le: '2.0', a: 'b' }, h), 3],
    [series({ __name__: 'h_bucket', le: '1', a: 'b' }, h), 1],
    [series({ __name__: 'h_sum', a: 'b' }, h), 7.5],
    [series({ __name__: 'h_count', a: 'b' }, h), 5],
    [series({ __name__: 's', quantile: '0.5' }, s), 2],
    [series({ __name__: 's_sum' }, s), 4],
    [series({ __name__: 's_count' }, s), 2],
  ])
  assert.deepEqual(histogram?.['histogram'], {
    aggregationTemporality: 2,
    dataPoints: [
      {
        attributes: [{ key: 'a', value: { stringValue: 'b' } }],
        timeUnixNano: atNs,
        count: '5',
        sum: 7.5,
        bucketCounts: ['1', '2', '2'],
        explicitBounds: [1, 2],
      },
    ],
  })
  assert.deepEqual(summary?.['summary'], {
    dataPoints: [{ timeUnixNano: atNs, count: '2', sum: 4, quantileValues: [{ quantile: 0.5, value: 2 }] }],
  })
})

test('parts of a histogram without its count are counted as dropped', () => {
  const h = new Metadata('h', MetricType.histogram, '', '')
  const { tree: made, dropped } = new SeriesToOtlp().convert(
    batchOf([
      [series({ __name__: 'h_bucket', le: '1' }, h), 1],
      [series({ __name__: 'h_sum' }, h), 1],
      [series({ __name__: 'h_bucket', le: 'one' }, h), 1],
    ]),
  )
  assert.deepEqual(made.resourceMetrics, [])
  assert.deepEqual(
    [...dropped],
    [
      ['histogram or summary without count', 2],
      ['no name or bound', 1],
    ],
  )
})

test('several samples of one series give several points', () => {
  const one = series({ __name__: 'a' })
  const batch = batchOf(
    [
      [one, 1],
      [one, 2],
    ],
    { timestampsMs: Float64Array.of(atMs - 1000, atMs) },
  )
  const [metric] = new SeriesToOtlp().convert(batch).tree.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
  assert.deepEqual(
    metric?.data.kind === 'gauge' && metric.data.points.map(({ value, timeUnixNano }) => [value, timeUnixNano]),
    [
      [1, 1_699_999_999_000_000_000n],
      [2, 1_700_000_000_000_000_000n],
    ],
  )
})

test('a classic histogram survives the way to series and back', () => {
  const given = tree(shop, {
    name: 'h',
    histogram: {
      aggregationTemporality: 2,
      dataPoints: [
        {
          startTimeUnixNano: '1600000000000000000',
          timeUnixNano: atNs,
          count: '6',
          sum: 7.5,
          bucketCounts: ['1', '2', '3'],
          explicitBounds: [0.5, 2],
          attributes: [attribute('a', 'b')],
        },
      ],
    },
  })
  const back = new SeriesToOtlp().convert(convert(given).batch).tree
  assert.deepEqual(
    back.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data,
    given.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data,
  )
})

test('attributes that are told apart by nothing but where a value ends are different series', () => {
  const converter = new OtlpToSeries({ targetInfo: 'none' })
  const lists = [
    [attribute('a', 'b\u0000c'), attribute('d', 'e')],
    [attribute('a', 'b'), attribute('c\u0000d', 'e')],
    [attribute('a', 'b\u0001c\u0000d\u0001')],
    [attribute('a', 'b'), attribute('c', 'd')],
    [attribute('a', '1 1 cd')],
    [attribute('a1', ' 1 cd')],
  ]
  const texts = lists.map((list) => shown(converter.convert(tree({}, gauge('g', 1, ...list)), atMs).batch)[0])
  assert.equal(new Set(texts).size, lists.length)
})

test('a point without a value ends every series of its histogram or summary', () => {
  const converter = new OtlpToSeries({ targetInfo: 'none' })
  const both = (histogram: object, summary: object) =>
    tree(
      {},
      { name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: atNs, ...histogram }] } },
      { name: 's', summary: { dataPoints: [{ timeUnixNano: atNs, ...summary }] } },
    )
  const first = converter.convert(
    both(
      { count: '3', sum: 1, bucketCounts: ['1', '2'], explicitBounds: [1] },
      { count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1 }] },
    ),
    atMs,
  ).batch
  const last = converter.convert(both({ flags: 1 }, { flags: 1 }), atMs).batch
  assert.equal(last.layout, first.layout)
  assert.deepEqual(
    [...(last.flags ?? [])],
    Array.from({ length: 7 }, () => SlotFlag.stale),
  )
})

const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 1e308))
const time = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const counts = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), { maxLength: 6 })
const point = fc.record({
  timeUnixNano: time,
  startTimeUnixNano: time,
  flags: fc.nat(1),
  attributes: fc.array(
    fc.tuple(fc.string(), fc.string()).map(([key, value]) => attribute(key, value)),
    { maxLength: 3 },
  ),
  asDouble: number,
  count: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  sum: number,
  bucketCounts: counts,
  explicitBounds: fc.array(number, { maxLength: 6 }),
  scale: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  positive: fc.record({ offset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), bucketCounts: counts }),
  negative: fc.record({ offset: fc.integer({ min: -20, max: 20 }), bucketCounts: counts }),
  quantileValues: fc.array(fc.record({ quantile: number, value: number }), { maxLength: 3 }),
})
const metric = fc
  .tuple(
    fc.string(),
    fc.constantFrom('By', 's/m', '{x}', '1', ''),
    fc.constantFrom('gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'),
    fc.constantFrom(0, 1, 2, 2, 2),
    fc.array(point, { maxLength: 3 }),
  )
  .map(([name, unit, kind, aggregationTemporality, dataPoints]) => ({
    metric: { name, unit, [kind]: { aggregationTemporality, isMonotonic: unit === '1', dataPoints } },
    points: dataPoints.length,
  }))

/** JSON has no NaN and no infinities: OTLP's has them as text. */
const asJson = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'number' && !Number.isFinite(one) ? String(one) : one)),
  )

test('whatever OTLP comes, it becomes series or is counted, and the series become OTLP again', () => {
  fc.assert(
    fc.property(fc.array(metric, { maxLength: 4 }), fc.boolean(), (metrics, customBuckets) => {
      const given = tree(shop, ...(asJson(metrics.map(({ metric: one }) => one)) as object[]))
      const points = metrics.reduce((sum, { points: made }) => sum + made, 0)
      const converter = new OtlpToSeries({ customBuckets, targetInfo: 'none', zeroSamples: true })
      const { batch, dropped } = converter.convert(given, atMs)
      const left = points - [...dropped.values()].reduce((a, b) => a + b, 0)
      assert.ok(left >= 0 && batch.count >= left)
      for (const { labels } of batch.layout.series) assert.deepEqual(labels, labelsFrom(pairs(labels)))
      const back = new SeriesToOtlp().convert(batch)
      metricsToJson(Metrics.fromTree(back.tree))
    }),
    { numRuns: 150 },
  )
})

function* pairs(labels: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < labels.length; i += 2) yield [labels[i] as string, labels[i + 1] as string]
}
