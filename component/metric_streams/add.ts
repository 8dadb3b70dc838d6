// Adds one data point to another of its stream: numbers, histograms and exponential histograms.
import type { ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint } from '#pdata/otlp'

/** Buckets that a merged exponential histogram may have on each side: the SDKs' default size. */
export const exponentialBucketsMax = 160

/** int64 wraps around as in the protocol's own type; once one of both is a double, so is the sum. */
export function addNumbers(a: bigint | number | null, b: bigint | number | null): bigint | number | null {
  if (a === null) return b
  if (b === null) return a
  if (typeof a === 'bigint' && typeof b === 'bigint') return BigInt.asIntN(64, a + b)
  return Number(a) + Number(b)
}

/**
 * Add `point` to `state`. Histograms with other bounds cannot be added: the state becomes the point. Sum, minimum and
 * maximum are lost where one of both has none. Nothing of `point` is kept by reference.
 */
export function addHistogram(state: HistogramPoint, point: HistogramPoint): void {
  if (!sameNumbers(state.explicitBounds, point.explicitBounds)) {
    state.startTimeUnixNano = point.startTimeUnixNano
    state.explicitBounds = point.explicitBounds.slice()
    state.bucketCounts = point.bucketCounts.slice()
    state.count = point.count
    state.sum = point.sum
    state.min = point.min
    state.max = point.max
    return
  }
  const { bucketCounts: into } = state
  const { bucketCounts: from } = point
  const shared = Math.min(into.length, from.length)
  for (let i = 0; i < shared; i++) into[i] = into[i]! + from[i]!
  state.count += point.count
  addAggregates(state, point)
}

interface Aggregates {
  sum: number | null
  min: number | null
  max: number | null
}

function addAggregates(state: Aggregates, point: Aggregates): void {
  state.sum = state.sum === null || point.sum === null ? null : state.sum + point.sum
  state.min = state.min === null || point.min === null ? null : Math.min(state.min, point.min)
  state.max = state.max === null || point.max === null ? null : Math.max(state.max, point.max)
}

/**
 * Add `point` to `state`: both are brought to the smaller scale, then to one at which no side has more than
 * `exponentialBucketsMax` buckets, and to the larger zero threshold. `point` is left as it is.
 * Specification: metrics data model, "ExponentialHistogram: Consumer Recommendations" and "Zero Count and Zero Threshold".
 */
export function addExponentialHistogram(state: ExponentialHistogramPoint, point: ExponentialHistogramPoint): void {
  const low = Math.min(state.scale, point.scale)
  let positive = coarser(point.positive, point.scale - low)
  let negative = coarser(point.negative, point.scale - low)
  downscale(state, low)
  const bits = Math.max(excessBits(state.positive, positive), excessBits(state.negative, negative))
  if (bits > 0) {
    downscale(state, low - bits)
    positive = coarser(positive, bits)
    negative = coarser(negative, bits)
  }
  let { zeroCount } = point
  if (state.zeroThreshold < point.zeroThreshold) {
    widenZero(state, point.zeroThreshold)
  } else if (state.zeroThreshold > point.zeroThreshold) {
    const wide = { ...point, scale: state.scale, positive, negative }
    widenZero(wide, state.zeroThreshold)
    zeroCount = wide.zeroCount
    positive = wide.positive
    negative = wide.negative
    state.zeroThreshold = Math.max(state.zeroThreshold, wide.zeroThreshold)
  }
  state.positive = merged(state.positive, positive)
  state.negative = merged(state.negative, negative)
  state.count += point.count
  state.zeroCount += zeroCount
  addAggregates(state, point)
}

/** To a scale that is not above the point's. */
export function downscale(point: ExponentialHistogramPoint, scale: number): void {
  const bits = point.scale - scale
  if (bits <= 0) return
  point.positive = coarser(point.positive, bits)
  point.negative = coarser(point.negative, bits)
  point.scale = scale
}

