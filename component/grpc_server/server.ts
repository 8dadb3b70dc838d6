// A gRPC server on node:http2: listens, keeps its connections, finds the method of each call, stops gracefully.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock, Logger } from '#component'
import { addressText, type ListenAddress, Listener, peerAddress, type ServerTlsSettings } from '#component/listener'
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

export class GrpcServer {
  readonly #settings: GrpcServerSettings
  readonly #options: GrpcServerOptions
  readonly #health: Health
  readonly #methods: ReadonlyMap<string, GrpcMethod>
  readonly #services: CallServices
  readonly #connections = new Set<GrpcConnection>()
  readonly memory: ReceiveMemory
  readonly #listener: Listener
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
    const { address, tls, tlsReloadMs } = settings
    this.#listener = new Listener(
      { address, connectionsMax: 0, tls, tlsReloadMs, protocols: ['h2'] },
      { clock: options.clock, log: options.log, connected: (socket) => this.#connection(socket) },
    )
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
  start(): Promise<void> {
    return this.#listener.start()
  }

  /** The port it listens on, also where any free one was asked for. */
  get port(): number {
    return this.#listener.port
  }

  get address(): string {
    const { address } = this.#settings
    return 'path' in address ? address.path : addressText({ host: address.host, port: this.port })
  }

  get connections(): number {
    return this.#connections.size
  }

  #connection(socket: Socket): void {
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
    this.#stopping = true
    this.#health.stop()
    const { isListening } = this.#listener
    const closed = this.#listener.close()
    if (!isListening) return
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
    this.#listener.destroyConnections()
    await closed
  }
}
