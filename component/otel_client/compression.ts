// How bodies of HTTP requests are compressed, by the names that the collector's configurations have for it.
import { constants, type ZlibOptions, type ZstdOptions } from 'node:zlib'
import { customType, string, ValueError } from '#component'
import { lz4FrameEncode } from '#lib/lz4'
import { snappyCompress } from '#lib/snappy'
import { snappyFramesEncode } from '#lib/snappy_frames'
import { zlibAsync } from '#lib/zlib_async'

export const httpCompressions = ['gzip', 'zlib', 'deflate', 'snappy', 'x-snappy-framed', 'zstd', 'lz4', 'none'] as const
export type HttpCompression = (typeof httpCompressions)[number]

export const httpCompression = customType<HttpCompression>({
  name: 'string',
  zero: 'none',
  decode(value) {
    const text = string.decode(value) || 'none'
    const found = httpCompressions.find((name) => name === text)
    if (found === undefined) throw new ValueError(`unsupported compression type ${JSON.stringify(text)}`)
    return found
  },
  accepts: string.accepts,
  json: { enum: [...httpCompressions, ''] },
})

/** Why a level does not go with a compression; undefined: it does. 0 is the default of those that have no levels. */
export function levelProblem(compression: HttpCompression, level: number): string | undefined {
  const deflates = compression === 'gzip' || compression === 'zlib' || compression === 'deflate'
  if (compression === 'zstd' || level === 0 || (deflates && level >= -2 && level <= 9)) return undefined
  return `unsupported parameters {Level:${level}} for compression type ${JSON.stringify(compression)}`
}

/**
 * `pieces` as one, compressed, and what the `Content-Encoding` header calls it (undefined: nothing was done). `level` as Go's
 * libraries count: undefined for their default, -2 for Huffman coding only; zstd's level is mapped as its Go library does.
 */
export async function compressBody(
  pieces: readonly Uint8Array[],
  compression: HttpCompression,
  level: number | undefined,
): Promise<{ readonly body: Uint8Array | readonly Uint8Array[]; readonly encoding: string | undefined }> {
  if (compression === 'none') return { body: pieces, encoding: undefined }
  const bytes = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces)
  const options = deflateOptions(level)
  switch (compression) {
    case 'gzip':
      return { body: await zlibAsync.gzip(bytes, options), encoding: 'gzip' }
    case 'zlib':
    case 'deflate':
      return { body: await zlibAsync.deflate(bytes, options), encoding: compression }
    case 'zstd':
      return { body: await zlibAsync.zstdCompress(bytes, zstdOptions(level)), encoding: 'zstd' }
    case 'snappy':
      return { body: snappyCompress(bytes), encoding: 'snappy' }
    case 'x-snappy-framed':
      return { body: snappyFramesEncode(bytes), encoding: 'x-snappy-framed' }
    case 'lz4':
      return { body: lz4FrameEncode(bytes), encoding: 'lz4' }
  }
}

function deflateOptions(level: number | undefined): ZlibOptions {
  if (level === undefined) return {}
  return level === -2 ? { strategy: constants.Z_HUFFMAN_ONLY } : { level }
}

/** zstd's levels from 1 to 22. */
function zstdOptions(level: number | undefined): ZstdOptions {
  if (level === undefined || level <= 0) return {}
  return { params: { [constants.ZSTD_c_compressionLevel]: Math.min(level, 22) } }
}
