// Remote write requests of series batches: split by lane and size, relabelled, compressed, ready to send.
import { ByteWriter, varintSize } from '#lib/byte_writer'
import { snappyCompress } from '#lib/snappy'
import type { Labels, Series, SeriesBatch, SeriesLayout, SlotExemplar } from '../series.ts'
import { noteOf, setNote, SlotFlag } from '../series.ts'
import type { ChunkFilter } from './chunk.ts'
import { Chunk, ChunkCounts, ChunkShape, slotFlagOf } from './chunk.ts'
import { writeChunkV1 } from './encode_v1.ts'
import { writeChunkV2 } from './encode_v2.ts'
import { SampleMarks } from './sample_fields.ts'
import { makeTemplate } from './template.ts'

/** `v1`: `prometheus.WriteRequest`; `v2`: `io.prometheus.write.v2.Request`. */
export type RemoteWriteProtocol = 'v1' | 'v2'

export interface EncodeOptions {
  readonly protocol: RemoteWriteProtocol
  /** External labels and write relabelling: the labels to send (sorted), or null to drop the series. Pure. */
  readonly mapLabels?: (series: Series) => Labels | null
  readonly sendExemplars: boolean
  readonly sendNativeHistograms: boolean
  /** Samples and histograms in one request, at most. */
  readonly samplesMax: number
  /** The lane (0 … lanes - 1) of a series by its final labels. Pure. Absent: all go to lane 0. */
  readonly laneOf?: (labels: Labels) => number
  readonly lanes: number
}

export interface EncodedRequest {
  readonly lane: number
  /** A snappy block, ready to send. */
  readonly bytes: Uint8Array
  /** Float samples and staleness markers. */
  readonly samples: number
  readonly exemplars: number
  readonly histograms: number
  readonly maxTimestampMs: number
}

export interface EncodeResult {
  /** In the order of the batch within each lane. */
  readonly requests: EncodedRequest[]
  /** Samples and histograms of series that `mapLabels` dropped. */
  readonly dropped: number
  /** Histograms that the settings or the protocol do not let through. */
  readonly unsupported: number
}

/** How a layout goes into requests; kept as the layout's note. */
class LayoutPlan {
  readonly chunks: readonly Chunk[]
  /** Slots of dropped series. */
  readonly dropped: Int32Array
  constructor(chunks: readonly Chunk[], dropped: Int32Array) {
    this.chunks = chunks
    this.dropped = dropped
  }
}

/** What became of a series; kept as the series' note. */
class MappedSeries {
  /** Null: dropped. */
  readonly labels: Labels | null
  readonly lane: number
  constructor(labels: Labels | null, lane: number) {
    this.labels = labels
    this.lane = lane
  }
}

/**
 * Encodes batches for one endpoint. The first batch of a layout is written out in full; when the layout comes again, a
 * compressed template is made of it, and from then on only values and timestamps are written. An encoder belongs to one
 * set of rules: take a new one when they change.
 */
export class RemoteWriteEncoder {
  readonly #options: EncodeOptions
  /** Owner of the notes. */
  readonly #token: object
  readonly #writer: ByteWriter
  readonly #scratch: ByteWriter

  constructor(options: EncodeOptions) {
    this.#options = options
    this.#token = {}
    this.#writer = new ByteWriter(16384)
    this.#scratch = new ByteWriter(options.protocol === 'v2' ? 16384 : 0)
  }

