// The gRPC client: unary calls with a time limit, over connections that are kept.
import { type ClientHttp2Stream, constants as http2, type IncomingHttpHeaders } from 'node:http2'
import type { Clock, Timer } from '#component'
import { type ClientTls, reasonOf } from '#component/http_client'
import { Balancer, type Balancing } from './balancer.ts'
import type { Connection, KeepaliveSettings } from './connection.ts'
import { decodeMessage, encodeMessage, type GrpcEncoding } from './message.ts'
import { GrpcCode } from '#component/grpc_status'
import { codeOfHttp, codeOfReset, decodedMessage, retryDelayMs } from './status.ts'
import { parseTarget } from './target.ts'

/** Answers are bounded as in every gRPC client. */
const answerBytesMax = 4 * 1024 * 1024
/** With `waitForReady`: between two attempts to connect. */
const readyWaitMs = 1000

export interface GrpcClientOptions {
  /** See `parseTarget`. */
  readonly target: string
  /** In place of the target's own; '': that one. */
  readonly authority: string
  /** Absent: plain text. */
  readonly tls: ClientTls | undefined
  readonly balancing: Balancing
  readonly keepalive: KeepaliveSettings | undefined
  readonly compression: GrpcEncoding
  /** While nobody answers, calls wait until their time is over instead of failing. */
  readonly waitForReady: boolean
  readonly userAgent: string
  readonly clock: Clock
}

export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string
  /** The request message, in pieces. */
  readonly message: readonly Uint8Array[]
  /** Names in lower case; values of names that end in `-bin` are encoded here. */
  readonly metadata?: Readonly<Record<string, string>>
  /** From the call to its status; 0: no limit. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** How a call ended. What went wrong on the way is a status too, as in every gRPC client. */
export interface GrpcResult {
  /** One of `GrpcCode`, or a number that is not known. */
  readonly code: number
  readonly message: string
  /** How long the server asks to wait (RetryInfo). */
  readonly retryDelayMs: number | undefined
  /** Where the code is OK: the response message, empty where none came. */
  readonly response: Uint8Array
  /** The server may not have seen the request. */
  readonly unanswered: boolean
}

const nothing = new Uint8Array(0)

function failed(code: number, message: string, unanswered = false): GrpcResult {
  return { code, message, retryDelayMs: undefined, response: nothing, unanswered }
}

/** Ends a call early. */
class CallEnded extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** What ends a call before its answer does; known at once, and by a promise that rejects. */
class Ending {
  error: CallEnded | undefined
  readonly promise: Promise<never>
  #reject: (error: CallEnded) => void = () => {}

  constructor() {
    this.promise = new Promise<never>((_, reject) => (this.#reject = reject))
    this.promise.catch(() => {})
  }

  end(code: number, message: string): void {
    if (this.error) return
    this.error = new CallEnded(code, message)
    this.#reject(this.error)
  }
}

export class GrpcClient {
  readonly #options: GrpcClientOptions
  readonly #balancer: Balancer
  readonly #authority: string
  readonly #closer = new AbortController()

  /** Neither connects nor looks anything up. Throws where the target is none. */
  constructor(options: GrpcClientOptions) {
    const target = parseTarget(options.target)
    this.#options = options
    this.#authority = options.authority || target.authority
    this.#balancer = new Balancer(target, options.balancing, {
      tls: options.tls,
      authority: this.#authority,
      keepalive: options.keepalive,
      clock: options.clock,
      closed: this.#closer.signal,
    })
  }

