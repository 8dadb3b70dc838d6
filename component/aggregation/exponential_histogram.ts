// A histogram of base-2 exponential buckets that values are observed into: it begins at the finest scale and gets coarser.
import type { Attributes, ExponentialBuckets, ExponentialHistogramPoint } from '#pdata/otlp'
import { wholeCount } from './explicit_histogram.ts'

/** Finest and coarsest scale: specification, metrics SDK, "Base2 Exponential Bucket Histogram Aggregation". */
const scaleMax = 20
const scaleMin = -10

/** The buckets of one sign. */
class Buckets {
  /** Index of the first bucket. */
  start = 0
  length = 0
  counts = new Float64Array(0)

  /** Room for `index`, which makes at most as many buckets as the caller allows. */
  add(index: number, times: number): void {
    if (this.length === 0) this.start = index
    const start = Math.min(this.start, index)
    const length = Math.max(this.start + this.length, index + 1) - start
    const shift = this.start - start
    if (length > this.counts.length) {
      const larger = new Float64Array(Math.max(8, length * 2))
      larger.set(this.counts.subarray(0, this.length), shift)
      this.counts = larger
    } else if (shift > 0) {
      this.counts.copyWithin(shift, 0, this.length)
      this.counts.fill(0, 0, shift)
    }
    this.start = start
    this.length = length
    const at = index - start
    this.counts[at] = (this.counts[at] as number) + times
  }

  /** Join 2^bits neighbours each. */
  coarsen(bits: number): void {
    if (this.length === 0) return
    const start = this.start >> bits
    const length = ((this.start + this.length - 1) >> bits) - start + 1
    const joined = new Float64Array(length)
    for (let i = 0; i < this.length; i++) {
      const at = ((this.start + i) >> bits) - start
      joined[at] = (joined[at] as number) + (this.counts[i] as number)
    }
    this.start = start
    this.length = length
    this.counts = joined
  }

  toTree(): ExponentialBuckets {
    const bucketCounts = Array.from(this.counts.subarray(0, this.length), wholeCount)
    return { offset: this.length === 0 ? 0 : this.start, bucketCounts, unknown: null }
  }
}

export class ExponentialHistogram {
  readonly #bucketsMax: number
  readonly #positive = new Buckets()
  readonly #negative = new Buckets()
  #scale = scaleMax
  #count = 0
  #zeroCount = 0
  #sum = 0
  #min = Infinity
  #max = -Infinity

  /** `bucketsMax`: of one sign, at least 2. */
  constructor(bucketsMax: number) {
    this.#bucketsMax = Math.max(2, bucketsMax)
  }

  get count(): number {
    return this.#count
  }

  /** `times` equal values. Values that are no numbers or infinite are left out: no bucket is theirs. */
  observe(value: number, times: number): void {
    if (!Number.isFinite(value) || times <= 0) return
    this.#count += times
    this.#sum += value * times
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
    if (value === 0) {
      this.#zeroCount += times
      return
    }
    const buckets = value > 0 ? this.#positive : this.#negative
    let index = bucketIndex(Math.abs(value), this.#scale)
    const bits = this.#excessBits(buckets, index)
    if (bits > 0) {
      this.#scale -= bits
      this.#positive.coarsen(bits)
      this.#negative.coarsen(bits)
      index >>= bits
    }
    buckets.add(index, times)
  }

  /** By how many steps of scale the buckets have to shrink for `index` to find room. */
  #excessBits({ start, length }: Buckets, index: number): number {
    if (length === 0) return 0
    let low = Math.min(start, index)
    let high = Math.max(start + length - 1, index)
    let bits = 0
    while (high - low >= this.#bucketsMax && this.#scale - bits > scaleMin) {
      low >>= 1
      high >>= 1
      bits++
    }
    return bits
  }

  /** As a data point; exemplars are the caller's to fill in. */
  point(attributes: Attributes, startTimeUnixNano: bigint, timeUnixNano: bigint): ExponentialHistogramPoint {
    const isEmpty = this.#count === 0
    return {
      attributes,
      startTimeUnixNano,
      timeUnixNano,
      count: wholeCount(this.#count),
      sum: this.#sum,
      // Of zeros alone any scale is true; 0 is what other collectors say.
      scale: this.#count === this.#zeroCount ? 0 : this.#scale,
      zeroCount: wholeCount(this.#zeroCount),
      positive: this.#positive.toTree(),
      negative: this.#negative.toTree(),
      flags: 0,
      exemplars: [],
      min: isEmpty ? null : this.#min,
      max: isEmpty ? null : this.#max,
      zeroThreshold: 0,
      unknown: null,
    }
  }
}

/** Whole powers of two have an exact logarithm, and are the upper end of their bucket. */
function bucketIndex(value: number, scale: number): number {
  return Math.ceil(Math.log2(value) * 2 ** scale) - 1
}
