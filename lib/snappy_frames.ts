// Snappy's framing format (framing_format.txt): a stream of chunks with checksums, as gRPC's `snappy` encoding uses it.
import { SnappyError, snappyCompress, snappyLength, snappyUncompress } from './snappy.ts'

/** The chunk that opens every stream. */
const identifier = Uint8Array.of(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59)
/** Uncompressed bytes of one chunk, at most. */
const chunkBytesMax = 65_536

/** A stream that would make more bytes than its reader allows. */
export class SnappyLimitError extends SnappyError {}

const crcTable = new Uint32Array(256)
for (let n = 0; n < 256; n++) {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1 // CRC-32C, reflected
  crcTable[n] = c
}

function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[i]!) & 0xff]!
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Does a stream begin here? A block cannot: its first element would copy from before its start. */
export function isSnappyFramed(bytes: Uint8Array): boolean {
  return bytes.length >= identifier.length && identifier.every((byte, i) => bytes[i] === byte)
}

/**
 * Uncompress a whole stream. Throws `SnappyError` where it is corrupt, `SnappyLimitError` where it would
 * make more than `bytesMax` bytes.
 */
export function snappyFramesDecode(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (!isSnappyFramed(bytes)) throw new SnappyError('Cannot uncompress: the stream does not begin with its identifier')
  const parts: Uint8Array[] = []
  let size = 0
  let at = 0
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new SnappyError('Cannot uncompress: the stream ends inside a chunk header')
    const kind = bytes[at]!
    const length = bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16)
    const chunk = bytes.subarray(at + 4, at + 4 + length)
    if (chunk.length < length) throw new SnappyError('Cannot uncompress: the stream ends inside a chunk')
    at += 4 + length
    if (kind > 1) {
      // 0x02 to 0x7f must not be skipped; 0x80 to 0xfe may be; 0xff is the identifier again.
      if (kind < 0x80) throw new SnappyError(`Cannot uncompress: a chunk of the unknown kind ${kind}`)
      continue
    }
    if (length < 4) throw new SnappyError('Cannot uncompress: a chunk without its checksum')
    const data = chunk.subarray(4)
    const claimed = kind === 0 ? snappyLength(data).length : data.length
    if (claimed > chunkBytesMax) throw new SnappyError(`Cannot uncompress: a chunk of ${claimed} bytes is too large`)
    size += claimed
    if (size > bytesMax) throw new SnappyLimitError(`Cannot uncompress: more than the limit of ${bytesMax} bytes`)
    const part = kind === 0 ? snappyUncompress(data, chunkBytesMax) : data
    const sum = (chunk[0]! | (chunk[1]! << 8) | (chunk[2]! << 16) | (chunk[3]! << 24)) >>> 0
    if (sum !== maskedCrc(part)) throw new SnappyError('Cannot uncompress: a checksum is wrong')
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  const out = new Uint8Array(size)
  let end = 0
  for (const part of parts) {
    out.set(part, end)
    end += part.length
  }
  return out
}

/** Compress `bytes` as a stream. Empty input gives the identifier alone. */
export function snappyFramesEncode(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [identifier]
  for (let at = 0; at < bytes.length; at += chunkBytesMax) {
    const data = bytes.subarray(at, at + chunkBytesMax)
    const block = snappyCompress(data)
    const smaller = block.length < data.length
    const body = smaller ? block : data
    const header = Buffer.alloc(8)
    header[0] = smaller ? 0 : 1
    header.writeUIntLE(body.length + 4, 1, 3)
    header.writeUInt32LE(maskedCrc(data), 4)
    parts.push(header, body)
  }
  return new Uint8Array(Buffer.concat(parts))
}
