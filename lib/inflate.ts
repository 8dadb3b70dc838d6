// Decompression with an upper bound on what comes out: gzip, zlib and zstd by Node, snappy and lz4 by our own readers.
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { Lz4Error, lz4FramesDecode, Lz4LimitError } from './lz4_decode.ts'
import { SnappyError, snappyLength, snappyUncompress } from './snappy.ts'
import { isSnappyFramed, snappyFramesDecode, SnappyLimitError } from './snappy_frames.ts'
import { zlibAsync } from './zlib_async.ts'

export const Compression = { gzip: 'gzip', zlib: 'zlib', zstd: 'zstd', snappy: 'snappy', lz4: 'lz4' } as const
export type Compression = (typeof Compression)[keyof typeof Compression]

/** Bytes that are not what they are said to be, or that make more than their reader allows. */
export class InflateError extends Error {
  override readonly name = 'InflateError'
  readonly tooLarge: boolean
  constructor(message: string, tooLarge: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.tooLarge = tooLarge
  }
}

/**
 * Up to this size Node's readers run at once: the way over its thread pool costs twice the CPU (2 kB: 85 µs instead of 32,
 * 400 kB: 1.07 ms instead of 0.56). Above it the event loop is not held up.
 */
const syncBytesMax = 32 * 1024
/** Node's readers give their output in chunks, each a way over the thread pool. */
const chunkBytesMin = 16 * 1024
const chunkBytesMax = 1024 * 1024

const later = { gzip: zlibAsync.gunzip, zlib: zlibAsync.inflate, zstd: zlibAsync.zstdDecompress }

function atOnce(compression: keyof typeof later): typeof gunzipSync | typeof zstdDecompressSync {
  return compression === 'gzip' ? gunzipSync : compression === 'zlib' ? inflateSync : zstdDecompressSync
}

/**
 * Decompress; `InflateError` where that cannot be done or would make more than `bytesMax` bytes, found while
 * decompressing. Snappy may be a block or a framed stream.
 */
export function inflated(
  bytes: Uint8Array,
  compression: Compression,
  bytesMax: number,
): Uint8Array | Promise<Uint8Array> {
  try {
    if (compression === 'snappy') return unsnappy(bytes, bytesMax)
    if (compression === 'lz4') return lz4FramesDecode(bytes, bytesMax)
    const options = { maxOutputLength: bytesMax, chunkSize: chunkBytesMin }
    if (bytes.length <= syncBytesMax) return atOnce(compression)(bytes, options)
    options.chunkSize = Math.min(chunkBytesMax, bytes.length * 4, Math.max(chunkBytesMin, bytesMax))
    return later[compression](bytes, options).catch((error: unknown) => {
      throw failure(error, compression, bytesMax)
    })
  } catch (error) {
    throw failure(error, compression, bytesMax)
  }
}

function unsnappy(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (isSnappyFramed(bytes)) return snappyFramesDecode(bytes, bytesMax)
  if (snappyLength(bytes).length > bytesMax) throw new SnappyLimitError()
  return snappyUncompress(bytes, bytesMax)
}

function failure(error: unknown, compression: Compression, bytesMax: number): InflateError {
  const tooLarge =
    error instanceof SnappyLimitError ||
    error instanceof Lz4LimitError ||
    (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
  if (tooLarge) return new InflateError(`more than the ${bytesMax} bytes allowed come out`, true, error)
  const own = error instanceof SnappyError || error instanceof Lz4Error
  return new InflateError(`no valid ${compression}${own ? `: ${error.message}` : ''}`, false, error)
}
