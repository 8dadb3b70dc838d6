// Series by the bytes of their labels, so that a series seen before costs no strings.
import { randomInt } from 'node:crypto'
import type { Labels, Metadata } from '../series.ts'
import { Series, SeriesLayout } from '../series.ts'

/** What a series takes besides its strings and key, in bytes: objects, arrays, table entry. Estimated. */
const entryOverheadBytes = 400
/** What a string takes besides its characters, in bytes. Estimated. */
const stringOverheadBytes = 24
/** More keys than this with one hash are no accident: further ones are not kept. */
const chainMax = 16

/** Slots of all layouts kept, unless told otherwise: two megabytes of them. */
const layoutSlotsDefault = 262_144

export interface InternerOptions {
  /** Memory for series, in bytes, estimated. */
  readonly bytesMax: number
  /** Slots of all layouts kept, for requests that come again with the same series in the same order. */
  readonly layoutSlotsMax?: number
}

class Entry {
  readonly hash: number
  readonly key: Uint8Array
  readonly series: Series
  readonly bytes: number
  /** The next entry with the same hash. */
  chain: Entry | null
  /** Neighbours in order of use. */
  newer: Entry | null
  older: Entry | null
  /** The series that came after this one the last time: most often it does so again. */
  successor: Entry | null
  isRemoved: boolean

  constructor(hash: number, key: Uint8Array, series: Series, bytes: number) {
    this.hash = hash
    this.key = key
    this.series = series
    this.bytes = bytes
    this.chain = null
    this.newer = null
    this.older = null
    this.successor = null
    this.isRemoved = false
  }
}

/**
 * Keeps `Series` objects by a key of bytes. Bounded: when it holds more than `bytesMax` (estimated, strings included),
 * those least recently used are let go; a series let go is simply made anew when it comes again.
 */
export class SeriesInterner {
  readonly bytesMax: number
  readonly layoutSlotsMax: number
  readonly #byHash: Map<number, Entry>
  #newest: Entry | null
  #oldest: Entry | null
  #last: Entry | null
  #bytes: number
  #size: number
  /** Differs from process to process, so that nobody can prepare keys that share a hash. */
  readonly #seed: number

  /** The last layout that began with a series, in order of use. */
  readonly #layouts: Map<Series, SeriesLayout>
  #layoutSlots: number

  constructor(options: InternerOptions) {
    this.bytesMax = options.bytesMax
    this.layoutSlotsMax = options.layoutSlotsMax ?? layoutSlotsDefault
    this.#layouts = new Map()
    this.#layoutSlots = 0
    this.#byHash = new Map()
    this.#newest = null
    this.#oldest = null
    this.#last = null
    this.#bytes = 0
    this.#size = 0
    this.#seed = randomInt(0x7fffffff)
  }

  /** Series held. */
  get size(): number {
    return this.#size
  }

  /** Memory held, in bytes, estimated. */
  get bytes(): number {
    return this.#bytes
  }

  /** The series whose key is `source[start … end)`, or null. */
  find(source: Uint8Array, start: number, end: number): Series | null {
    const expected = this.#last === null ? this.#oldest : this.#last.successor
    if (expected !== null && !expected.isRemoved && keyEquals(expected.key, source, start, end)) {
      this.#last = expected
      this.#touch(expected)
      return expected.series
    }
    const hash = hashOf(this.#seed, source, start, end)
    let entry = this.#byHash.get(hash) ?? null
    while (entry !== null && !keyEquals(entry.key, source, start, end)) entry = entry.chain
    if (entry === null) return null
    this.#follow(entry)
    this.#touch(entry)
    return entry.series
  }

  /** Keep a new series under a key that `find` did not know. The key's bytes are copied. */
  add(source: Uint8Array, start: number, end: number, labels: Labels, metadata: Metadata | null): Series {
    const hash = hashOf(this.#seed, source, start, end)
    const series = new Series(labels, metadata)
    const first = this.#byHash.get(hash) ?? null
    if (chainLength(first) >= chainMax) return series
    const bytes = entryOverheadBytes + (end - start) * 2 + labels.length * stringOverheadBytes
    const entry = new Entry(hash, copyOf(source, start, end), series, bytes)
    entry.chain = first
    this.#byHash.set(hash, entry)
    this.#follow(entry)
    this.#append(entry)
    this.#bytes += bytes
    this.#size++
    while (this.#bytes > this.bytesMax && this.#oldest !== null && this.#oldest !== entry) this.#remove(this.#oldest)
    return series
  }

  /** The layout of `series`, in that order: one given before, if it is kept. `series` becomes the layout's. */
  layoutOf(series: readonly Series[]): SeriesLayout {
    const first = series[0]
    if (first === undefined) return new SeriesLayout(series)
    const known = this.#layouts.get(first)
    if (known !== undefined) {
      this.#layouts.delete(first)
      if (sameSeries(known.series, series)) {
        this.#layouts.set(first, known)
        return known
      }
      this.#layoutSlots -= known.series.length
    }
    const layout = new SeriesLayout(series)
    if (series.length > this.layoutSlotsMax) return layout
    this.#layouts.set(first, layout)
    this.#layoutSlots += series.length
    for (const [key, oldest] of this.#layouts) {
      if (this.#layoutSlots <= this.layoutSlotsMax) break
      this.#layouts.delete(key)
      this.#layoutSlots -= oldest.series.length
    }
    return layout
  }

  #follow(entry: Entry): void {
    if (this.#last !== null) this.#last.successor = entry
    this.#last = entry
  }

  #touch(entry: Entry): void {
    if (this.#newest === entry) return
    this.#unlink(entry)
    this.#append(entry)
  }

  #append(entry: Entry): void {
    entry.older = this.#newest
    entry.newer = null
    if (this.#newest !== null) this.#newest.newer = entry
    this.#newest = entry
    if (this.#oldest === null) this.#oldest = entry
  }

  #unlink(entry: Entry): void {
    if (entry.older !== null) entry.older.newer = entry.newer
    else this.#oldest = entry.newer
    if (entry.newer !== null) entry.newer.older = entry.older
    else this.#newest = entry.older
  }

  #remove(entry: Entry): void {
    this.#unlink(entry)
    const first = this.#byHash.get(entry.hash) ?? null
    if (first === entry) {
      if (entry.chain === null) this.#byHash.delete(entry.hash)
      else this.#byHash.set(entry.hash, entry.chain)
    } else {
      let before = first
      while (before !== null && before.chain !== entry) before = before.chain
      if (before !== null) before.chain = entry.chain
    }
    if (this.#last === entry) this.#last = null
    entry.isRemoved = true
    entry.successor = null
    this.#bytes -= entry.bytes
    this.#size--
  }
}

function copyOf(source: Uint8Array, start: number, end: number): Uint8Array {
  // Not slice(): a Buffer's shares memory, and a key would hold on to a whole request.
  const copy = new Uint8Array(end - start)
  copy.set(source.subarray(start, end))
  return copy
}

function sameSeries(a: readonly Series[], b: readonly Series[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function keyEquals(key: Uint8Array, source: Uint8Array, start: number, end: number): boolean {
  const length = key.length
  if (length !== end - start) return false
  // From the end: label sets of one family differ in their last values more often than in their name.
  for (let i = length - 1; i >= 0; i--) if (key[i] !== source[start + i]) return false
  return true
}

function chainLength(entry: Entry | null): number {
  let length = 0
  for (; entry !== null; entry = entry.chain) length++
  return length
}

/** FNV-1a over bytes, 32 bits, from a basis of our own. */
function hashOf(seed: number, source: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193)
  return hash
}
