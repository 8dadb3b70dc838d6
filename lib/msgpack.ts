// Reads MessagePack (github.com/msgpack/msgpack/blob/master/spec.md): values cut out of a stream, and read one by one.

export class MsgpackError extends Error {
  override readonly name = 'MsgpackError'
}

/** Keys of any type, in the order written, as often as written. */
export class MsgpackMap {
  readonly entries: (readonly [MsgpackValue, MsgpackValue])[] = []
}

export class MsgpackExtension {
  /** -128 to 127; below 0 they are MessagePack's own. */
  readonly type: number
  readonly bytes: Uint8Array
  constructor(type: number, bytes: Uint8Array) {
    this.type = type
    this.bytes = bytes
  }
}

/** Integers are `bigint`, floats `number`: the format keeps them apart. */
export type MsgpackValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | MsgpackExtension
  | MsgpackMap
  | MsgpackValue[]

/** Nested deeper than this nothing is read. */
const depthMax = 64

/** How long what follows a first byte is: its bytes, then `length` more by a number of `lengthBytes`, then values. */
interface Shape {
  /** Bytes of the value itself behind the first one. */
  readonly bytes: number
  /** Of the number that says how many bytes or values follow; 0: there is none. */
  readonly lengthBytes: number
  /** Values that follow for each one counted: 1 in an array, 2 in a map, 0: the number counts bytes. */
  readonly values: number
  /** Values that follow by the first byte alone. */
  readonly fixedValues: number
}

const shapes: readonly Shape[] = Array.from({ length: 256 }, (_, byte) => shapeOf(byte))

function shapeOf(byte: number): Shape {
  const fixed = (bytes: number, fixedValues = 0): Shape => ({ bytes, lengthBytes: 0, values: 0, fixedValues })
  const counted = (lengthBytes: number, values = 0, bytes = 0): Shape => ({
    bytes,
    lengthBytes,
    values,
    fixedValues: 0,
  })
  if (byte < 0x80 || byte >= 0xe0) return fixed(0)
  if (byte < 0x90) return fixed(0, 2 * (byte & 0x0f))
  if (byte < 0xa0) return fixed(0, byte & 0x0f)
  if (byte < 0xc0) return fixed(byte & 0x1f)
  if (byte <= 0xc3) return fixed(0)
  if (byte <= 0xc6) return counted(1 << (byte - 0xc4))
  // An extension has its type behind its length.
  if (byte <= 0xc9) return counted(1 << (byte - 0xc7), 0, 1)
  if (byte <= 0xcb) return fixed(byte === 0xca ? 4 : 8)
  if (byte <= 0xd3) return fixed(1 << ((byte - 0xcc) % 4))
  if (byte <= 0xd8) return fixed(1 + (1 << (byte - 0xd4)))
  if (byte <= 0xdb) return counted(1 << (byte - 0xd9))
  if (byte <= 0xdd) return counted(byte === 0xdc ? 2 : 4, 1)
  return counted(byte === 0xde ? 2 : 4, 2)
}

/** The byte that stands for nothing. */
const never = 0xc1

/** Cuts a stream into values. Their parts are counted, not read: what was looked at is not looked at again. */
export class MsgpackFrames {
  readonly #bytesMax: number
  #buffer: Buffer = Buffer.alloc(0)
  /** Where the value begins, and up to where it was looked at. */
  #start = 0
  #at = 0
  /** Values that are still to come before it is whole. */
  #missing = 1
  #fault: MsgpackError | undefined

  /** `bytesMax`: of one value. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Why nothing more can be read. */
  get fault(): MsgpackError | undefined {
    return this.#fault
  }

  /** Bytes of a value that is not whole. */
  get pendingBytes(): number {
    return this.#buffer.length - this.#start
  }

