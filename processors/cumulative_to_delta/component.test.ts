// Deltas of cumulative streams: values, resets, first points, filters and expiry.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Component } from '#component'
import {
  decoded,
  exponentialMetric,
  exponentialPoint,
  gaugeMetric,
  histogramMetric,
  histogramPoint,
  metricsTreeOf,
  numberPoint,
  OtelSink,
  problemsOf,
  resourceMetrics,
  sumMetric,
  TestHost,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Metrics } from '#pdata'
import type { Metric } from '#pdata/otlp'
import { cumulativeToDeltaProcessor } from './component.ts'

/** The processor starts at second 1000. */
const begunAt = 1000

async function started(written: Written = {}) {
  const clock = new ManualClock(begunAt * 1000)
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const settings = decoded(cumulativeToDeltaProcessor.settings, written)
  const processor: Component = await cumulativeToDeltaProcessor.create(host, settings, sink.output)
  await processor.start?.()
  const send = async (...metrics: Metric[]): Promise<Metric[]> => {
    const before = sink.metrics.length
    const batch = Metrics.fromTree(metricsTreeOf(...metrics))
    host.counters.in += batch.count
    await processor.metrics?.consume(batch)
    const { counters } = host
    assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
    return sink.metrics.slice(before).flatMap(({ tree }) => tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [])
  }
  return { clock, host, sink, processor, send }
}

/** Start, time (seconds) and value of the only metric's points. */
function numbers([metric]: Metric[]): [number, number, bigint | number | null][] {
  if (metric === undefined) return []
  assert.equal(metric.data.kind, 'sum')
  return metric.data.kind === 'sum'
    ? metric.data.points.map((p) => [
        Number(p.startTimeUnixNano / 1_000_000_000n),
        Number(p.timeUnixNano / 1_000_000_000n),
        p.value,
      ])
    : []
}

const series: {
  name: string
  written: Written
  /** Start, time, value, as they come. */
  points: [number, number, bigint | number][]
  want: [number, number, bigint | number][]
}[] = [
  {
    name: 'a stream that began after the processor gives its first value too',
    written: {},
    points: [
      [1010, 1020, 5n],
      [1010, 1030, 8n],
      [1010, 1040, 8n],
    ],
    want: [
      [1010, 1020, 5n],
      [1020, 1030, 3n],
      [1030, 1040, 0n],
    ],
  },
  {
    name: 'of an older stream the first value is not known to be new',
    written: {},
    points: [
      [10, 1020, 5n],
      [10, 1030, 8n],
    ],
    want: [[1020, 1030, 3n]],
  },
  {
    name: 'a start that is the time itself says nothing',
    written: {},
    points: [
      [1020, 1020, 5n],
      [1020, 1030, 8n],
    ],
    want: [[1020, 1030, 3n]],
  },
  {
    name: 'keep',
    written: { initial_value: 'keep' },
    points: [
      [10, 1020, 5n],
      [10, 1030, 8n],
    ],
    want: [
      [0, 1020, 5n],
      [1020, 1030, 3n],
    ],
  },
  {
    name: 'drop',
    written: { initial_value: 'drop' },
    points: [
      [1010, 1020, 5n],
      [1010, 1030, 8n],
    ],
    want: [[1020, 1030, 3n]],
  },
  {
    name: 'a lower value is a reset: it is dropped, and what follows counts from it',
    written: { initial_value: 'keep' },
    points: [
      [10, 1020, 5],
      [10, 1030, 2],
      [10, 1040, 2.5],
    ],
    want: [
      [0, 1020, 5],
      [1030, 1040, 0.5],
    ],
  },
  {
    name: 'a new start begins a new stream',
    written: {},
    points: [
      [1010, 1020, 5n],
      [1025, 1030, 2n],
    ],
    want: [
      [1010, 1020, 5n],
      [1025, 1030, 2n],
    ],
  },
]

