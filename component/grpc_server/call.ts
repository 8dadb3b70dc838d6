// One unary call: its message is received within limits, given to the method, and answered with a status.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import type { Timer } from '#component'
import {
  acceptedEncodings,
  decompress,
  encodingOf,
  framed,
  type MessageEncoding,
  prefixBytes,
  tooLarge,
} from './message.ts'
import type { CallServices, GrpcCall, UnaryMethod } from './method.ts'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError, parseTimeoutMs, statusHeaders } from './status.ts'

const contentType = 'application/grpc'
const okTrailers = { 'grpc-status': '0' }
const responseHeaders = {
  ':status': 200,
  'content-type': contentType,
  'grpc-accept-encoding': acceptedEncodings,
}

/** Receives and answers one call. Ends with its stream; nothing of it is kept longer. */
export class UnaryCall implements GrpcCall {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly peer: string
  attributes: ReadonlyMap<string, unknown> | null
  readonly #stream: ServerHttp2Stream
  readonly #method: UnaryMethod
  readonly #services: CallServices
  readonly #startMs: number
  readonly #chunks: Buffer[]
  /** Bytes in `#chunks`, which the server's total knows of. */
  #received: number
  /** What the message's prefix says; -1: not there yet. */
  #length: number
  #encoding: MessageEncoding
  #deadline: Timer | undefined
  #done: boolean
  /** The method has the message: what it holds counts until it is done, also when the client has gone. */
  #handling: boolean

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    peer: string,
    method: UnaryMethod,
    services: CallServices,
  ) {
    this.headers = headers
    this.path = headers[':path'] ?? ''
    this.peer = peer
    this.attributes = null
    this.#stream = stream
    this.#method = method
    this.#services = services
    this.#startMs = services.clock.monotonic()
    this.#chunks = []
    this.#received = 0
    this.#length = -1
    this.#encoding = 'identity'
    this.#deadline = undefined
    this.#done = false
    this.#handling = false
    stream.on('error', () => {}) // Broken off: `close` follows.
    stream.on('close', () => this.#closed())
  }

  /** Has the call ended: answered, past its deadline, or broken off by the client? */
  get ended(): boolean {
    return this.#done
  }

  start(): void {
    try {
      const timeout = this.headers['grpc-timeout']
      if (typeof timeout === 'string') this.#setDeadline(timeout)
      this.#encoding = encodingOf(this.headers['grpc-encoding'] as string | undefined)
    } catch (error) {
      this.#fail(error)
      return
    }
    const { authenticate } = this.#services
    if (authenticate === undefined) {
      this.#receive()
      return
    }
    // Before the body: those who may not send shall not fill memory. Flow control holds back what they send meanwhile.
    authenticate(this.headers).then(
      (attributes) => {
        if (this.#done) return
        this.attributes = attributes
        this.#receive()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #setDeadline(text: string): void {
    const ms = parseTimeoutMs(text)
    if (ms === undefined) throw new GrpcError(GrpcCode.INTERNAL, `malformed grpc-timeout: ${text.slice(0, 32)}`)
    // Node's timers hold at most 31 bits of milliseconds; whoever waits for weeks needs no deadline.
    if (ms > 0x7fffffff) return
    this.#deadline = this.#services.clock.setTimeout(
      () => this.#fail(new GrpcError(GrpcCode.DEADLINE_EXCEEDED, 'context deadline exceeded')),
      ms,
    )
  }

  #receive(): void {
    const stream = this.#stream
    stream.on('data', (chunk: Buffer) => this.#data(chunk))
    stream.on('end', () => this.#ended())
  }

  #data(chunk: Buffer): void {
    if (this.#done) return // What was under way when the call ended is thrown away.
    const { memory } = this.#services
    if (!memory.tryHold(chunk.length)) {
      this.#fail(new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, 'too much is being received at once', memory.retryAfterMs))
      return
    }
    this.#received += chunk.length
    this.#chunks.push(chunk)
    if (this.#length < 0 && this.#received >= prefixBytes) this.#prefix()
    if (this.#length >= 0 && this.#received > this.#length + prefixBytes) {
      this.#fail(new GrpcError(GrpcCode.UNIMPLEMENTED, 'more than one message was sent to a unary method'))
    }
  }

  /** Refuses what is too large as soon as its length is known. */
  #prefix(): void {
    const head = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : joined(this.#chunks)
    const length = head.readUInt32BE(1)
    if ((head[0] as number) > 1) {
      this.#fail(new GrpcError(GrpcCode.INTERNAL, 'a message begins with an unknown flag'))
    } else if (length > this.#services.messageBytesMax) {
      this.#fail(tooLarge(length, this.#services.messageBytesMax))
    } else this.#length = length
  }

  #ended(): void {
    if (this.#done) return
    if (this.#length < 0 || this.#received < this.#length + prefixBytes) {
      this.#fail(new GrpcError(GrpcCode.INTERNAL, 'the request ends inside its message'))
      return
    }
    const whole = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : joined(this.#chunks)
    this.#chunks.length = 0
    const message = new Uint8Array(whole.buffer, whole.byteOffset + prefixBytes, this.#length)
    if (whole[0] === 0) this.#handle(message)
    else void this.#decompress(message)
  }

  async #decompress(message: Uint8Array): Promise<void> {
    let plain: Uint8Array
    try {
      plain = await decompress(message, this.#encoding, this.#services.messageBytesMax)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#done) return
    const { memory } = this.#services
    if (!memory.tryHold(plain.length)) {
      this.#fail(new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, 'too much is being received at once', memory.retryAfterMs))
      return
    }
    this.#received += plain.length
    this.#handle(plain)
  }

  #handle(message: Uint8Array): void {
    this.#handling = true
    try {
      const answer = this.#method.handle(message, this)
      if (answer instanceof Uint8Array) this.#handled(answer)
      else {
        answer.then(
          (later) => this.#handled(later),
          (error: unknown) => this.#failed(error),
        )
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #handled(answer: Uint8Array): void {
    this.#handling = false
    if (this.#done) this.#release()
    else this.#answer(answer)
  }

  #failed(error: unknown): void {
    this.#handling = false
    if (this.#done) this.#release()
    else this.#fail(error)
  }

  #answer(message: Uint8Array): void {
    if (!this.#finish(GrpcCode.OK, message.length)) return
    const stream = this.#stream
    stream.respond(responseHeaders, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(okTrailers))
    stream.end(framed(message))
  }

  #fail(error: unknown): void {
    const known = error instanceof GrpcError ? error : new GrpcError(GrpcCode.UNKNOWN, (error as Error).message)
    if (!(error instanceof GrpcError)) this.#services.failed(this.path, error as Error)
    if (!this.#finish(known.code, 0)) return
    endWithStatus(this.#stream, known)
  }

  /** False where the call is over already. */
  #finish(code: GrpcCode, responseBytes: number): boolean {
    if (this.#done) return false
    this.#done = true
    this.#deadline?.cancel()
    this.#services.measure(
      this.path,
      code,
      this.#services.clock.monotonic() - this.#startMs,
      this.#received,
      responseBytes,
    )
    if (!this.#handling) this.#release()
    return !this.#stream.destroyed && !this.#stream.closed
  }

  #release(): void {
    this.#chunks.length = 0
    this.#services.memory.release(this.#received)
    this.#received = 0
  }

  #closed(): void {
    this.#finish(GrpcCode.CANCELLED, 0)
  }
}

function joined(chunks: Buffer[]): Buffer {
  const whole = Buffer.concat(chunks)
  chunks.length = 0
  chunks.push(whole)
  return whole
}

/** Reset the stream without an error once the answer is out: in the same turn the reset would overtake it. */
export function stopSending(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return
  stream.resume()
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
}

/** A response of headers only. What the client still sends is not wanted: the stream is reset, without an error. */
export function endWithStatus(stream: ServerHttp2Stream, error: GrpcError): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return
  stream.respond({ ':status': 200, 'content-type': contentType, ...statusHeaders(error) }, { endStream: true })
  stopSending(stream)
}
