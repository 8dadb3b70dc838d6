// A histogram over fixed bounds that values are observed into.
import type { Attributes, HistogramPoint } from '#pdata/otlp'

export class ExplicitHistogram {
  /** Upper bounds, inclusive, rising. Shared by all histograms of a metric. */
  readonly bounds: readonly number[]
  readonly #counts: Float64Array
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  get count(): number {
    return this.#count
  }

  /** `times` equal values. */
  observe(value: number, times: number): void {
    const { bounds } = this
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((bounds[middle] as number) < value) low = middle + 1
      else high = middle
    }
    this.#counts[low] = (this.#counts[low] as number) + times
    this.#count += times
    this.#sum += value * times
  }

  /** As a data point; exemplars, and times, are the caller's to fill in. */
  point(attributes: Attributes, startTimeUnixNano: bigint, timeUnixNano: bigint): HistogramPoint {
    return {
      attributes,
      startTimeUnixNano,
      timeUnixNano,
      count: wholeCount(this.#count),
      sum: this.#sum,
      bucketCounts: Array.from(this.#counts, wholeCount),
      explicitBounds: [...this.bounds],
      exemplars: [],
      flags: 0,
      min: null,
      max: null,
      unknown: null,
    }
  }
}

/** Counts are whole up to 2^53, and rounded where weights are not whole. */
export function wholeCount(count: number): bigint {
  return BigInt(Math.round(count))
}
