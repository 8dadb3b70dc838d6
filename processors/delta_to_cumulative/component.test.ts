// Sums of deltas: values, order, bounds and expiry.
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
import { deltaToCumulativeProcessor } from './component.ts'

async function started(written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const settings = decoded(deltaToCumulativeProcessor.settings, written)
  const processor = await deltaToCumulativeProcessor.create(host, settings, sink.output)
  await processor.start?.()
  const send = async (...metrics: Metric[]): Promise<MetricData[]> => {
    const before = sink.metrics.length
    const batch = Metrics.fromTree(metricsTreeOf(...metrics))
    host.counters.in += batch.count
    await processor.metrics?.consume(batch)
    const { counters } = host
    assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
    return sink.metrics
      .slice(before)
      .flatMap(({ tree }) => tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [])
      .map(({ data }) => data)
  }
  return { clock, host, processor, send }
}

const delta = { temporality: 1 }

test('sums add up from the first start on', async () => {
  const { send } = await started()
  const got = []
  for (const [start, time, value] of [
    [10, 20, 5n],
    [20, 30, 3n],
    [50, 60, 1n],
  ] as const) {
    const [data] = await send(sumMetric('m', [numberPoint(time, value, { start })], delta))
    assert.ok(data?.kind === 'sum' && data.temporality === 2)
    got.push([data.points[0]?.startTimeUnixNano, data.points[0]?.timeUnixNano, data.points[0]?.value])
  }
  const s = 1_000_000_000n
  assert.deepEqual(got, [
    [10n * s, 20n * s, 5n],
    [10n * s, 30n * s, 8n],
    [10n * s, 60n * s, 9n],
  ])
})

test('points out of order or from before the stream are dropped and counted', async () => {
  const { send, host } = await started()
  await send(sumMetric('m', [numberPoint(30, 1, { start: 20 })], delta))
  assert.deepEqual(await send(sumMetric('m', [numberPoint(30, 1, { start: 20 })], delta)), [])
  assert.deepEqual(await send(sumMetric('m', [numberPoint(40, 1, { start: 10 })], delta)), [])
  assert.deepEqual(Object.fromEntries(host.counters.droppedByReason), {
    'delta.ErrOutOfOrder': 1,
    'delta.ErrOlderStart': 1,
  })
  assert.equal(host.counts.get('otelcol_deltatocumulative_datapoints{error="delta.ErrOutOfOrder"}')?.value, 1)
  assert.equal(host.counts.get('otelcol_deltatocumulative_datapoints')?.value, 1)
})

test('what is cumulative or a gauge goes through', async () => {
  const { send } = await started()
  const metrics = [sumMetric('m', [numberPoint(30, 1n)]), gaugeMetric('g', [numberPoint(1, 1n)])]
  assert.deepEqual(
    await send(...structuredClone(metrics)),
    metrics.map(({ data }) => data),
  )
})

test('histograms and exponential histograms add up, and what was sent is not changed later', async () => {
  const { send } = await started()
  const [first] = await send(histogramMetric('h', [histogramPoint(10, [1, 2], { sum: 3 })], 1))
  const [second] = await send(histogramMetric('h', [histogramPoint(20, [1, 0], { sum: 0.5 })], 1))
  assert.ok(first?.kind === 'histogram' && second?.kind === 'histogram')
  assert.deepEqual(first.points[0]?.bucketCounts, [1n, 2n])
  assert.deepEqual(
    [second.points[0]?.bucketCounts, second.points[0]?.sum, second.points[0]?.count],
    [[2n, 2n], 3.5, 4n],
  )
  await send(exponentialMetric('e', [exponentialPoint(10, { offset: 0, counts: [1, 2] })], 1))
  const [data] = await send(exponentialMetric('e', [exponentialPoint(20, { offset: 1, counts: [1, 4] })], 1))
  assert.ok(data?.kind === 'exponential_histogram')
  assert.deepEqual([data.points[0]?.positive.bucketCounts, data.points[0]?.count], [[1n, 3n, 4n], 8n])
})

test('a histogram with other bounds begins anew, with the start of its point', async () => {
  const { send } = await started()
  await send(histogramMetric('h', [histogramPoint(10, [1, 2, 3], { start: 5 })], 1))
  const other = { start: 10, bounds: [7, 8] }
  const [data] = await send(histogramMetric('h', [histogramPoint(20, [1, 0, 0], other)], 1))
  assert.ok(data?.kind === 'histogram')
  assert.deepEqual([data.points[0]?.count, data.points[0]?.startTimeUnixNano], [1n, 10_000_000_000n])
})

test('streams beyond max_streams are dropped', async () => {
  const { send, host } = await started({ max_streams: 1n })
  const [data] = await send(
    sumMetric(
      'm',
      [numberPoint(1, 1n, { attributes: { a: 'x' } }), numberPoint(1, 1n, { attributes: { a: 'y' } })],
      delta,
    ),
  )
  assert.equal(data?.kind === 'sum' && data.points.length, 1)
  assert.equal(host.counters.droppedByReason.get('limit'), 1)
  assert.equal(host.readings.get('otelcol_deltatocumulative_streams_limit')?.(), 1)
})

test('a stream begins anew when nothing came for max_stale', async () => {
  const { send, clock, host, processor } = await started({ max_stale: '2m' })
  await send(sumMetric('m', [numberPoint(1, 5n)], delta))
  await clock.advance(121_000)
  assert.equal(host.readings.get('otelcol_deltatocumulative_streams_tracked')?.(), 1)
  await clock.advance(60_000)
  assert.equal(host.readings.get('otelcol_deltatocumulative_streams_tracked')?.(), 0)
  const [data] = await send(sumMetric('m', [numberPoint(2, 3n)], delta))
  assert.equal(data?.kind === 'sum' && data.points[0]?.value, 3n)
  await processor.stop(0)
  assert.equal(clock.pending, 0)
})

test('refuses bounds below zero', () => {
  assert.deepEqual(problemsOf(deltaToCumulativeProcessor.settings, { max_stale: '-1s', max_streams: -1n }), [
    'max_stale must be a positive duration (got -1s)',
    'max_streams must be a positive number (got -1)',
  ])
})