  /** The values that are whole with `chunk`, which must not be changed afterwards. Look at `fault` then. */
  push(chunk: Buffer): Buffer[] {
    const whole: Buffer[] = []
    if (this.#fault !== undefined) return whole
    this.#append(chunk)
    try {
      while (this.#step()) {
        if (this.#missing > 0) continue
        whole.push(this.#buffer.subarray(this.#start, this.#at))
        this.#start = this.#at
        this.#missing = 1
      }
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error
      this.#fault = error
    }
    return whole
  }

  #append(chunk: Buffer): void {
    const rest = this.#buffer.subarray(this.#start)
    this.#buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    this.#at -= this.#start
    this.#start = 0
  }

  /** Past one value's first bytes. False: they are not all there. */
  #step(): boolean {
    const bytes = this.#buffer
    const first = bytes[this.#at]
    if (first === undefined) return false
    if (first === never) throw new MsgpackError('a value begins with a byte that stands for none')
    const shape = shapes[first] as Shape
    const behind = this.#at + 1 + shape.lengthBytes
    if (behind > bytes.length) return false
    const count = shape.lengthBytes === 0 ? 0 : bytes.readUIntBE(this.#at + 1, shape.lengthBytes)
    const end = behind + shape.bytes + (shape.values === 0 ? count : 0)
    const missing = this.#missing - 1 + shape.fixedValues + shape.values * count
    // Each value to come takes a byte at least.
    if (end - this.#start + missing > this.#bytesMax) {
      throw new MsgpackError(`a value has more than the ${this.#bytesMax} bytes allowed`)
    }
    if (end > bytes.length) return false
    this.#at = end
    this.#missing = missing
    return true
  }
}

/** Reads values from the bytes of one or more whole ones. Throws `MsgpackError` where they are not whole. */
export class MsgpackReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  value(depth = 0): MsgpackValue {
    const first = this.#take(1)
    const byte = this.#bytes[first] as number
    if (byte < 0x80) return BigInt(byte)
    if (byte < 0x90) return this.#map(byte & 0x0f, depth)
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth)
    if (byte < 0xc0) return this.#text(byte & 0x1f)
    if (byte >= 0xe0) return BigInt(byte - 0x100)
    if (byte >= 0xd4 && byte <= 0xd8) return this.#extension(1 << (byte - 0xd4))
    return this.#long(byte, depth)
  }

  #long(byte: number, depth: number): MsgpackValue {
    switch (byte) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return byte === 0xc3
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#length(1 << (byte - 0xc4)))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(1 << (byte - 0xc7)))
      case 0xca:
        return this.#bytes.readFloatBE(this.#take(4))
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#take(8))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(1 << (byte - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(byte === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(byte === 0xde ? 2 : 4), depth)
      default:
        return this.#integer(byte)
    }
  }

  #integer(byte: number): bigint {
    const bytes = this.#bytes
    switch (byte) {
      case 0xcc:
      case 0xcd:
      case 0xce:
        return BigInt(this.#length(1 << (byte - 0xcc)))
      case 0xcf:
        return bytes.readBigUInt64BE(this.#take(8))
      case 0xd0:
        return BigInt(bytes.readInt8(this.#take(1)))
      case 0xd1:
        return BigInt(bytes.readInt16BE(this.#take(2)))
      case 0xd2:
        return BigInt(bytes.readInt32BE(this.#take(4)))
      case 0xd3:
        return bytes.readBigInt64BE(this.#take(8))
      default:
        throw new MsgpackError('a value begins with a byte that stands for none')
    }
  }

  /** Where the next `count` bytes begin. */
  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw new MsgpackError('a value is not whole')
    this.#at += count
    return at
  }

  #length(bytes: number): number {
    return this.#bytes.readUIntBE(this.#take(bytes), bytes)
  }

  #text(length: number): string {
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  #binary(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  #extension(length: number): MsgpackExtension {
    const type = this.#bytes.readInt8(this.#take(1))
    return new MsgpackExtension(type, this.#binary(length))
  }

  #deeper(depth: number, values: number): number {
    if (depth >= depthMax) throw new MsgpackError(`values are nested deeper than the ${depthMax} levels allowed`)
    if (this.#at + values > this.#bytes.length) throw new MsgpackError('a value is not whole')
    return depth + 1
  }

  #array(length: number, depth: number): MsgpackValue[] {
    const inner = this.#deeper(depth, length)
    const out: MsgpackValue[] = []
    for (let i = 0; i < length; i++) out.push(this.value(inner))
    return out
  }

  #map(length: number, depth: number): MsgpackMap {
    const inner = this.#deeper(depth, 2 * length)
    const out = new MsgpackMap()
    for (let i = 0; i < length; i++) out.entries.push([this.value(inner), this.value(inner)])
    return out
  }
}

/** A map of texts, as answers have them. */
export function msgpackTextMap(pairs: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(pairs)
  return Buffer.concat([Buffer.from([0x80 + entries.length]), ...entries.flat().map(textBytes)])
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text)
  const head = Buffer.alloc(5)
  head[0] = 0xdb
  head.writeUInt32BE(bytes.length, 1)
  if (bytes.length < 32) return Buffer.concat([Buffer.from([0xa0 + bytes.length]), bytes])
  return Buffer.concat([head, bytes])
}
