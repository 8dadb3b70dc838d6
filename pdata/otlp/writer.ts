// Writes protobuf: the parts that all of OTLP's messages are made of.
import { ByteWriter, varintSize } from '#lib/byte_writer'
import type { AnyValue, Attributes } from './tree.ts'
import { KeyValueList } from './tree.ts'
import { anyValueDepthMax } from './validate.ts'

const textEncoder = new TextEncoder()

/** Fields with their tags. Those that have their default value are left out, as proto3 does. */
export class TreeWriter extends ByteWriter {
  /** Writes a tag: field << 3 | wire type, of fields below 32. */
  tag(tag: number): void {
    this.byte(tag)
  }

  text(tag: number, text: string): void {
    if (text === '') return
    this.byte(tag)
    this.string(text)
  }

  /** Also where the text is empty: elements of lists. */
  element(tag: number, text: string): void {
    this.byte(tag)
    this.string(text)
  }

  blob(tag: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.byte(tag)
    this.varint(bytes.length)
    if (bytes.length > 16) {
      this.bytes(bytes)
      return
    }
    this.ensure(16)
    for (let i = 0; i < bytes.length; i++) this.buffer[this.length + i] = bytes[i]!
    this.length += bytes.length
  }

  uint32(tag: number, value: number): void {
    if (value === 0) return
    this.byte(tag)
    this.varint(value >>> 0)
  }

  int32(tag: number, value: number): void {
    if (value === 0) return
    this.byte(tag)
    this.int64(value | 0)
  }

  sint32(tag: number, value: number): void {
    if (value === 0) return
    this.byte(tag)
    this.varint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  fixed32(tag: number, value: number): void {
    if (value === 0) return
    this.ensure(5)
    this.buffer[this.length] = tag
    this.words.setUint32(this.length + 1, value, true)
    this.length += 5
  }

  fixed64(tag: number, value: bigint): void {
    if (value !== 0n) this.presentFixed64(tag, value)
  }

  presentFixed64(tag: number, value: bigint): void {
    this.ensure(9)
    this.buffer[this.length] = tag
    this.words.setBigUint64(this.length + 1, value, true)
    this.length += 9
  }

  double(tag: number, value: number): void {
    if (value !== 0 || Object.is(value, -0)) this.presentDouble(tag, value)
  }

  presentDouble(tag: number, value: number): void {
    this.byte(tag)
    this.float64(value)
  }

  optionalDouble(tag: number, value: number | null): void {
    if (value !== null) this.presentDouble(tag, value)
  }

  /** The low 64 bits of `value` as a varint. */
  varint64(value: bigint): void {
    if (value >= -0x1fffffffffffffn && value <= 0x1fffffffffffffn) {
      this.int64(Number(value))
      return
    }
    let rest = BigInt.asUintN(64, value)
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.byte(Number(rest))
  }

  /** Begin a message whose length is not known yet; see `beginLength`. */
  open(tag: number): number {
    this.byte(tag)
    return this.beginLength()
  }

  close(start: number): void {
    this.endLength(start)
  }

  raw(fields: Uint8Array | null): void {
    if (fields !== null) this.bytes(fields)
  }

  attributes(tag: number, attributes: Attributes, depth = 0): void {
    for (let i = 0; i < attributes.length; i++) {
      const { key, value } = attributes[i]!
      if (typeof value === 'string' && this.#plainAttribute(tag, key, value)) continue
      this.byte(tag)
      const start = this.beginLength()
      this.text(0x0a, key)
      if (value !== null) this.anyValue(0x12, value, depth)
      this.endLength(start)
    }
  }

  /** Write a KeyValue of two short ASCII strings, all of whose lengths are known; false where it is none. */
  #plainAttribute(tag: number, key: string, value: string): boolean {
    const keyLength = key.length
    const valueLength = value.length
    const length = keyLength + valueLength + 6
    if (length >= 0x80 || keyLength === 0) return false
    this.ensure(length + 2)
    const buffer = this.buffer
    const start = this.length
    buffer[start] = tag
    buffer[start + 1] = length
    buffer[start + 2] = 0x0a
    buffer[start + 3] = keyLength
    let at = start + 4
    let union = 0
    for (let i = 0; i < keyLength; i++) {
      const unit = key.charCodeAt(i)
      union |= unit
      buffer[at++] = unit
    }
    buffer[at] = 0x12
    buffer[at + 1] = valueLength + 2
    buffer[at + 2] = 0x0a
    buffer[at + 3] = valueLength
    at += 4
    for (let i = 0; i < valueLength; i++) {
      const unit = value.charCodeAt(i)
      union |= unit
      buffer[at++] = unit
    }
    if (union >= 0x80) return false
    this.length = at
    return true
  }

  /** As `ByteWriter.string`, and strings that are not short straight into the buffer. */
  override string(text: string): void {
    const units = text.length
    if (units < 48) {
      super.string(text)
      return
    }
    this.ensure(units * 3 + 5)
    // The length takes as many bytes as if all were ASCII, which most is; otherwise the text is moved.
    const start = this.length
    const sizeGuessed = varintSize(units)
    const { written } = textEncoder.encodeInto(text, this.buffer.subarray(start + sizeGuessed))
    const size = varintSize(written)
    if (size !== sizeGuessed) {
      this.buffer.copyWithin(start + size, start + sizeGuessed, start + sizeGuessed + written)
    }
    this.varint(written)
    this.length += written
  }

  /** Throws where values are nested deeper than what `validateRequest` takes. */
  anyValue(tag: number, value: AnyValue, depth = 0): void {
    if (depth >= anyValueDepthMax) {
      throw new Error(`Cannot encode a value: it is nested too deep: the limit is ${anyValueDepthMax}`)
    }
    this.byte(tag)
    const start = this.beginLength()
    switch (typeof value) {
      case 'string':
        this.element(0x0a, value)
        break
      case 'boolean':
        this.byte(0x10)
        this.byte(value ? 1 : 0)
        break
      case 'bigint':
        this.byte(0x18)
        this.varint64(value)
        break
      case 'number':
        this.presentDouble(0x21, value)
        break
      default:
        this.#object(value, depth)
    }
    this.endLength(start)
  }

  #object(value: Uint8Array | AnyValue[] | KeyValueList | null, depth: number): void {
    if (value === null) return
    if (value instanceof KeyValueList) {
      const start = this.open(0x32)
      this.attributes(0x0a, value.entries, depth + 1)
      this.endLength(start)
    } else if (Array.isArray(value)) {
      const start = this.open(0x2a)
      for (const element of value) this.anyValue(0x0a, element, depth + 1)
      this.endLength(start)
    } else {
      this.byte(0x3a)
      this.varint(value.length)
      this.bytes(value)
    }
  }
}

/** Kept between requests up to this size, so that usual ones do not grow a buffer each time. */
const keptBytesMax = 4 * 1024 * 1024
let kept = new TreeWriter(64 * 1024)

/** The bytes that `write` writes, in memory of their own. */
export function encoded(write: (writer: TreeWriter) => void): Uint8Array {
  const writer = kept
  writer.reset()
  write(writer)
  const bytes = writer.take()
  if (writer.buffer.length > keptBytesMax) kept = new TreeWriter(64 * 1024)
  return bytes
}