  /** Encode a batch. The requests' bytes are the caller's. */
  encode(batch: SeriesBatch): EncodeResult {
    const plan = this.#planOf(batch.layout)
    const filter: ChunkFilter = {
      sendNativeHistograms: this.#options.sendNativeHistograms,
      sendCustomBuckets: this.#options.protocol === 'v2',
      exemplars: this.#options.sendExemplars ? exemplarsBySlot(batch.exemplars) : null,
    }
    const requests: EncodedRequest[] = []
    let unsupported = 0
    for (const chunk of plan.chunks) {
      const request = encodeByTemplate(chunk, batch, filter, this.#options.protocol === 'v2')
      if (request !== null) {
        requests.push(request)
        continue
      }
      unsupported += this.#encodeInFull(chunk, batch, filter, requests)
    }
    return { requests, dropped: countDropped(plan.dropped, batch), unsupported }
  }

  /** Write the chunk out; make a template of it when its shape came before. Gives the number of unsupported histograms. */
  #encodeInFull(chunk: Chunk, batch: SeriesBatch, filter: ChunkFilter, requests: EncodedRequest[]): number {
    const shape = shapeOf(chunk, batch, filter, this.#options.protocol === 'v2')
    const isSecondSight = shape !== null && chunk.seen !== null && sameShape(shape, chunk.seen)
    const marks = isSecondSight ? new SampleMarks() : null
    const counts = new ChunkCounts()
    const writer = this.#writer
    writer.reset()
    if (this.#options.protocol === 'v1') writeChunkV1(writer, chunk, batch, filter, counts, marks)
    else writeChunkV2(writer, this.#scratch, chunk, batch, filter, counts, marks)
    if (shape !== null) chunk.seen = shape
    if (counts.samples + counts.histograms + counts.exemplars === 0) return counts.unsupported
    let bytes: Uint8Array
    if (marks !== null && shape !== null) {
      chunk.template = makeTemplate(chunk, shape, writer.view(), marks)
      bytes = chunk.template.fill(batch)
    } else {
      bytes = snappyCompress(writer.view())
    }
    requests.push({
      lane: chunk.lane,
      bytes,
      samples: counts.samples,
      exemplars: counts.exemplars,
      histograms: counts.histograms,
      maxTimestampMs: counts.maxTimestampMs === -Infinity ? 0 : counts.maxTimestampMs,
    })
    return counts.unsupported
  }

  #planOf(layout: SeriesLayout): LayoutPlan {
    const known = noteOf(layout, this.#token)
    if (known instanceof LayoutPlan) return known
    const slots: number[][] = []
    const labels: Labels[][] = []
    const chunks: Chunk[] = []
    const dropped: number[] = []
    for (let slot = 0; slot < layout.series.length; slot++) {
      const mapped = this.#mapped(layout.series[slot] as Series)
      if (mapped.labels === null) {
        dropped.push(slot)
        continue
      }
      const lane = mapped.lane
      const laneSlots = (slots[lane] ??= [])
      const laneLabels = (labels[lane] ??= [])
      laneSlots.push(slot)
      laneLabels.push(mapped.labels)
      if (laneSlots.length < this.#options.samplesMax) continue
      chunks.push(new Chunk(lane, Int32Array.from(laneSlots), laneLabels))
      slots[lane] = []
      labels[lane] = []
    }
    for (let lane = 0; lane < slots.length; lane++) {
      const rest = slots[lane]
      if (rest !== undefined && rest.length > 0) chunks.push(new Chunk(lane, Int32Array.from(rest), labels[lane] ?? []))
    }
    const plan = new LayoutPlan(chunks, Int32Array.from(dropped))
    setNote(layout, this.#token, plan)
    return plan
  }

  #mapped(series: Series): MappedSeries {
    const { mapLabels, laneOf, lanes } = this.#options
    const hasLanes = laneOf !== undefined && lanes > 1
    if (mapLabels === undefined && !hasLanes) return new MappedSeries(series.labels, 0)
    const known = noteOf(series, this.#token)
    if (known instanceof MappedSeries) return known
    const labels = mapLabels === undefined ? series.labels : mapLabels(series)
    const lane = hasLanes && labels !== null ? laneOf(labels) : 0
    const mapped = new MappedSeries(labels, lane)
    setNote(series, this.#token, mapped)
    return mapped
  }
}

/** The chunk's request by way of its template, or null when it has none that fits the batch. */
function encodeByTemplate(
  chunk: Chunk,
  batch: SeriesBatch,
  filter: ChunkFilter,
  withStarts: boolean,
): EncodedRequest | null {
  const template = chunk.template
  if (template === null) return null
  if (!fits(template.shape, chunk, batch, withStarts)) return null
  if (filter.exemplars !== null && hasExemplar(chunk, filter.exemplars)) return null
  let maxTimestampMs = batch.timestampMs
  if (batch.timestampsMs !== null) {
    maxTimestampMs = -Infinity
    const slots = template.slots
    for (let i = 0; i < slots.length; i++) {
      const timestampMs = batch.timestampsMs[slots[i]!]!
      if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs
    }
  }
  return {
    lane: chunk.lane,
    bytes: template.fill(batch),
    samples: template.slots.length,
    exemplars: 0,
    histograms: 0,
    maxTimestampMs,
  }
}

function fits(shape: ChunkShape, chunk: Chunk, batch: SeriesBatch, withStarts: boolean): boolean {
  const slots = chunk.slots
  const { absent, startsMs, timestampSize } = shape
  if (shape.ownTimestamps !== (batch.timestampsMs !== null)) return false
  if (batch.timestampsMs === null && varintSize(batch.timestampMs) !== timestampSize) return false
  const flags = batch.flags
  for (let i = 0; i < slots.length; i++) {
    const flag = flags === null ? SlotFlag.value : flags[slots[i]!]!
    if (flag === SlotFlag.histogram || (flag === SlotFlag.absent) !== (absent[i] === 1)) return false
  }
  if (batch.timestampsMs !== null) {
    for (let i = 0; i < slots.length; i++) {
      if (absent[i] === 0 && varintSize(batch.timestampsMs[slots[i]!]!) !== timestampSize) return false
    }
  }
  if (!withStarts) return true
  if (startsMs === null || batch.startsMs === null) return startsMs === batch.startsMs
  for (let i = 0; i < slots.length; i++) if (startsMs[i] !== batch.startsMs[slots[i]!]) return false
  return true
}

/** The chunk's shape in this batch, or null when no template can hold it: histograms, exemplars, uneven timestamps. */
function shapeOf(chunk: Chunk, batch: SeriesBatch, filter: ChunkFilter, withStarts: boolean): ChunkShape | null {
  if (filter.exemplars !== null && hasExemplar(chunk, filter.exemplars)) return null
  const slots = chunk.slots
  const absent = new Uint8Array(slots.length)
  let timestampSize = batch.timestampsMs === null ? varintSize(batch.timestampMs) : 0
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!
    const flag = slotFlagOf(batch, slot)
    if (flag === SlotFlag.histogram) return null
    if (flag === SlotFlag.absent) {
      absent[i] = 1
      continue
    }
    if (batch.timestampsMs === null) continue
    const size = varintSize(batch.timestampsMs[slot]!)
    if (timestampSize !== 0 && timestampSize !== size) return null
    timestampSize = size
  }
  let startsMs: Float64Array | null = null
  if (withStarts && batch.startsMs !== null) {
    startsMs = new Float64Array(slots.length)
    for (let i = 0; i < slots.length; i++) startsMs[i] = batch.startsMs[slots[i]!]!
  }
  return new ChunkShape(absent, startsMs, batch.timestampsMs !== null, timestampSize)
}

function sameShape(a: ChunkShape, b: ChunkShape): boolean {
  if (a.ownTimestamps !== b.ownTimestamps || a.timestampSize !== b.timestampSize) return false
  if ((a.startsMs === null) !== (b.startsMs === null)) return false
  for (let i = 0; i < a.absent.length; i++) {
    if (a.absent[i] !== b.absent[i]) return false
    if (a.startsMs !== null && b.startsMs !== null && a.startsMs[i] !== b.startsMs[i]) return false
  }
  return true
}

function hasExemplar(chunk: Chunk, exemplars: ReadonlyMap<number, unknown>): boolean {
  const slots = chunk.slots
  for (let i = 0; i < slots.length; i++) if (exemplars.has(slots[i]!)) return true
  return false
}

function exemplarsBySlot(exemplars: readonly SlotExemplar[] | null): Map<number, SlotExemplar[]> | null {
  if (exemplars === null || exemplars.length === 0) return null
  const bySlot = new Map<number, SlotExemplar[]>()
  for (const exemplar of exemplars) {
    const list = bySlot.get(exemplar.slot)
    if (list === undefined) bySlot.set(exemplar.slot, [exemplar])
    else list.push(exemplar)
  }
  return bySlot
}

function countDropped(dropped: Int32Array, batch: SeriesBatch): number {
  if (batch.flags === null) return dropped.length
  let count = 0
  for (let i = 0; i < dropped.length; i++) if (batch.flags[dropped[i]!] !== SlotFlag.absent) count++
  return count
}
