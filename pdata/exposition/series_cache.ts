// What is remembered of one target from one scrape to the next, so that a repeated exposition costs its numbers only.
import type { Labels, NativeHistogram } from '#pdata'
import { labelsEqual, labelValue, Metadata, MetricType, Series } from '#pdata'
import type { ColumnsOptions } from './columns.ts'
import { Columns } from './columns.ts'
import { createdBit, EntryTable, hashBytes, hashLabels, HashIndex } from './entry_table.ts'
import { formatOpenMetricsFloat, parseGoFloat } from './go_float.ts'
import type { MetadataLine } from './line.ts'
import { typeNamed } from './line.ts'
import { readProtobuf } from './protobuf_reader.ts'
import { TextReader } from './text_reader.ts'

export interface SeriesCacheOptions extends ColumnsOptions {
  /**
   * The label set under which a series goes on, from the exposed one (pairs in any order, empty values included).
   * Throws when it breaks a limit: the reading fails then.
   */
  makeLabels(exposed: readonly string[]): Labels
  /** Give the series their metadata. */
  readonly keepMetadata: boolean
  /** Add the labels `__type__` and `__unit__`. */
  readonly typeAndUnitLabels: boolean
  /** Read start timestamps: `_created` series (OpenMetrics) become `startsMs` instead of series. */
  readonly startTimestamps: boolean
  /** Read native histograms (protobuf). */
  readonly nativeHistograms: boolean
  /** Keep the classic series of a histogram that is native too. */
  readonly classicHistograms: boolean
  /** Native histograms with more buckets are merged down to it, 0: no limit. */
  readonly bucketLimit: number
  /** Native histograms of a finer schema are merged down to it. */
  readonly schemaMax: number
}

export const ExpositionFormat = { text: 'text', openmetrics: 'openmetrics', protobuf: 'protobuf' } as const
export type ExpositionFormat = (typeof ExpositionFormat)[keyof typeof ExpositionFormat]

const typeNumbers: ReadonlyMap<MetricType, number> = new Map(Object.values(MetricType).map((type, i) => [type, i]))
const typesByNumber: readonly MetricType[] = Object.values(MetricType)
const startTypes: ReadonlySet<MetricType> = new Set([MetricType.counter, MetricType.histogram, MetricType.summary])

/** What the lines in front of the samples said of the current family. */
class FamilyState {
  family = ''
  type: MetricType = MetricType.unknown
  /** The type of the last `# TYPE` line, whichever family it named: what Prometheus goes by. */
  lastType: MetricType = MetricType.unknown
  unit = ''
  help = ''
  metadata: Metadata | null = null
  kind = typeNumbers.get(MetricType.unknown) as number
}

