// gRPC's messages: the five bytes before each, and their compression.
import { promisify } from 'node:util'
import { gunzip, inflate, zstdDecompress } from 'node:zlib'
import { SnappyError, snappyLength, snappyUncompress } from '#lib/snappy'
import { isSnappyFramed, snappyFramesDecode, SnappyLimitError } from '#lib/snappy_frames'
import { GrpcCode, GrpcError } from './status.ts'

/** A flag byte and the length, big-endian (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export const prefixBytes = 5

/** What `grpc-accept-encoding` tells clients. */
export const acceptedEncodings = 'identity,deflate,gzip,snappy,zstd'

const inflateBytes = { gzip: promisify(gunzip), deflate: promisify(inflate), zstd: promisify(zstdDecompress) }
export type MessageEncoding = 'identity' | 'gzip' | 'deflate' | 'zstd' | 'snappy'

/** Throws UNIMPLEMENTED for an encoding that is not known (compression.md). */
export function encodingOf(name: string | undefined): MessageEncoding {
  switch (name) {
    case undefined:
    case '':
    case 'identity':
      return 'identity'
    case 'gzip':
    case 'deflate':
    case 'zstd':
    case 'snappy':
      return name
  }
  throw new GrpcError(GrpcCode.unimplemented, `the message encoding ${JSON.stringify(name)} is not known here`)
}

export function tooLarge(bytes: number, bytesMax: number): GrpcError {
  return new GrpcError(GrpcCode.resourceExhausted, `received message larger than max (${bytes} vs. ${bytesMax})`)
}

/** Decompress `bytes`, at most `bytesMax` of them: more end the decompression at that point. */
export async function decompress(bytes: Uint8Array, encoding: MessageEncoding, bytesMax: number): Promise<Uint8Array> {
  if (bytes.length === 0) return bytes
  try {
    switch (encoding) {
      case 'identity':
        break
      case 'snappy':
        if (isSnappyFramed(bytes)) return snappyFramesDecode(bytes, bytesMax)
        if (snappyLength(bytes).length > bytesMax) throw new SnappyLimitError()
        return snappyUncompress(bytes, bytesMax)
      default:
        return await inflateBytes[encoding](bytes, { maxOutputLength: bytesMax })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' || error instanceof SnappyLimitError) {
      throw new GrpcError(
        GrpcCode.resourceExhausted,
        `received message after decompression larger than max ${bytesMax}`,
      )
    }
    const why = error instanceof SnappyError ? error.message : `it is no valid ${encoding}`
    throw new GrpcError(GrpcCode.internal, `failed to decompress the received message: ${why}`)
  }
  throw new GrpcError(GrpcCode.internal, 'the compressed flag is set, and no message encoding is named')
}

/** One message with its prefix, not compressed. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, prefixBytes)
  return frame
}
