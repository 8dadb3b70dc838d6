// A TCP server for streams of bytes: limits on connections and silence, TLS whose files may change, back-pressure.
import type { Socket } from 'node:net'
import type { Clock, Logger, Timer } from '#component'
import { type ListenAddress, Listener, peerAddress, type ServerTlsSettings } from '#component/listener'

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

/** How often certificate files are looked at. */
const tlsPollMs = 10_000

export class TcpServer {
  readonly #settings: TcpServerSettings
  readonly #options: TcpServerOptions
  readonly #listener: Listener
  readonly #serving = new Set<Promise<void>>()

  constructor(settings: TcpServerSettings, options: TcpServerOptions) {
    this.#settings = settings
    this.#options = options
    const { address, connectionsMax, tls } = settings
    this.#listener = new Listener(
      { address, connectionsMax, tls, tlsReloadMs: tlsPollMs },
      { clock: options.clock, log: options.log, connected: (socket) => this.#serve(socket) },
    )
  }

  /** Bind. Rejects with an error that names the address, or why there can be no TLS. */
  start(): Promise<void> {
    return this.#listener.start()
  }

  /** The port it listens on, also where any free one was asked for; 0 for a Unix socket. */
  get port(): number {
    return this.#listener.port
  }

  get connections(): number {
    return this.#listener.connections
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
    const closed = this.#listener.close()
    this.#listener.destroyConnections()
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
