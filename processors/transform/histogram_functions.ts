// Editors for histograms: exponential to explicit buckets, percentiles, fewer buckets.
import type { FunctionDefinition } from '#component/ottl'
import {
  defineEditor,
  floatLiteral,
  getter,
  list,
  literalOf,
  OttlError,
  optional,
  stringLiteral,
} from '#component/ottl'
import type { ExponentialHistogramPoint, HistogramPoint, NumberPoint } from '#pdata/otlp'
import { append, metricAt, metricFrom, pointFrom } from './metric_functions.ts'

// ------------------------------------------------------------------------------------------------ exponential buckets

/** The lower bound of a bucket: 2^(index · 2^-scale), of the data model's "all scales". */
function bucketBound(index: number, scale: number): number {
  return 2 ** (index * 2 ** -scale)
}

/** A bucket's bounds and how many it counts. */
interface Range {
  readonly lower: number
  readonly upper: number
  readonly count: bigint
}

/** All buckets that count something, from the lowest to the highest. */
function rangesOf(point: ExponentialHistogramPoint): Range[] {
  const { scale, positive, negative, zeroCount, zeroThreshold } = point
  const ranges: Range[] = []
  for (const [i, count] of [...negative.bucketCounts.entries()].toReversed()) {
    const index = negative.offset + i
    if (count > 0n) ranges.push({ lower: -bucketBound(index + 1, scale), upper: -bucketBound(index, scale), count })
  }
  if (zeroCount > 0n) {
    const lower = negative.bucketCounts.length > 0 ? -zeroThreshold : 0
    const upper = positive.bucketCounts.length > 0 || lower === 0 ? zeroThreshold : 0
    ranges.push({ lower, upper, count: zeroCount })
  }
  for (const [i, count] of positive.bucketCounts.entries()) {
    const index = positive.offset + i
    if (count > 0n) ranges.push({ lower: bucketBound(index, scale), upper: bucketBound(index + 1, scale), count })
  }
  return ranges
}

// ------------------------------------------------------------------------------------ exponential to explicit buckets

const distributions = ['upper', 'midpoint', 'uniform', 'random'] as const
type Distribution = (typeof distributions)[number]

/** The bucket that holds `value`: bounds are inclusive above. */
function bucketOf(value: number, bounds: readonly number[]): number {
  const index = bounds.findIndex((bound) => value <= bound)
  return index < 0 ? bounds.length : index
}

/** The buckets whose upper bound lies in the range; the one that holds its end where there is none. */
function bucketsIn({ lower, upper }: Range, bounds: readonly number[]): number[] {
  const found = bounds.flatMap((bound, i) => (bound >= lower && bound <= upper ? [i] : []))
  return found.length === 0 ? [bucketOf(upper, bounds)] : found
}

function addTo(counts: bigint[], bucket: number, count: bigint): void {
  counts[bucket] = (counts[bucket] ?? 0n) + count
}

/** Evenly, what is left over to the first ones. */
function spreadEvenly(range: Range, bounds: readonly number[], counts: bigint[]): void {
  const buckets = bucketsIn(range, bounds)
  const each = range.count / BigInt(buckets.length)
  let rest = range.count % BigInt(buckets.length)
  for (const bucket of buckets) {
    addTo(counts, bucket, each + (rest > 0n ? 1n : 0n))
    if (rest > 0n) rest--
  }
}

/** A random part to each, the last takes what is left. */
function spreadRandomly(range: Range, bounds: readonly number[], counts: bigint[], random: () => number): void {
  const buckets = bucketsIn(range, bounds)
  let left = range.count
  for (const [i, bucket] of buckets.entries()) {
    const others = buckets.length - i
    const share = others === 1 ? left : BigInt(Math.floor((Number(left) / others) * 2 * random()))
    const part = share > left ? left : share
    addTo(counts, bucket, part)
    left -= part
  }
}

