// An HTTP server with limits: connections, time, TLS that can change while it listens, and a stop with a deadline.
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Clock, Logger } from '#component'
import {
  addressText,
  CertificateFiles,
  guardClients,
  listen,
  type ListenAddress,
  serverTlsOptions,
  type ServerTlsSettings,
} from '#component/listener'
import { breakOff, Http2Sessions, routeByProtocol, streamOf } from './http2.ts'

export interface HttpServerSettings {
  /** Empty: all addresses. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Listen on this Unix socket instead; host and port are not used then. */
  readonly socketPath?: string
  /** See `ListenAddress`. */
  readonly shared?: boolean
  /** 0: no limit. More are closed at once. */
  readonly connectionsMax: number
  /** For a request to arrive, headers and body. 0: no limit. */
  readonly readTimeoutMs: number
  /** For a request's headers to arrive, where that is shorter than `readTimeoutMs`, or that is 0. */
  readonly headersTimeoutMs?: number
  /** From a request's headers to the end of its answer. 0: no limit. */
  readonly writeTimeoutMs: number
  readonly idleTimeoutMs: number
  /** False: a connection is closed after one answer. */
  readonly keepAlive?: boolean
  readonly tls: ServerTlsSettings | undefined
  /** Speak HTTP/2 with clients that can, over TLS? */
  readonly http2?: boolean
}

export interface HttpServerOptions {
  readonly log: Logger
  readonly clock: Clock
  /** A failure is answered with 500, or by breaking off where an answer has begun. */
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>
}

/** How often certificate files are looked at. */
const tlsPollMs = 10_000
/** A TLS handshake takes at most so long. */
const handshakeMs = 10_000
/** How often Node looks for requests that take too long. */
const checkMs = 1000

/**
 * A server. The socket that listens stays the same over `update`: connections are handed to an inner server of the
 * current settings, and those that are open go on with the one they began with.
 */
export class HttpServer {
  readonly #options: HttpServerOptions
  #settings: HttpServerSettings
  #listener: Server | undefined
  #inner: HttpListener | undefined
  /** Connections of inner servers, the current one and those that are let go. */
  readonly #socketsOf = new WeakMap<HttpListener, Set<Socket>>()
  readonly #sessionsOf = new WeakMap<HttpListener, Http2Sessions>()
  readonly #certificates: CertificateFiles
  readonly #sockets = new Set<Socket>()
  readonly #answers = new Set<ServerResponse>()
  #stopping = false
  #onIdle: () => void = () => {}

  constructor(settings: HttpServerSettings, options: HttpServerOptions) {
    this.#settings = settings
    this.#options = options
    this.#certificates = new CertificateFiles(options.clock, options.log, tlsPollMs)
  }

