// A request compressed once: labels stay as they are, values and timestamps are patched in for each batch.
//
// The request is written in full once and compressed with its values and timestamps as unknowns: a value's bytes match
// nothing, so they always end up in a literal, whose place is kept. Where all samples share one timestamp its bytes are
// unknowns that match only themselves: copies may carry them along, and only the literals that hold them are patched.
import { emitCopy, emitLiteralHeader, snappyBoundOf, snappyHeader } from '#lib/snappy'
import type { SeriesBatch } from '../series.ts'
import { normalNaNBits, SlotFlag, staleBits } from '../series.ts'
import type { Chunk, ChunkShape } from './chunk.ts'
import type { SampleMarks } from './sample_fields.ts'

/** Symbol of a byte that matches nothing. */
const hole = 0xffff
/** Symbol of the first byte of the timestamp that all samples share; its other bytes follow. */
const sharedTimestamp = 0x100
/** Copies reach back at most this far. */
const offsetMax = 65535
const hashBits = 15
/** Earlier places with the same hash that are tried for each match: a template is made once and used for hours. */
const attemptsMax = 12
const twoPow32 = 4294967296

/** What patching gave: the request is `bytes`, ready to send. */
export class Template {
  readonly shape: ChunkShape
  /** Slots that have a sample in this template. */
  readonly slots: Int32Array
  readonly #bytes: Uint8Array
  /** Where each sample's value goes. */
  readonly #valueAt: Int32Array
  /** Where each sample's own timestamp goes; null: all share one. */
  readonly #timestampAt: Int32Array | null
  /** Places of bytes of the shared timestamp, and which of its bytes goes there. */
  readonly #sharedAt: Int32Array
  readonly #sharedByte: Uint8Array

  constructor(
    shape: ChunkShape,
    slots: Int32Array,
    bytes: Uint8Array,
    valueAt: Int32Array,
    timestampAt: Int32Array | null,
    sharedAt: Int32Array,
    sharedByte: Uint8Array,
  ) {
    this.shape = shape
    this.slots = slots
    this.#bytes = bytes
    this.#valueAt = valueAt
    this.#timestampAt = timestampAt
    this.#sharedAt = sharedAt
    this.#sharedByte = sharedByte
  }

  /** Memory that the template holds, in bytes. */
  get size(): number {
    return this.#bytes.length + this.#valueAt.length * 8 + this.#sharedAt.length * 5
  }

  /** The compressed request for `batch`, whose shape is the template's. */
  fill(batch: SeriesBatch): Uint8Array {
    const bytes = this.#bytes.slice()
    const view = new DataView(bytes.buffer)
    this.#fillValues(view, batch)
    if (this.#timestampAt === null) this.#fillShared(bytes, batch.timestampMs)
    else this.#fillOwn(bytes, this.#timestampAt, batch.timestampsMs as Float64Array)
    return bytes
  }

  #fillValues(view: DataView, batch: SeriesBatch): void {
    const { values, flags } = batch
    const slots = this.slots
    const valueAt = this.#valueAt
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      const at = valueAt[i]!
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

  #fillShared(bytes: Uint8Array, timestampMs: number): void {
    const varint = new Uint8Array(10)
    writeTimestamp(varint, 0, timestampMs)
    const sharedAt = this.#sharedAt
    const sharedByte = this.#sharedByte
    for (let i = 0; i < sharedAt.length; i++) bytes[sharedAt[i]!] = varint[sharedByte[i]!]!
  }

  #fillOwn(bytes: Uint8Array, timestampAt: Int32Array, timestampsMs: Float64Array): void {
    const slots = this.slots
    for (let i = 0; i < slots.length; i++) writeTimestamp(bytes, timestampAt[i]!, timestampsMs[slots[i]!]!)
  }
}

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
 * Make a template of `message`, an uncompressed request for the slots of `chunk` that `shape` says are there, in which
 * `marks` says where values and timestamps stand.
 */
export function makeTemplate(chunk: Chunk, shape: ChunkShape, message: Uint8Array, marks: SampleMarks): Template {
  const image = new Uint16Array(message)
  for (const at of marks.values) image.fill(hole, at, at + 8)
  const timestampSize = shape.timestampSize
  for (const at of marks.timestamps) {
    for (let i = 0; i < timestampSize; i++) image[at + i] = shape.ownTimestamps ? hole : sharedTimestamp + i
  }
  const compressed = new ImageCompressor(image, message).run()
  const count = marks.values.length
  const slots = new Int32Array(count)
  let next = 0
  for (let i = 0; i < chunk.slots.length; i++) if (shape.absent[i] === 0) slots[next++] = chunk.slots[i]!
  const valueAt = new Int32Array(count)
  for (let i = 0; i < count; i++) valueAt[i] = compressed.placeOf(marks.values[i] as number)
  let timestampAt: Int32Array | null = null
  if (shape.ownTimestamps) {
    timestampAt = new Int32Array(count)
    for (let i = 0; i < count; i++) timestampAt[i] = compressed.placeOf(marks.timestamps[i] as number)
  }
  return new Template(
    shape,
    slots,
    compressed.bytes,
    valueAt,
    timestampAt,
    Int32Array.from(compressed.sharedAt),
    Uint8Array.from(compressed.sharedByte),
  )
}

/** A snappy block of an image, and where the image's literals went in it. */
class CompressedImage {
  readonly bytes: Uint8Array
  readonly sharedAt: readonly number[]
  readonly sharedByte: readonly number[]
  /** Start of each literal in the image, its end, and its start in the block. */
  readonly #literals: readonly number[]
  #cursor: number

  constructor(
    bytes: Uint8Array,
    sharedAt: readonly number[],
    sharedByte: readonly number[],
    literals: readonly number[],
  ) {
    this.bytes = bytes
    this.sharedAt = sharedAt
    this.sharedByte = sharedByte
    this.#literals = literals
    this.#cursor = 0
  }

  /** Where in the block the literal byte at `at` of the image stands. Quickest when asked in rising order. */
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
    const header = snappyHeader(message.length)
    this.#target = new Uint8Array(snappyBoundOf(message.length))
    this.#target.set(header)
    this.#out = header.length
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
      this.#literal(literalStart, at)
      this.#out = emitCopy(this.#target, this.#out, match.offset, match.length)
      const end = at + match.length
      while (at < end) this.#remember(at++)
      literalStart = at
    }
    this.#literal(literalStart, size)
    return new CompressedImage(this.#target.slice(0, this.#out), this.#sharedAt, this.#sharedByte, this.#literals)
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
