// Cuts requests by items on the wire: whole resources are views, those that are cut get their headers anew.
import type { WireChunks } from '../signals.ts'
import type { WireLevels } from './wire.ts'
import { countWire, WireCursor } from './wire.ts'
import { WireBuilder } from './wire_builder.ts'

export interface WirePart {
  readonly chunks: WireChunks
  readonly count: number
}

/**
 * Cut into parts of at most `itemsMax` items, in order. Every part but the last is full. What holds no items at all
 * (a resource without spans) stays with what is before it. Parts are views of the chunks except where a resource is cut:
 * there the resource's, scope's and metric's own fields are written again around the items. Each byte is looked at once
 * for each level, however many parts there are.
 */
export function splitWire(chunks: WireChunks, itemsMax: number, levels: WireLevels): WirePart[] {
  const splitter = new Splitter(Math.max(1, itemsMax), levels)
  for (const chunk of chunks) splitter.chunk(chunk)
  return splitter.finish()
}

/** A message that is being cut: its own fields, which every piece of it gets. */
class Frame {
  readonly tag: number
  /** Ranges of the chunk, start and end in turns: fields before the first message of the next level … */
  readonly before: number[] = []
  /** … and those after it. */
  readonly after: number[] = []
  /** Does the current part have a piece of it? */
  isOpen = false

  constructor(message: WireCursor, below: readonly number[]) {
    this.tag = message.tag
    const field = new WireCursor()
    field.enter(message)
    let ranges = this.before
    while (field.next()) {
      if (below.includes(field.tag)) ranges = this.after
      else ranges.push(field.fieldStart, field.end)
    }
  }
}

class Splitter {
  readonly #itemsMax: number
  readonly #levels: WireLevels
  readonly #parts: WirePart[] = []
  #chunks: Uint8Array[] = []
  #count = 0
  /** The resource that is being cut, the scope in it and so on; the piece of it for the current part is being built. */
  readonly #frames: Frame[] = []
  readonly #builder = new WireBuilder()
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(itemsMax: number, levels: WireLevels) {
    this.#itemsMax = itemsMax
    this.#levels = levels
  }

  finish(): WirePart[] {
    if (this.#chunks.length > 0) this.#endPart()
    return this.#parts
  }

  chunk(bytes: Uint8Array): void {
    this.#bytes = bytes
    const cursor = new WireCursor()
    cursor.reset(bytes)
    // Resources that go whole into the part stand one behind the other: one view for all of them.
    let from = 0
    while (cursor.next()) {
      const items = cursor.tag === this.#levels[0]![0] ? countWire(bytes, this.#levels, 1, cursor.start, cursor.end) : 0
      if (items > 0 && this.#count === this.#itemsMax) {
        this.#addView(from, cursor.fieldStart)
        from = cursor.fieldStart
        this.#endPart()
      }
      if (this.#count + items <= this.#itemsMax) {
        this.#count += items
        continue
      }
      this.#addView(from, cursor.fieldStart)
      from = cursor.end
      this.#cut(cursor, 0)
      this.#endPiece()
    }
    this.#addView(from, bytes.length)
  }

  #addView(start: number, end: number): void {
    if (end > start) this.#chunks.push(this.#bytes.subarray(start, end))
  }

  #endPart(): void {
    this.#endPiece()
    this.#parts.push({ chunks: this.#chunks, count: this.#count })
    this.#chunks = []
    this.#count = 0
  }

  /** Put what is built into the current part. */
  #endPiece(): void {
    for (let level = this.#frames.length - 1; level >= 0; level--) this.#close(this.#frames[level]!)
    if (this.#builder.length > 0) this.#chunks.push(this.#builder.take())
  }

  /** Distribute the messages in `message`, which is of `level` (0: a resource) and has more items than there is room. */
  #cut(message: WireCursor, level: number): void {
    const below = this.#levels[level + 1]!
    const isLast = level + 2 === this.#levels.length
    const frame = new Frame(message, below)
    this.#frames.push(frame)
    const inner = new WireCursor()
    inner.enter(message)
    while (inner.next()) {
      if (!below.includes(inner.tag)) continue
      const items = isLast ? 1 : countWire(this.#bytes, this.#levels, level + 2, inner.start, inner.end)
      if (items > 0 && this.#count === this.#itemsMax) this.#endPart()
      if (this.#count + items > this.#itemsMax) {
        this.#cut(inner, level + 1)
        continue
      }
      if (!frame.isOpen) this.#open()
      this.#builder.copy(inner)
      this.#count += items
    }
    this.#close(frame)
    this.#frames.pop()
  }

  /** Begin a piece of every message that is being cut and has none in the current part. */
  #open(): void {
    for (const frame of this.#frames) {
      if (frame.isOpen) continue
      this.#builder.open(frame.tag)
      this.#copyRanges(frame.before)
      frame.isOpen = true
    }
  }

  #close(frame: Frame): void {
    if (!frame.isOpen) return
    this.#copyRanges(frame.after)
    this.#builder.close()
    frame.isOpen = false
  }

  #copyRanges(ranges: readonly number[]): void {
    for (let i = 0; i < ranges.length; i += 2) this.#builder.copyRange(this.#bytes, ranges[i]!, ranges[i + 1]!)
  }
}
