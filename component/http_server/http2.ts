// HTTP/2 beside HTTP/1.1 on a server with TLS: which of them a connection speaks is agreed on in its handshake (ALPN).
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Http2Server, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2'
import type { Server, TLSSocket } from 'node:tls'
import type { Clock, Timer } from '#component'

/** Requests at once on one connection: Go's server allows as many. */
const streamsMax = 250
const headerPairsMax = 256
const headerBytesMax = 64 * 1024
/** A window of 1 MB a request and 4 MB a connection, and what a session may hold in Node with what is being written. */
const streamWindowBytes = 1024 * 1024
const sessionWindowBytes = 4 * 1024 * 1024
const sessionMemoryMb = 16
/** Resets of requests by the client: so many at once, and so many a second after that; then the connection is closed. */
const resetsBurst = 1000
const resetsPerSecond = 100
/** A connection says its first words in this time after the handshake. */
const prefaceMs = 10_000

/** The sessions of one inner server. */
export class Http2Sessions {
  readonly #server: Http2Server
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #sessions = new Set<ServerHttp2Session>()

  constructor(listener: RequestListener, idleMs: number, clock: Clock) {
    this.#clock = clock
    this.#idleMs = idleMs
    // Only a server with TLS needs it: it takes memory that most configurations can do without.
    const { createServer } = process.getBuiltinModule('node:http2')
    const options = {
      settings: {
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams: streamsMax,
        maxHeaderListSize: headerBytesMax,
        enablePush: false,
      },
      maxSessionMemory: sessionMemoryMb,
      maxHeaderListPairs: headerPairsMax,
      streamResetBurst: resetsBurst,
      streamResetRate: resetsPerSecond,
    }
    // Requests and answers are close enough to those of HTTP/1.1: what differs is asked for with `streamOf`.
    this.#server = createServer(options, listener as unknown as Parameters<typeof createServer>[1])
    this.#server.on('session', (session) => this.#session(session))
    this.#server.on('sessionError', () => {}) // `close` follows; a client's garbage is its own affair.
  }

  /** A connection whose handshake ended with `h2`. */
  accept(socket: TLSSocket): void {
    this.#server.emit('connection', socket)
  }

  /** Take no more requests on the connections there are; they close once those under way are answered. */
  drain(): void {
    for (const session of this.#sessions) session.close()
  }

  #session(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.setLocalWindowSize(sessionWindowBytes)
    let open = 0
    let idle: Timer | undefined
    const preface = this.#clock.setTimeout(() => session.destroy(), prefaceMs)
    const waitIdle = (): void => {
      if (this.#idleMs > 0) idle = this.#clock.setTimeout(() => session.close(), this.#idleMs)
    }
    session.once('remoteSettings', () => preface.cancel())
    session.on('stream', (stream) => {
      open++
      idle?.cancel()
      stream.once('close', () => {
        if (--open === 0 && !session.closed) waitIdle()
      })
    })
    session.on('close', () => {
      preface.cancel()
      idle?.cancel()
      this.#sessions.delete(session)
    })
    waitIdle()
  }
}

/** Give each connection to the protocol that was agreed on. For a server made by `node:https`. */
export function routeByProtocol(server: Server, sessions: Http2Sessions): void {
  const http1 = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.destroyed) return // Refused for its certificate.
    if (socket.alpnProtocol === 'h2') sessions.accept(socket)
    else for (const listener of http1) listener.call(server, socket)
  })
}

/** The stream of a request over HTTP/2; undefined over HTTP/1.1. */
export function streamOf(request: IncomingMessage): Http2ServerRequest['stream'] | undefined {
  return request.httpVersionMajor < 2 ? undefined : (request as unknown as Http2ServerRequest).stream
}

/** Break a request off: its connection over HTTP/1.1, itself alone over HTTP/2. */
export function breakOff(request: IncomingMessage): void {
  const stream = streamOf(request)
  if (stream === undefined) request.socket.destroy()
  else stream.close(cancelCode)
}

const cancelCode = 8

/** What is left of a body that nobody reads is not waited for: it goes with the connection, over HTTP/2 with the request. */
export function leaveBodyUnread(request: IncomingMessage, response: ServerResponse): void {
  if (streamOf(request) === undefined) response.setHeader('connection', 'close')
  else {
    const { stream } = response as unknown as Http2ServerResponse
    stream.once('finish', () => stream.close(0))
  }
}