function explicitCounts(
  point: ExponentialHistogramPoint,
  bounds: readonly number[],
  distribution: Distribution,
  random: () => number,
): bigint[] {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0n)
  for (const range of rangesOf(point)) {
    const { lower, upper, count } = range
    if (distribution === 'upper') addTo(counts, bucketOf(upper, bounds), count)
    else if (distribution === 'midpoint') addTo(counts, bucketOf((lower + upper) / 2, bounds), count)
    else if (distribution === 'uniform') spreadEvenly(range, bounds, counts)
    else spreadRandomly(range, bounds, counts, random)
  }
  return counts
}

/**
 * Every bucket's count goes to the explicit bucket or buckets that `distribution` finds, zero and negative ones too: nothing
 * is lost, and there is one bucket more than there are bounds.
 */
function convertExponential(random: () => number): FunctionDefinition {
  return defineEditor({
    name: 'convert_exponential_histogram_to_histogram',
    parameters: { distribution_fn: stringLiteral, explicit_bounds: list(floatLiteral) },
    create({ distribution_fn: text, explicit_bounds: bounds }) {
      const distribution = text === '' ? 'random' : distributions.find((each) => each === text)
      if (distribution === undefined) {
        throw new OttlError(`invalid distribution "${text}", must be one of ${distributions.join(', ')}`)
      }
      if (bounds.length === 0) throw new OttlError('explicit bounds cannot be empty')
      if (bounds.some((bound, i) => i > 0 && bound <= (bounds[i - 1] as number))) {
        throw new OttlError('explicit bounds must increase')
      }
      return (context) => {
        const metric = metricAt(context)
        const { data } = metric
        if (data.kind !== 'exponential_histogram') return null
        const points = data.points.map((point): HistogramPoint => {
          const { attributes, startTimeUnixNano, timeUnixNano, count, sum, min, max, exemplars, flags, unknown } = point
          const bucketCounts = explicitCounts(point, bounds, distribution, random)
          const buckets = { bucketCounts, explicitBounds: [...bounds] }
          return {
            attributes,
            startTimeUnixNano,
            timeUnixNano,
            count,
            sum,
            ...buckets,
            exemplars,
            flags,
            min,
            max,
            unknown,
          }
        })
        metric.data = { kind: 'histogram', points, temporality: data.temporality, unknown: null }
        return null
      }
    },
  })
}

// ------------------------------------------------------------------------------------------------------- percentiles

function notReached(percentile: number): OttlError {
  return new OttlError(
    `percentile p${percentile} not found in the buckets: their counts do not reach the point's count`,
  )
}

function between(lower: number, upper: number, part: number): number {
  return lower + part * (upper - lower)
}

/** Linear between the bounds; below the first bound from min (or 0), above the last to max. NaN for an empty histogram. */
function explicitPercentile(point: HistogramPoint, percentile: number): number {
  const { count, bucketCounts, explicitBounds, min, max } = point
  if (count === 0n || bucketCounts.length === 0 || explicitBounds.length === 0) return Number.NaN
  const target = Math.ceil(Number(count) * (percentile / 100))
  let before = 0
  for (const [i, each] of bucketCounts.entries()) {
    const inside = Number(each)
    if (before + inside >= target && inside > 0) {
      const first = explicitBounds[0] as number
      const lower = i === 0 ? (min ?? Math.min(0, first)) : (explicitBounds[i - 1] as number)
      const upper = explicitBounds[i] ?? (max !== null && max > lower ? max : lower)
      return between(lower, upper, (target - before) / inside)
    }
    before += inside
  }
  throw notReached(percentile)
}

/** Logarithmic between a bucket's bounds, linear in the zero bucket. NaN for an empty histogram. */
function exponentialPercentile(point: ExponentialHistogramPoint, percentile: number): number {
  const ranges = rangesOf(point)
  if (point.count === 0n || ranges.length === 0) return Number.NaN
  const target = Math.ceil(Number(point.count) * (percentile / 100))
  let before = 0
  for (const { lower, upper, count } of ranges) {
    const inside = Number(count)
    if (before + inside >= target) {
      const part = (target - before) / inside
      if (lower > 0) return 2 ** between(Math.log2(lower), Math.log2(upper), part)
      if (upper < 0) return -(2 ** between(Math.log2(-lower), Math.log2(-upper), part))
      return between(lower, upper, part)
    }
    before += inside
  }
  throw notReached(percentile)
}

