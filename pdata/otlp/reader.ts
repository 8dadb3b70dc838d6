// Reads protobuf that was validated: the parts that all of OTLP's messages are made of.
import { Buffer } from 'node:buffer'
import { textAt } from './text.ts'
import type { AnyValue, Attributes, KeyValue } from './tree.ts'
import { KeyValueList } from './tree.ts'

const twoPow32 = 4294967296
const noBytes = new Uint8Array(0)

/**
 * Stands at an offset of a chunk. Lengths and structure were checked when the chunk came in, here they are believed. Bytes
 * (ids, values, unknown fields) are views of the chunk.
 */
export class TreeReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly #buffer: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** The low 32 bits of a varint: tags, lengths, uint32, enums (`| 0`). */
  varint32(): number {
    const bytes = this.bytes
    let byte = bytes[this.at++]!
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    while (bytes[this.at++]! >= 0x80);
    return value >>> 0
  }

  int32(): number {
    return this.varint32() | 0
  }

  sint32(): number {
    const value = this.varint32()
    return (value >>> 1) ^ -(value & 1)
  }

  /** The 64 bits of a varint as two's complement. */
  int64(): bigint {
    const [low, high] = this.#words()
    if (high < 0x200000) return BigInt(high * twoPow32 + low)
    return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
  }

  uint64(): bigint {
    return BigInt.asUintN(64, this.int64())
  }

  bool(): boolean {
    const [low, high] = this.#words()
    return low !== 0 || high !== 0
  }

  #words(): [low: number, high: number] {
    const bytes = this.bytes
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[this.at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) break
    }
    return [low >>> 0, high >>> 0]
  }

  fixed32(): number {
    this.at += 4
    return this.view.getUint32(this.at - 4, true)
  }

  fixed64(): bigint {
    this.at += 8
    return this.view.getBigUint64(this.at - 8, true)
  }

  sfixed64(): bigint {
    this.at += 8
    return this.view.getBigInt64(this.at - 8, true)
  }

  float64(): number {
    this.at += 8
    return this.view.getFloat64(this.at - 8, true)
  }

  /** Reads a length; gives the offset where the part that follows ends. */
  part(): number {
    const length = this.varint32()
    return this.at + length
  }

  text(): string {
    const end = this.part()
    const start = this.at
    this.at = end
    return textAt(this.bytes, this.#buffer, start, end)
  }

  /** The text from `start` to `end`. */
  textIn(start: number, end: number): string {
    return textAt(this.bytes, this.#buffer, start, end)
  }

  /** A view, not a copy. */
  blob(): Uint8Array {
    const end = this.part()
    const start = this.at
    this.at = end
    return start === end ? noBytes : this.bytes.subarray(start, end)
  }

  /** Pass over a field that is not known, whose tag was read at `start`. Gives `kept` with the field appended. */
  unknown(kept: Uint8Array | null, tag: number, start: number): Uint8Array {
    let groups = 0
    for (;;) {
      const wireType = tag & 7
      if (wireType === 0) while (this.bytes[this.at++]! >= 0x80);
      else if (wireType === 1) this.at += 8
      else if (wireType === 2) this.at = this.part()
      else if (wireType === 3) groups++
      else if (wireType === 4) groups--
      else this.at += 4
      if (groups <= 0) break
      tag = this.varint32()
    }
    return kept === null ? this.bytes.subarray(start, this.at) : this.#append(kept, start)
  }

  /** `kept` and the bytes from `start` on; what it is copied into has room for as much again, so that many cost little. */
  #append(kept: Uint8Array, start: number): Uint8Array {
    const { bytes } = this
    const length = kept.length + this.at - start
    const isView = kept.buffer === bytes.buffer
    if (isView && kept.byteOffset + kept.length === bytes.byteOffset + start) {
      return bytes.subarray(start - kept.length, this.at)
    }
    let memory = kept.buffer
    if (isView || memory.byteLength < length) {
      memory = new ArrayBuffer(length * 2)
      new Uint8Array(memory).set(kept)
    }
    const joined = new Uint8Array(memory, 0, length)
    joined.set(bytes.subarray(start, this.at), kept.length)
    return joined
  }

  /** Append the KeyValue that follows (its tag was read). */
  attribute(into: Attributes): void {
    const { bytes } = this
    // Most are a short key and then a short string, which need no walk over their fields.
    const start = this.at
    const keyEnd = start + 3 + bytes[start + 2]!
    const end = start + 1 + bytes[start]!
    if (
      bytes[start]! < 0x80 &&
      bytes[start + 1] === 0x0a &&
      bytes[start + 2]! < 0x80 &&
      keyEnd + 4 <= end &&
      bytes[keyEnd] === 0x12 &&
      bytes[keyEnd + 2] === 0x0a &&
      keyEnd + 4 + bytes[keyEnd + 3]! === end
    ) {
      const key = textAt(bytes, this.#buffer, start + 3, keyEnd)
      this.at = end
      into.push({ key, value: textAt(bytes, this.#buffer, keyEnd + 4, end) })
      return
    }
    into.push(this.keyValueTo(this.part()))
  }

  /** The KeyValue whose content goes on to `end`. */
  keyValueTo(end: number): KeyValue {
    let key = ''
    let value: AnyValue = null
    while (this.at < end) {
      const start = this.at
      const tag = this.varint32()
      if (tag === 0x0a) key = this.text()
      else if (tag === 0x12) value = this.anyValue(value)
      else this.unknown(null, tag, start)
    }
    return { key, value }
  }

  /** The AnyValue that follows (its tag was read); `value` where it sets nothing. */
  anyValue(value: AnyValue): AnyValue {
    return this.anyValueTo(this.part(), value)
  }

  /** The AnyValue whose content goes on to `end`. */
  anyValueTo(end: number, value: AnyValue): AnyValue {
    while (this.at < end) {
      const start = this.at
      const tag = this.varint32()
      switch (tag) {
        case 0x0a:
          value = this.text()
          break
        case 0x10:
          value = this.bool()
          break
        case 0x18:
          value = this.int64()
          break
        case 0x21:
          value = this.float64()
          break
        case 0x2a:
          value = this.#array(this.part())
          break
        case 0x32:
          value = this.#list(this.part())
          break
        case 0x3a:
          value = this.blob()
          break
        case 0x40:
          // An index into profiles' table of strings, which no other signal has.
          this.varint32()
          value = null
          break
        default:
          this.unknown(null, tag, start)
      }
    }
    return value
  }

  #array(end: number): AnyValue[] {
    const values: AnyValue[] = []
    while (this.at < end) {
      const start = this.at
      const tag = this.varint32()
      if (tag === 0x0a) values.push(this.anyValue(null))
      else this.unknown(null, tag, start)
    }
    return values
  }

  #list(end: number): KeyValueList {
    const entries: KeyValue[] = []
    while (this.at < end) {
      const start = this.at
      const tag = this.varint32()
      if (tag === 0x0a) this.attribute(entries)
      else this.unknown(null, tag, start)
    }
    return new KeyValueList(entries)
  }
}

export { noBytes }
