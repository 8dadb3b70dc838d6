// Values end in the bucket that is theirs, and none is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ExponentialHistogramPoint } from '#pdata/otlp'
import { durationBounds } from './buckets.ts'
import { ExplicitHistogram } from './explicit_histogram.ts'
import { ExponentialHistogram } from './exponential_histogram.ts'

test('a value on a bound is below it', () => {
  const histogram = new ExplicitHistogram([1, 5, 10])
  for (const value of [0, 1, 1.5, 5, 10, 11, 11]) histogram.observe(value, 1)
  histogram.observe(2, 3)
  const { bucketCounts, count, sum } = histogram.point([], 1n, 2n)
  assert.deepEqual([bucketCounts, count, sum], [[2n, 5n, 1n, 2n], 10n, 45.5])
})

test('bounds are in order, each once, in their unit', () => {
  assert.deepEqual(durationBounds([15_000, 2, 2, 0.1, 1400], 1000), [0.0001, 0.002, 1.4, 15])
  assert.deepEqual(durationBounds([2, 1400], 1), [2, 1400])
})

/** The bounds of all buckets with their counts, from the lowest. */
function bucketsOf(point: ExponentialHistogramPoint): { low: number; high: number; count: number }[] {
  const base = 2 ** (2 ** -point.scale)
  return point.positive.bucketCounts.map((count, i) => {
    const index = point.positive.offset + i
    return { low: base ** index, high: base ** (index + 1), count: Number(count) }
  })
}

const exponentialCases = [
  { name: 'one value has the finest scale', values: [3], bucketsMax: 160, scale: 20, buckets: 1 },
  { name: 'powers of two are the upper end of their bucket', values: [1, 2, 4], bucketsMax: 4, scale: 0, buckets: 3 },
  { name: 'far values share buckets of a coarse scale', values: [1e-9, 1e9], bucketsMax: 2, scale: -5, buckets: 2 },
  { name: 'zeros alone have scale 0', values: [0, 0], bucketsMax: 160, scale: 0, buckets: 0 },
  { name: 'negative values are counted on their own side', values: [-1, -2], bucketsMax: 160, scale: 7, buckets: 0 },
]
for (const { name, values, bucketsMax, scale, buckets } of exponentialCases) {
  test(name, () => {
    const histogram = new ExponentialHistogram(bucketsMax)
    for (const value of values) histogram.observe(value, 1)
    const point = histogram.point([], 1n, 2n)
    assert.deepEqual([point.scale, point.positive.bucketCounts.length], [scale, buckets])
  })
}

test('every value is within its bucket, and there are never more buckets than allowed', () => {
  const value = fc.oneof(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), fc.constantFrom(0, 1, 2, 1024, 0.5))
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60 }), fc.integer({ min: 2, max: 200 }), (values, bucketsMax) => {
      const histogram = new ExponentialHistogram(bucketsMax)
      for (const one of values) histogram.observe(one, 2)
      const point = histogram.point([], 1n, 2n)
      const buckets = bucketsOf(point)
      assert.ok(buckets.length <= bucketsMax, `${buckets.length} buckets`)
      assert.equal(Number(point.count), values.length * 2)
      assert.equal(Number(point.zeroCount), values.filter((one) => one === 0).length * 2)
      const slack = 1e-6
      for (const { low, high, count } of buckets) {
        const near = values.filter((one) => one > low * (1 - slack) && one <= high * (1 + slack)).length * 2
        const surely = values.filter((one) => one > low * (1 + slack) && one <= high * (1 - slack)).length * 2
        assert.ok(count <= near && count >= surely, `${count} of ${surely} to ${near} in (${low}, ${high}]`)
      }
      assert.equal(buckets.reduce((sum, { count }) => sum + count, 0) + Number(point.zeroCount), Number(point.count))
    }),
  )
})

test('what is no number is left out', () => {
  const histogram = new ExponentialHistogram(160)
  for (const value of [NaN, Infinity, -Infinity]) histogram.observe(value, 1)
  assert.equal(histogram.count, 0)
})
