// A UDP server: datagrams in batches, and a bounded queue of those that wait for the next components.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock, Logger, Timer } from '#component'
import { addressText } from '#component/listener'

export interface Datagram {
  readonly bytes: Buffer
  /** The sender's address, IPv4 as such also where the socket is an IPv6 one. */
  readonly peer: string
  readonly peerPort: number
}

export interface UdpServerSettings {
  /** Host '': all addresses of both families; port 0: any free one. */
  readonly address: { readonly host: string; readonly port: number }
  /** Bytes of datagrams that wait while the next components take their time; more are dropped. */
  readonly queueBytesMax: number
}

export interface UdpServerOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Takes datagrams in their order. The next are given once the promise is done. */
  datagrams(batch: readonly Datagram[]): void | Promise<void>
  /** A datagram found no room in the queue. */
  dropped(): void
}

/** Asked of the system for what comes while the process does something else; it gives what it allows. */
const receiveBufferBytes = 1024 * 1024
/** What keeping a datagram costs besides its bytes, about. */
const datagramBytes = 200
const batchMax = 256

export class UdpServer {
  readonly #settings: UdpServerSettings
  readonly #options: UdpServerOptions
  #socket: Socket | undefined
  #queue: Datagram[] = []
  #queueBytes = 0
  #scheduled = false
  #draining: Promise<void> | undefined
  #stopped = false

  constructor(settings: UdpServerSettings, options: UdpServerOptions) {
    this.#settings = settings
    this.#options = options
  }

  /** Bind. Rejects with an error that names the address. */
  async start(): Promise<void> {
    const { host, port } = this.#settings.address
    try {
      this.#socket = host === '' ? await this.#bindAll(port) : await this.#bind(host, port)
    } catch (error) {
      throw new Error(`Cannot listen on ${addressText({ host, port })}: ${(error as Error).message}`, { cause: error })
    }
  }

  async #bindAll(port: number): Promise<Socket> {
    try {
      return await this.#bind('::', port)
    } catch (error) {
      // A machine without IPv6.
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error
      return await this.#bind('0.0.0.0', port)
    }
  }

  #bind(host: string, port: number): Promise<Socket> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' })
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close()
        reject(error)
      })
      socket.bind(port, host, () => {
        socket.removeAllListeners('error')
        socket.on('error', (error) => this.#options.log.error('A listening socket failed', { err: error.message }))
        socket.on('message', (bytes, remote) => this.#message(bytes, remote))
        try {
          socket.setRecvBufferSize(receiveBufferBytes)
        } catch (error) {
          this.#options.log.debug('Cannot enlarge the receive buffer', { err: (error as Error).message })
        }
        resolve(socket)
      })
    })
  }

  /** The port it listens on, also where any free one was asked for. */
  get port(): number {
    return this.#socket?.address().port ?? 0
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Answer a datagram. What cannot be sent is lost, as datagrams are. */
  answer({ peer, peerPort }: Datagram, bytes: Uint8Array): void {
    const isMapped = this.#socket?.address().family === 'IPv6' && !peer.includes(':')
    this.#socket?.send(bytes, peerPort, isMapped ? `::ffff:${peer}` : peer, () => {})
  }

  #message(bytes: Buffer, { address, port }: RemoteInfo): void {
    const size = bytes.length + datagramBytes
    if (this.#queueBytes + size > this.#settings.queueBytesMax && this.#queue.length > 0) {
      this.#options.dropped()
      return
    }
    const peer = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
    this.#queue.push({ bytes, peer, peerPort: port })
    this.#queueBytes += size
    if (this.#scheduled || this.#draining !== undefined) return
    // What came together is handed on together.
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#draining ??= this.#drain().finally(() => (this.#draining = undefined))
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchMax)
      for (const { bytes } of batch) this.#queueBytes -= bytes.length + datagramBytes
      try {
        await this.#options.datagrams(batch)
      } catch (error) {
        this.#options.log.error('Cannot take datagrams', { err: (error as Error).message })
      }
    }
  }

  /** Receive no more, and hand on what waits, until the deadline. Safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    await new Promise<void>((resolve) => socket.close(() => resolve()))
    this.#draining ??= this.#drain()
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = this.#options.clock.setTimeout(resolve, deadlineMs)))
    await Promise.race([this.#draining, late])
    timer?.cancel()
  }
}
