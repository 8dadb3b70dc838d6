// The part of a layout that goes into one request: which slots, under which labels, and what of a batch lies in them.
import type { Labels, Series, SeriesBatch, SlotExemplar } from '../series.ts'
import { SlotFlag } from '../series.ts'
import { customBucketsSchema } from './sample_fields.ts'
import type { Template } from './template.ts'

/** The slots of a layout that share a request. Lives in the layout's note. */
export class Chunk {
  readonly lane: number
  readonly slots: Int32Array
  /** The final labels of each slot, one for one with `slots`. */
  readonly labels: readonly Labels[]
  readonly runs: readonly Run[]

  constructor(lane: number, slots: Int32Array, labels: readonly Labels[], runs: readonly Run[]) {
    this.lane = lane
    this.slots = slots
    this.labels = labels
    this.runs = runs
  }
}

/** The slots `start … end` (by their index in the chunk) that are encoded by one segment. */
export class Run {
  readonly segment: Segment
  readonly start: number
  readonly end: number
  constructor(segment: Segment, start: number, end: number) {
    this.segment = segment
    this.start = start
    this.end = end
  }
}

/**
 * Series in a row, and the template that encodes them. Layouts that have the same series in a row share the segment: when
 * a target gains or loses some series, the templates of the others stay.
 */
export class Segment {
  readonly series: readonly Series[]
  template: Template | null
  /** The shape of the last batch that had to be written out in full: a template is made when it comes again. */
  seen: ChunkShape | null

  constructor(series: readonly Series[]) {
    this.series = series
    this.template = null
    this.seen = null
  }
}

/** What of a batch is fixed in a template's bytes besides the labels. Indices count from the run's start. */
export class ChunkShape {
  /** 1 where a slot has no sample; null: all have one. */
  readonly absent: Uint8Array | null
  /** Start timestamps per slot; null: the batch has none. */
  readonly startsMs: Float64Array | null
  /** Every sample has a timestamp of its own. */
  readonly ownTimestamps: boolean
  /** Bytes of every timestamp's varint. */
  readonly timestampSize: number

  constructor(absent: Uint8Array | null, startsMs: Float64Array | null, ownTimestamps: boolean, timestampSize: number) {
    this.absent = absent
    this.startsMs = startsMs
    this.ownTimestamps = ownTimestamps
    this.timestampSize = timestampSize
  }
}

/** What of a run is written: `samples` is what templates are made of, `extras` is what they leave out. */
export type RunPart = 'all' | 'samples' | 'extras'

/** What an encoder takes along besides a chunk and its batch. */
export interface ChunkFilter {
  readonly sendNativeHistograms: boolean
  /** Version 1 cannot carry them. */
  readonly sendCustomBuckets: boolean
  /** By slot; null: none in this batch, or not to be sent. */
  readonly exemplars: ReadonlyMap<number, readonly SlotExemplar[]> | null
}

/** What became of the slots of a chunk. */
export class ChunkCounts {
  samples = 0
  exemplars = 0
  histograms = 0
  unsupported = 0
  /** -Infinity: no sample, no histogram. */
  maxTimestampMs = -Infinity
}

/** True when the slot holds a histogram that may not be sent. */
export function histogramRefused(batch: SeriesBatch, slot: number, filter: ChunkFilter): boolean {
  if (!filter.sendNativeHistograms) return true
  const histogram = batch.histograms?.[slot]
  if (histogram === null || histogram === undefined) return true
  return histogram.schema === customBucketsSchema && !filter.sendCustomBuckets
}

export function slotFlagOf(batch: SeriesBatch, slot: number): number {
  return batch.flags === null ? SlotFlag.value : (batch.flags[slot] as number)
}

export function timestampOf(batch: SeriesBatch, slot: number): number {
  return batch.timestampsMs === null ? batch.timestampMs : (batch.timestampsMs[slot] as number)
}
