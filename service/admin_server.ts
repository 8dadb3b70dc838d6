// The socket behind the admin pages: TLS and authentication, as the `http` block says, changed without letting go of it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Logger } from '#component'
import { HttpServer, type HttpServerSettings } from '#component/http_server'
import type { ServerTlsSettings } from '#component/listener'
import type { HttpBlock, ProcessSettings } from '#config'
import { sameText } from '#lib/same_text'

export interface AdminServerOptions {
  /** Empty: all addresses. */
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly log: Logger
  handle(request: IncomingMessage, response: ServerResponse): void | Promise<void>
}

/** Of people and scrapers that look at this process: far more than there are. */
const connectionsMax = 1024
const readTimeoutMs = 30_000
const idleTimeoutMs = 120_000

/** Answered while nothing is known yet of authentication. */
const openAtStart: readonly string[] = ['/-/ready', '/-/healthy']

type Allows = (request: IncomingMessage, path: string) => boolean

/** Serves the admin pages. Until `apply` was called, and with it said who may ask, only readiness is answered. */
export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #server: HttpServer
  #allows: Allows | undefined

  constructor(options: AdminServerOptions) {
    this.#options = options
    const { clock, log } = options
    const handle = (request: IncomingMessage, response: ServerResponse): void | Promise<void> => {
      return this.#handle(request, response)
    }
    this.#server = new HttpServer(this.#settings(undefined), { clock, log, handle })
  }

  #settings(tls: ServerTlsSettings | undefined): HttpServerSettings {
    const { host, port } = this.#options
    // No limit for answers: some pages go on as long as somebody looks.
    return { host, port, connectionsMax, readTimeoutMs, writeTimeoutMs: 0, idleTimeoutMs, tls }
  }

  /** Rejects with an error that names the address. */
  start(): Promise<void> {
    return this.#server.start()
  }

  get port(): number {
    return this.#server.port
  }

  /**
   * Take over the `http` block of a configuration. Throws when a certificate cannot be read; everything stays as it was
   * then, and a server that never had settings keeps answering nobody.
   */
  apply(settings: ProcessSettings): void {
    const block = blockOf(settings)
    this.#server.update(this.#settings(block?.tls && tlsOf(block.tls)))
    this.#allows = allowsOf(block?.auth)
  }

  /** Throws what `apply` would throw, and changes nothing. */
  check(settings: ProcessSettings): void {
    const tls = blockOf(settings)?.tls
    try {
      if (tls) this.#server.check(this.#settings(tlsOf(tls)))
    } catch (error) {
      throw new Error(`Cannot use the TLS settings of the http block: ${(error as Error).message}`, { cause: error })
    }
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#server.stop(deadlineMs)
  }

  #handle(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    const path = decodedPath(request)
    if (!this.#allows) {
      if (openAtStart.includes(path)) return this.#options.handle(request, response)
      response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' }).end('Solder is not ready.\n')
      return undefined
    }
    if (this.#allows(request, path)) return this.#options.handle(request, response)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="Restricted"' }).end()
    return undefined
  }
}

function blockOf(settings: ProcessSettings): HttpBlock | undefined {
  return settings.get('http') as HttpBlock | undefined
}

function tlsOf(tls: NonNullable<HttpBlock['tls']>): ServerTlsSettings {
  return {
    certPem: tls.cert_pem,
    certFile: tls.cert_file,
    keyPem: tls.key_pem?.reveal() ?? '',
    keyFile: tls.key_file,
    clientCaPem: tls.client_ca_pem,
    clientCaFile: tls.client_ca_file,
    clientAuth: tls.client_auth_type,
    cipherSuites: tls.cipher_suites,
    curves: tls.curve_preferences,
    minVersion: tls.min_version,
    maxVersion: tls.max_version,
  }
}

/** Without a `filter` block every path asks for user and password; with one, those that it names or all others. */
function allowsOf(auth: HttpBlock['auth']): Allows {
  const { basic, filter } = auth ?? {}
  if (!basic) return () => true
  return (request, path) => {
    const named = filter?.paths.some((prefix) => path.startsWith(prefix)) ?? false
    if (filter && named !== filter.authenticate_matching_paths) return true
    const given = basicCredentials(request)
    if (!given) return false
    // Both are compared, whichever is wrong.
    const userMatches = sameText(given.user, basic.username)
    const passwordMatches = sameText(given.password, basic.password.reveal())
    return userMatches && passwordMatches
  }
}

function basicCredentials(request: IncomingMessage): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** The path as the pages are found by it; what cannot be decoded has no page. */
function decodedPath(request: IncomingMessage): string {
  const raw = (request.url ?? '/').split('?', 1)[0] as string
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
