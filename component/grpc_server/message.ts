// gRPC's messages: the five bytes before each, and their compression.
import { inflated, InflateError } from '#lib/inflate'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError } from './status.ts'

/** A flag byte and the length, big-endian (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export const prefixBytes = 5

/** What `grpc-accept-encoding` tells clients. */
export const acceptedEncodings = 'identity,deflate,gzip,snappy,zstd'

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
  throw new GrpcError(GrpcCode.UNIMPLEMENTED, `the message encoding ${JSON.stringify(name)} is not known here`)
}

export function tooLarge(bytes: number, bytesMax: number): GrpcError {
  return new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, `received message larger than max (${bytes} vs. ${bytesMax})`)
}

/** Decompress `bytes`, at most `bytesMax` of them: more end the decompression at that point. */
export async function decompress(bytes: Uint8Array, encoding: MessageEncoding, bytesMax: number): Promise<Uint8Array> {
  if (bytes.length === 0) return bytes
  if (encoding === 'identity') {
    throw new GrpcError(GrpcCode.INTERNAL, 'the compressed flag is set, and no message encoding is named')
  }
  try {
    return await inflated(bytes, encoding === 'deflate' ? 'zlib' : encoding, bytesMax)
  } catch (error) {
    if (!(error instanceof InflateError)) throw error
    if (!error.tooLarge) {
      throw new GrpcError(GrpcCode.INTERNAL, `failed to decompress the received message: ${error.message}`)
    }
    const why = `received message after decompression larger than max ${bytesMax}`
    throw new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, why)
  }
}

/** One message with its prefix, not compressed. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, prefixBytes)
  return frame
}
