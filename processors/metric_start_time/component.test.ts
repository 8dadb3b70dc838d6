// Start times by each strategy.
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  sumMetric,
  TestHost,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Metrics } from '#pdata'
import type { Metric, MetricData } from '#pdata/otlp'
import { metricStartTimeProcessor } from './component.ts'

async function started(written: Written) {
  const clock = new ManualClock(500_900)
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const settings = decoded(metricStartTimeProcessor.settings, written)
  const processor = await metricStartTimeProcessor.create(host, settings, sink.output)
  await processor.start?.()
  const send = async (...metrics: Metric[]): Promise<MetricData | undefined> => {
    const before = sink.metrics.length
    const batch = Metrics.fromTree(metricsTreeOf(...metrics))
    host.counters.in += batch.count
    await processor.metrics?.consume(batch)
    const { counters } = host
    assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
    return sink.metrics[before]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data
  }
  return { clock, host, processor, send }
}

/** Milliseconds. */
function startOf(data: MetricData | undefined): number | undefined {
  if (data === undefined || data.kind === 'empty') return undefined
  const [point] = data.points
  return point === undefined ? undefined : Number(point.startTimeUnixNano / 1_000_000n)
}

const kinds: { name: string; metric: (time: number, n: number) => Metric }[] = [
  { name: 'sums', metric: (time, n) => sumMetric('m', [numberPoint(time, BigInt(n))]) },
  { name: 'double sums', metric: (time, n) => sumMetric('m', [numberPoint(time, n + 0.5)]) },
  { name: 'histograms', metric: (time, n) => histogramMetric('m', [histogramPoint(time, [n, 2 * n], { sum: n })]) },
  {
    name: 'exponential histograms',
    metric: (time, n) => exponentialMetric('m', [exponentialPoint(time, { offset: 0, counts: [n, n] })]),
  },
]

for (const { name, metric } of kinds) {
  test(`true_reset_point: ${name} begin with their first point, and anew 1 ms before a reset`, async () => {
    const { send } = await started({})
    const starts = []
    for (const [time, n] of [
      [10, 5],
      [20, 6],
      [30, 2],
      [40, 3],
    ] as const) {
      starts.push(startOf(await send(metric(time, n))))
    }
    assert.deepEqual(starts, [10_000, 10_000, 29_999, 29_999])
  })

  test(`subtract_initial_point: of ${name} the first point is taken off, until a reset`, async () => {
    const { send, host } = await started({ strategy: 'subtract_initial_point' })
    assert.equal(await send(metric(10, 5)), undefined)
    assert.equal(host.counters.droppedByReason.get('initial'), 1)
    const second = await send(metric(20, 7))
    assert.equal(startOf(second), 10_000)
    const third = await send(metric(30, 3))
    assert.equal(startOf(third), 29_999)
    const amounts = [second, third].map((data) => {
      assert.ok(data !== undefined && data.kind !== 'empty')
      const point = data.points[0]
      return point !== undefined && 'value' in point ? Number(point.value) : Number(point?.count)
    })
    const perUnit = name === 'histograms' ? 3 : name === 'exponential histograms' ? 2 : 1
    assert.deepEqual(amounts, [2 * perUnit, name === 'double sums' ? 3.5 : 3 * perUnit])
  })
}

test('points that say when they began, gauges and deltas stay as they are', async () => {
  const { send } = await started({ strategy: 'subtract_initial_point' })
  for (const metric of [
    sumMetric('m', [numberPoint(10, 5n, { start: 3 })]),
    gaugeMetric('g', [numberPoint(10, 5n)]),
    sumMetric('d', [numberPoint(10, 5n)], { temporality: 1 }),
  ]) {
    assert.deepEqual(await send(structuredClone(metric)), metric.data)
  }
})

test('a point without a value is no reset', async () => {
  const { send } = await started({})
  await send(sumMetric('m', [numberPoint(10, 5n)]))
  assert.equal(startOf(await send(sumMetric('m', [numberPoint(20, 0n, { flags: 1 })]))), 10_000)
  assert.equal(startOf(await send(sumMetric('m', [numberPoint(30, 6n)]))), 10_000)
})

test('start_time_metric takes the start from the batch, else from the process', async () => {
  const { send } = await started({ strategy: 'start_time_metric', start_time_metric_regex: '^app_start' })
  const start = gaugeMetric('app_start_seconds', [numberPoint(10, 123.5)])
  assert.equal(startOf(await send(sumMetric('m', [numberPoint(10, 5n)]), start)), 123_500)
  assert.equal(startOf(await send(sumMetric('m', [numberPoint(20, 4n)]), start)), 19_999)
  assert.equal(startOf(await send(sumMetric('n', [numberPoint(20, 4n)]))), 500_000)
})

test('a stream that is not seen begins anew', async () => {
  const { send, clock, processor } = await started({ gc_interval: '10s' })
  await send(sumMetric('m', [numberPoint(10, 5n)]))
  await clock.advance(25_000)
  assert.equal(startOf(await send(sumMetric('m', [numberPoint(40, 6n)]))), 40_000)
  await processor.stop(0)
  assert.equal(clock.pending, 0)
})

const refusals: { written: Written; want: string }[] = [
  { written: { strategy: 'x' }, want: '"x" is not a valid strategy' },
  { written: { gc_interval: '0s' }, want: 'gc_interval must be positive' },
  {
    written: { start_time_metric_regex: 'a' },
    want: 'start_time_metric_regex can only be used with the start_time_metric strategy',
  },
]
for (const { written, want } of refusals) {
  test(`refuses settings: ${want}`, () =>
    assert.deepEqual(problemsOf(metricStartTimeProcessor.settings, written), [want]))
}
