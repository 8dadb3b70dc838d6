// The messages that both versions of remote write share byte for byte: samples and native histograms.
import type { ByteWriter } from '#lib/byte_writer'
import { varintSize } from '#lib/byte_writer'
import type { HistogramSpan, NativeHistogram } from '../series.ts'
import { normalNaNBits, staleBits } from '../series.ts'

/** Schema number of a native histogram whose buckets are given by their upper bounds. */
export const customBucketsSchema = -53

/** Where an encoder put what changes from one batch to the next, for a template to be made of it. */
export class SampleMarks {
  /** Offset of each sample's eight value bytes, in the order of the samples. */
  readonly values: number[] = []
  /** Offset of each sample's timestamp varint. */
  readonly timestamps: number[] = []

  /** The bytes that the marks from index `first` on point into were moved by `moved`. */
  move(first: number, moved: number): void {
    for (let i = first; i < this.values.length; i++) {
      this.values[i] = (this.values[i] as number) + moved
      this.timestamps[i] = (this.timestamps[i] as number) + moved
    }
  }
}

/** A double; any NaN is written as Prometheus's ordinary one. */
export function writeDouble(writer: ByteWriter, value: number): void {
  // A NaN is the only value that differs from itself; its payload must not depend on the engine.
  if (value !== value) writer.words64(normalNaNBits.low, normalNaNBits.high)
  else writer.float64(value)
}

/**
 * A Sample after its tag `tag` (value 1, timestamp 2 and, where not 0, start timestamp 3). Zeros are written too, so that
 * all samples of a request have one shape. `stale` writes the staleness marker instead of `value`.
 */
export function writeSample(
  writer: ByteWriter,
  tag: number,
  value: number,
  stale: boolean,
  timestampMs: number,
  startMs: number,
  marks: SampleMarks | null,
): void {
  writer.byte(tag)
  writer.byte(10 + varintSize(timestampMs) + (startMs === 0 ? 0 : 1 + varintSize(startMs)))
  writer.byte(0x09)
  marks?.values.push(writer.length)
  if (stale) writer.words64(staleBits.low, staleBits.high)
  else writeDouble(writer, value)
  writer.byte(0x10)
  marks?.timestamps.push(writer.length)
  writer.int64(timestampMs)
  if (startMs !== 0) {
    writer.byte(0x18)
    writer.int64(startMs)
  }
}

/** A Histogram after its tag. `startMs` 0 leaves the start timestamp out (version 1 has none). */
export function writeHistogram(
  writer: ByteWriter,
  tag: number,
  histogram: NativeHistogram,
  timestampMs: number,
  startMs: number,
): void {
  writer.byte(tag)
  const start = writer.beginLength()
  const isFloat = histogram.isFloat
  // The two counts are oneofs: which of the forms is there says what the histogram is, so zeros are written.
  if (isFloat) writeDoubleField(writer, 0x11, histogram.count)
  else writeIntField(writer, 0x08, histogram.count)
  writeDoubleField(writer, 0x19, histogram.sum)
  if (histogram.schema !== 0) {
    writer.byte(0x20)
    writer.sint64(histogram.schema)
  }
  if (histogram.zeroThreshold !== 0) writeDoubleField(writer, 0x29, histogram.zeroThreshold)
  if (isFloat) writeDoubleField(writer, 0x39, histogram.zeroCount)
  else writeIntField(writer, 0x30, histogram.zeroCount)
  writeSpans(writer, 0x42, histogram.negativeSpans)
  if (isFloat) writeDoubles(writer, 0x52, histogram.negativeBuckets)
  else writeDeltas(writer, 0x4a, histogram.negativeBuckets)
  writeSpans(writer, 0x5a, histogram.positiveSpans)
  if (isFloat) writeDoubles(writer, 0x6a, histogram.positiveBuckets)
  else writeDeltas(writer, 0x62, histogram.positiveBuckets)
  if (histogram.resetHint !== 0) writeIntField(writer, 0x70, histogram.resetHint)
  writeIntField(writer, 0x78, timestampMs)
  if (histogram.customValues.length > 0) {
    writer.byte(0x82)
    writeDoubles(writer, 0x01, histogram.customValues)
  }
  if (startMs !== 0) {
    writer.byte(0x88)
    writeIntField(writer, 0x01, startMs)
  }
  writer.endLength(start)
}

function writeDoubleField(writer: ByteWriter, tag: number, value: number): void {
  writer.byte(tag)
  writeDouble(writer, value)
}

function writeIntField(writer: ByteWriter, tag: number, value: number): void {
  writer.byte(tag)
  writer.int64(value)
}

function writeSpans(writer: ByteWriter, tag: number, spans: readonly HistogramSpan[]): void {
  for (const span of spans) {
    writer.byte(tag)
    const start = writer.beginLength()
    if (span.offset !== 0) {
      writer.byte(0x08)
      writer.sint64(span.offset)
    }
    if (span.length !== 0) writeIntField(writer, 0x10, span.length)
    writer.endLength(start)
  }
}

function writeDeltas(writer: ByteWriter, tag: number, deltas: readonly number[]): void {
  if (deltas.length === 0) return
  writer.byte(tag)
  const start = writer.beginLength()
  for (let i = 0; i < deltas.length; i++) writer.sint64(deltas[i] as number)
  writer.endLength(start)
}

function writeDoubles(writer: ByteWriter, tag: number, values: readonly number[]): void {
  if (values.length === 0) return
  writer.byte(tag)
  writer.varint(values.length * 8)
  for (let i = 0; i < values.length; i++) writeDouble(writer, values[i] as number)
}
