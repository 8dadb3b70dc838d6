// Native histograms off the wire, in the form that both versions of remote write share.
import type { HistogramSpan, NativeHistogram } from '../series.ts'
import { staleBits } from '../series.ts'
import type { FieldReader } from './reader.ts'
import { DecodeError } from './reader.ts'
import { customBucketsSchema } from './sample_fields.ts'

/** Schemas of exponential buckets that Prometheus accepts, those reserved included (model/histogram/generic.go). */
const schemaMin = -9
const schemaMax = 52

/** Counts how much a request asks for, so that few bytes cannot make many objects. */
export class ItemBudget {
  #left: number
  readonly #max: number
  constructor(max: number) {
    this.#left = max
    this.#max = max
  }

  spend(count: number, offset: number): void {
    this.#left -= count
    if (this.#left < 0) throw new DecodeError(offset, `it holds more items than the limit of ${this.#max}`)
  }
}

/** A histogram as read, before it is known to be sound. */
export class RawHistogram {
  isFloat = false
  isStale = false
  schema = 0
  count = 0
  sum = 0
  zeroThreshold = 0
  zeroCount = 0
  zeroIsFloat: boolean | null = null
  readonly positiveSpans: HistogramSpan[] = []
  readonly negativeSpans: HistogramSpan[] = []
  readonly positiveDeltas: number[] = []
  readonly negativeDeltas: number[] = []
  readonly positiveCounts: number[] = []
  readonly negativeCounts: number[] = []
  readonly customValues: number[] = []
  resetHint = 0
  timestampMs = 0
  startMs = 0

  /** The histogram for a batch. Ask `problem` first. */
  toNative(): NativeHistogram {
    return {
      isFloat: this.isFloat,
      schema: this.schema,
      count: this.count,
      sum: this.sum,
      zeroThreshold: this.zeroThreshold,
      zeroCount: this.zeroCount,
      positiveSpans: this.positiveSpans,
      negativeSpans: this.negativeSpans,
      positiveBuckets: this.isFloat ? this.positiveCounts : this.positiveDeltas,
      negativeBuckets: this.isFloat ? this.negativeCounts : this.negativeDeltas,
      customValues: this.customValues,
      resetHint: this.resetHint,
    }
  }

  /** Why the histogram cannot be taken, or null. */
  problem(): string | null {
    const isCustom = this.schema === customBucketsSchema
    if (!isCustom && (this.schema < schemaMin || this.schema > schemaMax)) return 'a histogram has an unknown schema'
    if (!isCustom && this.customValues.length > 0) return 'a histogram of exponential buckets has custom bounds'
    if (this.zeroIsFloat !== null && this.zeroIsFloat !== this.isFloat)
      return 'a histogram mixes integer and float counts'
    if (isCustom) {
      if (this.negativeSpans.length > 0) return 'a histogram with custom bounds has negative buckets'
      for (let i = 1; i < this.customValues.length; i++) {
        const [before, bound] = [this.customValues[i - 1] as number, this.customValues[i] as number]
        if (!(before < bound)) return 'the custom bounds of a histogram do not rise'
      }
    }
    const native = this.toNative()
    return (
      bucketsProblem(native.positiveSpans, native.positiveBuckets, this.isFloat) ??
      bucketsProblem(native.negativeSpans, native.negativeBuckets, this.isFloat) ??
      (isCount(this.count, this.isFloat) && isCount(this.zeroCount, this.isFloat)
        ? null
        : 'a count of a histogram is negative or too large')
    )
  }
}

function isCount(count: number, isFloat: boolean): boolean {
  return isFloat ? !(count < 0) : count <= Number.MAX_SAFE_INTEGER
}

function bucketsProblem(spans: readonly HistogramSpan[], buckets: readonly number[], isFloat: boolean): string | null {
  let length = 0
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i] as HistogramSpan
    if (i > 0 && span.offset < 0) return 'a span of a histogram goes backwards'
    length += span.length
  }
  if (length !== buckets.length) return 'the spans of a histogram do not match its buckets'
  let count = 0
  for (const bucket of buckets) {
    count = isFloat ? bucket : count + bucket
    if (count < 0 || (!isFloat && !Number.isSafeInteger(count)))
      return 'a bucket of a histogram has an impossible count'
  }
  return null
}

