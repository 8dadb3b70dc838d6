// From what a span's bytes say straight to its series: an open hash table of keys seen before.
import type { DurationSeries, SumSeries } from './series.ts'

/** A key as bytes, and the series of spans that have it. */
export class SeriesEntry {
  readonly hash: number
  readonly key: Uint8Array
  readonly calls: SumSeries
  readonly duration: DurationSeries | null

  constructor(hash: number, key: Uint8Array, calls: SumSeries, duration: DurationSeries | null) {
    this.hash = hash
    this.key = key
    this.calls = calls
    this.duration = duration
  }
}

/**
 * The key under construction, and the table. Several keys may lead to one series (a value written in two ways): it only
 * remembers, and can be emptied at any time. Measured on x64: finding a key of 60 bytes takes 0.1 µs, making a string of it
 * and asking a Map 0.35 µs.
 */
export class SeriesTable {
  readonly #entriesMax: number
  #entries: (SeriesEntry | null)[] = Array.from({ length: 256 }, () => null)
  #size = 0
  #key = new Uint8Array(512)
  #length = 0
  #hash = 0
  readonly #seed: number

  /** `seed`: a random integer of 32 bits, so that nobody can send keys that are all in one place. */
  constructor(entriesMax: number, seed: number) {
    this.#entriesMax = entriesMax
    this.#seed = seed
  }

  get size(): number {
    return this.#size
  }

  /** Begin a key. `context`: a number that stands for resource and scope. */
  begin(context: number, kind: number, statusCode: number, marks: number): void {
    const key = this.#key
    key[0] = context
    key[1] = context >>> 8
    key[2] = context >>> 16
    key[3] = context >>> 24
    key[4] = kind
    key[5] = statusCode
    key[6] = marks
    this.#length = 7
    this.#hash = Math.imul(this.#seed ^ context ^ (kind << 26) ^ (statusCode << 29) ^ (marks << 24), 0x9e3779b1)
  }

  /** Add what stands in `bytes[start … end)`; nothing, told from empty, where `start` is -1. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = start < 0 ? 0 : end - start
    let at = this.#length
    if (at + length + 4 > this.#key.length) this.#grow(at + length + 4)
    const key = this.#key
    let hash = this.#hash
    const mark = start < 0 ? 0 : length + 1
    key[at++] = mark
    key[at++] = mark >>> 8
    key[at++] = mark >>> 16
    key[at++] = mark >>> 24
    hash = Math.imul(hash ^ mark, 0x01000193)
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i] as number
      key[at++] = byte
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    this.#length = at
    this.#hash = hash
  }

  #grow(least: number): void {
    const larger = new Uint8Array(least * 2)
    larger.set(this.#key.subarray(0, this.#length))
    this.#key = larger
  }

  /** The entry of the key. */
  find(): SeriesEntry | null {
    const entries = this.#entries
    const mask = entries.length - 1
    const hash = this.#hash
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const entry = entries[slot] as SeriesEntry | null
      if (entry === null) return null
      if (entry.hash === hash && this.#isKeyOf(entry)) return entry
    }
  }

  #isKeyOf(entry: SeriesEntry): boolean {
    const length = this.#length
    const mine = this.#key
    const other = entry.key
    if (other.length !== length) return false
    for (let i = length - 1; i >= 0; i--) if (mine[i] !== other[i]) return false
    return true
  }

  /** Remember the key, which is not there, for these series. */
  put(calls: SumSeries, duration: DurationSeries | null): SeriesEntry {
    if (this.#size >= this.#entriesMax) this.clear()
    else if (this.#size * 2 >= this.#entries.length) this.#rehash()
    const entry = new SeriesEntry(this.#hash, this.#key.slice(0, this.#length), calls, duration)
    this.#place(entry)
    this.#size++
    return entry
  }

  #place(entry: SeriesEntry): void {
    const mask = this.#entries.length - 1
    let slot = (entry.hash ^ (entry.hash >>> 15)) & mask
    while (this.#entries[slot] !== null) slot = (slot + 1) & mask
    this.#entries[slot] = entry
  }

  #rehash(): void {
    const old = this.#entries
    this.#entries = Array.from({ length: old.length * 2 }, () => null)
    for (const entry of old) if (entry !== null) this.#place(entry)
  }

  clear(): void {
    if (this.#size > 0) this.#entries = Array.from({ length: 256 }, () => null)
    this.#size = 0
  }
}
