// A request compressed once: labels stay as they are, values and timestamps are patched in for each batch.
//
// The request is written in full once and compressed with its values and timestamps as unknowns: a value's bytes match
// nothing and are left out, their place is kept, and each batch puts its own in between. Where all samples share one timestamp its bytes are
// unknowns that match only themselves: copies may carry them along, and only the literals that hold them are patched.
// Copies never reach out of a template, so that elements of several templates make one request.
import { emitCopy, emitLiteralHeader, snappyBoundOf } from '#lib/snappy'
import type { SeriesBatch } from '../series.ts'
import { normalNaNBits, SlotFlag, staleBits } from '../series.ts'
import type { ChunkShape } from './chunk.ts'
import type { SampleMarks } from './sample_fields.ts'

/** From this symbol on, symbols match nothing: bytes of values, and of timestamps that each sample has for itself. */
const unmatched = 0xfffe
const valueByte = 0xffff
const ownTimestampByte = 0xfffe
/** Symbol of the first byte of the timestamp that all samples share; its other bytes follow. */
const sharedTimestamp = 0x100
/** Copies reach back at most this far. */
const offsetMax = 65535
const hashBits = 13
/** Within a match one place in so many is kept for later matches, which then begin there and are extended backwards. */
const stride = 4
/** Earlier places with the same hash that are tried for each match: a template is made once and used for hours. */
const attemptsMax = 8
const twoPow32 = 4294967296

/** Compressed elements of a request, with places for what changes. Serves one `fill` at a time. */
export class Template {
  readonly shape: ChunkShape
  /** Samples in the template. */
  readonly count: number
  /** Bytes of the message that the elements stand for. */
  readonly messageLength: number
  /** Which of the run's slots each sample is, from its start on; null: each in turn. */
  readonly #order: Int32Array | null
  /** The elements without the values'; timestamps are written into them. */
  readonly #elements: DataView
  readonly #elementsLength: number
  /** Where in the elements each sample's value goes in between. */
  readonly #valueAt: Int32Array
  /** Where in the message each value stands. */
  readonly #valueInMessage: Int32Array
  /** Where each sample's own timestamp goes; null: all share one. */
  readonly #timestampAt: Int32Array | null
  /** Places of bytes of the shared timestamp, and which of its bytes goes there. */
  readonly #sharedAt: Int32Array
  readonly #sharedByte: Uint8Array

  constructor(shape: ChunkShape, messageLength: number, order: Int32Array | null, image: PatchedImage) {
    this.shape = shape
    this.count = image.valueAt.length
    this.messageLength = messageLength
    this.#order = order
    // Words are read over the end.
    const padded = new Uint8Array(image.elements.length + 3)
    padded.set(image.elements)
    this.#elements = new DataView(padded.buffer)
    this.#elementsLength = image.elements.length
    this.#valueAt = image.valueAt
    this.#valueInMessage = image.valueInMessage
    this.#timestampAt = image.timestampAt
    this.#sharedAt = image.sharedAt
    this.#sharedByte = image.sharedByte
  }

  /** Bytes that `fill` writes at most. */
  get lengthMax(): number {
    // And words are written over the end.
    return this.#elementsLength + this.count * valueElementsMax + 3
  }

