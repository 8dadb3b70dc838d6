// One point per stream and interval.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decoded,
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
import type { Metric } from '#pdata/otlp'
import { intervalProcessor, otelcolProcessorInterval } from './component.ts'

async function started(written: Written = {}) {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const sink = new OtelSink()
  const processor = await intervalProcessor.create(host, decoded(intervalProcessor.settings, written), sink.output)
  await processor.start?.()
  const { counters } = host
  const check = (): void => assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  const send = async (...metrics: Metric[]): Promise<void> => {
    const batch = Metrics.fromTree(metricsTreeOf(...metrics))
    counters.in += batch.count
    await processor.metrics?.consume(batch)
    check()
  }
  /** Times and values by metric, of the batch with this number. */
  const values = (i: number): Record<string, unknown[]> =>
    Object.fromEntries(
      (sink.metrics[i]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []).map(({ name, data }) => [
        name,
        data.kind === 'empty'
          ? []
          : data.points.map((point) => [
              Number(point.timeUnixNano / 1_000_000_000n),
              'value' in point ? point.value : point.count,
            ]),
      ]),
    )
  return { clock, host, sink, processor, send, values, check }
}

test('sends the newest point of each stream when the interval ends, and nothing when nothing came', async () => {
  const { clock, send, sink, values, host, check } = await started({ interval: '10s' })
  await send(sumMetric('m', [numberPoint(1, 1n, { attributes: { a: 'x' } }), numberPoint(1, 5n)]))
  await send(sumMetric('m', [numberPoint(3, 3n, { attributes: { a: 'x' } })]), gaugeMetric('g', [numberPoint(3, 0.5)]))
  await send(sumMetric('m', [numberPoint(2, 2n, { attributes: { a: 'x' } })]))
  assert.equal(sink.metrics.length, 0)
  assert.equal(host.counters.waiting, 3)
  await clock.advance(10_000)
  assert.deepEqual(values(0), {
    m: [
      [3, 3n],
      [1, 5n],
    ],
    g: [[3, 0.5]],
  })
  assert.equal(host.counters.droppedByReason.get('aggregated'), 2)
  check()
  await clock.advance(30_000)
  assert.equal(sink.metrics.length, 1)
})

test('what is not gathered goes on at once', async () => {
  const { send, sink } = await started({ pass_through: { gauge: true } })
  await send(
    gaugeMetric('g', [numberPoint(3, 0.5)]),
    sumMetric('m', [numberPoint(1, 1n)]),
    sumMetric('u', [numberPoint(1, 7n)], { isMonotonic: false }),
    sumMetric('d', [numberPoint(2, 1n), numberPoint(3, 2n)], { temporality: 1 }),
    histogramMetric('h', [histogramPoint(1, [1, 1])], 1),
  )
  assert.equal(sink.metrics.length, 1)
  assert.deepEqual(
    sink.metrics[0]?.tree?.resourceMetrics[0]?.scopeMetrics[0]?.metrics.map(({ name, data }) => [
      name,
      data.kind === 'empty' ? 0 : data.points.length,
    ]),
    [
      ['g', 1],
      ['u', 1],
      ['d', 2],
      ['h', 1],
    ],
  )
})

test('stopping sends what is left; what is refused is dropped', async () => {
  const { send, sink, processor, host, clock, check } = await started()
  await send(sumMetric('m', [numberPoint(1, 1n)]))
  sink.refusal = new Error('no')
  await clock.advance(60_000)
  assert.equal(host.counters.droppedByReason.get('send failed'), 1)
  check()
  sink.refusal = null
  await send(sumMetric('m', [numberPoint(2, 2n)]))
  await processor.stop(1000)
  await processor.stop(1000)
  assert.equal(sink.metrics.length, 1)
  check()
  assert.equal(clock.pending, 0)
})

test('refuses an interval that is none', () => {
  assert.deepEqual(problemsOf(intervalProcessor.settings, { interval: '0s' }), ['interval must be greater than 0'])
  assert.deepEqual(problemsOf(otelcolProcessorInterval.settings, { output: {}, interval: '0s', passthrough: {} }), [
    'interval must be greater than 0',
  ])
})
