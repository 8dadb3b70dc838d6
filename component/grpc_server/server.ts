// A gRPC server on node:http2: listens, keeps its connections, finds the method of each call, stops gracefully.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { createServer as createTls, type Server as TlsServer } from 'node:tls'
import type { Clock, Logger, Timer } from '#component'
import {
  addressText,
  guardClients,
  listen,
  type ListenAddress,
  peerAddress,
  serverTlsOptions,
  type ServerTlsSettings,
} from '#component/http_server'
import { endWithStatus, stopSending, UnaryCall } from './call.ts'
import { GrpcConnection, type KeepaliveSettings } from './connection.ts'
import { Health } from './health.ts'
import { type CallServices, type GrpcMethod, type GrpcMethods, ReceiveMemory } from './method.ts'
import { type DescriptorSource, reflectionMethods } from './reflection.ts'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError } from './status.ts'
import { StreamCall } from './stream_call.ts'

export interface GrpcServerSettings {
  readonly address: ListenAddress
  readonly tls: ServerTlsSettings | undefined
  /** How often files of certificates are looked at; 0: never. */
  readonly tlsReloadMs: number
  /** Bytes of one message, decompressed. */
  readonly messageBytesMax: number
  /** Calls at once on one connection; 0: the default. */
  readonly streamsMax: number
  readonly keepalive: KeepaliveSettings
}

export interface GrpcServerOptions {
  readonly log: Logger
  readonly clock: Clock
  readonly methods: GrpcMethods
  /** For reflection: the services' descriptors, loaded when somebody asks. */
  readonly descriptors?: DescriptorSource
  /** Rejects with `GrpcError`. Not asked for the health service. */
  readonly authenticate?: (headers: IncomingHttpHeaders) => Promise<ReadonlyMap<string, unknown>>
  measure?(path: string, code: GrpcCode, ms: number, requestBytes: number, responseBytes: number): void
  /** Bytes of all messages in memory at once; default 256 MiB. More callers are told to come back. */
  readonly receivedBytesMax?: number
}

export const streamsMaxDefault = 1024
const receivedBytesMaxDefault = 256 * 1024 * 1024
/** When a caller whose message found no room is told to come back. */
const noRoomRetryMs = 1000
/** A TLS handshake takes at most so long. */
const handshakeMs = 10_000

export class GrpcServer {
  readonly #settings: GrpcServerSettings
  readonly #options: GrpcServerOptions
  readonly #health: Health
  readonly #methods: ReadonlyMap<string, GrpcMethod>
  readonly #services: CallServices
  readonly #connections = new Set<GrpcConnection>()
  /** Sockets whose handshake is not done, too. */
  readonly #sockets = new Set<Socket>()
  readonly memory: ReceiveMemory
  #listener: Server | undefined
  #tls: TlsServer | undefined
  #tlsFiles = ''
  #timer: Timer | undefined
  #stopping = false
  #onEmpty: () => void = () => {}

