// Remote write requests of series batches: split by lane and size, relabelled, compressed, ready to send.
import { ByteWriter, varintSize } from '#lib/byte_writer'
import { fnv1a, fnv1aStart } from '#lib/fnv'
import { snappyBoundOf, snappyElementsInto, snappyHeader } from '#lib/snappy'
import type { Labels, Series, SeriesBatch, SeriesLayout, SlotExemplar } from '../series.ts'
import { noteOf, setNote, SlotFlag } from '../series.ts'
import type { ChunkFilter, RunPart } from './chunk.ts'
import { Chunk, ChunkCounts, ChunkShape, Run, Segment, slotFlagOf } from './chunk.ts'
import { writeRunV1 } from './encode_v1.ts'
import { writeRunV2 } from './encode_v2.ts'
import { SampleMarks } from './sample_fields.ts'
import type { Template } from './template.ts'
import { makeTemplate } from './template.ts'

/** Series in a segment. Measured: 23.6 bytes a sample from 96 on, 22.3 from 192, 21.4 from 384; more make changes dearer. */
const segmentMin = 192
const segmentMax = 1024

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

/**
 * Encodes batches for one endpoint. The first time that series stand in a row, they are written out in full; when they come
 * again, a compressed template is made of them, and from then on only values and timestamps are written. An encoder belongs
 * to one set of rules: take a new one when they change.
 */
export class RemoteWriteEncoder {
  readonly #options: EncodeOptions
  /** Owner of the notes on layouts (`LayoutPlan`) and series (the labels that were made of them, or null). */
  readonly #token: object
  /** Owner of the notes on the first series of segments (`Segment`). */
  readonly #segmentToken: object
  /** Messages before they are compressed. */
  readonly #message: ByteWriter
  readonly #scratch: ByteWriter
  /** Elements of the request at hand. */
  readonly #elements: ByteWriter

