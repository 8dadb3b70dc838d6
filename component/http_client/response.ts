// Responses: bodies that end in time and within bounds.
import type { IncomingHttpHeaders } from 'node:http'
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { createGunzip, createInflate, gunzipSync } from 'node:zlib'
import { zlibAsync } from '#lib/zlib_async'
import { BodyTooLargeError, reasonOf, RequestError } from './errors.ts'

/** A gzip body that says it is no longer than this when decompressed is decompressed at once, in one piece. */
const inlineBytesMax = 8 * 1024 * 1024
/** The shortest output that zlib takes. */
const zlibChunkBytesMin = 64

/** What is left of a body that nobody wants is read up to so many bytes, to keep the connection. */
const discardBytesMax = 256 * 1024

export class HttpResponse {
  readonly status: number
  readonly statusText: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Where it came from, after redirects. */
  readonly url: string
  readonly #raw: Readable
  readonly #encoding: Encoding | undefined
  #decoded: Readable | undefined
  readonly #decompressBytesMax: number

  constructor(parts: {
    status: number
    statusText: string
    headers: IncomingHttpHeaders
    url: string
    body: Readable
    /** To be taken off; what comes out is bounded by `decompressBytesMax`. */
    encoding?: Encoding | undefined
    decompressBytesMax?: number
  }) {
    this.status = parts.status
    this.statusText = parts.statusText
    this.headers = parts.headers
    this.url = parts.url
    this.#raw = parts.body
    this.#encoding = parts.encoding
    this.#decompressBytesMax = parts.decompressBytesMax ?? 0
  }

  /** To be read to its end or destroyed: until then it holds a connection. The request's time limit counts on. */
  get body(): Readable {
    if (this.#encoding === undefined) return this.#raw
    if (this.#decoded === undefined) {
      this.#decoded = decoded(this.#raw, this.#encoding, this.#decompressBytesMax)
      this.#decoded.on('error', () => {}) // one that nobody reads may fail unseen
    }
    return this.#decoded
  }

  /** The whole body. Rejects with `BodyTooLargeError` when more than `limitBytes` come, with `RequestError` when it breaks off. */
  async bytes(limitBytes: number): Promise<Buffer> {
    if (this.#encoding === undefined) return this.#rawBytes(limitBytes)
    // What cannot be compressed grows a little when it is.
    const raw = await this.#rawBytes(limitBytes + limitBytes / 100 + 1024)
    const limit = Math.min(limitBytes, this.#decompressBytesMax)
    try {
      return await decompressed(raw, this.#encoding, limit)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new BodyTooLargeError(limit)
      throw bodyError(error as Error)
    }
  }

  #rawBytes(limitBytes: number): Promise<Buffer> {
    const body = this.#raw
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let size = 0
      const refuse = (): void => {
        const error = new BodyTooLargeError(limitBytes)
        reject(error)
        body.destroy()
      }
      if (Number(this.headers['content-length'] ?? 0) > limitBytes) {
        refuse()
        return
      }
      body.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > limitBytes) refuse()
        else chunks.push(chunk)
      })
      body.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)))
      body.on('error', (error) => reject(bodyError(error)))
      body.on('close', () => reject(new RequestError('Cannot read the body: it breaks off', 'failed')))
      if (body.destroyed && !body.readableEnded) reject(bodyError(body.errored ?? new Error('it breaks off')))
    })
  }

  /** Let the body go: a short rest is read so that the connection can be used again, a long one cut off. */
  discard(): Promise<void> {
    const body = this.#raw
    return new Promise((resolve) => {
      if (body.destroyed || body.readableEnded) {
        resolve()
        return
      }
      let size = 0
      body.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > discardBytesMax) body.destroy()
      })
      body.on('error', () => resolve())
      body.on('close', () => resolve())
    })
  }
}

function bodyError(error: Error): Error {
  if (error instanceof RequestError || error instanceof BodyTooLargeError) return error
  return new RequestError(`Cannot read the body: ${reasonOf(error)}`, 'failed', error)
}

/** Counts what goes through it and fails where it is more than `limitBytes`. */
class Cap extends Transform {
  readonly #limitBytes: number
  #size = 0
  constructor(limitBytes: number) {
    super()
    this.#limitBytes = limitBytes
  }
  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.length
    if (this.#size > this.#limitBytes) done(new BodyTooLargeError(this.#limitBytes))
    else done(null, chunk)
  }
}

export type Encoding = 'gzip' | 'deflate'

/** The content encoding that can be taken off; undefined: another one, or none. */
export function encodingOf(header: string | undefined): Encoding | undefined {
  const name = header?.trim().toLowerCase()
  if (name === 'gzip' || name === 'x-gzip') return 'gzip'
  return name === 'deflate' ? name : undefined
}

/** `body` decompressed, capped while it is decompressed. */
function decoded(body: Readable, encoding: Encoding, limitBytes: number): Readable {
  const decoder = encoding === 'deflate' ? createInflate() : createGunzip()
  return pipeline(body, decoder, new Cap(limitBytes), () => {})
}

/**
 * A whole body decompressed. A gzip body ends with its length (RFC 1952, 2.3.1): a short one is decompressed right here,
 * into one buffer. Through a stream, in pieces of 16 KB that pass by the threadpool, a scrape of 600 KB took half as much
 * CPU again. One that lies about its length is decompressed the long way, within the same bound.
 */
async function decompressed(raw: Buffer, encoding: Encoding, limitBytes: number): Promise<Buffer> {
  const length = encoding === 'gzip' && raw.length >= 18 ? raw.readUInt32LE(raw.length - 4) : undefined
  if (length !== undefined && length <= Math.min(limitBytes, inlineBytesMax)) {
    try {
      return gunzipSync(raw, {
        maxOutputLength: Math.max(length, 1),
        chunkSize: Math.max(length + 1, zlibChunkBytesMin),
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    }
  }
  const decompress = encoding === 'gzip' ? zlibAsync.gunzip : zlibAsync.inflate
  return (await decompress(raw, { maxOutputLength: Math.max(limitBytes, 1), chunkSize: 256 * 1024 })) as Buffer
}
