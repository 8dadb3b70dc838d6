// LZ4's frame format, compressed only.

const magic = 0x184d2204
/** Version 1, blocks independent, no checksums but the header's. */
const flags = 0x60
/** Blocks of at most 4 MB. */
const blockDescriptor = 0x70
const blockBytesMax = 4 * 1024 * 1024

/** `lz4_Frame_format.md`: a header, blocks, an end mark. Blocks that do not shrink go in as they are. */
export function lz4FrameEncode(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [header()]
  for (let at = 0; at < bytes.length; at += blockBytesMax) {
    const source = bytes.subarray(at, at + blockBytesMax)
    const block = lz4Block(source)
    const stored = block.length >= source.length
    const size = Buffer.alloc(4)
    size.writeUInt32LE(stored ? (source.length | 0x80000000) >>> 0 : block.length)
    parts.push(size, stored ? source : block)
  }
  parts.push(new Uint8Array(4))
  return Buffer.concat(parts)
}

function header(): Uint8Array {
  const out = Buffer.alloc(7)
  out.writeUInt32LE(magic, 0)
  out[4] = flags
  out[5] = blockDescriptor
  out[6] = (xxh32(out.subarray(4, 6)) >>> 8) & 0xff
  return out
}

/** xxHash32 with seed 0 of fewer than 16 bytes (`xxhash_spec.md`): all that a frame's header needs. */
function xxh32(bytes: Uint8Array): number {
  let hash = (0x165667b1 + bytes.length) >>> 0
  for (const byte of bytes) {
    hash = (hash + Math.imul(byte, 0x165667b1)) >>> 0
    hash = Math.imul((hash << 11) | (hash >>> 21), 0x9e3779b1) >>> 0
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}

const hashBits = 14
const table = new Int32Array(1 << hashBits)
/** A block ends with five literals at least, and its last match begins twelve bytes before the end at the latest. */
const lastLiterals = 5
const matchFindLimit = 12
const matchMin = 4
const offsetMax = 65_535

/** `lz4_Block_format.md`: greedy matches found by a hash of four bytes. */
function lz4Block(source: Uint8Array): Uint8Array {
  const size = source.length
  const out = Buffer.allocUnsafe(size + Math.ceil(size / 255) + 16)
  const limit = size - matchFindLimit
  table.fill(-1)
  let at = 0
  let anchor = 0
  let end = 0
  while (at <= limit) {
    const word = wordAt(source, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits)
    const candidate = table[slot] as number
    table[slot] = at
    if (candidate < 0 || at - candidate > offsetMax || wordAt(source, candidate) !== word) {
      at += 1 + ((at - anchor) >> 6)
      continue
    }
    let length = matchMin
    const longest = size - lastLiterals - at
    while (length < longest && source[candidate + length] === source[at + length]) length++
    end = sequence(source, anchor, at, out, end, at - candidate, length)
    at += length
    anchor = at
  }
  end = sequence(source, anchor, size, out, end, 0, 0)
  return out.subarray(0, end)
}

function wordAt(b: Uint8Array, i: number): number {
  return b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24)
}

/** Literals from `from` to `to`, then a match; without one (`length` 0) the block's last literals. */
function sequence(
  source: Uint8Array,
  from: number,
  to: number,
  out: Buffer,
  end: number,
  offset: number,
  length: number,
): number {
  const literals = to - from
  const rest = length === 0 ? 0 : length - matchMin
  out[end++] = (Math.min(literals, 15) << 4) | Math.min(rest, 15)
  if (literals >= 15) end = lengthBytes(literals - 15, out, end)
  out.set(source.subarray(from, to), end)
  end += literals
  if (length === 0) return end
  out[end++] = offset & 0xff
  out[end++] = offset >>> 8
  return rest >= 15 ? lengthBytes(rest - 15, out, end) : end
}

function lengthBytes(n: number, out: Buffer, end: number): number {
  for (; n >= 255; n -= 255) out[end++] = 255
  out[end++] = n
  return end
}
