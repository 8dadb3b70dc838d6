// LZ4's frame format (lz4_Frame_format.md 1.6), read only.

/** Bytes that are no LZ4 frame. */
export class Lz4Error extends Error {
  override readonly name: string = 'Lz4Error'
}
/** Frames that would make more bytes than their reader allows. */
export class Lz4LimitError extends Lz4Error {}

const magic = 0x184d2204
/** Frames of other programs' own: 16 magic numbers from here on. */
const skippableMagic = 0x184d2a50
/** The shortest match of the format. */
const matchMin = 4
/** How much a growing output begins with. */
const outputBytesMin = 64 * 1024

/** Decompress all frames. Throws `Lz4Error` where one is corrupt, `Lz4LimitError` beyond `bytesMax` bytes. */
export function lz4FramesDecode(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const output = new Output(bytesMax)
  let at = 0
  if (bytes.length === 0) throw new Lz4Error('Cannot decompress: there is no frame')
  while (at < bytes.length) {
    const number = word(view, at)
    if ((number & 0xfffffff0) >>> 0 === skippableMagic) at += 8 + word(view, at + 4)
    else if (number === magic) at = readFrame(bytes, view, at + 4, output)
    else throw new Lz4Error(`Cannot decompress: no frame begins at byte ${at}`)
    if (at > bytes.length) throw ends()
  }
  return output.taken()
}

const ends = (): Lz4Error => new Lz4Error('Cannot decompress: the frame ends too early')

function word(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw ends()
  return view.getUint32(at, true)
}

function readFrame(bytes: Uint8Array, view: DataView, at: number, output: Output): number {
  const flags = bytes[at]
  if (flags === undefined) throw ends()
  if (flags >>> 6 !== 1) throw new Lz4Error('Cannot decompress: an unknown version')
  const blockChecksum = (flags & 0x10) !== 0
  const contentChecksum = (flags & 0x04) !== 0
  const linked = (flags & 0x20) === 0
  if (flags & 0x01) throw new Lz4Error('Cannot decompress: the frame needs a dictionary')
  // Flags, block size, then a size of eight bytes where there is one, then the header's checksum.
  const headerEnd = at + 2 + (flags & 0x08 ? 8 : 0)
  if (headerEnd >= bytes.length) throw ends()
  if (((xxh32(bytes.subarray(at, headerEnd)) >>> 8) & 0xff) !== bytes[headerEnd]) throw checksum()
  at = headerEnd + 1
  const frameStart = output.length
  for (;;) {
    const size = word(view, at)
    at += 4
    if (size === 0) break
    const length = size & 0x7fffffff
    if (at + length > bytes.length) throw ends()
    const block = bytes.subarray(at, at + length)
    if (size >>> 31) output.literals(block, 0, length)
    else readBlock(block, output, linked ? frameStart : output.length)
    at += length
    if (blockChecksum) {
      if (word(view, at) !== xxh32(block)) throw checksum()
      at += 4
    }
  }
  if (!contentChecksum) return at
  if (word(view, at) !== xxh32(output.from(frameStart))) throw checksum()
  return at + 4
}

const checksum = (): Lz4Error => new Lz4Error('Cannot decompress: a checksum is wrong')

/** `windowStart`: where in the output matches may begin at the earliest. */
function readBlock(block: Uint8Array, output: Output, windowStart: number): void {
  let at = 0
  const extended = (length: number): number => {
    if (length < 15) return length
    for (;;) {
      const byte = block[at++]
      if (byte === undefined) throw ends()
      length += byte
      if (byte < 255) return length
    }
  }
  while (at < block.length) {
    const token = block[at++] as number
    const literals = extended(token >>> 4)
    if (at + literals > block.length) throw ends()
    output.literals(block, at, literals)
    at += literals
    if (at === block.length) return // The last sequence is literals only.
    if (at + 2 > block.length) throw ends()
    const offset = (block[at] as number) | ((block[at + 1] as number) << 8)
    at += 2
    const length = extended(token & 15) + matchMin
    if (offset === 0 || offset > output.length - windowStart) {
      throw new Lz4Error('Cannot decompress: a copy from before the start')
    }
    output.copy(offset, length)
  }
}

class Output {
  length = 0
  #bytes: Uint8Array
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(Math.min(outputBytesMin, bytesMax))
    this.#bytesMax = bytesMax
  }

  #ensure(extra: number): void {
    const needed = this.length + extra
    if (needed > this.#bytesMax)
      throw new Lz4LimitError(`Cannot decompress: more than the limit of ${this.#bytesMax} bytes`)
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  literals(source: Uint8Array, start: number, length: number): void {
    this.#ensure(length)
    this.#bytes.set(source.subarray(start, start + length), this.length)
    this.length += length
  }

  copy(offset: number, length: number): void {
    this.#ensure(length)
    const bytes = this.#bytes
    const start = this.length
    if (offset >= length) bytes.copyWithin(start, start - offset, start - offset + length)
    // Byte by byte, forwards: a copy may overlap itself, which repeats its source.
    else for (let i = 0; i < length; i++) bytes[start + i] = bytes[start - offset + i] as number
    this.length += length
  }

  from(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.length)
  }

  taken(): Uint8Array {
    return this.from(0)
  }
}

const prime1 = 0x9e3779b1
const prime2 = 0x85ebca77
const prime3 = 0xc2b2ae3d
const prime4 = 0x27d4eb2f
const prime5 = 0x165667b1
const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** xxHash's 32 bits with the seed 0 (xxhash_spec.md). */
function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const round = (state: number, at: number): number =>
    Math.imul(rotated((state + Math.imul(view.getUint32(at, true), prime2)) | 0, 13), prime1)
  let at = 0
  let hash = prime5 | 0
  if (bytes.length >= 16) {
    let a = (prime1 + prime2) | 0
    let b = prime2 | 0
    let c = 0
    let d = -prime1 | 0
    for (; at + 16 <= bytes.length; at += 16) {
      a = round(a, at)
      b = round(b, at + 4)
      c = round(c, at + 8)
      d = round(d, at + 12)
    }
    hash = (rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)) | 0
  }
  hash = (hash + bytes.length) | 0
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint32(at, true), prime3)) | 0, 17), prime4)
  }
  for (; at < bytes.length; at++)
    hash = Math.imul(rotated((hash + Math.imul(bytes[at] as number, prime5)) | 0, 11), prime1)
  hash = Math.imul(hash ^ (hash >>> 15), prime2)
  hash = Math.imul(hash ^ (hash >>> 13), prime3)
  return (hash ^ (hash >>> 16)) >>> 0
}
