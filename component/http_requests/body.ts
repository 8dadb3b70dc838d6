// Bodies of requests: read, bounded and decompressed.
import type { IncomingMessage } from 'node:http'
import { inflated, InflateError } from '#lib/inflate'

/** A request that is answered with `status` and the message. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface BodyLimits {
  /** Bytes on the wire. */
  readonly bodyBytesMax: number
  /** Bytes after decompression. */
  readonly decompressedBytesMax: number
  /** Bytes of all bodies in memory at once; more requests are told to come back (503). */
  readonly totalBytesMax: number
}

export const ContentEncoding = {
  identity: 'identity',
  gzip: 'gzip',
  deflate: 'deflate',
  /** The same as deflate. */
  zlib: 'zlib',
  snappy: 'snappy',
  zstd: 'zstd',
  lz4: 'lz4',
} as const
export type ContentEncoding = (typeof ContentEncoding)[keyof typeof ContentEncoding]

/** Reads bodies for one server. */
export class BodyReader {
  readonly #limits: BodyLimits
  #bytes = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /** Bytes of bodies in memory now. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Read and decompress the body and give it to `use`, whose promise ends its stay in memory.
   * Throws `RequestRefused`: 413 too large, 415 another encoding than those allowed, 400 broken, 503 no room.
   */
  async read<T>(
    request: IncomingMessage,
    allowed: readonly ContentEncoding[],
    use: (body: Uint8Array) => T | Promise<T>,
  ): Promise<T> {
    const encoding = encodingOf(request, allowed)
    const held = new Held((bytes) => this.#hold(bytes))
    try {
      const raw = await this.#readRaw(request, held)
      const body = await this.#decompress(raw, encoding)
      if (body !== raw) held.add(body.length)
      return await use(body)
    } finally {
      this.#bytes -= held.bytes
    }
  }

  /** As `read`, and leaves the decompression to `use`. */
  async readWire<T>(request: IncomingMessage, use: (body: Uint8Array) => T | Promise<T>): Promise<T> {
    const held = new Held((bytes) => this.#hold(bytes))
    try {
      return await use(await this.#readRaw(request, held))
    } finally {
      this.#bytes -= held.bytes
    }
  }

  #hold(bytes: number): void {
    if (this.#bytes + bytes > this.#limits.totalBytesMax) {
      throw new RequestRefused(503, 'too much is being received at once: try again later')
    }
    this.#bytes += bytes
  }

  #readRaw(request: IncomingMessage, held: Held): Promise<Uint8Array> {
    const { bodyBytesMax } = this.#limits
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let size = 0
      const refuse = (error: Error): void => {
        request.removeListener('data', onData)
        request.resume()
        reject(error)
      }
      const onData = (chunk: Buffer): void => {
        size += chunk.length
        if (size > bodyBytesMax) {
          refuse(tooLarge(bodyBytesMax))
          return
        }
        try {
          held.add(chunk.length)
          chunks.push(chunk)
        } catch (error) {
          refuse(error as Error)
        }
      }
      if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) {
        refuse(tooLarge(bodyBytesMax))
        return
      }
      request.on('data', onData)
      request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)))
      request.on('error', () => reject(new RequestRefused(400, 'the body breaks off')))
      // It comes after every body: an error for each, with its stack, would be two in a hundred of a receiver's time.
      request.on('close', () => {
        if (!request.readableEnded) reject(new RequestRefused(400, 'the body breaks off'))
      })
    })
  }

  async #decompress(raw: Uint8Array, encoding: ContentEncoding): Promise<Uint8Array> {
    const { decompressedBytesMax } = this.#limits
    if (encoding === 'identity') return raw
    try {
      return await inflated(raw, encoding === 'deflate' ? 'zlib' : encoding, decompressedBytesMax)
    } catch (error) {
      if (!(error instanceof InflateError)) throw error
      if (error.tooLarge) throw tooLarge(decompressedBytesMax)
      throw new RequestRefused(400, `the body is no valid ${encoding}`)
    }
  }
}

/** The bytes that one request holds. */
class Held {
  bytes = 0
  readonly #hold: (bytes: number) => void
  constructor(hold: (bytes: number) => void) {
    this.#hold = hold
  }
  add(bytes: number): void {
    this.#hold(bytes)
    this.bytes += bytes
  }
}

function tooLarge(limitBytes: number): RequestRefused {
  return new RequestRefused(413, `the body has more than the ${limitBytes} bytes allowed`)
}

function encodingOf(request: IncomingMessage, allowed: readonly ContentEncoding[]): ContentEncoding {
  const name = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase() || 'identity'
  const found = allowed.find((encoding) => encoding === name)
  if (found === undefined) {
    throw new RequestRefused(415, `the content encoding ${JSON.stringify(name)} is not one of: ${allowed.join(', ')}`)
  }
  return found
}