/** Read a Histogram message that ends at `end`. Unknown fields are passed over; throws `DecodeError`. */
export function readHistogram(reader: FieldReader, end: number, budget: ItemBudget): RawHistogram {
  const raw = new RawHistogram()
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (!readCountField(reader, tag, end, raw) && !readBucketField(reader, tag, end, raw, budget)) reader.skip(tag, end)
  }
  return raw
}

function readCountField(reader: FieldReader, tag: number, end: number, raw: RawHistogram): boolean {
  switch (tag) {
    case 0x08:
      raw.count = reader.uint64(end)
      raw.isFloat = false
      return true
    case 0x11:
      raw.count = reader.float64(end)
      raw.isFloat = true
      return true
    case 0x19:
      raw.sum = reader.float64(end)
      raw.isStale =
        reader.view.getUint32(reader.at - 8, true) === staleBits.low &&
        reader.view.getUint32(reader.at - 4, true) === staleBits.high
      return true
    case 0x20:
      raw.schema = reader.sint32(end)
      return true
    case 0x29:
      raw.zeroThreshold = reader.float64(end)
      return true
    case 0x30:
      raw.zeroCount = reader.uint64(end)
      raw.zeroIsFloat = false
      return true
    case 0x39:
      raw.zeroCount = reader.float64(end)
      raw.zeroIsFloat = true
      return true
    case 0x70:
      raw.resetHint = reader.uint32(end) & 3
      return true
    case 0x78:
      raw.timestampMs = reader.int64(end)
      return true
    case 0x88:
      raw.startMs = reader.int64(end)
      return true
    default:
      return false
  }
}

function readBucketField(
  reader: FieldReader,
  tag: number,
  end: number,
  raw: RawHistogram,
  budget: ItemBudget,
): boolean {
  const isPacked = (tag & 7) === 2
  switch (tag) {
    case 0x42:
      raw.negativeSpans.push(readSpan(reader, end, budget))
      return true
    case 0x5a:
      raw.positiveSpans.push(readSpan(reader, end, budget))
      return true
    case 0x48:
    case 0x4a:
      readDeltas(reader, isPacked, end, raw.negativeDeltas, budget)
      return true
    case 0x60:
    case 0x62:
      readDeltas(reader, isPacked, end, raw.positiveDeltas, budget)
      return true
    case 0x51:
    case 0x52:
      readDoubles(reader, isPacked, end, raw.negativeCounts, budget)
      return true
    case 0x69:
    case 0x6a:
      readDoubles(reader, isPacked, end, raw.positiveCounts, budget)
      return true
    case 0x81:
    case 0x82:
      readDoubles(reader, isPacked, end, raw.customValues, budget)
      return true
    default:
      return false
  }
}

function readSpan(reader: FieldReader, end: number, budget: ItemBudget): HistogramSpan {
  budget.spend(1, reader.at)
  const partEnd = reader.part(end)
  let offset = 0
  let length = 0
  while (reader.at < partEnd) {
    const tag = reader.tag(partEnd)
    if (tag === 0x08) offset = reader.sint32(partEnd)
    else if (tag === 0x10) length = reader.uint32(partEnd)
    else reader.skip(tag, partEnd)
  }
  return { offset, length }
}

function readDeltas(reader: FieldReader, isPacked: boolean, end: number, into: number[], budget: ItemBudget): void {
  const partEnd = isPacked ? reader.part(end) : end
  do {
    if (isPacked && reader.at >= partEnd) return
    budget.spend(1, reader.at)
    into.push(reader.sint64(partEnd))
  } while (isPacked)
}

function readDoubles(reader: FieldReader, isPacked: boolean, end: number, into: number[], budget: ItemBudget): void {
  const partEnd = isPacked ? reader.part(end) : end
  do {
    if (isPacked && reader.at >= partEnd) return
    budget.spend(1, reader.at)
    into.push(reader.float64(partEnd))
  } while (isPacked)
}
