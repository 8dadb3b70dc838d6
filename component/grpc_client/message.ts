// Messages as they travel: a flag, a length and bytes, compressed or not.
import { deflateSync, gunzipSync, gzipSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { snappyFramesDecode, snappyFramesEncode } from '#lib/snappy_frames'
import { zlibAsync } from '#lib/zlib_async'

/** The `grpc-encoding`s that can be sent and read. */
export const grpcEncodings = ['gzip', 'zstd', 'snappy', 'deflate', 'identity'] as const
export type GrpcEncoding = (typeof grpcEncodings)[number]

/** Shorter messages are compressed at once: the way to the threadpool and back costs more. */
const inlineBytesMax = 4096
const headerBytes = 5

/** One message made of `chunks`, framed and compressed. */
export async function encodeMessage(chunks: readonly Uint8Array[], encoding: GrpcEncoding): Promise<Buffer> {
  if (encoding === 'identity') return framed(chunks, 0)
  return framed(
    [await compressed(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks), encoding)],
    1,
  )
}

function framed(chunks: readonly Uint8Array[], flag: number): Buffer {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  const out = Buffer.allocUnsafe(headerBytes + size)
  out[0] = flag
  out.writeUInt32BE(size, 1)
  let at = headerBytes
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}

async function compressed(bytes: Uint8Array, encoding: GrpcEncoding): Promise<Uint8Array> {
  const inline = bytes.length <= inlineBytesMax
  switch (encoding) {
    case 'gzip':
      return inline ? gzipSync(bytes) : zlibAsync.gzip(bytes)
    case 'deflate':
      return inline ? deflateSync(bytes) : zlibAsync.deflate(bytes)
    case 'zstd':
      return inline ? zstdCompressSync(bytes) : zlibAsync.zstdCompress(bytes)
    case 'snappy':
      return snappyFramesEncode(bytes)
    case 'identity':
      return bytes
  }
}

/** The first message of an answer's body; undefined where it has none. Throws where it is cut off, too large or unreadable. */
export function decodeMessage(body: Buffer, encoding: string, bytesMax: number): Uint8Array | undefined {
  if (body.length === 0) return undefined
  if (body.length < headerBytes) throw new RangeError('the answer ends inside a message')
  const size = body.readUInt32BE(1)
  const bytes = body.subarray(headerBytes, headerBytes + size)
  if (bytes.length < size) throw new RangeError('the answer ends inside a message')
  if (body[0] === 0) return bytes
  switch (encoding) {
    case 'gzip':
      return gunzipSync(bytes, { maxOutputLength: bytesMax })
    case 'deflate':
      return inflateSync(bytes, { maxOutputLength: bytesMax })
    case 'zstd':
      return zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
    case 'snappy':
      return snappyFramesDecode(bytes, bytesMax)
    default:
      throw new RangeError(`the answer is compressed as ${JSON.stringify(encoding)}`)
  }
}