  /**
   * Write the elements for the slots of a run that begins at `start` of `slots` to `target` from `at` on. The batch has the
   * template's shape. Gives the offset after them.
   */
  fill(target: DataView, at: number, batch: SeriesBatch, slots: Int32Array, start: number): number {
    this.#fillTimestamps(batch, slots, start)
    const { values, flags } = batch
    const order = this.#order
    const elements = this.#elements
    const valueAt = this.#valueAt
    const places = this.#valueInMessage
    const writer = valueWriter
    writer.begin()
    let from = 0
    for (let i = 0; i < valueAt.length; i++) {
      const slot = slots[start + (order === null ? i : order[i]!)]!
      const end = valueAt[i]!
      // Words of four, the last one over the end: 32 ns a sample instead of 60.
      for (; from < end; from += 4, at += 4) target.setUint32(at, elements.getUint32(from, true), true)
      at -= from - end
      from = end
      const value = values[slot]!
      if (flags !== null && flags[slot] === SlotFlag.stale) {
        at = writer.write(target, at, staleBits.low, staleBits.high, places[i]!)
      } else if (value !== value) {
        at = writer.write(target, at, normalNaNBits.low, normalNaNBits.high, places[i]!)
      } else {
        wordScratch.setFloat64(0, value, true)
        at = writer.write(target, at, wordScratch.getUint32(0, true), wordScratch.getUint32(4, true), places[i]!)
      }
    }
    for (; from < this.#elementsLength; from++) target.setUint8(at++, elements.getUint8(from))
    return at
  }

  #fillTimestamps(batch: SeriesBatch, slots: Int32Array, start: number): void {
    const elements = this.#elements
    const timestampAt = this.#timestampAt
    if (timestampAt === null) {
      writeTimestamp(timestampScratch, 0, batch.timestampMs)
      const sharedAt = this.#sharedAt
      const sharedByte = this.#sharedByte
      for (let i = 0; i < sharedAt.length; i++)
        elements.setUint8(sharedAt[i]!, timestampScratch.getUint8(sharedByte[i]!))
      return
    }
    const order = this.#order
    const timestampsMs = batch.timestampsMs as Float64Array
    for (let i = 0; i < timestampAt.length; i++) {
      const timestampMs = timestampsMs[slots[start + (order === null ? i : order[i]!)]!]!
      writeTimestamp(elements, timestampAt[i]!, timestampMs)
    }
  }