  /** Never rejects. */
  async unary(call: GrpcCall): Promise<GrpcResult> {
    const { clock, compression } = this.#options
    const ending = new Ending()
    const onAbort = (): void => ending.end(GrpcCode.CANCELLED, 'the call was broken off')
    const timer =
      call.timeoutMs > 0
        ? clock.setTimeout(() => {
            ending.end(GrpcCode.DEADLINE_EXCEEDED, `no answer within ${call.timeoutMs} ms`)
          }, call.timeoutMs)
        : undefined
    const signals = [call.signal, this.#closer.signal]
    for (const signal of signals) signal?.addEventListener('abort', onAbort, { once: true })
    if (signals.some((signal) => signal?.aborted)) onAbort()
    try {
      const body = await encodeMessage(call.message, compression)
      const connection = await Promise.race([this.#connection(ending), ending.promise])
      return await this.#exchange(connection, call, body, ending)
    } catch (error) {
      if (error instanceof CallEnded) return failed(error.code, error.message)
      return failed(GrpcCode.UNAVAILABLE, reasonOf(error), true)
    } finally {
      timer?.cancel()
      for (const signal of signals) signal?.removeEventListener('abort', onAbort)
    }
  }

  async #connection(ending: Ending): Promise<Connection> {
    for (;;) {
      try {
        return await this.#balancer.pick()
      } catch (error) {
        if (!this.#options.waitForReady || this.#closer.signal.aborted) throw error
      }
      let timer: Timer | undefined
      try {
        const waited = new Promise<void>((resolve) => {
          timer = this.#options.clock.setTimeout(resolve, readyWaitMs)
        })
        await Promise.race([waited, ending.promise])
      } finally {
        timer?.cancel()
      }
    }
  }

  #headers(call: GrpcCall): Record<string, string> {
    const { compression, userAgent } = this.#options
    const headers: Record<string, string> = {
      ':method': 'POST',
      ':scheme': this.#options.tls ? 'https' : 'http',
      ':authority': this.#authority,
      ':path': call.path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': userAgent,
      'grpc-accept-encoding': 'identity, deflate, gzip, zstd, snappy',
    }
    if (compression !== 'identity') headers['grpc-encoding'] = compression
    if (call.timeoutMs > 0) headers['grpc-timeout'] = grpcTimeout(call.timeoutMs)
    for (const [name, value] of Object.entries(call.metadata ?? {})) {
      headers[name] = name.endsWith('-bin') ? Buffer.from(value).toString('base64') : value
    }
    return headers
  }

  #exchange(connection: Connection, call: GrpcCall, body: Buffer, ending: Ending): Promise<GrpcResult> {
    return new Promise((resolve) => {
      let stream: ClientHttp2Stream
      try {
        stream = connection.session.request(this.#headers(call))
      } catch (error) {
        resolve(failed(GrpcCode.UNAVAILABLE, reasonOf(error), true))
        return
      }
      connection.begin()
      const answer = new Answer()
      stream.on('response', (headers) => answer.begin(headers))
      stream.on('trailers', (trailers) => (answer.trailers = trailers))
      stream.on('data', (chunk: Buffer) => {
        if (!answer.add(chunk)) stream.close(http2.NGHTTP2_CANCEL)
      })
      let problem: Error | undefined
      stream.on('error', (error: Error) => (problem = error))
      stream.once('close', () => {
        connection.done()
        if (!ending.error) resolve(answer.result(stream.rstCode ?? 0, connection.session.destroyed, problem))
      })
      ending.promise.catch((error: unknown) => {
        const { code, message } = error as CallEnded
        resolve(failed(code, message))
        if (!stream.closed) stream.close(http2.NGHTTP2_CANCEL)
      })
      stream.end(body)
    })
  }

  /** Break off what is under way and close every connection. Safe twice. */
  close(): void {
    this.#closer.abort()
    this.#balancer.close()
  }
}

/** What has come of an answer. */
class Answer {
  headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {}
  trailers: IncomingHttpHeaders = {}
  answered = false
  tooLarge = false
  readonly #chunks: Buffer[] = []
  #size = 0

  begin(headers: IncomingHttpHeaders & { ':status'?: number | undefined }): void {
    this.answered = true
    this.headers = headers
  }

  /** False: it grows too large. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length
    this.tooLarge ||= this.#size > answerBytesMax
    if (!this.tooLarge) this.#chunks.push(chunk)
    return !this.tooLarge
  }

  result(rstCode: number, connectionLost: boolean, problem: Error | undefined): GrpcResult {
    if (this.tooLarge) return failed(GrpcCode.RESOURCE_EXHAUSTED, `the answer has more than ${answerBytesMax} bytes`)
    // A status without a body comes in the headers.
    const said = this.trailers['grpc-status'] === undefined ? this.headers : this.trailers
    const status = said['grpc-status']
    if (status !== undefined) return this.#said(Number(status), said)
    if (this.answered && this.headers[':status'] !== 200) {
      const code = codeOfHttp(this.headers[':status'] ?? 0)
      return failed(code, `the server answered ${this.headers[':status']} without a gRPC status`)
    }
    if (connectionLost || rstCode === http2.NGHTTP2_NO_ERROR) {
      const why = problem ? reasonOf(problem) : 'the connection was closed'
      return failed(GrpcCode.UNAVAILABLE, `no status came: ${why}`, !this.answered)
    }
    return failed(codeOfReset(rstCode), `the server broke the call off with HTTP/2 error ${rstCode}`, !this.answered)
  }

  #said(code: number, said: IncomingHttpHeaders): GrpcResult {
    if (code !== GrpcCode.OK) {
      const details = one(said['grpc-status-details-bin'])
      return {
        code: Number.isInteger(code) ? code : GrpcCode.UNKNOWN,
        message: decodedMessage(one(said['grpc-message'])),
        retryDelayMs: details === '' ? undefined : retryDelayMs(details),
        response: nothing,
        unanswered: false,
      }
    }
    try {
      const encoding = one(this.headers['grpc-encoding'])
      const response = decodeMessage(Buffer.concat(this.#chunks), encoding, answerBytesMax) ?? nothing
      return { code, message: '', retryDelayMs: undefined, response, unanswered: false }
    } catch (error) {
      return failed(GrpcCode.INTERNAL, `Cannot read the answer: ${(error as Error).message}`)
    }
  }
}

function one(value: string | readonly string[] | undefined): string {
  return (typeof value === 'string' ? value : value?.[0]) ?? ''
}

/** At most eight digits and a unit (PROTOCOL-HTTP2.md, "Timeout"). */
function grpcTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms))
  return whole < 1e8 ? `${whole}m` : `${Math.min(Math.ceil(whole / 1000), 99_999_999)}S`
}
