// Remote write 1.0: WriteRequest messages written field by field, and compressed requests joined.
import { ByteWriter } from '#lib/byte_writer'
import { SnappyError, snappyCompress, snappyHeader, snappyLength } from '#lib/snappy'
import type { Labels, Metadata, SeriesBatch, SlotExemplar } from '../series.ts'
import { SlotFlag } from '../series.ts'
import type { Chunk, ChunkCounts, ChunkFilter, Run, RunPart } from './chunk.ts'
import { histogramRefused, slotFlagOf, timestampOf } from './chunk.ts'
import { metricTypeNumber } from './metric_type.ts'
import type { SampleMarks } from './sample_fields.ts'
import { writeDouble, writeHistogram, writeSample } from './sample_fields.ts'

/**
 * Write the run's part of `batch` to `writer` as a WriteRequest, one TimeSeries for each slot that holds something, and
 * count into `counts`. `marks` gets the places of values and timestamps of float samples. Extras are histograms, and
 * exemplars, which then stand in a TimeSeries of their own, as Prometheus sends them.
 */
export function writeRunV1(
  writer: ByteWriter,
  chunk: Chunk,
  run: Run,
  batch: SeriesBatch,
  filter: ChunkFilter,
  counts: ChunkCounts,
  marks: SampleMarks | null,
  part: RunPart = 'all',
): void {
  const slots = chunk.slots
  for (let i = run.start; i < run.end; i++) {
    const slot = slots[i] as number
    const flag = slotFlagOf(batch, slot)
    const isSample = flag === SlotFlag.value || flag === SlotFlag.stale
    if (part === 'samples' && !isSample) continue
    const exemplars = part === 'samples' ? undefined : filter.exemplars?.get(slot)
    const refused = flag === SlotFlag.histogram && histogramRefused(batch, slot, filter)
    if (refused) counts.unsupported++
    const isLeftOut = flag === SlotFlag.absent || refused || (isSample && part === 'extras')
    if (isLeftOut && exemplars === undefined) continue
    writer.byte(0x0a)
    const start = writer.beginLength()
    const firstMark = marks === null ? 0 : marks.values.length
    writeLabels(writer, chunk.labels[i] as Labels)
    if (!isLeftOut) writeSlot(writer, batch, slot, flag, counts, marks)
    if (exemplars !== undefined) writeExemplars(writer, exemplars, timestampOf(batch, slot), counts)
    const moved = writer.endLength(start)
    if (marks !== null && moved > 0) marks.move(firstMark, moved)
  }
}

function writeSlot(
  writer: ByteWriter,
  batch: SeriesBatch,
  slot: number,
  flag: number,
  counts: ChunkCounts,
  marks: SampleMarks | null,
): void {
  const timestampMs = timestampOf(batch, slot)
  if (flag === SlotFlag.histogram) {
    const histogram = batch.histograms?.[slot]
    if (histogram === null || histogram === undefined) return
    writeHistogram(writer, 0x22, histogram, timestampMs, 0)
    counts.histograms++
  } else {
    writeSample(writer, 0x12, batch.values[slot] as number, flag === SlotFlag.stale, timestampMs, 0, marks)
    counts.samples++
  }
  counts.maxTimestampMs = Math.max(counts.maxTimestampMs, timestampMs)
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  for (let i = 0; i < labels.length; i += 2) {
    writer.byte(0x0a)
    const start = writer.beginLength()
    writer.byte(0x0a)
    writer.string(labels[i] as string)
    writer.byte(0x12)
    writer.string(labels[i + 1] as string)
    writer.endLength(start)
  }
}

function writeExemplars(
  writer: ByteWriter,
  exemplars: readonly SlotExemplar[],
  sampleTimestampMs: number,
  counts: ChunkCounts,
): void {
  for (const exemplar of exemplars) {
    writer.byte(0x1a)
    const start = writer.beginLength()
    writeLabels(writer, exemplar.labels)
    writer.byte(0x11)
    writeDouble(writer, exemplar.value)
    writer.byte(0x18)
    // An exemplar without a timestamp has its sample's: so do scrapes in Prometheus.
    writer.int64(exemplar.timestampMs === 0 ? sampleTimestampMs : exemplar.timestampMs)
    writer.endLength(start)
    counts.exemplars++
  }
}

/** A compressed WriteRequest that carries metadata only, one entry for each of `metadata`. */
export function encodeMetadataV1(metadata: Iterable<Metadata>): Uint8Array {
  const writer = new ByteWriter()
  for (const entry of metadata) {
    writer.byte(0x1a)
    const start = writer.beginLength()
    const type = metricTypeNumber(entry.type)
    if (type !== 0) {
      writer.byte(0x08)
      writer.byte(type)
    }
    writeText(writer, 0x12, entry.family)
    writeText(writer, 0x22, entry.help)
    writeText(writer, 0x2a, entry.unit)
    writer.endLength(start)
  }
  return snappyCompress(writer.view())
}

function writeText(writer: ByteWriter, tag: number, text: string): void {
  if (text === '') return
  writer.byte(tag)
  writer.string(text)
}

/**
 * One compressed WriteRequest out of several, in their order, without uncompressing any: repeated fields concatenate, and
 * so do snappy elements, whose copies are relative. Throws `SnappyError` when a part has no proper header or the sum no
 * longer fits one.
 */
export function mergeV1(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  let length = 0
  let bytes = 0
  const bodies: Uint8Array[] = []
  for (const part of parts) {
    const header = snappyLength(part)
    length += header.length
    const body = part.subarray(header.headerBytes)
    bodies.push(body)
    bytes += body.length
  }
  if (length > 0xffffffff) throw new SnappyError(`Cannot join requests: they hold ${length} bytes together`)
  const header = snappyHeader(length)
  const merged = new Uint8Array(header.length + bytes)
  merged.set(header)
  let at = header.length
  for (const body of bodies) {
    merged.set(body, at)
    at += body.length
  }
  return merged
}
