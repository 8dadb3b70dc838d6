// Metrics in the Prometheus view: label sets, and batches of samples laid out in columns over a layout that is reused.

/**
 * A label set: names and values in turn (`[n1, v1, n2, v2, …]`), sorted by name (code units), no empty value, no duplicate.
 * The metric's name is the label `__name__`.
 */
export type Labels = readonly string[]

export const MetricType = {
  unknown: 'unknown',
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  gaugehistogram: 'gaugehistogram',
  summary: 'summary',
  info: 'info',
  stateset: 'stateset',
} as const
export type MetricType = (typeof MetricType)[keyof typeof MetricType]

/** What an exposition says of a metric family. One object per family and target, shared by its series. */
export class Metadata {
  readonly family: string
  readonly type: MetricType
  readonly help: string
  readonly unit: string
  constructor(family: string, type: MetricType, help: string, unit: string) {
    this.family = family
    this.type = type
    this.help = help
    this.unit = unit
  }
}

/**
 * A note that a consumer leaves on a `Series` or a `SeriesLayout` it has seen: what it made of it (a relabelled series, an
 * encoded template). It lives as long as its holder, so no cache needs to be told when a series goes away.
 * `owner` is the consumer's private token; a consumer whose rules change takes a new token.
 */
class Note {
  readonly owner: object
  value: unknown
  next: Note | null
  constructor(owner: object, value: unknown, next: Note | null) {
    this.owner = owner
    this.value = value
    this.next = next
  }
}

/** The first note stands in its holder, since most have one at most: 32 bytes a series less than in an object of its own. */
export interface Notable {
  noteOwner: object | null
  note: unknown
  moreNotes: Note | null
}

/** The note that `owner` left on `holder`, or undefined. */
export function noteOf(holder: Notable, owner: object): unknown {
  if (holder.noteOwner === owner) return holder.note
  let note = holder.moreNotes
  while (note !== null) {
    if (note.owner === owner) return note.value
    note = note.next
  }
  return undefined
}

/** More than this many notes on one holder means that owners came and went (reloads): the oldest are let go. */
const notesMax = 16

/** Leave a note on `holder`, replacing the one that `owner` left before. */
export function setNote(holder: Notable, owner: object, value: unknown): void {
  if (holder.noteOwner === null || holder.noteOwner === owner) {
    holder.noteOwner = owner
    holder.note = value
    return
  }
  let note = holder.moreNotes
  let count = 2
  while (note !== null) {
    if (note.owner === owner) {
      note.value = value
      return
    }
    count++
    note = note.next
  }
  if (count > notesMax) {
    holder.noteOwner = owner
    holder.note = value
    holder.moreNotes = null
  } else holder.moreNotes = new Note(owner, value, holder.moreNotes)
}

/**
 * One time series: its label set and metadata. Immutable but for notes.
 * Producers keep the same object for the same series from one batch to the next, so that notes on it are found again;
 * two producers may hold different objects for equal label sets.
 */
export class Series implements Notable {
  readonly labels: Labels
  readonly metadata: Metadata | null
  noteOwner: object | null
  note: unknown
  moreNotes: Notable['moreNotes']
  constructor(labels: Labels, metadata: Metadata | null) {
    this.labels = labels
    this.metadata = metadata
    this.noteOwner = null
    this.note = null
    this.moreNotes = null
  }
}

/**
 * The columns of a batch: which series stands in which slot. Immutable but for notes. A producer whose series did not
 * change since its last batch uses the same layout object again; consumers hang what they worked out for the whole batch
 * (which slots a relabel rule keeps, an encoded and compressed template) on it as a note. A series may stand in several
 * slots (several timestamps in one batch).
 */
export class SeriesLayout implements Notable {
  readonly series: readonly Series[]
  noteOwner: object | null
  note: unknown
  moreNotes: Notable['moreNotes']
  constructor(series: readonly Series[]) {
    this.series = series
    this.noteOwner = null
    this.note = null
    this.moreNotes = null
  }
}

/** What a slot of a batch holds; see `SeriesBatch.flags`. */
export const SlotFlag = {
  /** A float sample in `values`. */
  value: 0,
  /** A staleness marker. Its NaN is never kept in a JavaScript number (engines may change a NaN's payload). */
  stale: 1,
  /** Nothing in this batch. */
  absent: 2,
  /** A native histogram in `histograms`. */
  histogram: 3,
} as const

