// What cumulative_to_delta took apart, delta_to_cumulative puts together again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Drops } from '#component/metric_streams'
import {
  exponentialMetric,
  exponentialPoint,
  histogramMetric,
  histogramPoint,
  metricsTreeOf,
  numberPoint,
  sumMetric,
} from '#component/test_host'
import type { Metric, MetricData, MetricsTree } from '#pdata/otlp'
import { CumulativeToDelta } from '../processors/cumulative_to_delta/deltas.ts'
import { DeltaToCumulative } from '../processors/delta_to_cumulative/sums.ts'

const nothing = { converted: () => {}, dropped: () => {} }

/** Through both processors, scrape by scrape. */
function roundTrip(metrics: readonly Metric[]): (MetricData | undefined)[] {
  const toDelta = new CumulativeToDelta({ initialValue: 'auto', startUnixNano: 0n, isConverted: () => true })
  const toCumulative = new DeltaToCumulative(1000)
  return metrics.map((metric) => {
    const tree: MetricsTree = metricsTreeOf(structuredClone(metric))
    const drops = new Drops()
    toDelta.convert(tree, 0, drops, nothing)
    toCumulative.convert(tree, 0, drops, () => {})
    assert.equal(drops.total, 0)
    return tree.resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.data
  })
}

test('integer sums come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n }), { minLength: 1, maxLength: 20 }), (increments) => {
      let value = 0n
      const metrics = increments.map((increment, i) => {
        value += increment
        return sumMetric('m', [numberPoint(10 + i, value, { start: 1, attributes: { a: 'b' } })])
      })
      assert.deepEqual(
        roundTrip(metrics),
        metrics.map(({ data }) => data),
      )
    }),
    { numRuns: 100 },
  )
})

test('histograms come back as they were', () => {
  const row = fc.array(fc.nat(100), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 10 }), (increments) => {
      const counts = [0, 0, 0, 0]
      const metrics = increments.map((increment, i) => {
        for (const [j, n] of increment.entries()) (counts[j] as number) += n
        return histogramMetric('h', [
          histogramPoint(10 + i, counts, { start: 1, sum: counts.reduce((a, b) => a + b, 0) }),
        ])
      })
      assert.deepEqual(
        roundTrip(metrics),
        metrics.map(({ data }) => data),
      )
    }),
    { numRuns: 100 },
  )
})

test('exponential histograms that grow and get coarser come back with the same buckets', () => {
  const observation = fc.integer({ min: -60, max: 60 })
  const scrape = fc.record({ coarser: fc.boolean(), indexes: fc.array(observation, { minLength: 1, maxLength: 6 }) })
  fc.assert(
    fc.property(fc.array(scrape, { minLength: 1, maxLength: 8 }), (scrapes) => {
      let scale = 4
      let buckets = new Map<number, number>()
      const metrics = scrapes.map(({ coarser, indexes }, i) => {
        if (coarser) {
          scale--
          const halved = new Map<number, number>()
          for (const [index, count] of buckets) halved.set(index >> 1, (halved.get(index >> 1) ?? 0) + count)
          buckets = halved
        }
        for (const index of indexes) buckets.set(index, (buckets.get(index) ?? 0) + 1)
        const offset = Math.min(...buckets.keys())
        const counts = Array.from(
          { length: Math.max(...buckets.keys()) - offset + 1 },
          (_, j) => buckets.get(offset + j) ?? 0,
        )
        return exponentialMetric('e', [exponentialPoint(10 + i, { offset, counts }, { start: 1, scale })])
      })
      assert.deepEqual(
        roundTrip(metrics).map((data) => ({ ...data, points: plain(data) })),
        metrics.map(({ data }) => ({ ...data, points: plain(data) })),
      )
    }),
    { numRuns: 100 },
  )
})

function plain(data: MetricData | undefined): unknown {
  assert.ok(data?.kind === 'exponential_histogram')
  return data.points.map(({ count, scale, zeroCount, positive, startTimeUnixNano, timeUnixNano }) => ({
    count,
    scale,
    zeroCount,
    offset: positive.offset,
    counts: positive.bucketCounts,
    startTimeUnixNano,
    timeUnixNano,
  }))
}