const extractPercentile = defineEditor({
  name: 'extract_percentile_metric',
  parameters: { percentile: floatLiteral, suffix: optional(stringLiteral) },
  create({ percentile, suffix = `_p${percentile}` }) {
    if (!(percentile > 0 && percentile < 100)) {
      throw new OttlError(`percentile must be greater than 0 and less than 100, got ${percentile}`)
    }
    return (context) => {
      const metric = metricAt(context)
      const { data } = metric
      let points: NumberPoint[]
      if (data.kind === 'histogram') {
        points = data.points.map((point) => pointFrom(point, explicitPercentile(point, percentile)))
      } else if (data.kind === 'exponential_histogram') {
        points = data.points.map((point) => pointFrom(point, exponentialPercentile(point, percentile)))
      } else return null
      if (points.length === 0) return null
      const made = metricFrom(metric, suffix, metric.unit, { kind: 'gauge', points, unknown: null })
      const shown = `p${percentile}`
      append(context, { ...made, description: metric.description === '' ? shown : `${metric.description} (${shown})` })
      return null
    }
  },
})

// ----------------------------------------------------------------------------------------------------- fewer buckets

/** How near a bound must be to the one that is named. */
const boundTolerance = 1e-12

function isWellFormed({ explicitBounds, bucketCounts }: HistogramPoint): boolean {
  return bucketCounts.length > 1 && bucketCounts.length === explicitBounds.length + 1
}

function removeBound(point: HistogramPoint, bound: number): void {
  const { explicitBounds, bucketCounts } = point
  const at = explicitBounds.findIndex((each) => Math.abs(each - bound) < boundTolerance)
  if (at < 0) return
  point.explicitBounds = explicitBounds.toSpliced(at, 1)
  point.bucketCounts = bucketCounts.toSpliced(at, 2, (bucketCounts[at] as bigint) + (bucketCounts[at + 1] as bigint))
}

/** Neighbours are merged in groups of the smallest size that leaves at most `bucketsMax`. */
function limitBuckets(point: HistogramPoint, bucketsMax: number): void {
  const { explicitBounds, bucketCounts } = point
  if (bucketCounts.length <= bucketsMax) return
  if (explicitBounds.some((bound, i) => i > 0 && bound <= (explicitBounds[i - 1] as number))) return
  const size = Math.ceil(bucketCounts.length / bucketsMax)
  const counts: bigint[] = []
  const bounds: number[] = []
  for (let at = 0; at < bucketCounts.length; at += size) {
    const end = Math.min(at + size, bucketCounts.length)
    counts.push(bucketCounts.slice(at, end).reduce((all, each) => all + each, 0n))
    if (end < bucketCounts.length) bounds.push(explicitBounds[end - 1] as number)
  }
  point.bucketCounts = counts
  point.explicitBounds = bounds
}

const mergeBuckets = defineEditor({
  name: 'merge_histogram_buckets',
  parameters: { target_value: getter, method: optional(stringLiteral) },
  create({ target_value: target, method = 'remove_explicit_bound' }) {
    const value = literalOf(target)?.value
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new OttlError('the target value must be a number')
    const number = Number(value)
    const isLimit = method === 'limit_buckets'
    if (!isLimit && method !== 'remove_explicit_bound') {
      throw new OttlError(`invalid method "${method}", must be remove_explicit_bound or limit_buckets`)
    }
    if (isLimit && !(Number.isInteger(number) && number > 0)) {
      throw new OttlError(`the number of buckets must be a positive integer, got ${number}`)
    }
    return (context) => {
      if (metricAt(context).data.kind !== 'histogram') return null
      const point = context.point as HistogramPoint
      if (!isWellFormed(point)) return null
      if (isLimit) limitBuckets(point, number)
      else removeBound(point, number)
      return null
    }
  },
})

/** `random`: for the distribution of that name; in [0, 1). */
export function histogramMetricFunctions(random: () => number): readonly FunctionDefinition[] {
  return [convertExponential(random), extractPercentile]
}

export const histogramPointFunctions: readonly FunctionDefinition[] = [mergeBuckets]
