// Snappy's block format, compressed and uncompressed.

/** Bytes that are no snappy block, or one that is larger than its reader allows. */
export class SnappyError extends RangeError {
  override readonly name = 'SnappyError'
}

/** Copies reach back at most this far: the two-byte offset of the format's middle copy element. */
const offsetMax = 65535
const hashBitsMax = 14
const hashTable = new Int32Array(1 << hashBitsMax)
/** Literals from this length on are copied by the engine's memcpy, shorter ones here: a call costs more than they do. */
const memcpyMin = 96

/** The largest block that `snappyCompress` makes of `length` bytes. */
export function snappyBoundOf(length: number): number {
  return 32 + length + Math.floor(length / 6)
}

/** Compress `source` into a block of its own. An empty source gives the one byte that says so. */
export function snappyCompress(source: Uint8Array): Uint8Array {
  const target = memoryOf(snappyBoundOf(source.length))
  return target.slice(0, snappyCompressInto(source, target))
}

/** Compress into `target`, which holds `snappyBoundOf(source.length)` bytes at least. Gives the block's length. */
function snappyCompressInto(source: Uint8Array, target: Uint8Array): number {
  return snappyElementsInto(source, target, writeLength(target, 0, source.length))
}

/**
 * Write the elements of `source`, a block without its header, to `target` from `out` on, where `snappyBoundOf(source.length)`
 * bytes are free at least. Elements of several sources in turn are a block of their concatenation. Gives the offset after.
 */
export function snappyElementsInto(source: Uint8Array, target: Uint8Array, out: number): number {
  const size = source.length
  source = plain(source)
  if (size < 16) return size === 0 ? out : emitLiteral(source, 0, size, target, out)

  let bits = 8
  while (bits < hashBitsMax && 1 << bits < size) bits++
  const shift = 32 - bits
  const table = hashTable
  table.fill(-1, 0, 1 << bits)
  const words = new DataView(source.buffer, source.byteOffset, size)
  // Near the end matches are not looked for: this leaves the loads below in bounds.
  const limit = size - 12
  let literalStart = 0
  let at = 1
  let misses = 32
  table[Math.imul(words.getUint32(0, true), 0x1e35a7bd) >>> shift] = 0
  while (at <= limit) {
    const word = words.getUint32(at, true)
    const slot = Math.imul(word, 0x1e35a7bd) >>> shift
    const candidate = table[slot]!
    table[slot] = at
    if (candidate < 0 || at - candidate > offsetMax || words.getUint32(candidate, true) !== word) {
      // Steps grow on data that does not match, as the reference compressor's do.
      at += misses++ >>> 5
      continue
    }
    if (at > literalStart) out = emitLiteral(source, literalStart, at - literalStart, target, out)
    let from = candidate + 4
    let end = at + 4
    while (end + 4 <= size && words.getUint32(end, true) === words.getUint32(from, true)) {
      end += 4
      from += 4
    }
    while (end < size && source[end] === source[from]) {
      end++
      from++
    }
    out = emitCopy(target, out, at - candidate, end - at)
    at = end
    literalStart = end
    misses = 32
    if (at <= limit) table[Math.imul(words.getUint32(at - 1, true), 0x1e35a7bd) >>> shift] = at - 1
  }
  if (literalStart < size) out = emitLiteral(source, literalStart, size - literalStart, target, out)
  return out
}

/** Write a literal element's header for `length` bytes at `out`. Gives the offset after it. */
export function emitLiteralHeader(length: number, target: Uint8Array, out: number): number {
  const n = length - 1
  if (n < 60) {
    target[out++] = n << 2
  } else if (n < 0x100) {
    target[out++] = 60 << 2
    target[out++] = n
  } else if (n < 0x10000) {
    target[out++] = 61 << 2
    target[out++] = n
    target[out++] = n >>> 8
  } else if (n < 0x1000000) {
    target[out++] = 62 << 2
    target[out++] = n
    target[out++] = n >>> 8
    target[out++] = n >>> 16
  } else {
    target[out++] = 63 << 2
    target[out++] = n
    target[out++] = n >>> 8
    target[out++] = n >>> 16
    target[out++] = n >>> 24
  }
  return out
}

function emitLiteral(source: Uint8Array, start: number, length: number, target: Uint8Array, out: number): number {
  out = emitLiteralHeader(length, target, out)
  if (length >= memcpyMin) {
    target.set(source.subarray(start, start + length), out)
    return out + length
  }
  for (let i = 0; i < length; i++) target[out + i] = source[start + i]!
  return out + length
}

/** Write copy elements for a match of `length` (4 or more) at distance `offset` (1 … 65535). Gives the offset after them. */
export function emitCopy(target: Uint8Array, out: number, offset: number, length: number): number {
  // The last element must not be shorter than the short form's four bytes: hence 68 and 60.
  while (length >= 68) {
    target[out++] = (63 << 2) | 2
    target[out++] = offset
    target[out++] = offset >>> 8
    length -= 64
  }
  if (length > 64) {
    target[out++] = (59 << 2) | 2
    target[out++] = offset
    target[out++] = offset >>> 8
    length -= 60
  }
  if (length >= 12 || offset >= 2048) {
    target[out++] = ((length - 1) << 2) | 2
    target[out++] = offset
    target[out++] = offset >>> 8
    return out
  }
  target[out++] = ((offset >>> 8) << 5) | ((length - 4) << 2) | 1
  target[out++] = offset
  return out
}

