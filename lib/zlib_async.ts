// What zlib does on Node's thread pool, as promises. (`promisify` would need zlib before anything is compressed: its
// loading is 8 ms of a start, see distro/bundle/bundle.ts.)
import {
  deflate,
  gunzip,
  gzip,
  inflate,
  inflateRaw,
  type InputType,
  type ZlibOptions,
  zstdCompress,
  zstdDecompress,
  type ZstdOptions,
} from 'node:zlib'

type Done = (error: Error | null, result: Buffer) => void

function promised(begin: (done: Done) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    begin((error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}

/** Each rejects with zlib's error, one of them for an output that is longer than `maxOutputLength`. */
export const zlibAsync = {
  gzip: (bytes: InputType, options: ZlibOptions = {}) => promised((done) => gzip(bytes, options, done)),
  gunzip: (bytes: InputType, options: ZlibOptions = {}) => promised((done) => gunzip(bytes, options, done)),
  deflate: (bytes: InputType, options: ZlibOptions = {}) => promised((done) => deflate(bytes, options, done)),
  inflate: (bytes: InputType, options: ZlibOptions = {}) => promised((done) => inflate(bytes, options, done)),
  inflateRaw: (bytes: InputType, options: ZlibOptions = {}) => promised((done) => inflateRaw(bytes, options, done)),
  zstdCompress: (bytes: InputType, options: ZstdOptions = {}) => promised((done) => zstdCompress(bytes, options, done)),
  zstdDecompress: (bytes: InputType, options: ZstdOptions = {}) =>
    promised((done) => zstdDecompress(bytes, options, done)),
} as const