/** The suffixes that a family's samples may carry, by type. */
const suffixes: Readonly<Record<MetricType, readonly string[]>> = {
  unknown: [],
  gauge: [],
  stateset: [],
  counter: ['_total', '_created'],
  info: ['_info'],
  summary: ['_sum', '_count', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount', '_created'],
}

/**
 * One target's memory. `read` fills `columns`, never throws for what a target may send, and remembers the series: the same
 * `Series` objects come again as long as the target exposes them, and `columns.changed` tells when their set or order did.
 */
export class SeriesCache {
  readonly options: SeriesCacheOptions
  readonly columns: Columns
  table = new EntryTable(0, 0)
  /** The table that a changed exposition makes; null as long as everything is as it was. */
  building: EntryTable | null = null
  /** Series of readings that failed since the last good one: known, so not "added" when they come again. */
  #orphans: EntryTable | null = null
  #newByKey: HashIndex | null = null
  #oldByKey: HashIndex | null = null
  #orphansByKey: HashIndex | null = null
  #oldByLabels: HashIndex | null = null
  #newByLabels: HashIndex | null = null
  /** By entry of the old table: its slot in the new one, or -1. */
  #seenAt = new Int32Array(0)
  #known = false
  #keyHash = 0
  /** The slot of the last new series; it counts as added once its sample stands. */
  #added = -1
  /** Was the last exposition in another format? Its keys and comments mean nothing then. */
  formatChanged = false
  #format: ExpositionFormat | null = null
  #formatNow: ExpositionFormat | null = null
  readonly family = new FamilyState()
  #metadata = new Map<string, Metadata>()
  #metadataNext = new Map<string, Metadata>()
  /** Slots whose start a `_created` entry tells, by that entry. */
  #startSlots: Map<number, number[]> | null = null
  /** The last exemplar of a series as it was written: the same one again is not passed on. */
  readonly #exemplars = new WeakMap<Series, Uint8Array>()
  readonly #text: TextReader

  constructor(options: SeriesCacheOptions) {
    this.options = options
    this.columns = new Columns(options)
    this.#text = new TextReader(this)
  }

  /**
   * Read a whole exposition. `timestampMs`: the scrape's time, for samples without their own.
   * `columns.error` tells whether it failed.
   */
  read(body: Uint8Array, format: ExpositionFormat, timestampMs: number): Columns {
    const { columns, table } = this
    columns.begin(timestampMs)
    columns.reserve(table.count)
    this.building = null
    this.#resetFamily()
    this.formatChanged = this.#format !== format
    this.#formatNow = format
    try {
      if (format === ExpositionFormat.protobuf) readProtobuf(this, body)
      else this.#text.read(body, format === ExpositionFormat.openmetrics)
    } catch (error) {
      columns.error = error instanceof Error ? error : new Error(String(error))
    }
    columns.finish()
    columns.series = (this.building ?? this.table).series
    if (columns.error === null) this.#succeed()
    else this.#fail()
    return columns
  }

  /** An exposition without a byte: every series is gone, but none would be new if it came back. */
  readEmpty(timestampMs: number): Columns {
    this.columns.begin(timestampMs)
    this.columns.series = []
    this.columns.changed = true
    return this.columns
  }

  /** What type was announced for the series at `slot` of the last reading that succeeded. */
  typeOf(slot: number): MetricType {
    return typesByNumber[(this.table.kind[slot] as number) & ~createdBit] ?? MetricType.unknown
  }

  #resetFamily(): void {
    const { family } = this
    family.family = ''
    family.type = MetricType.unknown
    family.lastType = MetricType.unknown
    family.unit = ''
    family.help = ''
    family.metadata = null
    family.kind = typeNumbers.get(MetricType.unknown) as number
  }

  #succeed(): void {
    if (this.building) {
      this.#format = this.#formatNow
      this.building.trim()
      this.table = this.building
      this.columns.changed = true
      this.#orphans = null
      this.#metadata = this.#metadataNext
      this.#startSlots = this.options.startTimestamps ? this.#matchStarts() : null
    }
    if (this.#startSlots) this.#spreadStarts(this.#startSlots)
    this.#forgetBuilding()
  }

  /** Keep the new series of a failed reading as known; a target that fails with ever new ones is not remembered for ever. */
  #fail(): void {
    const { building, table, columns } = this
    if (building) {
      const orphans = this.#orphans ?? new EntryTable(0, 0)
      const room = table.count + 1000
      for (let i = 0; i < columns.count && orphans.count < room; i++) {
        if (columns.tracked[i] !== 1) continue
        const start = building.keyStart[i] as number
        const end = building.keyEnd[i] as number
        if (this.#findIn(this.#oldByKey, table, building.bytes, start, end) >= 0) continue
        if (this.#findIn(this.#orphansByKey, orphans, building.bytes, start, end) >= 0) continue
        const series = building.series[i] as Series
        orphans.push(
          building.bytes,
          start,
          end,
          building.kind[i] as number,
          series,
          building.labelHash[i] as number,
          -1,
        )
      }
      this.#orphans = orphans
    }
    this.#forgetBuilding()
  }

  #forgetBuilding(): void {
    this.building = null
    this.#newByKey = null
    this.#oldByKey = null
    this.#orphansByKey = null
    this.#oldByLabels = null
    this.#newByLabels = null
    this.#metadataNext = new Map()
  }

  /** From slot `at` on the exposition is another one than last time: begin a new table with what was the same. */
  diverge(at: number): EntryTable {
    const { table } = this
    const building = new EntryTable(Math.max(at, table.count), Math.max(table.size, 1024))
    building.copyFrom(table, at)
    this.#oldByKey = new HashIndex(table.count)
    this.#seenAt = new Int32Array(table.count).fill(-1)
    for (let i = 0; i < table.count; i++) {
      this.#oldByKey.add(hashBytes(table.bytes, table.keyStart[i] as number, table.keyEnd[i] as number), i)
      if (i < at) this.#seenAt[i] = table.first[i] as number
    }
    this.#newByKey = new HashIndex(64)
    const orphans = this.#orphans
    if (orphans) {
      this.#orphansByKey = new HashIndex(orphans.count)
      for (let i = 0; i < orphans.count; i++) {
        this.#orphansByKey.add(hashBytes(orphans.bytes, orphans.keyStart[i] as number, orphans.keyEnd[i] as number), i)
      }
    }
    this.#metadataNext = new Map(this.#metadata)
    this.building = building
    return building
  }

  #findIn(index: HashIndex | null, table: EntryTable, bytes: Uint8Array, start: number, end: number): number {
    if (!index) return -1
    const hash = hashBytes(bytes, start, end)
    for (let i = index.first(hash); i >= 0; i = index.next(hash)) if (table.keyIs(i, bytes, start, end)) return i
    return -1
  }

  /**
   * After `diverge`: the slot of the next entry, if its key was read before under the same circumstances; the entry is in
   * the new table then. -1: make the labels and call `create` with the same key.
   */
  place(bytes: Uint8Array, start: number, end: number, kindBits: number): number {
    const building = this.building as EntryTable
    const kind = this.family.kind | kindBits
    const hash = hashBytes(bytes, start, end)
    this.#keyHash = hash
    this.#known = false
    const fresh = this.#newByKey as HashIndex
    for (let i = fresh.first(hash); i >= 0; i = fresh.next(hash)) {
      if (!building.keyIs(i, bytes, start, end)) continue
      this.#known = true
      const first = building.first[i] as number
      return building.push(
        bytes,
        start,
        end,
        kind,
        building.series[i] as Series,
        building.labelHash[i] as number,
        first,
      )
    }
    const { table } = this
    const old = this.#findHash(this.#oldByKey as HashIndex, hash, table, bytes, start, end)
    if (old >= 0) {
      this.#known = true
      const series = table.series[old] as Series
      const same = table.kind[old] === kind && !this.options.typeAndUnitLabels
      // The same text again in one exposition is a duplicate, whatever was announced in between.
      const seen = (this.#seenAt[table.first[old] as number] as number) >= 0
      if (seen || (same && this.#metadataFits(series))) return this.#again(bytes, start, end, kind, old)
      return -1
    }
    const orphans = this.#orphans
    if (orphans && this.#findHash(this.#orphansByKey as HashIndex, hash, orphans, bytes, start, end) >= 0)
      this.#known = true
    return -1
  }

  #findHash(index: HashIndex, hash: number, table: EntryTable, bytes: Uint8Array, start: number, end: number): number {
    for (let i = index.first(hash); i >= 0; i = index.next(hash)) if (table.keyIs(i, bytes, start, end)) return i
    return -1
  }

  /** An entry whose series stood at `old` in the last table. */
  #again(bytes: Uint8Array, start: number, end: number, kind: number, old: number): number {
    const { table } = this
    const building = this.building as EntryTable
    const home = table.first[old] as number
    const seen = this.#seenAt[home] as number
    const series = (seen < 0 ? table.series[home] : building.series[seen]) as Series
    const slot = building.push(bytes, start, end, kind, series, table.labelHash[home] as number, seen)
    if (seen < 0) this.#seenAt[home] = slot
    return slot
  }

  #metadataFits(series: Series): boolean {
    if (!this.options.keepMetadata) return true
    return series.metadata === this.#metadataFor(labelValue(series.labels, '__name__'))
  }

  /** The entry that `place` did not know, from its exposed labels (pairs, `__name__` among them). Returns its slot. */
  create(bytes: Uint8Array, start: number, end: number, kindBits: number, exposed: string[], name: string): number {
    const building = this.building as EntryTable
    const kind = this.family.kind | kindBits
    this.#normalizeFloats(exposed)
    if (this.options.typeAndUnitLabels) this.#addTypeAndUnit(exposed)
    let labels: Labels
    try {
      labels = this.options.makeLabels(exposed)
    } catch (error) {
      this.columns.samplesScraped++
      throw error
    }
    const hash = hashLabels(labels)
    const slot = this.#sameLabels(bytes, start, end, kind, labels, hash, this.#metadataFor(name))
    if (slot >= 0) return slot
    const series = new Series(labels, this.#metadataFor(name))
    const made = building.push(bytes, start, end, kind, series, hash, -1)
    this.#newByKey?.add(this.#keyHash, made)
    this.#newByLabels?.add(hash, made)
    if (!this.#known && (kindBits & createdBit) === 0) this.#added = made
    return made
  }

  /** Another spelling of a series that is there: in this exposition, or in the last. */
  #sameLabels(
    bytes: Uint8Array,
    start: number,
    end: number,
    kind: number,
    labels: Labels,
    hash: number,
    metadata: Metadata | null,
  ): number {
    const { table } = this
    const building = this.building as EntryTable
    if (!this.#newByLabels || !this.#oldByLabels) {
      this.#oldByLabels = new HashIndex(table.count)
      for (let i = 0; i < table.count; i++)
        if (table.first[i] === i) this.#oldByLabels.add(table.labelHash[i] as number, i)
      this.#newByLabels = new HashIndex(64)
    }
    for (let i = this.#newByLabels.first(hash); i >= 0; i = this.#newByLabels.next(hash)) {
      const series = building.series[i] as Series
      if (labelsEqual(series.labels, labels)) return building.push(bytes, start, end, kind, series, hash, i)
    }
    for (let i = this.#oldByLabels.first(hash); i >= 0; i = this.#oldByLabels.next(hash)) {
      const series = table.series[i] as Series
      if (!labelsEqual(series.labels, labels)) continue
      if (series.metadata === metadata || (this.#seenAt[i] as number) >= 0)
        return this.#again(bytes, start, end, kind, i)
      // The same series under new metadata: a new object, for a `Series` does not change.
      const slot = building.push(bytes, start, end, kind, new Series(series.labels, metadata), hash, -1)
      this.#seenAt[i] = slot
      this.#newByKey?.add(this.#keyHash, slot)
      this.#newByLabels.add(hash, slot)
      return slot
    }
    return -1
  }

  /** The sample of the entry at `slot`, which must be the next one. */
  sample(slot: number, value: number, timestampMs: number | undefined, histogram: NativeHistogram | null): void {
    const table = this.building ?? this.table
    const stands = this.columns.add(table.first[slot] as number, value, timestampMs, histogram)
    if (this.#added === slot && stands && !this.columns.limitExceeded) this.columns.seriesAdded++
    this.#added = -1
  }

  /** A `_created` line's value, in seconds. */
  created(slot: number, seconds: number): void {
    this.columns.addAbsent()
    this.columns.values[slot] = Math.trunc(seconds * 1000)
  }

  /** Is this exemplar, as written, the last one of the series at `slot`? Then it was read and passed on already. */
  isLastExemplar(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const last = this.#exemplars.get((this.building ?? this.table).series[slot] as Series)
    if (!last || last.length !== end - start) return false
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[start + i]) return false
    return true
  }

  rememberExemplar(slot: number, bytes: Uint8Array, start: number, end: number): void {
    this.#exemplars.set(
      (this.building ?? this.table).series[slot] as Series,
      Uint8Array.prototype.slice.call(bytes, start, end),
    )
  }

  /**
   * Before `diverge`: does the entry at `slot` have this key, under the same circumstances? (What text readers see from the
   * comments being the same, others have to ask.)
   */
  isSame(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { table } = this
    if (slot >= table.count || table.kind[slot] !== this.family.kind || this.options.typeAndUnitLabels) return false
    return table.keyIs(slot, bytes, start, end) && this.#metadataFits(table.series[slot] as Series)
  }

  /** A family of a format that describes it in one piece. */
  beginFamily(name: string, type: MetricType, help: string, unit: string): void {
    const { family } = this
    family.family = name
    family.help = help
    family.unit = unit
    family.metadata = null
    this.setType(type)
  }

  /** What a metadata line says of its family. */
  describe(line: MetadataLine): void {
    const { family } = this
    if (line.family !== family.family) {
      family.family = line.family
      family.type = MetricType.unknown
      family.help = ''
      family.unit = ''
    }
    family.metadata = null
    if (line.kind === 'type') this.setType(typeNamed(line.text))
    else if (line.kind === 'unit') family.unit = line.text
    else family.help = line.text
  }

  setType(type: MetricType): void {
    this.family.type = type
    this.family.lastType = type
    this.family.kind = typeNumbers.get(type) as number
  }

  get startsBySeries(): boolean {
    return this.options.startTimestamps && startTypes.has(this.family.lastType)
  }

  /** The metadata of the series named `name`: the current family's, if it belongs to it. */
  #metadataFor(name: string): Metadata | null {
    if (!this.options.keepMetadata) return null
    const { family } = this
    if (family.family === '' || !belongsTo(name, family.family, family.type)) return null
    if (family.metadata) return family.metadata
    const map = this.building ? this.#metadataNext : this.#metadata
    const known = map.get(family.family)
    const same = known && known.type === family.type && known.help === family.help && known.unit === family.unit
    family.metadata = same ? known : new Metadata(family.family, family.type, family.help, family.unit)
    if (!same) map.set(family.family, family.metadata)
    return family.metadata
  }

  /** `le` of histograms and `quantile` of summaries are spelled one way, `1` as `1.0` (Prometheus since 3.0). */
  #normalizeFloats(exposed: string[]): void {
    const type = this.family.lastType
    const name = type === MetricType.histogram ? 'le' : type === MetricType.summary ? 'quantile' : ''
    if (name === '') return
    for (let i = 0; i < exposed.length; i += 2) {
      if (exposed[i] !== name) continue
      const value = parseGoFloat(exposed[i + 1] as string)
      if (value !== undefined) exposed[i + 1] = formatOpenMetricsFloat(value)
    }
  }

  #addTypeAndUnit(exposed: string[]): void {
    const { lastType, unit } = this.family
    for (const [name, value] of [
      ['__type__', lastType === MetricType.unknown ? '' : lastType],
      ['__unit__', unit],
    ] as const) {
      if (value === '') continue
      const at = exposed.findIndex((text, i) => i % 2 === 0 && text === name)
      if (at >= 0) exposed[at + 1] = value
      else exposed.push(name, value)
    }
  }

  /** Which slots each `_created` entry speaks for: its family's, with the same labels but for `le` and `quantile`. */
  #matchStarts(): Map<number, number[]> | null {
    const { table } = this
    const byKey = new Map<string, number>()
    for (let i = 0; i < table.count; i++) {
      if (((table.kind[i] as number) & createdBit) !== 0)
        byKey.set(startKey(table.series[i] as Series, ['_created']), i)
    }
    if (byKey.size === 0) return null
    const out = new Map<number, number[]>()
    for (let i = 0; i < table.count; i++) {
      if (((table.kind[i] as number) & createdBit) !== 0) continue
      const entry = byKey.get(startKey(table.series[i] as Series, ['_total', '_bucket', '_sum', '_count']))
      if (entry === undefined) continue
      const slots = out.get(entry)
      if (slots) slots.push(i)
      else out.set(entry, [i])
    }
    return out
  }

  #spreadStarts(startSlots: ReadonlyMap<number, readonly number[]>): void {
    for (const [entry, slots] of startSlots) {
      const startMs = this.columns.values[entry] as number
      for (const slot of slots) this.columns.setStart(slot, startMs)
    }
  }
}

function startKey(series: Series, ends: readonly string[]): string {
  const parts: string[] = []
  for (let i = 0; i < series.labels.length; i += 2) {
    const name = series.labels[i] as string
    let value = series.labels[i + 1] as string
    if (name === 'le' || name === 'quantile') continue
    if (name === '__name__') {
      const end = ends.find((suffix) => value.endsWith(suffix))
      if (end) value = value.slice(0, -end.length)
    }
    parts.push(name, value)
  }
  return JSON.stringify(parts)
}

/** May a sample of this name be one of the family's? A `# TYPE` line may name what the sample is not. */
function belongsTo(name: string, family: string, type: MetricType): boolean {
  if (name === family) return true
  const base =
    type === MetricType.counter ? cut(family, '_total') : type === MetricType.info ? cut(family, '_info') : family
  if (name === base) return true
  return suffixes[type].some((suffix) => name === base + suffix)
}

function cut(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text
}
