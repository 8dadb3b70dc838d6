// Reading protobuf fields off untrusted bytes: every length is checked against what is there.

/** A request that cannot be decoded: at which byte of the uncompressed message, and why. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** Offset in the uncompressed message; -1: the compressed block itself is at fault. */
  readonly offset: number
  constructor(offset: number, cause: string) {
    super(
      offset < 0 ? `Cannot decode the request: ${cause}` : `Cannot decode the request: ${cause} (at byte ${offset})`,
    )
    this.offset = offset
  }
}

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const twoPow32 = 4294967296
/** Groups, which `skip` passes over, nest at most this deep. */
const groupDepthMax = 32

/** A cursor over a message. Varints are left as two 32-bit words in `low` and `high`. */
export class FieldReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
  low: number
  high: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = 0
    this.low = 0
    this.high = 0
  }

  /** A field's tag (number * 8 + wire type). `end` is where the message ends. */
  tag(end: number): number {
    const start = this.at
    const first = this.bytes[start]!
    if (start < end && first >= 8 && first < 0x80) {
      this.at = start + 1
      return first
    }
    this.varint(end)
    if (this.high !== 0 || this.low < 8) throw new DecodeError(start, 'a field has no valid number')
    return this.low
  }

  /** Read a varint into `low` and `high`. */
  varint(end: number): void {
    const bytes = this.bytes
    let at = this.at
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new DecodeError(at, 'the message ends inside a number')
      const byte = bytes[at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte >= 0x80) continue
      if (shift === 63 && byte > 1) break
      this.at = at
      this.low = low >>> 0
      this.high = high >>> 0
      return
    }
    throw new DecodeError(this.at, 'a number is longer than 64 bits')
  }

  /** A varint that is a 32-bit unsigned number; higher bits are cut off, as protobuf says. */
  uint32(end: number): number {
    const at = this.at
    const byte = this.bytes[at]!
    if (at < end && byte < 0x80) {
      this.at = at + 1
      return byte
    }
    this.varint(end)
    return this.low
  }

  sint32(end: number): number {
    const value = this.uint32(end)
    return (value >>> 1) ^ -(value & 1)
  }

  /** Protobuf's int64; exact up to 2^53, larger ones are rounded. */
  int64(end: number): number {
    this.varint(end)
    return (this.high | 0) * twoPow32 + this.low
  }

  /** Protobuf's uint64; exact up to 2^53, larger ones are rounded. */
  uint64(end: number): number {
    this.varint(end)
    return this.high * twoPow32 + this.low
  }

  /** Protobuf's sint64 (zigzag); exact up to 2^53, larger ones are rounded. */
  sint64(end: number): number {
    this.varint(end)
    const sign = -(this.low & 1)
    const low = (((this.low >>> 1) | (this.high << 31)) ^ sign) >>> 0
    const high = (this.high >>> 1) ^ sign
    return high * twoPow32 + low
  }

  /** A double. */
  float64(end: number): number {
    if (this.at + 8 > end) throw new DecodeError(this.at, 'the message ends inside a double')
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  /** The length of a part; gives where it ends, which is not after `end`. */
  part(end: number): number {
    const start = this.at
    const length = this.uint32(end)
    if (length > end - this.at || (this.at - start > 4 && this.high !== 0)) {
      throw new DecodeError(start, `a part of ${length} bytes does not fit its message`)
    }
    return this.at + length
  }

  /** Pass over the field whose tag was read. */
  skip(tag: number, end: number): void {
    this.#skip(tag, end, 0)
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        this.varint(end)
        return
      case 1:
        this.#advance(8, end)
        return
      case 2:
        this.at = this.part(end)
        return
      case 3:
        this.#skipGroup(tag, end, depth)
        return
      case 5:
        this.#advance(4, end)
        return
      default:
        throw new DecodeError(this.at, `a field has the unknown wire type ${tag & 7}`)
    }
  }

  #skipGroup(tag: number, end: number, depth: number): void {
    if (depth >= groupDepthMax) throw new DecodeError(this.at, 'groups are nested too deep')
    for (;;) {
      const inner = this.tag(end)
      if ((inner & 7) === 4) {
        if (inner >>> 3 !== tag >>> 3) throw new DecodeError(this.at, 'a group ends with the wrong number')
        return
      }
      this.#skip(inner, end, depth + 1)
    }
  }

  #advance(count: number, end: number): void {
    if (this.at + count > end) throw new DecodeError(this.at, 'the message ends inside a field')
    this.at += count
  }
}
