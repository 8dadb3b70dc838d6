// A growing buffer that protobuf-like formats are written into: varints, fixed words, length-prefixed strings.
import { Buffer } from 'node:buffer'

const twoPow32 = 4294967296

/**
 * Appends to a buffer that doubles when it is full. Reused by `reset()`: what `view()` gave is then overwritten, what
 * `take()` gave is not.
 */
export class ByteWriter {
  /** The buffer; valid up to `length`. Replaced when it grows: do not hold on to it across writes. */
  buffer: Uint8Array
  length: number
  /** A view of all of `buffer`. */
  words: DataView
  /** Another one, which texts are written with. */
  #texts: Buffer

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity)
    this.length = 0
    this.words = new DataView(this.buffer.buffer)
    this.#texts = Buffer.from(this.buffer.buffer)
  }

  reset(): void {
    this.length = 0
  }

  /** Make room for `extra` more bytes. */
  ensure(extra: number): void {
    if (this.length + extra > this.buffer.length) this.#grow(this.length + extra)
  }

  #grow(needed: number): void {
    let capacity = Math.max(64, this.buffer.length)
    while (capacity < needed) capacity *= 2
    const grown = new Uint8Array(capacity)
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
    this.words = new DataView(grown.buffer)
    this.#texts = Buffer.from(grown.buffer)
  }

  byte(value: number): void {
    if (this.length >= this.buffer.length) this.#grow(this.length + 1)
    this.buffer[this.length++] = value
  }

  bytes(source: Uint8Array): void {
    this.ensure(source.length)
    this.buffer.set(source, this.length)
    this.length += source.length
  }

  /** `source[start … end)`. Short ranges are copied in a loop: making a view of one takes longer (40 ns). */
  range(source: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.ensure(length)
    const { buffer, length: at } = this
    if (length > 64) buffer.set(source.subarray(start, end), at)
    else for (let i = 0; i < length; i++) buffer[at + i] = source[start + i] as number
    this.length = at + length
  }

  /** An unsigned varint of `value` (an integer in 0 … 2^53). */
  varint(value: number): void {
    this.ensure(10)
    const buffer = this.buffer
    let at = this.length
    while (value >= 0x10000000) {
      buffer[at++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    while (value >= 0x80) {
      buffer[at++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    buffer[at++] = value
    this.length = at
  }

  /** Protobuf's int64 of an integer (|value| <= 2^53): negative ones take ten bytes of two's complement. */
  int64(value: number): void {
    if (value >= 0) {
      this.varint(value)
      return
    }
    this.#varintWords(value >>> 0, Math.floor(value / twoPow32) >>> 0)
  }

  /** Protobuf's sint64 (zigzag) of an integer (|value| <= 2^53). */
  sint64(value: number): void {
    const low = value | 0
    const high = Math.floor(value / twoPow32) | 0
    const sign = high >> 31
    this.#varintWords(((low << 1) ^ sign) >>> 0, (((high << 1) | (low >>> 31)) ^ sign) >>> 0)
  }

  #varintWords(low: number, high: number): void {
    this.ensure(10)
    const buffer = this.buffer
    let at = this.length
    while (high !== 0 || low >= 0x80) {
      buffer[at++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    buffer[at++] = low
    this.length = at
  }

  /** A double, little-endian. A NaN's payload is the engine's choice: write words where it matters. */
  float64(value: number): void {
    this.ensure(8)
    this.words.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Eight bytes, little-endian, from two 32-bit words. */
  words64(low: number, high: number): void {
    this.ensure(8)
    this.words.setUint32(this.length, low, true)
    this.words.setUint32(this.length + 4, high, true)
    this.length += 8
  }

  /** The UTF-8 of `text` after its length as a varint. Lone surrogates become U+FFFD. */
  string(text: string): void {
    const units = text.length
    this.ensure(units * 3 + 10)
    if (units < 128) {
      const buffer = this.buffer
      const start = this.length
      let at = start + 1
      let i = 0
      for (; i < units; i++) {
        const unit = text.charCodeAt(i)
        if (unit >= 0x80) break
        buffer[at++] = unit
      }
      if (i === units) {
        buffer[start] = units
        this.length = at
        return
      }
    }
    // Written where it belongs if it is ASCII; else the length may need a byte more. Without a copy: 15% of what it costs
    // to send lines of 150 characters.
    const start = this.length
    const guess = varintSize(units)
    const size = this.#texts.write(text, start + guess, 'utf8')
    const needed = varintSize(size)
    if (needed !== guess) this.buffer.copyWithin(start + needed, start + guess, start + guess + size)
    this.varint(size)
    this.length += size
  }

  /**
   * Begin a length-delimited part whose length is not known yet; give the result to `endLength`. Room for a one-byte
   * length is kept, longer parts are moved when they end.
   */
  beginLength(): number {
    this.byte(0)
    return this.length
  }

  /** Gives by how many bytes the part was moved. */
  endLength(start: number): number {
    const size = this.length - start
    if (size < 0x80) {
      this.buffer[start - 1] = size
      return 0
    }
    const extra = varintSize(size) - 1
    this.ensure(extra)
    this.buffer.copyWithin(start + extra, start, this.length)
    this.length = start - 1
    this.varint(size)
    this.length += size
    return extra
  }

  /** What was written, without a copy: valid until the next write or reset. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }
}

/** Bytes of `value` (an integer, |value| <= 2^53) as a protobuf int64 varint. */
export function varintSize(value: number): number {
  if (value < 0) return 10
  let size = 1
  while (value >= 0x10000000) {
    value = Math.floor(value / 128)
    size++
  }
  while (value >= 0x80) {
    value >>>= 7
    size++
  }
  return size
}