  constructor(settings: GrpcServerSettings, options: GrpcServerOptions) {
    this.#settings = settings
    this.#options = options
    const names = new Set([...options.methods.keys()].map((path) => path.split('/')[1] as string))
    this.#health = new Health(names)
    const methods = new Map([...options.methods, ...this.#health.methods()])
    if (options.descriptors) {
      for (const [path, method] of reflectionMethods([...names, Health.service], options.descriptors)) {
        methods.set(path, method)
      }
    }
    this.#methods = methods
    this.memory = new ReceiveMemory(options.receivedBytesMax ?? receivedBytesMaxDefault, noRoomRetryMs)
    this.#services = {
      clock: options.clock,
      memory: this.memory,
      messageBytesMax: settings.messageBytesMax,
      authenticate: options.authenticate,
      measure: (path, code, ms, requestBytes, responseBytes) =>
        options.measure?.(path, code, ms, requestBytes, responseBytes),
      failed: (path, error) => options.log.error('Cannot answer a call', { path, err: error.message }),
    }
  }

  /** Bind. Rejects with an error that names the address, or what is wrong with a certificate. */
  async start(): Promise<void> {
    const { tls, address } = this.#settings
    if (tls) this.#tls = this.#makeTls(tls)
    const listener = createTcp({ noDelay: true }, (socket) => this.#accept(socket))
    await listen(listener, address)
    listener.on('error', (error) => this.#options.log.error('A listening socket failed', { err: error.message }))
    this.#listener = listener
    this.#pollTls()
  }

  /** The port it listens on, also where any free one was asked for. */
  get port(): number {
    const address = this.#listener?.address() as AddressInfo | string | null | undefined
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get address(): string {
    const { address } = this.#settings
    return 'path' in address ? address.path : addressText({ host: address.host, port: this.port })
  }

  get connections(): number {
    return this.#connections.size
  }

  #makeTls(settings: ServerTlsSettings): TlsServer {
    const options = serverTlsOptions(settings)
    this.#tlsFiles = filesOf(options)
    const server = createTls({ ...options, ALPNProtocols: ['h2'], handshakeTimeout: handshakeMs })
    guardClients(server, settings.clientAuth)
    server.on('secureConnection', (socket) => this.#connection(socket))
    server.on('tlsClientError', (_, socket) => socket.destroy())
    return server
  }

  /** A certificate that is renewed on disk is taken over for new connections. */
  #pollTls(): void {
    const { tls, tlsReloadMs } = this.#settings
    if (!tls || tlsReloadMs <= 0) return
    this.#timer = this.#options.clock.setTimeout(() => {
      try {
        const options = serverTlsOptions(tls)
        if (filesOf(options) !== this.#tlsFiles) {
          this.#tls?.setSecureContext(options)
          this.#tlsFiles = filesOf(options)
          this.#options.log.info('Took over renewed TLS certificates')
        }
      } catch (error) {
        this.#options.log.warn('Cannot read TLS certificates again; the old ones stay', {
          err: (error as Error).message,
        })
      }
      this.#pollTls()
    }, tlsReloadMs)
  }

  #accept(socket: Socket): void {
    if (this.#stopping) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    if (this.#tls) this.#tls.emit('connection', socket)
    else this.#connection(socket)
  }

  #connection(socket: Socket): void {
    if (socket.destroyed) return // Refused for its certificate.
    const { streamsMax, keepalive } = this.#settings
    const limits = { streamsMax: streamsMax > 0 ? streamsMax : streamsMaxDefault, keepalive }
    const connection = new GrpcConnection(
      socket,
      peerAddress(socket),
      limits,
      this.#options.clock,
      (stream, headers, { peer }) => this.#call(stream, headers, peer),
      (closed) => {
        this.#connections.delete(closed)
        if (this.#connections.size === 0) this.#onEmpty()
      },
    )
    this.#connections.add(connection)
    if (this.#stopping) connection.drain('stopping')
  }

  #call(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: string): void {
    const type = headers['content-type'] ?? ''
    if (headers[':method'] !== 'POST' || !/^application\/grpc(?:[+;]|$)/i.test(type)) {
      stream.on('error', () => {})
      const status = headers[':method'] === 'POST' ? 415 : 405
      stream.respond({ ':status': status, ...(status === 405 ? { allow: 'POST' } : {}) }, { endStream: true })
      stopSending(stream)
      return
    }
    const path = headers[':path'] ?? ''
    const method = this.#methods.get(path)
    if (method === undefined) {
      stream.on('error', () => {})
      const [, service = '', name = ''] = path.split('/')
      const known = [...this.#methods.keys()].some((other) => other.startsWith(`/${service}/`))
      const what = known ? `unknown method ${name} for service ${service}` : `unknown service ${service}`
      endWithStatus(stream, new GrpcError(GrpcCode.UNIMPLEMENTED, what))
      return
    }
    const isHealth = path.startsWith(`/${Health.service}/`)
    const services = isHealth ? { ...this.#services, authenticate: undefined } : this.#services
    if (method.kind === 'unary') new UnaryCall(stream, headers, peer, method, services).start()
    else new StreamCall(stream, headers, services).start(method)
  }

  /**
   * Take no new connections, tell clients to go, let calls under way end until the deadline, then break them off.
   * Safe twice, and without a start.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#timer?.cancel()
    this.#stopping = true
    this.#health.stop()
    const listener = this.#listener
    this.#listener = undefined
    if (!listener) return
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
    for (const connection of this.#connections) connection.drain('stopping')
    if (this.#connections.size > 0 && deadlineMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.setTimeout(resolve, deadlineMs)
        this.#onEmpty = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function filesOf(options: { cert?: unknown; key?: unknown; ca?: unknown }): string {
  return `${String(options.cert)}\0${String(options.key)}\0${String(options.ca)}`
}
