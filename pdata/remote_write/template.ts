// A request compressed once: labels stay as they are, values and timestamps are patched in for each batch.
//
// The request is written in full once and compressed with its values and timestamps as unknowns: a value's bytes match
// nothing, so they always end up in a literal, whose place is kept. Where all samples share one timestamp its bytes are
// unknowns that match only themselves: copies may carry them along, and only the literals that hold them are patched.
// Copies never reach out of a template, so that elements of several templates make one request.
import { emitCopy, emitLiteralHeader, snappyBoundOf } from '#lib/snappy'
import type { SeriesBatch } from '../series.ts'
import { normalNaNBits, SlotFlag, staleBits } from '../series.ts'
import type { ChunkShape } from './chunk.ts'
import type { SampleMarks } from './sample_fields.ts'

/** Symbol of a byte that matches nothing. */
const hole = 0xffff
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

/** Compressed elements of a request, with places for what changes. */
export class Template {
  readonly shape: ChunkShape
  /** Samples in the template. */
  readonly count: number
  /** Bytes of the message that the elements stand for. */
  readonly messageLength: number
  /** Which of the run's slots each sample is, from its start on; null: each in turn. */
  readonly #order: Int32Array | null
  readonly #elements: Uint8Array
  /** Where each sample's value goes. */
  readonly #valueAt: Int32Array
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
    this.#elements = image.elements
    this.#valueAt = image.valueAt
    this.#timestampAt = image.timestampAt
    this.#sharedAt = image.sharedAt
    this.#sharedByte = image.sharedByte
  }

  /** Bytes that `fill` writes. */
  get length(): number {
    return this.#elements.length
  }

  /**
   * Write the elements for the slots of a run that begins at `start` of `slots` to `target` from `at` on. The batch has the
   * template's shape; `view` is of the whole of `target`. Gives the latest timestamp.
   */
  fill(target: Uint8Array, view: DataView, at: number, batch: SeriesBatch, slots: Int32Array, start: number): number {
    target.set(this.#elements, at)
    this.#fillValues(view, at, batch, slots, start)
    if (this.#timestampAt !== null) return this.#fillOwn(target, at, this.#timestampAt, batch, slots, start)
    const varint = timestampScratch
    writeTimestamp(varint, 0, batch.timestampMs)
    const sharedAt = this.#sharedAt
    const sharedByte = this.#sharedByte
    for (let i = 0; i < sharedAt.length; i++) target[at + sharedAt[i]!] = varint[sharedByte[i]!]!
    return batch.timestampMs
  }

  #fillValues(view: DataView, base: number, batch: SeriesBatch, slots: Int32Array, start: number): void {
    const { values, flags } = batch
    const order = this.#order
    const valueAt = this.#valueAt
    for (let i = 0; i < valueAt.length; i++) {
      const slot = slots[start + (order === null ? i : order[i]!)]!
      const at = base + valueAt[i]!
      const value = values[slot]!
      if (flags !== null && flags[slot] === SlotFlag.stale) {
        view.setUint32(at, staleBits.low, true)
        view.setUint32(at + 4, staleBits.high, true)
      } else if (value !== value) {
        view.setUint32(at, normalNaNBits.low, true)
        view.setUint32(at + 4, normalNaNBits.high, true)
      } else {
        view.setFloat64(at, value, true)
      }
    }
  }

  #fillOwn(
    target: Uint8Array,
    base: number,
    timestampAt: Int32Array,
    batch: SeriesBatch,
    slots: Int32Array,
    start: number,
  ): number {
    const order = this.#order
    const timestampsMs = batch.timestampsMs as Float64Array
    let latest = -Infinity
    for (let i = 0; i < timestampAt.length; i++) {
      const timestampMs = timestampsMs[slots[start + (order === null ? i : order[i]!)]!]!
      if (timestampMs > latest) latest = timestampMs
      writeTimestamp(target, base + timestampAt[i]!, timestampMs)
    }
    return latest
  }
}

const timestampScratch = new Uint8Array(10)

function writeTimestamp(target: Uint8Array, at: number, timestampMs: number): void {
  let low = timestampMs >>> 0
  let high = Math.floor(timestampMs / twoPow32) >>> 0
  while (high !== 0 || low >= 0x80) {
    target[at++] = (low & 0x7f) | 0x80
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  target[at] = low
}

/**
 * Make a template of `message`, an uncompressed request or a part of one for the slots that `shape` says are there, in
 * which `marks` says where values and timestamps stand.
 */
export function makeTemplate(shape: ChunkShape, message: Uint8Array, marks: SampleMarks): Template {
  const image = new Uint16Array(message)
  for (const at of marks.values) image.fill(hole, at, at + 8)
  const timestampSize = shape.timestampSize
  for (const at of marks.timestamps) {
    for (let i = 0; i < timestampSize; i++) image[at + i] = shape.ownTimestamps ? hole : sharedTimestamp + i
  }
  const compressed = new ImageCompressor(image, message).run()
  return new Template(shape, message.length, orderOf(shape, marks.values.length), {
    elements: compressed.elements,
    valueAt: placesOf(compressed, marks.values),
    timestampAt: shape.ownTimestamps ? placesOf(compressed, marks.timestamps) : null,
    sharedAt: Int32Array.from(compressed.sharedAt),
    sharedByte: Uint8Array.from(compressed.sharedByte),
  })
}

interface PatchedImage {
  readonly elements: Uint8Array
  readonly valueAt: Int32Array
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
  readonly sharedAt: readonly number[]
  readonly sharedByte: readonly number[]
  /** Start of each literal in the image, its end, and its start in the elements. */
  readonly #literals: readonly number[]
  #cursor: number

  constructor(
    elements: Uint8Array,
    sharedAt: readonly number[],
    sharedByte: readonly number[],
    literals: readonly number[],
  ) {
    this.elements = elements
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
    return new CompressedImage(this.#target.slice(0, this.#out), this.#sharedAt, this.#sharedByte, this.#literals)
  }

  #same(at: number, earlier: number): boolean {
    return earlier >= 0 && this.#image[at] === this.#image[earlier] && this.#image[at] !== hole
  }

  /** The hash of the four symbols at `at`, or -1 where there is an unknown value among them or the image ends. */
  #hashAt(at: number): number {
    const image = this.#image
    if (at + 4 > image.length) return -1
    const a = image[at]!
    const b = image[at + 1]!
    const c = image[at + 2]!
    const d = image[at + 3]!
    if (a === hole || b === hole || c === hole || d === hole) return -1
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
      while (at + length < size && image[at + length] === image[candidate + length] && image[at + length] !== hole)
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

  #literal(start: number, end: number): void {
    if (start === end) return
    this.#out = emitLiteralHeader(end - start, this.#target, this.#out)
    this.#literals.push(start, end, this.#out)
    for (let i = start; i < end; i++) {
      const symbol = this.#image[i]!
      if (symbol >= sharedTimestamp && symbol !== hole) {
        this.#sharedAt.push(this.#out)
        this.#sharedByte.push(symbol - sharedTimestamp)
      }
      this.#target[this.#out++] = this.#message[i]!
    }
  }
}