  /** Bind. Rejects with an error that names the address. */
  async start(): Promise<void> {
    this.#inner = this.#makeInner(this.#settings)
    const listener = createTcp((socket) => this.#connection(socket))
    try {
      await listen(listener, addressOf(this.#settings))
    } catch (error) {
      this.#inner?.close()
      throw error
    }
    listener.on('error', (error) => this.#options.log.error('A listening socket failed', { err: error.message }))
    this.#listener = listener
    this.#certificates.watch(
      () => this.#settings.tls,
      () => this.update(this.#settings),
    )
  }

  /** The port it listens on, also where any free one was asked for. */
  get port(): number {
    return (this.#listener?.address() as AddressInfo | null | undefined)?.port ?? this.#settings.port
  }

  get connections(): number {
    return this.#sockets.size
  }

  /**
   * Take new settings without closing the listening socket. Throws, and goes on with the old ones, when certificates
   * cannot be read or the address is another one.
   */
  update(settings: HttpServerSettings): void {
    if (addressText(addressOf(settings)) !== addressText(addressOf(this.#settings)))
      throw new Error('a server keeps its address')
    if (this.#listener && JSON.stringify(settings) === JSON.stringify(this.#settings)) {
      // The same as before, unless files of certificates changed: connections may stay.
      if (!settings.tls || !this.#certificates.changed(settings.tls)) return
    }
    const inner = this.#makeInner(settings)
    this.#settings = settings
    if (!this.#listener) {
      inner.close() // Made to find out whether it can be; the start makes another.
      return
    }
    const before = this.#inner
    this.#inner = inner
    this.#retire(before)
  }

  /** Throws what `update` would throw with these settings. */
  check(settings: HttpServerSettings): void {
    if (settings.tls) createSecureContext(serverTlsOptions(settings.tls))
  }

  #makeInner(settings: HttpServerSettings): HttpListener {
    const listener: RequestListener = (request, response) => this.#request(request, response)
    const limits = {
      requestTimeout: settings.readTimeoutMs,
      headersTimeout: headersTimeoutMs(settings),
      keepAliveTimeout: settings.idleTimeoutMs,
      connectionsCheckingInterval: checkMs,
      noDelay: true,
    }
    let inner: HttpListener
    if (settings.tls) {
      const https = createHttps(
        {
          ...limits,
          ...this.#certificates.read(settings.tls),
          handshakeTimeout: handshakeMs,
          ALPNProtocols: settings.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
        },
        listener,
      )
      if (settings.http2) {
        const sessions = new Http2Sessions(listener, settings.idleTimeoutMs, this.#options.clock)
        routeByProtocol(https, sessions)
        this.#sessionsOf.set(https, sessions)
      }
      guardClients(https, settings.tls.clientAuth)
      https.on('tlsClientError', (_, socket) => socket.destroy())
      inner = https
    } else inner = createHttp(limits, listener)
    if (settings.keepAlive === false) inner.maxRequestsPerSocket = 1
    inner.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(error, socket))
    // The inner server never listens itself; its checks of time limits begin with this event.
    inner.emit('listening')
    this.#socketsOf.set(inner, new Set())
    return inner
  }

  /** Its idle connections are closed, the others after their answer; its checks of time limits go on until then. */
  #retire(inner: HttpListener | undefined): void {
    if (!inner) return
    inner.keepAliveTimeout = 1
    inner.closeIdleConnections()
    this.#sessionsOf.get(inner)?.drain()
    this.#closeUnused(inner)
  }

  #closeUnused(inner: HttpListener): void {
    const used = (this.#socketsOf.get(inner)?.size ?? 0) > 0
    if (!used && (inner !== this.#inner || this.#stopping)) inner.close()
  }

  #connection(socket: Socket): void {
    const { connectionsMax } = this.#settings
    if (this.#stopping || (connectionsMax > 0 && this.#sockets.size >= connectionsMax)) {
      socket.destroy()
      return
    }
    const inner = this.#inner as HttpListener
    const ofInner = this.#socketsOf.get(inner) as Set<Socket>
    this.#sockets.add(socket)
    ofInner.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      ofInner.delete(socket)
      this.#closeUnused(inner)
    })
    inner.emit('connection', socket)
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    this.#answers.add(response)
    const isHttp2 = streamOf(request) !== undefined
    if (this.#stopping && !isHttp2) response.setHeader('connection', 'close')
    const { writeTimeoutMs, readTimeoutMs } = this.#settings
    const { clock } = this.#options
    const timer = writeTimeoutMs > 0 ? clock.setTimeout(() => breakOff(request), writeTimeoutMs) : undefined
    if (isHttp2 && readTimeoutMs > 0) this.#boundBody(request, readTimeoutMs)
    response.once('close', () => {
      timer?.cancel()
      this.#answers.delete(response)
      if (this.#answers.size === 0) this.#onIdle()
    })
    this.#handle(request, response).catch((error: Error) => {
      this.#options.log.error('Cannot answer a request', { path: request.url, err: error.message })
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    })
  }

  /** Over HTTP/1.1 Node does it. */
  #boundBody(request: IncomingMessage, ms: number): void {
    const timer = this.#options.clock.setTimeout(() => breakOff(request), ms)
    request.once('end', () => timer.cancel())
    request.once('close', () => timer.cancel())
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#options.handle(request, response)
  }

  /** Take no new connections, let requests under way end until the deadline, then break them off. Safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.#certificates.stop()
    this.#stopping = true
    const listener = this.#listener
    this.#listener = undefined
    if (!listener) return
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
    this.#retire(this.#inner)
    for (const answer of this.#answers) {
      if (!answer.headersSent && streamOf(answer.req) === undefined) answer.setHeader('connection', 'close')
    }
    if (this.#answers.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.setTimeout(resolve, deadlineMs)
        this.#onIdle = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function addressOf(settings: HttpServerSettings): ListenAddress {
  const { host, port, socketPath, shared } = settings
  return socketPath === undefined ? { host, port, ...(shared ? { shared } : {}) } : { path: socketPath }
}

/** Node takes no longer one for the headers than for the request. */
function headersTimeoutMs({ headersTimeoutMs: headers, readTimeoutMs: whole }: HttpServerSettings): number {
  if (headers === undefined || headers === 0) return whole
  return whole === 0 ? headers : Math.min(headers, whole)
}

function refuse(error: NodeJS.ErrnoException, socket: import('node:stream').Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? '408 Request Timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
