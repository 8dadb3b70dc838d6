// A TCP or Unix socket that is listened on: its connections bounded and kept, over TLS whose files may change.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTls, type Server as TlsServer } from 'node:tls'
import type { Clock, Logger } from '#component'
import { listen, type ListenAddress } from './address.ts'
import { CertificateFiles, guardClients, type ServerTlsSettings } from './tls.ts'

export interface ListenerSettings {
  readonly address: ListenAddress
  /** 0: no limit. More are closed at once. */
  readonly connectionsMax: number
  readonly tls: ServerTlsSettings | undefined
  /** How often files of certificates are looked at; 0: never. */
  readonly tlsReloadMs: number
  /** What is spoken over TLS (RFC 7301), where clients are told. */
  readonly protocols?: readonly string[]
}

export interface ListenerOptions {
  readonly clock: Clock
  readonly log: Logger
  /** A connection, once its handshake is done and its certificate, where one is asked for, is accepted. */
  connected(socket: Socket): void
}

/** A TLS handshake takes at most so long. */
const handshakeMs = 10_000

export class Listener {
  readonly #settings: ListenerSettings
  readonly #options: ListenerOptions
  readonly #certificates: CertificateFiles
  #listener: Server | undefined
  #tls: TlsServer | undefined
  /** Those whose handshake is not done, too. */
  readonly #sockets = new Set<Socket>()
  #closed = false

  constructor(settings: ListenerSettings, options: ListenerOptions) {
    this.#settings = settings
    this.#options = options
    this.#certificates = new CertificateFiles(options.clock, options.log, settings.tlsReloadMs)
  }

  /** Bind. Rejects with an error that names the address, or why there can be no TLS. */
  async start(): Promise<void> {
    const { tls, address } = this.#settings
    if (tls) this.#tls = this.#makeTls(tls)
    const listener = createServer({ noDelay: true }, (socket) => this.#connection(socket))
    await listen(listener, address)
    listener.on('error', (error) => this.#options.log.error('A listening socket failed', { err: error.message }))
    this.#listener = listener
    if (!this.#closed) {
      this.#certificates.watch(
        () => tls,
        (settings) => this.#tls?.setSecureContext(this.#certificates.read(settings)),
      )
    }
  }

  /** The port it listens on, also where any free one was asked for; 0: none, or a Unix socket. */
  get port(): number {
    const address = this.#listener?.address() as AddressInfo | string | null | undefined
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Between a start that was done and a close. */
  get isListening(): boolean {
    return this.#listener !== undefined
  }

  /** Connections, those whose handshake is not done among them. */
  get connections(): number {
    return this.#sockets.size
  }

  #makeTls(settings: ServerTlsSettings): TlsServer {
    const { protocols } = this.#settings
    const server = createTls({
      ...this.#certificates.read(settings),
      ...(protocols ? { ALPNProtocols: [...protocols] } : {}),
      handshakeTimeout: handshakeMs,
    })
    guardClients(server, settings.clientAuth)
    server.on('secureConnection', (socket) => {
      // One that was refused for its certificate comes here, too.
      if (!socket.destroyed) this.#options.connected(socket)
    })
    server.on('tlsClientError', (error, socket) => {
      this.#options.log.debug('A TLS handshake failed', { err: error.message })
      socket.destroy()
    })
    return server
  }

  #connection(socket: Socket): void {
    const { connectionsMax } = this.#settings
    if (this.#closed || (connectionsMax > 0 && this.#sockets.size >= connectionsMax)) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // Between two servers a socket has no other listener, and an error without one ends the process.
    socket.on('error', () => {})
    if (this.#tls) this.#tls.emit('connection', socket)
    else this.#options.connected(socket)
  }

  /** Take no new connections. Done when the last of those that there are is closed. Safe twice, and without a start. */
  close(): Promise<void> {
    this.#closed = true
    this.#certificates.stop()
    const listener = this.#listener
    this.#listener = undefined
    return new Promise((resolve) => {
      if (listener) listener.close(() => resolve())
      else resolve()
    })
  }

  /** Break off every connection. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
