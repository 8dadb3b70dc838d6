// Remote write 2.0: Request messages, whose strings stand once in a table of symbols.
import type { ByteWriter } from '#lib/byte_writer'
import type { Labels, Metadata, SeriesBatch, SlotExemplar } from '../series.ts'
import { SlotFlag } from '../series.ts'
import type { Chunk, ChunkCounts, ChunkFilter, Run } from './chunk.ts'
import { histogramRefused, slotFlagOf, timestampOf } from './chunk.ts'
import { metricTypeNumber } from './metric_type.ts'
import type { SampleMarks } from './sample_fields.ts'
import { writeDouble, writeHistogram, writeSample } from './sample_fields.ts'

/** The strings of a request in the order of their first use; the empty string is the first, as the protocol demands. */
class SymbolTable {
  readonly refs = new Map<string, number>([['', 0]])

  refOf(text: string): number {
    let ref = this.refs.get(text)
    if (ref === undefined) {
      ref = this.refs.size
      this.refs.set(text, ref)
    }
    return ref
  }
}

/**
 * Write the run's part of `batch` to `writer` as a Request, one TimeSeries for each slot that holds a sample or a
 * histogram, and count into `counts`. `scratch` is emptied and used. `marks` gets the places of values and timestamps.
 */
export function writeRunV2(
  writer: ByteWriter,
  scratch: ByteWriter,
  chunk: Chunk,
  run: Run,
  batch: SeriesBatch,
  filter: ChunkFilter,
  counts: ChunkCounts,
  marks: SampleMarks | null,
): void {
  const symbols = new SymbolTable()
  scratch.reset()
  const slots = chunk.slots
  for (let i = run.start; i < run.end; i++) {
    const slot = slots[i] as number
    const flag = slotFlagOf(batch, slot)
    // Receivers refuse series that have exemplars only.
    if (flag === SlotFlag.absent) continue
    if (flag === SlotFlag.histogram && histogramRefused(batch, slot, filter)) {
      counts.unsupported++
      continue
    }
    scratch.byte(0x2a)
    const start = scratch.beginLength()
    const firstMark = marks === null ? 0 : marks.values.length
    writeRefs(scratch, chunk.labels[i] as Labels, symbols)
    writeSlot(scratch, batch, slot, flag, counts, marks)
    const exemplars = filter.exemplars?.get(slot)
    if (exemplars !== undefined) writeExemplars(scratch, exemplars, timestampOf(batch, slot), symbols, counts)
    const metadata = batch.layout.series[slot]?.metadata
    if (metadata !== null && metadata !== undefined) writeMetadata(scratch, metadata, symbols)
    const moved = scratch.endLength(start)
    if (marks !== null && moved > 0) marks.move(firstMark, moved)
  }
  const symbolsStart = writer.length
  for (const symbol of symbols.refs.keys()) {
    writer.byte(0x22)
    writer.string(symbol)
  }
  marks?.move(0, writer.length - symbolsStart)
  writer.bytes(scratch.view())
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
  const startMs = batch.startsMs === null ? 0 : (batch.startsMs[slot] as number)
  if (flag === SlotFlag.histogram) {
    const histogram = batch.histograms?.[slot]
    if (histogram === null || histogram === undefined) return
    writeHistogram(writer, 0x1a, histogram, timestampMs, startMs)
    counts.histograms++
  } else {
    writeSample(writer, 0x12, batch.values[slot] as number, flag === SlotFlag.stale, timestampMs, startMs, marks)
    counts.samples++
  }
  counts.maxTimestampMs = Math.max(counts.maxTimestampMs, timestampMs)
}

function writeRefs(writer: ByteWriter, labels: Labels, symbols: SymbolTable): void {
  if (labels.length === 0) return
  writer.byte(0x0a)
  const start = writer.beginLength()
  for (let i = 0; i < labels.length; i++) writer.varint(symbols.refOf(labels[i] as string))
  writer.endLength(start)
}

function writeExemplars(
  writer: ByteWriter,
  exemplars: readonly SlotExemplar[],
  sampleTimestampMs: number,
  symbols: SymbolTable,
  counts: ChunkCounts,
): void {
  for (const exemplar of exemplars) {
    writer.byte(0x22)
    const start = writer.beginLength()
    writeRefs(writer, exemplar.labels, symbols)
    writer.byte(0x11)
    writeDouble(writer, exemplar.value)
    writer.byte(0x18)
    writer.int64(exemplar.timestampMs === 0 ? sampleTimestampMs : exemplar.timestampMs)
    writer.endLength(start)
    counts.exemplars++
  }
}

function writeMetadata(writer: ByteWriter, metadata: Metadata, symbols: SymbolTable): void {
  writer.byte(0x2a)
  const start = writer.beginLength()
  const type = metricTypeNumber(metadata.type)
  if (type !== 0) {
    writer.byte(0x08)
    writer.byte(type)
  }
  writeRef(writer, 0x18, symbols.refOf(metadata.help))
  writeRef(writer, 0x20, symbols.refOf(metadata.unit))
  writer.endLength(start)
}

function writeRef(writer: ByteWriter, tag: number, ref: number): void {
  if (ref === 0) return
  writer.byte(tag)
  writer.varint(ref)
}