for (const { name, written, points, want } of series) {
  test(name, async () => {
    const { send } = await started(written)
    const got: [number, number, bigint | number | null][] = []
    for (const [start, time, value] of points)
      got.push(...numbers(await send(sumMetric('m', [numberPoint(time, value, { start })]))))
    assert.deepEqual(got, want)
  })
}

test('gauges, deltas, sums that may fall and NaN go through; points without a value are dropped', async () => {
  const { send, host } = await started({ initial_value: 'keep' })
  const through = [
    gaugeMetric('g', [numberPoint(1, 7n)]),
    sumMetric('d', [numberPoint(1, 7n)], { temporality: 1 }),
    sumMetric('u', [numberPoint(1, 7n)], { isMonotonic: false }),
  ]
  assert.deepEqual(await send(...structuredClone(through)), through)
  const [nan] = await send(sumMetric('n', [numberPoint(1, NaN), numberPoint(2, 0n, { flags: 1 })]))
  assert.deepEqual(nan?.data.kind === 'sum' && nan.data.points.map(({ value }) => value), [NaN])
  assert.deepEqual([...host.counters.droppedByReason], [['no recorded value', 1]])
})

test('histograms: counts, buckets and sum, without extremes', async () => {
  const { send } = await started({ initial_value: 'keep' })
  await send(histogramMetric('h', [{ ...histogramPoint(10, [1, 2, 3], { sum: 10 }), min: 1, max: 9 }]))
  const [metric] = await send(
    histogramMetric('h', [{ ...histogramPoint(20, [2, 2, 5], { sum: 17.5 }), min: 1, max: 9 }]),
  )
  assert.ok(metric?.data.kind === 'histogram')
  assert.equal(metric.data.temporality, 1)
  const [point] = metric.data.points
  assert.deepEqual(
    [point?.count, point?.sum, point?.bucketCounts, point?.min, point?.max, point?.startTimeUnixNano],
    [3n, 7.5, [1n, 0n, 2n], null, null, 10_000_000_000n],
  )
})

test('histograms with other buckets are dropped, and those after them counted from there', async () => {
  const { send, host } = await started({ initial_value: 'keep' })
  await send(histogramMetric('h', [histogramPoint(10, [1, 2, 3])]))
  assert.deepEqual(await send(histogramMetric('h', [histogramPoint(20, [1, 2, 3], { bounds: [7, 8] })])), [])
  const [metric] = await send(histogramMetric('h', [histogramPoint(30, [2, 2, 3], { bounds: [7, 8] })]))
  assert.deepEqual(metric?.data.kind === 'histogram' && metric.data.points[0]?.bucketCounts, [1n, 0n, 0n])
  assert.equal(host.counters.droppedByReason.get('bucket_mismatch'), 1)
})

test('exponential histograms: buckets move, scales fall, zero buckets widen', async () => {
  const { send } = await started({ initial_value: 'keep' })
  const delta = async (...args: Parameters<typeof exponentialPoint>) => {
    const [metric] = await send(exponentialMetric('e', [exponentialPoint(...args)]))
    if (metric?.data.kind !== 'exponential_histogram') return undefined
    const [point] = metric.data.points
    return [point?.count, point?.zeroCount, point?.scale, point?.positive.offset, point?.positive.bucketCounts]
  }
  assert.deepEqual(await delta(10, { offset: 0, counts: [1, 1, 1, 1] }, { scale: 1 }), [4n, 0n, 1, 0, [1n, 1n, 1n, 1n]])
  assert.deepEqual(await delta(20, { offset: 0, counts: [1, 1, 3, 1, 2] }, { scale: 1 }), [4n, 0n, 1, 2, [2n, 0n, 2n]])
  assert.deepEqual(await delta(30, { offset: 0, counts: [2, 5, 2] }, { scale: 0 }), [1n, 0n, 0, 1, [1n]])
  assert.deepEqual(await delta(40, { offset: 1, counts: [6, 2] }, { scale: 0, zeroCount: 2, zeroThreshold: 2 }), [
    1n,
    0n,
    0,
    1,
    [1n],
  ])
  assert.equal(await delta(50, { offset: 1, counts: [5, 9] }, { scale: 0, zeroCount: 2, zeroThreshold: 2 }), undefined)
})

