// A TCP server for streams of bytes: limits on connections and silence, TLS whose files may change, back-pressure.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls'
import type { Clock, Logger, Timer } from '#component'
import {
  guardClients,
  listen,
  type ListenAddress,
  peerAddress,
  serverTlsOptions,
  type ServerTlsSettings,
} from '#component/http_server'

export interface TcpServerSettings {
  readonly address: ListenAddress
  /** 0: no limit. More are closed at once. */
  readonly connectionsMax: number
  /** A connection is closed after so long without a byte; 0: never. */
  readonly idleTimeoutMs: number
  readonly tls: ServerTlsSettings | undefined
}

/** One connection's. Calls never overlap: the next bytes are read once a promise is done. */
export interface StreamHandler {
  /** False: nothing more is wanted, and the connection is closed. */
  data(chunk: Buffer): boolean | Promise<boolean>
  /** The connection has ended, in whatever way. */
  end(): void | Promise<void>
}

export interface TcpServerOptions {
  readonly clock: Clock
  readonly log: Logger
  /** `socket` is there for its addresses. */
  accept(peer: string, socket: Socket): StreamHandler | Promise<StreamHandler>
}

/** A TLS handshake takes at most so long. */
const handshakeMs = 10_000
/** How often certificate files are looked at. */
const tlsPollMs = 10_000

export class TcpServer {
  readonly #settings: TcpServerSettings
  readonly #options: TcpServerOptions
  #listener: Server | undefined
  #tls: TlsServer | undefined
  #tlsFiles = ''
  #timer: Timer | undefined
  readonly #sockets = new Set<Socket>()
  readonly #serving = new Set<Promise<void>>()
  #stopped = false

  constructor(settings: TcpServerSettings, options: TcpServerOptions) {
    this.#settings = settings
    this.#options = options
  }

  /** Bind. Rejects with an error that names the address, or why there can be no TLS. */
  async start(): Promise<void> {
    const { tls, address } = this.#settings
    if (tls) this.#tls = this.#makeTls(tls)
    const listener = createServer({ noDelay: true }, (socket) => this.#connection(socket))
    await listen(listener, address)
    listener.on('error', (error) => this.#options.log.error('A listening socket failed', { err: error.message }))
    this.#listener = listener
    if (tls) this.#pollTls(tls)
  }

  /** The port it listens on, also where any free one was asked for; 0 for a Unix socket. */
  get port(): number {
    return (this.#listener?.address() as AddressInfo | null | undefined)?.port ?? 0
  }

  get connections(): number {
    return this.#sockets.size
  }

  #makeTls(tls: ServerTlsSettings): TlsServer {
    const options = serverTlsOptions(tls)
    this.#tlsFiles = filesOf(options)
    const server = createTlsServer({ ...options, handshakeTimeout: handshakeMs }, (socket) => this.#serve(socket))
    guardClients(server, tls.clientAuth)
    server.on('tlsClientError', (error, socket: TLSSocket) => {
      this.#options.log.debug('A TLS handshake failed', { err: error.message })
      socket.destroy()
    })
    return server
  }

  /** Certificates that are renewed on disk are taken over for new connections. */
  #pollTls(tls: ServerTlsSettings): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      try {
        const options = serverTlsOptions(tls)
        if (filesOf(options) !== this.#tlsFiles) {
          this.#tls?.setSecureContext(options)
          this.#tlsFiles = filesOf(options)
          this.#options.log.info('Took over renewed TLS certificates')
        }
      } catch (error) {
        const { message } = error as Error
        this.#options.log.warn('Cannot read TLS certificates again; the old ones stay', { err: message })
      }
      if (!this.#stopped) this.#pollTls(tls)
    }, tlsPollMs)
  }

  #connection(socket: Socket): void {
    const { connectionsMax } = this.#settings
    if (this.#stopped || (connectionsMax > 0 && this.#sockets.size >= connectionsMax)) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // Between two servers a socket has no other listener, and an error without one ends the process.
    socket.on('error', () => {})
    if (this.#tls) this.#tls.emit('connection', socket)
    else this.#serve(socket)
  }

  #serve(socket: Socket): void {
    const done = this.#read(socket).catch((error: Error) => {
      socket.destroy()
      this.#options.log.error('Cannot serve a connection', { err: error.message })
    })
    this.#serving.add(done)
    void done.finally(() => this.#serving.delete(done))
  }

  async #read(socket: Socket): Promise<void> {
    const { idleTimeoutMs } = this.#settings
    socket.on('error', () => {})
    if (idleTimeoutMs > 0) socket.setTimeout(idleTimeoutMs, () => socket.destroy())
    const handler = await this.#options.accept(peerAddress(socket), socket)
    let isHandled = true
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        isHandled = false
        let more = handler.data(chunk)
        if (typeof more !== 'boolean') {
          // While the next components take their time it is not the client that is silent.
          socket.setTimeout(0)
          more = await more
          socket.setTimeout(idleTimeoutMs)
        }
        isHandled = true
        if (!more) break
      }
    } catch (error) {
      // Reset by the client, silent for too long, or stopped: what came is whole up to here. Else it is what came.
      if (!isHandled) this.#options.log.error('Cannot take what came', { err: (error as Error).message })
    } finally {
      socket.destroy()
      await handler.end()
    }
  }

  /** Take no new connections, close those that there are, and wait until what came by them is handed on. Safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    const listener = this.#listener
    this.#listener = undefined
    const closed = new Promise<void>((resolve) => (listener ? listener.close(() => resolve()) : resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([closed, this.#served(deadlineMs)])
  }

  async #served(deadlineMs: number): Promise<void> {
    if (this.#serving.size === 0) return
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = this.#options.clock.setTimeout(resolve, deadlineMs)))
    await Promise.race([Promise.all(this.#serving), late])
    timer?.cancel()
  }
}

function filesOf(options: { cert?: unknown; key?: unknown; ca?: unknown }): string {
  return `${String(options.cert)}\0${String(options.key)}\0${String(options.ca)}`
}