/** Buckets whose indexes are divided by 2^bits; the same object where nothing changes. */
export function coarser(buckets: ExponentialBuckets, bits: number): ExponentialBuckets {
  if (bits <= 0) return buckets
  const { offset, bucketCounts } = buckets
  // Beyond 31 bits every index is -1 or 0, and a shift would begin anew.
  const by = Math.min(bits, 31)
  const lower = offset >> by
  if (bucketCounts.length === 0) return { offset: lower, bucketCounts: [], unknown: buckets.unknown }
  const size = ((offset + bucketCounts.length - 1) >> by) - lower + 1
  const counts = Array.from({ length: size }, () => 0n)
  for (let i = 0; i < bucketCounts.length; i++) counts[((offset + i) >> by) - lower]! += bucketCounts[i]!
  return { offset: lower, bucketCounts: counts, unknown: buckets.unknown }
}

/** The range of indexes, upper end exclusive, in which one of both has a count; empty: lower = upper. */
function filledRange(a: ExponentialBuckets, b: ExponentialBuckets): { lower: number; upper: number } {
  let lower = Math.min(firstFilled(a), firstFilled(b))
  let upper = Math.max(endOfFilled(a), endOfFilled(b))
  if (lower >= upper) {
    lower = 0
    upper = 0
  }
  return { lower, upper }
}

function firstFilled({ offset, bucketCounts }: ExponentialBuckets): number {
  const i = bucketCounts.findIndex((count) => count > 0n)
  return i < 0 ? Infinity : offset + i
}

function endOfFilled({ offset, bucketCounts }: ExponentialBuckets): number {
  const i = bucketCounts.findLastIndex((count) => count > 0n)
  return i < 0 ? -Infinity : offset + i + 1
}

/** By how many steps of scale both have to shrink to fit together. */
function excessBits(a: ExponentialBuckets, b: ExponentialBuckets): number {
  let { lower, upper } = filledRange(a, b)
  let bits = 0
  while (upper - lower > exponentialBucketsMax) {
    lower = Math.floor(lower / 2)
    upper = Math.ceil(upper / 2)
    bits++
  }
  return bits
}

function merged(a: ExponentialBuckets, b: ExponentialBuckets): ExponentialBuckets {
  const { lower, upper } = filledRange(a, b)
  const counts = Array.from({ length: upper - lower }, () => 0n)
  for (const { offset, bucketCounts } of [a, b]) {
    for (let i = 0; i < bucketCounts.length; i++) {
      if (bucketCounts[i]! > 0n) counts[offset + i - lower]! += bucketCounts[i]!
    }
  }
  return { offset: lower, bucketCounts: counts, unknown: a.unknown }
}

/**
 * Widen the zero bucket to `threshold` or a little further, to the end of the bucket in which it lies: the counts of the
 * buckets below move into it.
 */
export function widenZero(point: ExponentialHistogramPoint, threshold: number): void {
  if (threshold <= point.zeroThreshold) return
  const zero = bucketIndex(threshold, point.scale)
  point.positive = trimmed(point, point.positive, zero)
  point.negative = trimmed(point, point.negative, zero)
  const upper = 2 ** ((zero + 1) * 2 ** -point.scale)
  point.zeroThreshold = Number.isFinite(upper) ? Math.max(upper, threshold) : threshold
}

function trimmed(point: { zeroCount: bigint }, buckets: ExponentialBuckets, zero: number): ExponentialBuckets {
  const { offset, bucketCounts } = buckets
  const gone = Math.min(Math.max(zero + 1 - offset, 0), bucketCounts.length)
  if (gone === 0) return buckets
  for (let i = 0; i < gone; i++) point.zeroCount += bucketCounts[i]!
  return { offset: offset + gone, bucketCounts: bucketCounts.slice(gone), unknown: buckets.unknown }
}

/** The bucket of a positive value: (2^(index * 2^-scale), 2^((index + 1) * 2^-scale)]. */
export function bucketIndex(value: number, scale: number): number {
  return Math.ceil(Math.log2(value) * 2 ** scale) - 1
}

export function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
