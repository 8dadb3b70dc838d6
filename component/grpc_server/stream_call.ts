// A call with messages in both directions, for the server's own services (health, reflection): small and few.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { endWithStatus } from './call.ts'
import { acceptedEncodings, decompress, encodingOf, framed, prefixBytes, tooLarge } from './message.ts'
import type { CallServices, StreamHandler, StreamMethod } from './method.ts'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError, statusHeaders } from './status.ts'

/** A question to one of these services is a few names. */
const questionBytesMax = 64 * 1024
/** Answers that a client does not read: beyond that the call is ended. */
const unreadBytesMax = 4 * 1024 * 1024

/** Answers one call. Ends with its stream. */
export class StreamCall {
  readonly #stream: ServerHttp2Stream
  readonly #headers: IncomingHttpHeaders
  readonly #services: CallServices
  #handler: StreamHandler | undefined
  /** What has come of a message that is not whole yet. */
  #pending: Buffer = Buffer.alloc(0)
  /** Messages are handled in turn. */
  #last: Promise<void> = Promise.resolve()
  #over = false

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, services: CallServices) {
    this.#stream = stream
    this.#headers = headers
    this.#services = services
    stream.on('error', () => {}) // Broken off: `close` follows.
    stream.on('close', () => this.#finish())
  }

  start(method: StreamMethod): void {
    const { authenticate } = this.#services
    if (authenticate === undefined) this.#begin(method)
    else
      authenticate(this.#headers).then(
        () => this.#over || this.#begin(method),
        (error: Error) => this.#finish(error),
      )
  }

  #begin(method: StreamMethod): void {
    this.#handler = method.open(
      (message) => this.#send(message),
      (error) => this.#finish(error),
    )
    this.#stream.on('data', (chunk: Buffer) => this.#data(chunk))
    this.#stream.on('end', () => void this.#last.then(() => this.#over || this.#handler?.ended()))
  }

  #data(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (!this.#over && this.#pending.length >= prefixBytes) {
      const length = this.#pending.readUInt32BE(1)
      if (length > questionBytesMax) {
        this.#finish(tooLarge(length, questionBytesMax))
        return
      }
      const end = prefixBytes + length
      if (this.#pending.length < end) return
      const compressed = this.#pending[0] !== 0
      const message = Uint8Array.from(this.#pending.subarray(prefixBytes, end))
      this.#pending = this.#pending.subarray(end)
      this.#stream.pause() // Until this one is answered.
      this.#last = this.#last
        .then(() => this.#message(message, compressed))
        .catch((error: Error) => this.#finish(error))
    }
  }

  async #message(message: Uint8Array, compressed: boolean): Promise<void> {
    const encoding = encodingOf(this.#headers['grpc-encoding'] as string | undefined)
    const plain = compressed ? await decompress(message, encoding, questionBytesMax) : message
    if (!this.#over) await this.#handler?.message(plain)
    this.#stream.resume()
  }

  #send(message: Uint8Array): void {
    const stream = this.#stream
    if (this.#over || stream.destroyed) return
    if (!stream.headersSent) this.#respond()
    stream.write(framed(message))
    if (stream.writableLength > unreadBytesMax) {
      this.#finish(new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, 'answers are not read'))
    }
  }

  #respond(): void {
    this.#stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': acceptedEncodings },
      { waitForTrailers: true },
    )
  }

  #finish(error?: Error): void {
    if (this.#over) return
    this.#over = true
    this.#handler?.closed()
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    const unknown = error && !(error instanceof GrpcError) ? new GrpcError(GrpcCode.UNKNOWN, error.message) : undefined
    const status = unknown ?? (error as GrpcError | undefined)
    if (!stream.headersSent && status) {
      endWithStatus(stream, status)
      return
    }
    if (!stream.headersSent) this.#respond()
    stream.on('wantTrailers', () => stream.sendTrailers(status ? statusHeaders(status) : { 'grpc-status': '0' }))
    stream.end()
  }
}
