// Responses: bodies that end in time and within bounds.
import type { IncomingHttpHeaders } from 'node:http'
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { BodyTooLargeError, reasonOf, RequestError } from './errors.ts'

/** What is left of a body that nobody wants is read up to so many bytes, to keep the connection. */
const discardBytesMax = 256 * 1024

export class HttpResponse {
  readonly status: number
  readonly statusText: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Where it came from, after redirects. */
  readonly url: string
  /** To be read to its end or destroyed: until then it holds a connection. The request's time limit counts on. */
  readonly body: Readable

  constructor(parts: {
    status: number
    statusText: string
    headers: IncomingHttpHeaders
    url: string
    body: Readable
  }) {
    this.status = parts.status
    this.statusText = parts.statusText
    this.headers = parts.headers
    this.url = parts.url
    this.body = parts.body
  }

  /** The whole body. Rejects with `BodyTooLargeError` when more than `limitBytes` come, with `RequestError` when it breaks off. */
  bytes(limitBytes: number): Promise<Buffer> {
    const { body } = this
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
    const { body } = this
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

/**
 * `body` without its content encoding (gzip or deflate; undefined: another one, or none). What comes out is capped while
 * it is decompressed.
 */
export function decoded(body: Readable, encoding: string | undefined, limitBytes: number): Readable | undefined {
  const name = encoding?.trim().toLowerCase()
  if (name !== 'gzip' && name !== 'x-gzip' && name !== 'deflate') return undefined
  const decoder = name === 'deflate' ? createInflate() : createGunzip()
  return pipeline(body, decoder, new Cap(limitBytes), () => {})
}
