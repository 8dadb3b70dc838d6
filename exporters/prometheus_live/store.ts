// The current value of every series, in columns; a batch whose layout was seen before costs a copy of its columns.
import { fnv1a, fnv1aStart, fnv1aUnit } from '#lib/fnv'
import type { Labels, NativeHistogram, Series, SeriesBatch, SeriesLayout } from '#pdata'
import { labelsEqual, noteOf, setNote, SlotFlag } from '#pdata'

/** A series that is kept: where its value stands. */
export class Entry {
  /** As it came first; another producer's equal series shares the entry. */
  readonly series: Series
  readonly hash: number
  /** Into the columns; -1: no longer kept. */
  index: number
  /** The next entry with the same hash. */
  next: Entry | null
  constructor(series: Series, hash: number, index: number, next: Entry | null) {
    this.series = series
    this.hash = hash
    this.index = index
    this.next = next
  }

  get labels(): Labels {
    return this.series.labels
  }
}

/** Where the slots of a layout go, as long as no entry is given up. */
class Places {
  readonly indexes: Int32Array
  epoch: number
  constructor(indexes: Int32Array, epoch: number) {
    this.indexes = indexes
    this.epoch = epoch
  }
}

export interface SeriesStoreBounds {
  /** Series kept at most. */
  readonly seriesMax: number
  /** A series without a sample for this long is forgotten. */
  readonly staleAfterMs: number
}

/** Looks for series that ran out are made this often per `staleAfterMs`. */
const sweepsPerLife = 10
const noPlace = -1
const noSample = -Infinity
const columnsMin = 1024

export class SeriesStore {
  readonly #owner: object = {}
  #seriesMax: number
  #staleAfterMs: number
  #values = new Float64Array(columnsMin)
  #timestampsMs = new Float64Array(columnsMin)
  /** Monotonic. */
  #seenMs = new Float64Array(columnsMin)
  #histograms = new Map<number, NativeHistogram>()
  #entries: (Entry | null)[] = []
  /** Indexes given up, to be used again. */
  #free: number[] = []
  #byHash = new Map<number, Entry>()
  /** Goes up when an entry is given up: places worked out before are looked at again. */
  #epoch = 0
  #size = 0
  #sweptMs = -Infinity

  constructor(bounds: SeriesStoreBounds) {
    this.#seriesMax = bounds.seriesMax
    this.#staleAfterMs = bounds.staleAfterMs
  }

  get size(): number {
    return this.#size
  }

  get seriesMax(): number {
    return this.#seriesMax
  }

  /** Other bounds from now on. Series above a lower bound stay until they run out. */
  bound(bounds: SeriesStoreBounds): void {
    this.#seriesMax = bounds.seriesMax
    this.#staleAfterMs = bounds.staleAfterMs
    this.#epoch++ // there may be places for those that had none
  }

