// Cuts requests by items on the wire: whole resources are views, those that are cut get their headers anew.
import { ByteWriter } from '#lib/byte_writer'
import type { WireChunks } from '../signals.ts'
import type { WireLevels } from './wire.ts'
import { countWire, WireCursor } from './wire.ts'

export interface WirePart {
  readonly chunks: WireChunks
  readonly count: number
}

/**
 * Cut into parts of at most `itemsMax` items, in order. Every part but the last is full. What holds no items at all
 * (a resource without spans) stays with what is before it. Parts are views of the chunks except where a resource is cut:
 * there the resource's, scope's and metric's own fields are written again around the items.
 */
export function splitWire(chunks: WireChunks, itemsMax: number, levels: WireLevels): WirePart[] {
  const splitter = new Splitter(Math.max(1, itemsMax), levels)
  for (const chunk of chunks) splitter.chunk(chunk)
  return splitter.finish()
}

class Splitter {
  readonly #itemsMax: number
  readonly #levels: WireLevels
  readonly #parts: WirePart[] = []
  #chunks: Uint8Array[] = []
  #count = 0

  constructor(itemsMax: number, levels: WireLevels) {
    this.#itemsMax = itemsMax
    this.#levels = levels
  }

  finish(): WirePart[] {
    if (this.#chunks.length > 0) this.#endPart()
    return this.#parts
  }

  #endPart(): void {
    this.#parts.push({ chunks: this.#chunks, count: this.#count })
    this.#chunks = []
    this.#count = 0
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    if (end > start) this.#chunks.push(bytes.subarray(start, end))
  }

  chunk(bytes: Uint8Array): void {
    const cursor = new WireCursor()
    cursor.reset(bytes)
    // Resources that go whole into the part stand one behind the other: one view for all of them.
    let from = 0
    while (cursor.next()) {
      if (cursor.tag !== this.#levels[0]![0]) continue
      const items = countWire(bytes, this.#levels, 1, cursor.start, cursor.end)
      if (this.#count + items <= this.#itemsMax) {
        this.#count += items
        continue
      }
      this.#add(bytes, from, cursor.fieldStart)
      from = cursor.end
      this.#cut(bytes, cursor, items)
    }
    this.#add(bytes, from, bytes.length)
  }

  #cut(bytes: Uint8Array, cursor: WireCursor, items: number): void {
    for (let first = 0; first < items;) {
      if (this.#count === this.#itemsMax) this.#endPart()
      const taken = Math.min(items - first, this.#itemsMax - this.#count)
      if (taken === items) this.#add(bytes, cursor.fieldStart, cursor.end)
      else {
        const window = new ItemWindow(bytes, this.#levels, first, first + taken)
        const writer = new ByteWriter(256)
        window.write(writer, 0, cursor.tag, cursor.start, cursor.end)
        this.#chunks.push(writer.take())
      }
      this.#count += taken
      first += taken
    }
  }
}

/** Copies a message with those of its items whose place among all items of it is in `[first, last)`. */
class ItemWindow {
  readonly #bytes: Uint8Array
  readonly #levels: WireLevels
  readonly #first: number
  readonly #last: number
  /** Items passed so far. */
  #place = 0

  constructor(bytes: Uint8Array, levels: WireLevels, first: number, last: number) {
    this.#bytes = bytes
    this.#levels = levels
    this.#first = first
    this.#last = last
  }

  /** Write the message of `level` (0: a resource) that stands in `[start, end)`. */
  write(writer: ByteWriter, level: number, tag: number, start: number, end: number): void {
    const bytes = this.#bytes
    const below = this.#levels[level + 1]!
    const isLast = level + 2 === this.#levels.length
    writer.byte(tag)
    const lengthAt = writer.beginLength()
    const cursor = new WireCursor()
    cursor.reset(bytes, start, end)
    let from = start
    while (cursor.next()) {
      if (!below.includes(cursor.tag)) continue
      const items = isLast ? 1 : countWire(bytes, this.#levels, level + 2, cursor.start, cursor.end)
      const place = this.#place
      this.#place += items
      if (this.#holds(place, items)) continue
      writer.bytes(bytes.subarray(from, cursor.fieldStart))
      from = cursor.end
      if (place >= this.#last || place + items <= this.#first) continue
      this.#place = place
      this.write(writer, level + 1, cursor.tag, cursor.start, cursor.end)
    }
    writer.bytes(bytes.subarray(from, end))
    writer.endLength(lengthAt)
  }

  /** Is all of it in the window? What has no items belongs to the part that the items before it are in. */
  #holds(place: number, items: number): boolean {
    if (items > 0) return place >= this.#first && place + items <= this.#last
    return place === 0 ? this.#first === 0 : place > this.#first && place <= this.#last
  }
}
