// Native histograms of OTLP's histograms, and the way back.
import type { HistogramSpan, NativeHistogram } from '#pdata'
import type { ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint } from '#pdata/otlp'

/** The resolutions that Prometheus knows; finer ones are merged down, coarser ones cannot be told. */
const schemaMin = -4
const schemaMax = 8
const customBuckets = -53
/** What counts as zero where the point does not say (Prometheus's translator). */
const zeroThresholdDefault = 1e-128
/** Gaps of up to so many empty buckets are filled, longer ones begin a new span (client_golang's choice). */
const gapMax = 2
/** A native histogram that spans more buckets than this is refused: it could not be told in OTLP without that many zeros. */
const otlpBucketsMax = 1 << 16

class SpanWriter {
  readonly spans: { offset: number; length: number }[] = []
  readonly deltas: number[] = []
  #next = 0
  #last = 0

  /** Buckets come in the order of their indexes; empty ones need not come. */
  add(index: number, count: number): void {
    const gap = index - this.#next
    const span = this.spans.at(-1)
    if (span === undefined || gap > gapMax) this.spans.push({ offset: gap, length: 0 })
    else for (let i = 0; i < gap; i++) this.#push(0)
    this.#push(count)
    this.#next = index + 1
  }

  #push(count: number): void {
    ;(this.spans.at(-1) as { length: number }).length++
    this.deltas.push(count - this.#last)
    this.#last = count
  }
}

/** OTLP's bucket `offset + i` holds (base^i, base^(i+1)]; Prometheus counts them by the upper bound: one more. */
function exponentialSpans({ offset, bucketCounts }: ExponentialBuckets, scaleDown: number): SpanWriter {
  const writer = new SpanWriter()
  let index = 0
  let count = 0
  for (let i = 0; i < bucketCounts.length; i++) {
    const at = Math.floor((offset + i) / 2 ** scaleDown) + 1
    if (at !== index) {
      if (count > 0) writer.add(index, count)
      index = at
      count = 0
    }
    count += Number(bucketCounts[i]!)
  }
  if (count > 0) writer.add(index, count)
  return writer
}

/** Undefined: the point is coarser than Prometheus's coarsest schema. */
export function nativeFromExponential(point: ExponentialHistogramPoint): NativeHistogram | undefined {
  if (point.scale < schemaMin) return undefined
  const scaleDown = Math.max(0, point.scale - schemaMax)
  const positive = exponentialSpans(point.positive, scaleDown)
  const negative = exponentialSpans(point.negative, scaleDown)
  return {
    isFloat: false,
    schema: point.scale - scaleDown,
    count: Number(point.count),
    sum: point.sum ?? 0,
    zeroThreshold: point.zeroThreshold > 0 ? point.zeroThreshold : zeroThresholdDefault,
    zeroCount: Number(point.zeroCount),
    positiveSpans: positive.spans,
    positiveBuckets: positive.deltas,
    negativeSpans: negative.spans,
    negativeBuckets: negative.deltas,
    customValues: [],
    resetHint: 0,
  }
}

/** A histogram with custom buckets. Undefined: counts and bounds do not go together. */
export function nativeFromExplicit(point: HistogramPoint): NativeHistogram | undefined {
  const { explicitBounds, bucketCounts } = point
  if (bucketCounts.length !== explicitBounds.length + 1) return undefined
  const writer = new SpanWriter()
  bucketCounts.forEach((count, i) => {
    if (count > 0n) writer.add(i, Number(count))
  })
  return {
    isFloat: false,
    schema: customBuckets,
    count: Number(point.count),
    sum: point.sum ?? 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: writer.spans,
    positiveBuckets: writer.deltas,
    negativeSpans: [],
    negativeBuckets: [],
    customValues: explicitBounds,
    resetHint: 0,
  }
}

const whole = (count: number): bigint => (count > 0 && Number.isFinite(count) ? BigInt(Math.trunc(count)) : 0n)

/** Each bucket with its index, empty ones of gaps left out. */
function* buckets(
  spans: readonly HistogramSpan[],
  values: readonly number[],
  isFloat: boolean,
): Generator<readonly [index: number, count: number]> {
  let index = 0
  let at = 0
  let count = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length && at < values.length; i++) {
      const value = values[at++]!
      count = isFloat ? value : count + value
      yield [index++, count]
    }
  }
}

/** Undefined: it spans too many buckets. */
function exponentialBuckets(
  spans: readonly HistogramSpan[],
  values: readonly number[],
  isFloat: boolean,
): ExponentialBuckets | undefined {
  const first = spans[0]
  if (first === undefined) return { offset: 0, bucketCounts: [], unknown: null }
  let extent = 0
  spans.forEach(({ offset, length }, i) => (extent += length + (i > 0 ? offset : 0)))
  if (extent > otlpBucketsMax || spans.some(({ offset }, i) => i > 0 && offset < 0)) return undefined
  const bucketCounts = Array.from({ length: extent }, () => 0n)
  for (const [index, count] of buckets(spans, values, isFloat)) bucketCounts[index - first.offset] = whole(count)
  return { offset: first.offset - 1, bucketCounts, unknown: null }
}

export type ExponentialParts = Pick<
  ExponentialHistogramPoint,
  'count' | 'sum' | 'scale' | 'zeroCount' | 'zeroThreshold' | 'positive' | 'negative'
>

/** What an exponential histogram point says of a native histogram. Counts that are floats lose their fractions. */
export function exponentialFromNative(histogram: NativeHistogram): ExponentialParts | undefined {
  const { isFloat } = histogram
  const positive = exponentialBuckets(histogram.positiveSpans, histogram.positiveBuckets, isFloat)
  const negative = exponentialBuckets(histogram.negativeSpans, histogram.negativeBuckets, isFloat)
  if (positive === undefined || negative === undefined) return undefined
  return {
    count: whole(histogram.count),
    sum: histogram.sum,
    scale: histogram.schema,
    zeroCount: whole(histogram.zeroCount),
    zeroThreshold: histogram.zeroThreshold,
    positive,
    negative,
  }
}

export const isCustomBuckets = ({ schema }: NativeHistogram): boolean => schema === customBuckets

export function explicitFromNative(
  histogram: NativeHistogram,
): Pick<HistogramPoint, 'count' | 'sum' | 'explicitBounds' | 'bucketCounts'> {
  const bucketCounts = Array.from({ length: histogram.customValues.length + 1 }, () => 0n)
  const { positiveSpans, positiveBuckets, isFloat } = histogram
  for (const [index, count] of buckets(positiveSpans, positiveBuckets, isFloat)) {
    if (index >= 0 && index < bucketCounts.length) bucketCounts[index] = whole(count)
  }
  const { count, sum, customValues } = histogram
  return { count: whole(count), sum, explicitBounds: [...customValues], bucketCounts }
}
