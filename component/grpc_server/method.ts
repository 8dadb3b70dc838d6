// What a gRPC server serves: methods by path, and what they learn of a call.
import type { IncomingHttpHeaders } from 'node:http2'
import type { Clock } from '#component'
import type { GrpcCode } from '#component/grpc_status'

/** What a method may know of the call it answers. */
export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string
  /** Metadata, pseudo headers too, names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** The client's address without its port, or ''. */
  readonly peer: string
  /** What the authenticator found out. */
  readonly attributes: ReadonlyMap<string, unknown> | null
  /** Nobody waits for the answer any more. */
  readonly ended: boolean
}

/** One message in, one out. */
export interface UnaryMethod {
  readonly kind: 'unary'
  /** `message` belongs to the method. Throws `GrpcError`; anything else is UNKNOWN, and logged. */
  handle(message: Uint8Array, call: GrpcCall): Uint8Array | Promise<Uint8Array>
}

/** Messages in both directions, for the server's own services: nothing heavy runs over them. */
export interface StreamMethod {
  readonly kind: 'stream'
  /** Called for each call; gives what takes its messages. `send` after the end does nothing. */
  open(send: (message: Uint8Array) => void, end: (error?: Error) => void): StreamHandler
}

export interface StreamHandler {
  message(message: Uint8Array): void | Promise<void>
  /** The client sends no more. */
  ended(): void
  /** The call is over, in whichever way. */
  closed(): void
}

export type GrpcMethod = UnaryMethod | StreamMethod
/** By path: `/package.Service/Method`. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>

/** The bytes that are being received, all calls together. */
export class ReceiveMemory {
  readonly #bytesMax: number
  /** When clients are told to come back. */
  readonly retryAfterMs: number
  bytes = 0
  constructor(bytesMax: number, retryAfterMs: number) {
    this.#bytesMax = bytesMax
    this.retryAfterMs = retryAfterMs
  }
  tryHold(bytes: number): boolean {
    if (this.bytes + bytes > this.#bytesMax) return false
    this.bytes += bytes
    return true
  }
  release(bytes: number): void {
    this.bytes -= bytes
  }
}

/** What a server gives each of its calls. */
export interface CallServices {
  readonly clock: Clock
  readonly memory: ReceiveMemory
  readonly messageBytesMax: number
  /** Rejects with `GrpcError` (UNAUTHENTICATED). */
  readonly authenticate: ((headers: IncomingHttpHeaders) => Promise<ReadonlyMap<string, unknown>>) | undefined
  /** A call has ended. */
  measure(path: string, code: GrpcCode, ms: number, requestBytes: number, responseBytes: number): void
  /** A method threw what is no `GrpcError`. */
  failed(path: string, error: Error): void
}