  /** The latest timestamp of the samples. */
  latest(batch: SeriesBatch, slots: Int32Array, start: number): number {
    if (batch.timestampsMs === null) return batch.timestampMs
    let latest = -Infinity
    for (let i = 0; i < this.count; i++) {
      const timestampMs = batch.timestampsMs[slots[start + (this.#order === null ? i : this.#order[i]!)]!]!
      if (timestampMs > latest) latest = timestampMs
    }
    return latest
  }
}

/** Elements of one value at most: a literal of eight bytes, or a copy and a literal of four. */
const valueElementsMax = 9

/**
 * Writes the elements of values: a value that is the last one again is copied, and so are the low bytes of zeros and
 * integers, which are zero, from a value before. (Measured, a third zeros and a third integers: three bytes a sample less, for 20 ns.)
 */
class ValueWriter {
  #zerosAt = -1
  #zeros = 0
  #lastAt = -1
  #lastLow = 0
  #lastHigh = 0

  /** A template begins: nothing is copied from before it. */
  begin(): void {
    this.#zerosAt = -1
    this.#zeros = 0
    this.#lastAt = -1
  }

  /** Write the value whose bits are `low` and `high`, and which stands at `place` of the message. Gives the offset after. */
  write(target: DataView, at: number, low: number, high: number, place: number): number {
    const isRepeated = low === this.#lastLow && high === this.#lastHigh && this.#lastAt >= 0
    const lastOffset = place - this.#lastAt
    this.#lastAt = place
    if (isRepeated && lastOffset <= offsetMax) return writeCopy(target, at, lastOffset, 8)
    this.#lastLow = low
    this.#lastHigh = high
    let copied = 0
    if (low === 0) {
      const zeros = leadingZeros(high)
      const offset = place - this.#zerosAt
      if (this.#zerosAt >= 0 && offset <= offsetMax) {
        copied = Math.min(zeros, this.#zeros)
        at = writeCopy(target, at, offset, copied)
      }
      // The short form of a copy reaches 2047 back.
      if (zeros >= this.#zeros || offset >= 2048) {
        this.#zerosAt = place
        this.#zeros = zeros
      }
      if (copied === 8) return at
    }
    target.setUint8(at++, (7 - copied) << 2)
    if (copied === 0) {
      target.setUint32(at, low, true)
      at += 4
    }
    // The last four bytes; of a value whose first four and more were copied, those that are left.
    target.setUint32(at, high >>> (Math.max(0, copied - 4) * 8), true)
    return at + 8 - Math.max(4, copied)
  }
}

/** A copy element for `length` (4 … 8) bytes. */
function writeCopy(target: DataView, at: number, offset: number, length: number): number {
  if (offset < 2048) {
    target.setUint16(at, ((offset << 8) & 0xff00) | ((offset >>> 8) << 5) | ((length - 4) << 2) | 1, true)
    return at + 2
  }
  target.setUint8(at, ((length - 1) << 2) | 2)
  target.setUint16(at + 1, offset, true)
  return at + 3
}

/** Zero bytes that a value begins with (the low ones come first) when its low word is zero. */
function leadingZeros(high: number): number {
  if (high === 0) return 8
  if ((high & 0xffff) !== 0) return (high & 0xff) === 0 ? 5 : 4
  return (high & 0xffffff) === 0 ? 7 : 6
}

const valueWriter = new ValueWriter()
const wordScratch = new DataView(new ArrayBuffer(8))
const timestampScratch = new DataView(new ArrayBuffer(10))

function writeTimestamp(target: DataView, at: number, timestampMs: number): void {
  let low = timestampMs >>> 0
  let high = Math.floor(timestampMs / twoPow32) >>> 0
  while (high !== 0 || low >= 0x80) {
    target.setUint8(at++, (low & 0x7f) | 0x80)
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  target.setUint8(at, low)
}

/**
 * Make a template of `message`, an uncompressed request or a part of one for the slots that `shape` says are there, in
 * which `marks` says where values and timestamps stand.
 */
export function makeTemplate(shape: ChunkShape, message: Uint8Array, marks: SampleMarks): Template {
  const image = new Uint16Array(message)
  for (const at of marks.values) image.fill(valueByte, at, at + 8)
  const timestampSize = shape.timestampSize
  for (const at of marks.timestamps) {
    for (let i = 0; i < timestampSize; i++) image[at + i] = shape.ownTimestamps ? ownTimestampByte : sharedTimestamp + i
  }
  const compressed = new ImageCompressor(image, message).run()
  return new Template(shape, message.length, orderOf(shape, marks.values.length), {
    elements: compressed.elements,
    valueAt: Int32Array.from(compressed.valueAt),
    valueInMessage: Int32Array.from(marks.values),
    timestampAt: shape.ownTimestamps ? placesOf(compressed, marks.timestamps) : null,
    sharedAt: Int32Array.from(compressed.sharedAt),
    sharedByte: Uint8Array.from(compressed.sharedByte),
  })
}

interface PatchedImage {
  readonly elements: Uint8Array
  readonly valueAt: Int32Array
  readonly valueInMessage: Int32Array
  readonly timestampAt: Int32Array | null
  readonly sharedAt: Int32Array
  readonly sharedByte: Uint8Array
}

function orderOf(shape: ChunkShape, count: number): Int32Array | null {
  const absent = shape.absent
  if (absent === null) return null
  const order = new Int32Array(count)
  let next = 0
  for (let i = 0; i < absent.length; i++) if (absent[i] === 0) order[next++] = i
  return order
}

function placesOf(compressed: CompressedImage, marks: readonly number[]): Int32Array {
  const places = new Int32Array(marks.length)
  for (let i = 0; i < marks.length; i++) places[i] = compressed.placeOf(marks[i] as number)
  return places
}

/** The snappy elements of an image, and where the image's literals went in them. */
class CompressedImage {
  readonly elements: Uint8Array
  readonly valueAt: readonly number[]
  readonly sharedAt: readonly number[]
  readonly sharedByte: readonly number[]
  /** Start of each literal in the image, its end, and its start in the elements. */
  readonly #literals: readonly number[]
  #cursor: number

  constructor(
    elements: Uint8Array,
    valueAt: readonly number[],
    sharedAt: readonly number[],
    sharedByte: readonly number[],
    literals: readonly number[],
  ) {
    this.elements = elements
    this.valueAt = valueAt
    this.sharedAt = sharedAt
    this.sharedByte = sharedByte
    this.#literals = literals
    this.#cursor = 0
  }

  /** Where in the elements the literal byte at `at` of the image stands. Quickest when asked in rising order. */
  placeOf(at: number): number {
    const literals = this.#literals
    if (this.#cursor >= literals.length || (literals[this.#cursor] as number) > at) this.#cursor = 0
    while ((literals[this.#cursor + 1] as number) <= at) this.#cursor += 3
    return (literals[this.#cursor + 2] as number) + at - (literals[this.#cursor] as number)
  }
}

/** Snappy over symbols: bytes, and the unknowns above them. */
class ImageCompressor {
  readonly #image: Uint16Array
  readonly #message: Uint8Array
  readonly #target: Uint8Array
  readonly #head: Int32Array
  /** The place before each place with the same hash; -1: none. */
  readonly #previous: Int32Array
  readonly #literals: number[] = []
  readonly #valueAt: number[] = []
  readonly #sharedAt: number[] = []
  readonly #sharedByte: number[] = []
  #out: number

  constructor(image: Uint16Array, message: Uint8Array) {
    this.#image = image
    this.#message = message
    this.#target = new Uint8Array(snappyBoundOf(message.length))
    this.#out = 0
    this.#head = new Int32Array(1 << hashBits).fill(-1)
    this.#previous = new Int32Array(message.length)
  }

  run(): CompressedImage {
    const size = this.#image.length
    let literalStart = 0
    let at = 0
    while (at < size) {
      const match = this.#matchAt(at)
      if (match === null) {
        this.#remember(at++)
        continue
      }
      const end = at + match.length
      while (at > literalStart && this.#same(at - 1, at - 1 - match.offset)) at--
      this.#literal(literalStart, at)
      this.#out = emitCopy(this.#target, this.#out, match.offset, end - at)
      for (; at < end; at += stride) this.#remember(at)
      at = end
      literalStart = at
    }
    this.#literal(literalStart, size)
    const elements = this.#target.slice(0, this.#out)
    return new CompressedImage(elements, this.#valueAt, this.#sharedAt, this.#sharedByte, this.#literals)
  }

  #same(at: number, earlier: number): boolean {
    return earlier >= 0 && this.#image[at] === this.#image[earlier] && this.#image[at]! < unmatched
  }

  /** The hash of the four symbols at `at`, or -1 where there is an unknown value among them or the image ends. */
  #hashAt(at: number): number {
    const image = this.#image
    if (at + 4 > image.length) return -1
    const a = image[at]!
    const b = image[at + 1]!
    const c = image[at + 2]!
    const d = image[at + 3]!
    if (a >= unmatched || b >= unmatched || c >= unmatched || d >= unmatched) return -1
    return Math.imul(a ^ (b << 7) ^ (c << 14) ^ (d << 21) ^ (d >>> 4), 0x1e35a7bd) >>> (32 - hashBits)
  }

  #remember(at: number): void {
    const hash = this.#hashAt(at)
    if (hash < 0) return
    this.#previous[at] = this.#head[hash]!
    this.#head[hash] = at
  }

  #matchAt(at: number): { readonly offset: number; readonly length: number } | null {
    const hash = this.#hashAt(at)
    if (hash < 0) return null
    const image = this.#image
    const size = image.length
    let bestLength = 0
    let bestOffset = 0
    let candidate = this.#head[hash]!
    for (let attempts = 0; attempts < attemptsMax && candidate >= 0 && at - candidate <= offsetMax; attempts++) {
      let length = 0
      while (at + length < size && image[at + length] === image[candidate + length] && image[at + length]! < unmatched)
        length++
      if (length > bestLength) {
        bestLength = length
        bestOffset = at - candidate
      }
      candidate = this.#previous[candidate]!
    }
    // Four symbols from afar would cost as much as they save.
    if (bestLength < 4 || (bestLength === 4 && bestOffset >= 2048)) return null
    return { offset: bestOffset, length: bestLength }
  }

  /** Literals for `start … end`: values are left out, so they end one and begin the next. */
  #literal(start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#image[at] === valueByte) {
        this.#valueAt.push(this.#out)
        at += 8
        continue
      }
      let stop = at + 1
      while (stop < end && this.#image[stop] !== valueByte) stop++
      this.#literalPart(at, stop)
      at = stop
    }
  }

  #literalPart(start: number, end: number): void {
    this.#out = emitLiteralHeader(end - start, this.#target, this.#out)
    this.#literals.push(start, end, this.#out)
    for (let i = start; i < end; i++) {
      const symbol = this.#image[i]!
      if (symbol >= sharedTimestamp && symbol < unmatched) {
        this.#sharedAt.push(this.#out)
        this.#sharedByte.push(symbol - sharedTimestamp)
      }
      this.#target[this.#out++] = this.#message[i]!
    }
  }
}
