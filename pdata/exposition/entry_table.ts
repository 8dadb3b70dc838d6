// The entries of one target's last exposition: the bytes that name each series, and the series they stand for.
import type { Labels, Series } from '#pdata'

/** An entry's kind is the number of its announced type, with this bit where the entry is a `_created` line. */
export const createdBit = 0x80

/** Numbers under hashes, open addressing; several may have the same hash. */
export class HashIndex {
  #slots: Int32Array
  #hashes: Int32Array
  #count = 0
  #place = 0

  constructor(capacity: number) {
    let size = 16
    while (size < capacity * 2) size *= 2
    this.#slots = new Int32Array(size).fill(-1)
    this.#hashes = new Int32Array(size)
  }

  add(hash: number, entry: number): void {
    if ((this.#count + 1) * 2 > this.#slots.length) this.#grow()
    const mask = this.#slots.length - 1
    let place = hash & mask
    while (this.#slots[place] !== -1) place = (place + 1) & mask
    this.#slots[place] = entry
    this.#hashes[place] = hash
    this.#count++
  }

  #grow(): void {
    const slots = this.#slots
    const hashes = this.#hashes
    this.#slots = new Int32Array(slots.length * 2).fill(-1)
    this.#hashes = new Int32Array(slots.length * 2)
    this.#count = 0
    for (let i = 0; i < slots.length; i++) if (slots[i] !== -1) this.add(hashes[i] as number, slots[i] as number)
  }

  /** The first entry under `hash`, or -1. */
  first(hash: number): number {
    this.#place = (hash & (this.#slots.length - 1)) - 1
    return this.next(hash)
  }

  /** The next one after the last that `first` or `next` gave, or -1. */
  next(hash: number): number {
    const mask = this.#slots.length - 1
    for (;;) {
      this.#place = (this.#place + 1) & mask
      const entry = this.#slots[this.#place] as number
      if (entry === -1 || this.#hashes[this.#place] === hash) return entry
    }
  }
}

/** FNV-1a over bytes; signed 32 bits, mixed so that the low bits can serve as an index. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash ^ (hash >>> 15)
}

/** The same over a label set's strings. */
export function hashLabels(labels: Labels): number {
  let hash = 0x811c9dc5 | 0
  for (const text of labels) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  return hash ^ (hash >>> 15)
}

/**
 * Entries in the order of the exposition. All bytes lie in one array: in front of an entry's key stands what came between
 * it and the entry before (comments, in text), behind the last entry what ended the exposition.
 */
export class EntryTable {
  bytes: Uint8Array
  size = 0
  count = 0
  keyStart: Int32Array
  keyEnd: Int32Array
  /** What else the labels depend on: the metric type that was announced; see `SeriesCache`. */
  kind: Uint8Array
  labelHash: Int32Array
  /** The slot of the first entry of the same series: the entry's own unless the series is exposed twice. */
  first: Int32Array
  series: Series[] = []
  /** Is there an entry whose `first` is not its own slot, or one of a special kind? */
  special = false

  constructor(entries: number, bytes: number) {
    this.bytes = new Uint8Array(bytes)
    this.keyStart = new Int32Array(entries)
    this.keyEnd = new Int32Array(entries)
    this.kind = new Uint8Array(entries)
    this.labelHash = new Int32Array(entries)
    this.first = new Int32Array(entries)
  }

  /** The bytes between entries. */
  appendRun(source: Uint8Array, start: number, end: number): void {
    const need = this.size + (end - start)
    if (need > this.bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, this.size))
      this.bytes = grown
    }
    // Keys are short: a loop is faster than the view that `set` needs.
    if (end - start > 200) this.bytes.set(source.subarray(start, end), this.size)
    else for (let i = start, j = this.size; i < end; i++, j++) this.bytes[j] = source[i] as number
    this.size = need
  }

  /** An entry whose key is `source` from `start` to `end`. Returns its slot. `first` -1: its own. */
  push(
    source: Uint8Array,
    start: number,
    end: number,
    kind: number,
    series: Series,
    labelHash: number,
    first: number,
  ): number {
    const slot = this.count
    if (slot === this.keyStart.length) this.#growEntries()
    this.keyStart[slot] = this.size
    this.appendRun(source, start, end)
    this.keyEnd[slot] = this.size
    this.kind[slot] = kind
    this.labelHash[slot] = labelHash
    this.first[slot] = first < 0 ? slot : first
    if (first >= 0 || (kind & createdBit) !== 0) this.special = true
    this.series.push(series)
    this.count++
    return slot
  }

  #growEntries(): void {
    const length = Math.max(64, this.count * 2)
    const grow = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(length)
      to.set(from)
      return to
    }
    this.keyStart = grow(this.keyStart)
    this.keyEnd = grow(this.keyEnd)
    this.labelHash = grow(this.labelHash)
    this.first = grow(this.first)
    const kind = new Uint8Array(length)
    kind.set(this.kind)
    this.kind = kind
  }

  keyIs(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.keyStart[slot] as number
    if ((this.keyEnd[slot] as number) - from !== end - start) return false
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== this.bytes[j]) return false
    return true
  }

  /** The first `count` entries of `other`, runs included. */
  copyFrom(other: EntryTable, count: number): void {
    this.appendRun(other.bytes, 0, count === 0 ? 0 : (other.keyEnd[count - 1] as number))
    while (this.keyStart.length < count) this.#growTo(count)
    this.keyStart.set(other.keyStart.subarray(0, count))
    this.keyEnd.set(other.keyEnd.subarray(0, count))
    this.kind.set(other.kind.subarray(0, count))
    this.labelHash.set(other.labelHash.subarray(0, count))
    this.first.set(other.first.subarray(0, count))
    this.series = other.series.slice(0, count)
    this.count = count
    if (other.special) this.special = true
  }

  #growTo(count: number): void {
    const keep = this.count
    this.count = count
    this.#growEntries()
    this.count = keep
  }

  /** Give back the room that growing took too much. */
  trim(): void {
    if (this.bytes.length > this.size) this.bytes = this.bytes.slice(0, this.size)
    if (this.keyStart.length > this.count) {
      this.keyStart = this.keyStart.slice(0, this.count)
      this.keyEnd = this.keyEnd.slice(0, this.count)
      this.kind = this.kind.slice(0, this.count)
      this.labelHash = this.labelHash.slice(0, this.count)
      this.first = this.first.slice(0, this.count)
    }
  }
}