  /**
   * Keep the newest of what `batch` says of each series; staleness markers end series. `nowMs` is monotonic.
   * Returns the number of items for which there was no room.
   */
  take(batch: SeriesBatch, nowMs: number): number {
    if (nowMs - this.#sweptMs >= this.#staleAfterMs / sweepsPerLife) this.sweep(nowMs)
    const indexes = this.#places(batch.layout, nowMs).indexes
    const { flags, timestampsMs, timestampMs } = batch
    const values = this.#values
    const times = this.#timestampsMs
    const seen = this.#seenMs
    let refused = 0
    let ended: number[] | null = null
    for (let slot = 0; slot < indexes.length; slot++) {
      const flag = flags === null ? SlotFlag.value : (flags[slot] as number)
      if (flag === SlotFlag.absent) continue
      const index = indexes[slot] as number
      if (index === noPlace) {
        if (flag !== SlotFlag.stale) refused++ // a marker for what is not kept has done its work
        continue
      }
      const timeMs = timestampsMs === null ? timestampMs : (timestampsMs[slot] as number)
      if (timeMs < (times[index] as number)) continue
      times[index] = timeMs
      seen[index] = nowMs
      if (flag === SlotFlag.stale) (ended ??= []).push(index)
      else if (flag === SlotFlag.histogram) this.#histograms.set(index, batch.histograms?.[slot] as NativeHistogram)
      else {
        values[index] = batch.values[slot] as number
        if (this.#histograms.size > 0) this.#histograms.delete(index)
      }
    }
    if (ended !== null) for (const index of ended) this.#giveUp(index)
    return refused
  }

  /** Forget series that got no sample for `staleAfterMs`. */
  sweep(nowMs: number): void {
    this.#sweptMs = nowMs
    const before = nowMs - this.#staleAfterMs
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i] !== null && (this.#seenMs[i] as number) <= before) this.#giveUp(i)
    }
  }

  clear(): void {
    for (let i = 0; i < this.#entries.length; i++) this.#giveUp(i)
    this.#entries = []
    this.#free = []
    this.#values = new Float64Array(columnsMin)
    this.#timestampsMs = new Float64Array(columnsMin)
    this.#seenMs = new Float64Array(columnsMin)
  }

  /** Those that have a value: a batch may name a series before it holds a sample of it. */
  *entries(): IterableIterator<Entry> {
    for (const entry of this.#entries) if (entry !== null && this.#timestampsMs[entry.index] !== noSample) yield entry
  }

  valueOf(entry: Entry): number {
    return this.#values[entry.index] as number
  }

  histogramOf(entry: Entry): NativeHistogram | undefined {
    return this.#histograms.get(entry.index)
  }

  #places(layout: SeriesLayout, nowMs: number): Places {
    const known = noteOf(layout, this.#owner) as Places | undefined
    if (known !== undefined && known.epoch === this.#epoch) return known
    const { series } = layout
    const places = known ?? new Places(new Int32Array(series.length), this.#epoch)
    for (let i = 0; i < series.length; i++) places.indexes[i] = this.#place(series[i] as Series, nowMs)
    places.epoch = this.#epoch
    if (known === undefined) setNote(layout, this.#owner, places)
    return places
  }

  #place(series: Series, nowMs: number): number {
    const noted = noteOf(series, this.#owner) as Entry | undefined
    if (noted !== undefined && noted.index >= 0) return noted.index
    const hash = hashOf(series.labels)
    const first = this.#byHash.get(hash) ?? null
    let entry = first
    while (entry !== null && !labelsEqual(entry.labels, series.labels)) entry = entry.next
    if (entry === null) {
      if (this.#size >= this.#seriesMax) return noPlace
      entry = new Entry(series, hash, this.#newIndex(nowMs), first)
      this.#byHash.set(hash, entry)
      this.#entries[entry.index] = entry
      this.#size++
    }
    setNote(series, this.#owner, entry)
    return entry.index
  }

  #newIndex(nowMs: number): number {
    const index = this.#free.pop() ?? this.#entries.length
    if (index === this.#values.length) {
      this.#values = grown(this.#values)
      this.#timestampsMs = grown(this.#timestampsMs)
      this.#seenMs = grown(this.#seenMs)
    }
    this.#timestampsMs[index] = noSample
    this.#seenMs[index] = nowMs
    return index
  }

  #giveUp(index: number): void {
    const entry = this.#entries[index]
    if (!entry) return
    const first = this.#byHash.get(entry.hash) as Entry
    if (first !== entry) {
      let before = first
      while (before.next !== entry) before = before.next as Entry
      before.next = entry.next
    } else if (entry.next === null) this.#byHash.delete(entry.hash)
    else this.#byHash.set(entry.hash, entry.next)
    this.#entries[index] = null
    this.#histograms.delete(index)
    this.#free.push(index)
    entry.index = noPlace
    this.#size--
    this.#epoch++
  }
}

function grown(column: Float64Array): Float64Array<ArrayBuffer> {
  const next = new Float64Array(2 * column.length)
  next.set(column)
  return next
}

/** FNV-1a over the code units of all names and values, with a break between them. */
function hashOf(labels: Labels): number {
  let hash = fnv1aStart
  for (const text of labels) hash = fnv1aUnit(fnv1a(text, hash), 0xffff)
  return hash
}