function writeLength(target: Uint8Array, out: number, length: number): number {
  while (length >= 0x80) {
    target[out++] = (length % 128) | 0x80
    length = Math.floor(length / 128)
  }
  target[out++] = length
  return out
}

/** The header of a block that holds `length` uncompressed bytes: a varint. */
export function snappyHeader(length: number): Uint8Array {
  const header = new Uint8Array(5)
  return header.slice(0, writeLength(header, 0, length))
}

/** What a block's header says: the uncompressed length, and how many bytes the header takes. */
export function snappyLength(block: Uint8Array): { readonly length: number; readonly headerBytes: number } {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = block[i]
    if (byte === undefined) throw new SnappyError('Cannot uncompress: the block ends inside its length')
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      if (length > 0xffffffff) break
      return { length, headerBytes: i + 1 }
    }
  }
  throw new SnappyError('Cannot uncompress: the length is larger than 32 bits')
}

/**
 * Uncompress a whole block. Throws `SnappyError` when the block is corrupt or says that it holds more than `bytesMax`
 * bytes; both that and a length which no block of this size can hold are found before memory is taken. A `scratch` that is
 * large enough is used instead of new memory: the result is then a view of it.
 */
export function snappyUncompress(block: Uint8Array, bytesMax: number, scratch?: Uint8Array): Uint8Array {
  const { length, headerBytes } = snappyLength(block)
  if (length > bytesMax) {
    throw new SnappyError(`Cannot uncompress: the block holds ${length} bytes: the limit is ${bytesMax}`)
  }
  // No element makes more of its bytes than a copy of 64 in three.
  if (length > Math.ceil(((block.length - headerBytes) * 64) / 3)) {
    throw new SnappyError(`Cannot uncompress: ${block.length} bytes cannot hold ${length}`)
  }
  const target = scratch !== undefined && scratch.length >= length ? scratch.subarray(0, length) : memoryOf(length)
  uncompressElements(plain(block), headerBytes, target)
  return target
}

/** Memory that is not cleared: for what is written as a whole, or thrown away. No Buffer, whose slice() shares memory. */
function memoryOf(length: number): Uint8Array {
  const memory = Buffer.allocUnsafeSlow(length)
  return new Uint8Array(memory.buffer, memory.byteOffset, length)
}

/** The same bytes as a plain array, so that the loops see one kind of object only. */
function plain(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
}

function uncompressElements(block: Uint8Array, at: number, target: Uint8Array): void {
  const end = block.length
  const size = target.length
  const words = new DataView(target.buffer, target.byteOffset, size)
  const blockWords = new DataView(block.buffer, block.byteOffset, end)
  const wordLimit = size - 4
  let out = 0
  while (at < end) {
    const tag = block[at++]!
    let length = tag >>> 2
    let offset: number
    switch (tag & 3) {
      case 0: {
        if (length >= 60) {
          const extra = length - 59
          if (at + extra > end) throw corrupt(at, 'ends inside a literal length')
          length = 0
          for (let i = 0; i < extra; i++) length += block[at + i]! * 2 ** (8 * i)
          at += extra
        }
        length++
        if (length > end - at || length > size - out) throw corrupt(at, 'has a literal that is too long')
        if (length >= memcpyMin) {
          target.set(block.subarray(at, at + length), out)
          at += length
          out += length
          continue
        }
        for (; length >= 4; length -= 4, at += 4, out += 4) words.setUint32(out, blockWords.getUint32(at, true), true)
        for (; length > 0; length--) target[out++] = block[at++]!
        continue
      }
      case 1:
        if (at >= end) throw corrupt(at, 'ends inside a copy')
        length = (length & 7) + 4
        offset = ((tag >>> 5) << 8) | block[at]!
        at += 1
        break
      case 2:
        if (at + 2 > end) throw corrupt(at, 'ends inside a copy')
        length += 1
        offset = block[at]! | (block[at + 1]! << 8)
        at += 2
        break
      default:
        if (at + 4 > end) throw corrupt(at, 'ends inside a copy')
        length += 1
        offset = (block[at]! | (block[at + 1]! << 8) | (block[at + 2]! << 16) | (block[at + 3]! << 24)) >>> 0
        at += 4
    }
    if (offset === 0 || offset > out) throw corrupt(at, 'has a copy from before its start')
    if (length > size - out) throw corrupt(at, 'has a copy that is too long')
    const stop = out + length
    let from = out - offset
    if (offset >= 4) {
      // Words of four, faster than bytes. They may run over the end of the copy, which what follows puts right.
      while (out < stop && out <= wordLimit) {
        words.setUint32(out, words.getUint32(from, true), true)
        out += 4
        from += 4
      }
      if (out > stop) out = stop
    }
    // Byte by byte, forwards: a copy may overlap itself, which repeats its source.
    while (out < stop) target[out++] = target[from++]!
  }
  if (out !== size) throw corrupt(at, `holds ${out} bytes, not the ${size} it says`)
}

function corrupt(at: number, what: string): SnappyError {
  return new SnappyError(`Cannot uncompress: the block ${what} (at byte ${at})`)
}