test('streams of other resources are others', async () => {
  const { processor, sink } = await started({ initial_value: 'keep' })
  const tree = () => ({
    resourceMetrics: ['a', 'b'].map((host) =>
      resourceMetrics([sumMetric('m', [numberPoint(1, host === 'a' ? 1n : 10n)])], { host }),
    ),
  })
  await processor.metrics?.consume(Metrics.fromTree(tree()))
  await processor.metrics?.consume(Metrics.fromTree(tree()))
  assert.equal(sink.metrics[1]?.count, 2)
})

test('a stream is forgotten when nothing came for max_staleness', async () => {
  const { send, clock, host, processor } = await started({ initial_value: 'keep', max_staleness: '10s' })
  await send(sumMetric('m', [numberPoint(10, 5n)]))
  assert.equal(host.readings.get('otelcol_cumulativetodelta_streams_tracked')?.(), 1)
  await clock.advance(25_000)
  assert.equal(host.readings.get('otelcol_cumulativetodelta_streams_tracked')?.(), 0)
  assert.deepEqual(numbers(await send(sumMetric('m', [numberPoint(20, 7n)]))), [[0, 20, 7n]])
  await processor.stop(0)
  await processor.stop(0)
  assert.equal(clock.pending, 0)
})

const selections: { name: string; written: Written; want: string[] }[] = [
  { name: 'strict names', written: { include: { metrics: ['a'], match_type: 'strict' } }, want: ['a'] },
  { name: 'expressions', written: { exclude: { metrics: ['^a', 'b$'], match_type: 'regexp' } }, want: ['h'] },
  { name: 'types', written: { include: { metric_types: ['Histogram'] } }, want: ['h'] },
  { name: 'not types', written: { exclude: { metric_types: ['sum'] } }, want: ['h'] },
]
for (const { name, written, want } of selections) {
  test(`converts by ${name}`, async () => {
    const { send } = await started({ ...written, initial_value: 'keep' })
    const got = await send(
      sumMetric('a', [numberPoint(1, 1n)]),
      sumMetric('ab', [numberPoint(1, 1n)]),
      histogramMetric('h', [histogramPoint(1, [1, 1])]),
    )
    const converted = got.filter(({ data }) => 'temporality' in data && data.temporality === 1)
    assert.deepEqual(
      converted.map((metric) => metric.name),
      want,
    )
  })
}

test('a refused batch counts no drops', async () => {
  const { processor, sink, host } = await started({ initial_value: 'drop' })
  sink.refusal = new Error('no')
  const batch = Metrics.fromTree(
    metricsTreeOf(sumMetric('m', [numberPoint(1, 1n)]), gaugeMetric('g', [numberPoint(1, 1n)])),
  )
  await assert.rejects(async () => processor.metrics?.consume(batch), /no/)
  assert.equal(host.counters.dropped, 0)
})

const refusals: { written: Written; want: string }[] = [
  { written: { include: { metrics: ['a'] } }, want: 'match_type must be set if metrics are supplied' },
  { written: { exclude: { match_type: 'strict' } }, want: 'metrics must be supplied if match_type is set' },
  {
    written: { include: { metric_types: ['gauge'] } },
    want: 'found invalid metric type in include.metric_types: gauge. Valid values are sum, histogram, exponentialhistogram',
  },
]
for (const { written, want } of refusals) {
  test(`refuses settings: ${want}`, () => {
    assert.deepEqual(problemsOf(cumulativeToDeltaProcessor.settings, written), [want])
  })
}