  constructor(options: EncodeOptions) {
    this.#options = options
    this.#token = {}
    this.#segmentToken = {}
    this.#message = new ByteWriter(4096)
    this.#scratch = new ByteWriter(options.protocol === 'v2' ? 4096 : 0)
    this.#elements = new ByteWriter(4096)
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
      const counts = new ChunkCounts()
      const bytes = this.#encodeChunk(chunk, batch, filter, counts)
      unsupported += counts.unsupported
      if (bytes === null) continue
      const { samples, exemplars, histograms } = counts
      const maxTimestampMs = counts.maxTimestampMs === -Infinity ? 0 : counts.maxTimestampMs
      requests.push({ lane: chunk.lane, bytes, samples, exemplars, histograms, maxTimestampMs })
    }
    return { requests, dropped: countDropped(plan.dropped, batch), unsupported }
  }

  /** The request for a chunk, or null when there is nothing to send. */
  #encodeChunk(chunk: Chunk, batch: SeriesBatch, filter: ChunkFilter, counts: ChunkCounts): Uint8Array | null {
    const elements = this.#elements
    const message = this.#message
    elements.reset()
    message.reset()
    let length = 0
    const extraRuns: Run[] = []
    for (const run of chunk.runs) {
      const template = this.#templateOf(chunk, run, batch, filter)
      if (template === null) {
        // Runs in full that follow each other are compressed together.
        this.#writeRun(chunk, run, batch, filter, counts, null, 'all')
        continue
      }
      if (hasExtras(chunk, run, batch, filter)) extraRuns.push(run)
      length += this.#flush()
      elements.ensure(template.lengthMax)
      elements.length = template.fill(elements.words, elements.length, batch, chunk.slots, run.start)
      length += template.messageLength
      counts.samples += template.count
      const latest = template.latest(batch, chunk.slots, run.start)
      if (latest > counts.maxTimestampMs) counts.maxTimestampMs = latest
    }
    for (const run of extraRuns) this.#writeRun(chunk, run, batch, filter, counts, null, 'extras')
    length += this.#flush()
    if (counts.samples + counts.histograms + counts.exemplars === 0) return null
    const header = snappyHeader(length)
    const bytes = new Uint8Array(header.length + elements.length)
    bytes.set(header)
    bytes.set(elements.view(), header.length)
    return bytes
  }

  /** Compress what was written in full. Gives its length. */
  #flush(): number {
    const length = this.#message.length
    if (length === 0) return 0
    const elements = this.#elements
    elements.ensure(snappyBoundOf(length))
    elements.length = snappyElementsInto(this.#message.view(), elements.buffer, elements.length)
    this.#message.reset()
    return length
  }

  #writeRun(
    chunk: Chunk,
    run: Run,
    batch: SeriesBatch,
    filter: ChunkFilter,
    counts: ChunkCounts,
    marks: SampleMarks | null,
    part: RunPart,
  ): void {
    if (this.#options.protocol === 'v1') writeRunV1(this.#message, chunk, run, batch, filter, counts, marks, part)
    else writeRunV2(this.#message, this.#scratch, chunk, run, batch, filter, counts, marks)
  }

  /** The run's template if it has one that fits the batch, made now if the batch's shape came before. */
  #templateOf(chunk: Chunk, run: Run, batch: SeriesBatch, filter: ChunkFilter): Template | null {
    const segment = run.segment
    const withStarts = this.#options.protocol === 'v2'
    // Version 2 has one table of symbols for all: what is not in the template cannot be added. And where timestamps differ,
    // a series' histogram must not move behind a later sample.
    if ((withStarts || batch.timestampsMs !== null) && hasExtras(chunk, run, batch, filter)) return null
    const template = segment.template
    if (template !== null && fits(template.shape, chunk, run, batch, withStarts)) return template
    if (segment.seen === null || !fits(segment.seen, chunk, run, batch, withStarts)) {
      segment.seen = shapeOf(chunk, run, batch, withStarts)
      return null
    }
    const marks = new SampleMarks()
    // What waits to be compressed stays in front.
    const start = this.#message.length
    this.#writeRun(chunk, run, batch, filter, new ChunkCounts(), marks, 'samples')
    marks.move(0, -start)
    segment.template = makeTemplate(segment.seen, this.#message.view().subarray(start), marks)
    this.#message.length = start
    return segment.template
  }

  #planOf(layout: SeriesLayout): LayoutPlan {
    const known = noteOf(layout, this.#token)
    if (known instanceof LayoutPlan) return known
    const { laneOf = () => 0 } = this.#options
    const hasLanes = this.#options.lanes > 1
    const lanes: LaneSlots[] = []
    const chunks: Chunk[] = []
    const dropped: number[] = []
    for (let slot = 0; slot < layout.series.length; slot++) {
      const series = layout.series[slot] as Series
      const labels = this.#mapped(series)
      if (labels === null) {
        dropped.push(slot)
        continue
      }
      const number = hasLanes ? laneOf(labels) : 0
      const lane = (lanes[number] ??= new LaneSlots(number))
      lane.add(slot, series, labels)
      if (lane.slots.length < this.#options.samplesMax) continue
      chunks.push(this.#chunkOf(lane))
      lanes[number] = new LaneSlots(number)
    }
    for (const lane of lanes) if (lane !== undefined && lane.slots.length > 0) chunks.push(this.#chunkOf(lane))
    const plan = new LayoutPlan(chunks, Int32Array.from(dropped))
    setNote(layout, this.#token, plan)
    return plan
  }

  #chunkOf(lane: LaneSlots): Chunk {
    const { slots, series, labels } = lane
    const runs: Run[] = []
    let start = 0
    for (let i = 1; i <= slots.length; i++) {
      const length = i - start
      // Version 2 has one table of symbols for a whole request: it cannot be put together of segments.
      const isCut =
        this.#options.protocol === 'v1' && (length >= segmentMax || (length >= segmentMin && isCutBefore(labels[i])))
      if (i < slots.length && !isCut) continue
      runs.push(new Run(this.#segmentOf(series.slice(start, i)), start, i))
      start = i
    }
    return new Chunk(lane.lane, Int32Array.from(slots), labels, runs)
  }

  /** The segment of these series, shared with other layouts that have them in a row. */
  #segmentOf(series: readonly Series[]): Segment {
    const first = series[0] as Series
    const known = noteOf(first, this.#segmentToken)
    if (known instanceof Segment && sameSeries(known.series, series)) return known
    const segment = new Segment(series)
    setNote(first, this.#segmentToken, segment)
    return segment
  }

  /** The final labels of a series, null: dropped. Noted only where there are rules: 48 bytes a series for nothing otherwise. */
  #mapped(series: Series): Labels | null {
    const { mapLabels } = this.#options
    if (mapLabels === undefined) return series.labels
    const known = noteOf(series, this.#token)
    if (known !== undefined) return known as Labels | null
    const labels = mapLabels(series)
    setNote(series, this.#token, labels)
    return labels
  }
}

/** Slots that gather for a request. */
class LaneSlots {
  readonly lane: number
  readonly slots: number[] = []
  readonly series: Series[] = []
  readonly labels: Labels[] = []
  constructor(lane: number) {
    this.lane = lane
  }

  add(slot: number, series: Series, labels: Labels): void {
    this.slots.push(slot)
    this.series.push(series)
    this.labels.push(labels)
  }
}

/**
 * True where a new segment should begin: told by the labels alone, so that series which come or go change the segment
 * that they are in and leave the others as they are. One label set in 32 is such a place.
 */
function isCutBefore(labels: Labels | undefined): boolean {
  if (labels === undefined) return true
  let hash = fnv1aStart
  for (let i = 1; i < labels.length; i += 2) {
    const value = labels[i] as string
    // The ends of values are what tells series apart.
    hash = fnv1a(value, hash, Math.max(0, value.length - 8))
  }
  return (hash ^ (hash >>> 15)) % 32 === 0
}

function sameSeries(a: readonly Series[], b: readonly Series[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Whether the run's part of the batch has `shape`. */
function fits(shape: ChunkShape, chunk: Chunk, run: Run, batch: SeriesBatch, withStarts: boolean): boolean {
  const slots = chunk.slots
  const { start, end } = run
  const { absent, startsMs, timestampSize } = shape
  const { flags, timestampsMs } = batch
  if (shape.ownTimestamps !== (timestampsMs !== null)) return false
  if (timestampsMs === null && varintSize(batch.timestampMs) !== timestampSize) return false
  if (flags === null) {
    if (absent !== null) return false
  } else {
    for (let i = start; i < end; i++) {
      const flag = flags[slots[i]!]!
      const isSample = flag === SlotFlag.value || flag === SlotFlag.stale
      if (isSample === (absent !== null && absent[i - start] === 1)) return false
    }
  }
  if (timestampsMs !== null) {
    for (let i = start; i < end; i++) {
      if (absent !== null && absent[i - start] === 1) continue
      if (varintSize(timestampsMs[slots[i]!]!) !== timestampSize) return false
    }
  }
  if (!withStarts) return true
  if (startsMs === null || batch.startsMs === null) return startsMs === batch.startsMs
  for (let i = start; i < end; i++) if (startsMs[i - start] !== batch.startsMs[slots[i]!]) return false
  return true
}

/** The shape of the run's part of the batch, or null when no template can hold it: timestamps of different lengths. */
function shapeOf(chunk: Chunk, run: Run, batch: SeriesBatch, withStarts: boolean): ChunkShape | null {
  const slots = chunk.slots
  const { start, end } = run
  const absent = new Uint8Array(end - start)
  let hasAbsent = false
  let timestampSize = batch.timestampsMs === null ? varintSize(batch.timestampMs) : 0
  for (let i = start; i < end; i++) {
    const slot = slots[i]!
    const flag = slotFlagOf(batch, slot)
    if (flag === SlotFlag.histogram || flag === SlotFlag.absent) {
      absent[i - start] = 1
      hasAbsent = true
      continue
    }
    if (batch.timestampsMs === null) continue
    const size = varintSize(batch.timestampsMs[slot]!)
    if (timestampSize !== 0 && timestampSize !== size) return null
    timestampSize = size
  }
  let startsMs: Float64Array | null = null
  if (withStarts && batch.startsMs !== null) {
    startsMs = new Float64Array(end - start)
    for (let i = start; i < end; i++) startsMs[i - start] = batch.startsMs[slots[i]!]!
  }
  return new ChunkShape(hasAbsent ? absent : null, startsMs, batch.timestampsMs !== null, timestampSize)
}

/** Whether there is something in the run that no template holds. */
function hasExtras(chunk: Chunk, run: Run, batch: SeriesBatch, filter: ChunkFilter): boolean {
  const { flags } = batch
  const exemplars = filter.exemplars
  if (exemplars === null && flags === null) return false
  const slots = chunk.slots
  for (let i = run.start; i < run.end; i++) {
    const slot = slots[i]!
    if (flags !== null && flags[slot] === SlotFlag.histogram) return true
    if (exemplars !== null && exemplars.has(slot)) return true
  }
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