/** The bits of Prometheus's staleness marker (model/value/value.go): high and low 32-bit words. */
export const staleBits = { high: 0x7ff00000, low: 0x00000002 } as const
/** The bits of Prometheus's ordinary NaN. */
export const normalNaNBits = { high: 0x7ff80000, low: 0x00000001 } as const

/** A native histogram sample (Prometheus `histogram.Histogram`/`FloatHistogram`), as remote write carries it. */
export interface NativeHistogram {
  /** True: counts are floats, buckets absolute. False: counts are integers (exact up to 2^53), buckets are deltas. */
  readonly isFloat: boolean
  readonly schema: number
  readonly count: number
  readonly sum: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positiveSpans: readonly HistogramSpan[]
  readonly negativeSpans: readonly HistogramSpan[]
  /** Deltas between buckets for integer histograms, absolute counts for float ones. */
  readonly positiveBuckets: readonly number[]
  readonly negativeBuckets: readonly number[]
  /** Upper bounds for schema -53 (custom buckets). */
  readonly customValues: readonly number[]
  /** 0 unknown, 1 yes, 2 no, 3 gauge. */
  readonly resetHint: number
}

export interface HistogramSpan {
  readonly offset: number
  readonly length: number
}

export interface SlotExemplar {
  readonly slot: number
  readonly labels: Labels
  readonly value: number
  /** Milliseconds since the epoch; 0: none given. */
  readonly timestampMs: number
}

export interface SeriesBatchColumns {
  readonly layout: SeriesLayout
  /** One per slot; meaningful where the flag is `value`. */
  readonly values: Float64Array
  /** One per slot, or null: every slot holds a value. */
  readonly flags: Uint8Array | null
  /** Milliseconds since the epoch of every sample, unless `timestampsMs` is there. */
  readonly timestampMs: number
  readonly timestampsMs: Float64Array | null
  /** Start (created) timestamps in milliseconds, 0: none. */
  readonly startsMs: Float64Array | null
  readonly exemplars: readonly SlotExemplar[] | null
  /** One per slot (null where the flag is not `histogram`), or null: no histogram at all. */
  readonly histograms: readonly (NativeHistogram | null)[] | null
}

/** Samples over a layout, in columns. Immutable once handed on, arrays included. */
export class SeriesBatch implements SeriesBatchColumns {
  readonly layout: SeriesLayout
  readonly values: Float64Array
  readonly flags: Uint8Array | null
  readonly timestampMs: number
  readonly timestampsMs: Float64Array | null
  readonly startsMs: Float64Array | null
  readonly exemplars: readonly SlotExemplar[] | null
  readonly histograms: readonly (NativeHistogram | null)[] | null
  /** Slots that hold something: values, staleness markers and histograms. */
  readonly count: number

  constructor(columns: SeriesBatchColumns) {
    this.layout = columns.layout
    this.values = columns.values
    this.flags = columns.flags
    this.timestampMs = columns.timestampMs
    this.timestampsMs = columns.timestampsMs
    this.startsMs = columns.startsMs
    this.exemplars = columns.exemplars
    this.histograms = columns.histograms
    let count = columns.values.length
    const flags = columns.flags
    if (flags !== null) {
      for (let i = 0; i < flags.length; i++) if (flags[i] === SlotFlag.absent) count--
    }
    this.count = count
  }
}

/** The value of label `name`, or `''`. */
export function labelValue(labels: Labels, name: string): string {
  for (let i = 0; i < labels.length; i += 2) if (labels[i] === name) return labels[i + 1] as string
  return ''
}

/** A label set from pairs in any order; empty values are left out, of duplicates the last wins. */
export function labelsFrom(pairs: Iterable<readonly [string, string]>): Labels {
  const map = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (value === '') map.delete(name)
    else map.set(name, value)
  }
  const flat: string[] = []
  for (const name of [...map.keys()].sort(compareCodeUnits)) flat.push(name, map.get(name) as string)
  return flat
}

export function labelsEqual(a: Labels, b: Labels): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** `{__name__="up", job="x"}`, for messages. */
export function labelsText(labels: Labels): string {
  const parts: string[] = []
  for (let i = 0; i < labels.length; i += 2) parts.push(`${labels[i]}=${JSON.stringify(labels[i + 1])}`)
  return `{${parts.join(', ')}}`
}

function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
