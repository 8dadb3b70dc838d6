// Native histograms made coarser, as scrape limits ask (Prometheus model/histogram, ReduceResolution).
import type { HistogramSpan, NativeHistogram } from '#pdata'

/** The coarsest exponential schema. */
const schemaMin = -4

/** Schema of histograms with custom buckets: they cannot be made coarser. */
export const customBucketsSchema = -53

/**
 * `histogram` with no finer schema than `schemaMax` and at most `bucketLimit` buckets (0: any number), merging neighbours;
 * undefined when that cannot be had.
 */
export function limitedHistogram(
  histogram: NativeHistogram,
  schemaMax: number,
  bucketLimit: number,
): NativeHistogram | undefined {
  let out = histogram
  if (out.schema !== customBucketsSchema && out.schema > schemaMax) out = coarser(out, out.schema - schemaMax)
  while (bucketLimit > 0 && out.positiveBuckets.length + out.negativeBuckets.length > bucketLimit) {
    if (out.schema <= schemaMin) return undefined
    out = coarser(out, 1)
  }
  return out
}

function coarser(histogram: NativeHistogram, steps: number): NativeHistogram {
  const positive = mergeBuckets(histogram.positiveSpans, histogram.positiveBuckets, steps, histogram.isFloat)
  const negative = mergeBuckets(histogram.negativeSpans, histogram.negativeBuckets, steps, histogram.isFloat)
  return {
    ...histogram,
    schema: histogram.schema - steps,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  }
}

/** Bucket `i` of a schema lies in bucket `ceil(i / 2^steps)` of the one that is `steps` coarser. */
function mergeBuckets(
  spans: readonly HistogramSpan[],
  buckets: readonly number[],
  steps: number,
  isFloat: boolean,
): { spans: HistogramSpan[]; buckets: number[] } {
  const counts: number[] = []
  const indexes: number[] = []
  let index = 0
  let at = 0
  let count = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++, index++, at++) {
      count = isFloat ? (buckets[at] ?? 0) : count + (buckets[at] ?? 0)
      const target = Math.ceil(index / 2 ** steps)
      if (indexes.at(-1) === target) counts[counts.length - 1] = (counts.at(-1) as number) + count
      else {
        indexes.push(target)
        counts.push(count)
      }
    }
  }
  return { spans: spansOf(indexes), buckets: isFloat ? counts : counts.map((c, i) => c - (counts[i - 1] ?? 0)) }
}

function spansOf(indexes: readonly number[]): HistogramSpan[] {
  const spans: { offset: number; length: number }[] = []
  let end = 0
  for (const index of indexes) {
    const last = spans.at(-1)
    if (last && index === end) last.length++
    else spans.push({ offset: index - (last ? end : 0), length: 1 })
    end = index + 1
  }
  return spans
}

/**
 * A classic histogram as a native one with custom buckets (Prometheus util/convertnhcb). `bounds` ascending, without +Inf;
 * `cumulative` parallel, with the count at +Inf behind. Undefined where the counts go down or are no numbers.
 */
export function customBucketHistogram(
  bounds: readonly number[],
  cumulative: readonly number[],
  sum: number,
): NativeHistogram | undefined {
  const counts = cumulative.map((count, i) => count - (i === 0 ? 0 : (cumulative[i - 1] as number)))
  if (counts.some((count) => !(count >= 0))) return undefined
  const isFloat = cumulative.some((count) => !Number.isInteger(count))
  const indexes = [...counts.keys()].filter((i) => counts[i] !== 0)
  const kept = indexes.map((i) => counts[i] as number)
  return {
    isFloat,
    schema: customBucketsSchema,
    count: cumulative.at(-1) ?? 0,
    sum,
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: spansOf(indexes),
    negativeSpans: [],
    positiveBuckets: isFloat ? kept : kept.map((count, i) => count - (kept[i - 1] ?? 0)),
    negativeBuckets: [],
    customValues: bounds.slice(),
    resetHint: 0,
  }
}
