// An HTTP server as the collector's receivers run it: CORS, authentication, headers, bounded bodies, the client's context.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Logger } from '#component'
import { BodyReader, ContentEncoding } from '#component/http_requests'
import { HttpServer, type HttpServerSettings } from '#component/http_server'
import { addressText, type ListenAddress, peerAddress, type ServerTlsSettings } from '#component/listener'
import { AuthError, type ServerAuth } from '#component/otel_extension'
import type { ClientContext } from '#pdata'
import { contextOf, noMetadata } from './context.ts'
import { Cors } from './cors.ts'
import type { CorsSettings } from './settings.ts'

export interface OtelHttpSettings {
  readonly address: ListenAddress
  readonly tls: ServerTlsSettings | undefined
  readonly cors: CorsSettings | undefined
  readonly auth: ServerAuth | undefined
  /** Query parameters that the authenticator sees as headers. */
  readonly authParameters: readonly string[]
  readonly bodyBytesMax: number
  readonly includeMetadata: boolean
  readonly responseHeaders: readonly (readonly [string, string])[]
  /** As users write them: '' is none. */
  readonly compressionAlgorithms: readonly string[]
  readonly readTimeoutMs: number
  readonly readHeaderTimeoutMs: number
  readonly writeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly keepAlive: boolean
}

export interface OtelHttpOptions {
  readonly log: Logger
  readonly clock: Clock
  /** After CORS and authentication. */
  handle(request: IncomingMessage, response: ServerResponse, context: ClientContext): void | Promise<void>
  /** Answer a request that was not let in. */
  refuse(request: IncomingMessage, response: ServerResponse, status: number, message: string): void
  /** Bytes of all bodies in memory at once; default 256 MiB. More senders are told to come back. */
  readonly bodiesBytesMax?: number
}

const bodiesBytesMaxDefault = 256 * 1024 * 1024

export class OtelHttpServer {
  readonly #settings: OtelHttpSettings
  readonly #options: OtelHttpOptions
  readonly #server: HttpServer
  readonly #cors: Cors | undefined
  readonly #bodies: BodyReader
  readonly #encodings: readonly ContentEncoding[]

  constructor(settings: OtelHttpSettings, options: OtelHttpOptions) {
    this.#settings = settings
    this.#options = options
    const origins = settings.cors?.allowed_origins ?? []
    this.#cors = settings.cors && origins.length > 0 ? new Cors(settings.cors) : undefined
    if (settings.cors && origins.length === 0 && settings.cors.allowed_headers.length > 0) {
      options.log.warn('CORS is not answered: it has allowed headers, but no allowed origins')
    }
    this.#bodies = new BodyReader({
      bodyBytesMax: settings.bodyBytesMax,
      decompressedBytesMax: settings.bodyBytesMax,
      totalBytesMax: options.bodiesBytesMax ?? bodiesBytesMaxDefault,
    })
    this.#encodings = Object.values(ContentEncoding).filter((encoding) =>
      settings.compressionAlgorithms.includes(encoding === 'identity' ? '' : encoding),
    )
    this.#server = new HttpServer(serverSettingsOf(settings), {
      log: options.log,
      clock: options.clock,
      handle: (request, response) => this.#handle(request, response),
    })
  }

  /** Rejects with an error that names the address. */
  async start(): Promise<void> {
    await this.#server.start()
  }

  get port(): number {
    return this.#server.port
  }

  get address(): string {
    const { address } = this.#settings
    return 'path' in address ? address.path : addressText({ host: address.host, port: this.port })
  }

  get connections(): number {
    return this.#server.connections
  }

  /** Bytes of bodies in memory. */
  get bodyBytes(): number {
    return this.#bodies.bytes
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#server.stop(deadlineMs)
  }

  /** As `BodyReader.read`, with the encodings that the settings allow. */
  readBody<T>(request: IncomingMessage, use: (body: Uint8Array) => T | Promise<T>): Promise<T> {
    return this.#bodies.read(request, this.#encodings, use)
  }

  #handle(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    for (const [name, value] of this.#settings.responseHeaders) response.setHeader(name, value)
    if (this.#cors?.handle(request, response)) return
    const { auth, includeMetadata } = this.#settings
    const peer = peerAddress(request.socket)
    if (auth) return this.#authenticated(auth, request, response, peer)
    const context = includeMetadata ? contextOf(headersOf(request), null, peer) : noMetadata(peer)
    return this.#options.handle(request, response, context)
  }

  async #authenticated(
    auth: ServerAuth,
    request: IncomingMessage,
    response: ServerResponse,
    peer: string,
  ): Promise<void> {
    let attributes: ReadonlyMap<string, unknown>
    try {
      attributes = await auth.authenticate(this.#credentials(request))
    } catch (error) {
      if (error instanceof AuthError && error.challenge !== undefined) {
        response.setHeader('www-authenticate', error.challenge)
      }
      this.#options.refuse(request, response, 401, (error as Error).message)
      return
    }
    const metadata = this.#settings.includeMetadata ? headersOf(request) : {}
    await this.#options.handle(request, response, contextOf(metadata, attributes, peer))
  }

  #credentials(request: IncomingMessage): Readonly<Record<string, string | readonly string[] | undefined>> {
    const { authParameters } = this.#settings
    if (authParameters.length === 0) return request.headers
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams
    const found = authParameters
      .filter((name) => query.has(name))
      .map((name) => [name.toLowerCase(), query.getAll(name)])
    return { ...request.headers, ...Object.fromEntries(found) }
  }
}

/** Each value for itself; HTTP/2's requests have those of a name joined. */
function headersOf(request: IncomingMessage): Readonly<Record<string, string | readonly string[] | undefined>> {
  return request.httpVersionMajor < 2 ? request.headersDistinct : request.headers
}

function serverSettingsOf(s: OtelHttpSettings): HttpServerSettings {
  return {
    ...('path' in s.address ? { host: '', port: 0, socketPath: s.address.path } : s.address),
    connectionsMax: 0,
    readTimeoutMs: s.readTimeoutMs,
    headersTimeoutMs: s.readHeaderTimeoutMs,
    writeTimeoutMs: s.writeTimeoutMs,
    idleTimeoutMs: s.idleTimeoutMs || s.readTimeoutMs,
    keepAlive: s.keepAlive,
    tls: s.tls,
    http2: true,
  }
}
