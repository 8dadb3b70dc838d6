// The HTTP client: one request after another through authentication, redirects, proxies and kept connections.
import { type ClientRequestArgs, type IncomingHttpHeaders, request as httpRequest, STATUS_CODES } from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import type { Readable, Writable } from 'node:stream'
import type { Clock, Logger } from '#component'
import { type ConnectionLimits, Connections, pathOf, type Route } from './connections.ts'
import { readCredential } from './credentials.ts'
import { reasonOf, RequestError, shownUrl } from './errors.ts'
import { TokenSource } from './oauth2.ts'
import { basic, proxyChoice, userInfo } from './proxy.ts'
import { encodingOf, HttpResponse } from './response.ts'
import type { HttpClientSettings } from './settings.ts'
import { ClientTls } from './tls.ts'

export { HttpResponse } from './response.ts'

type Body = Uint8Array | string | readonly Uint8Array[]

export interface HttpRequest {
  readonly method: string
  /** `http:` or `https:`. User and password in it are sent, and never shown. */
  readonly url: string
  /** Names in any case. An `authorization` here goes before the settings' own. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Pieces are sent one after the other, as one body. */
  readonly body?: Body
  /** From the call to the last byte of the body. Absent or 0: no limit. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Ask for a compressed answer, and give it decompressed. Otherwise the body comes as it was sent. */
  readonly acceptEncoding?: boolean
  /** What a compressed answer may grow to; default 64 MiB. */
  readonly decompressBytesMax?: number
}

export interface HttpClient {
  /** Fulfilled when the headers are there, whatever the status. Rejects with `RequestError`. */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Break off what is under way and close every connection. Safe twice. */
  close(): void
}

export interface HttpClientOptions {
  readonly userAgent: string
  readonly log: Logger
  readonly clock: Clock
  readonly connections?: ConnectionLimits
  /** Where `proxy_from_environment` looks; default: the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Go's clients follow so many redirects. */
const redirectsMax = 10
const decompressBytesDefault = 64 * 1024 * 1024

type Headers = Record<string, string | string[]>
interface Raw {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
}

interface Followed {
  readonly response: HttpResponse
  /** The body as it arrives: when it is closed, the request is over. */
  readonly wire: Readable
}

/** A client with these settings. Files in them are read when used: the call itself neither reads nor connects. */
export function createHttpClient(settings: HttpClientSettings, options: HttpClientOptions): HttpClient {
  return new Client(settings, options)
}

class Client implements HttpClient {
  readonly #settings: HttpClientSettings
  readonly #options: HttpClientOptions
  readonly #tls: ClientTls
  readonly #connections: Connections
  readonly #tokenClient: HttpClient | undefined
  readonly #tokens: TokenSource | undefined
  readonly #pending = new Set<Cancellation>()
  #closed = false

  constructor(settings: HttpClientSettings, options: HttpClientOptions) {
    this.#settings = settings
    this.#options = options
    this.#tls = new ClientTls(settings.tls_config)
    this.#connections = new Connections({
      tls: this.#tls,
      proxy: proxyChoice(settings, options.environment ?? process.env),
      proxySettings: settings,
      http2: settings.enable_http2,
      clock: options.clock,
      limits: options.connections,
    })
    if (!settings.oauth2) return
    this.#tokenClient = new Client(tokenClientSettings(settings), options)
    this.#tokens = new TokenSource(settings.oauth2, this.#tokenClient, options.clock)
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const url = URL.parse(request.url)
    if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new RequestError(`Cannot ${request.method} ${shownUrl(request.url)}: it is no http or https URL`, 'failed')
    }
    const cancellation = new Cancellation(request, this.#options.clock)
    if (this.#closed) cancellation.cancel('closed', 'the client is closed')
    this.#pending.add(cancellation)
    try {
      const { response, wire } = await this.#follow(request, url, cancellation)
      wire.on('error', () => {}) // a body that nobody reads may fail unseen
      wire.once('close', () => this.#done(cancellation))
      if (wire.destroyed) this.#done(cancellation)
      return response
    } catch (error) {
      this.#done(cancellation)
      const cause = cancellation.error ?? error
      const reason = cause instanceof RequestError ? cause.reason : 'failed'
      throw new RequestError(`Cannot ${request.method} ${shownUrl(url)}: ${reasonOf(cause)}`, reason, cause)
    }
  }

  #done(cancellation: Cancellation): void {
    cancellation.release()
    this.#pending.delete(cancellation)
  }

  async #follow(request: HttpRequest, first: URL, cancellation: Cancellation): Promise<Followed> {
    let url = first
    let { method, body } = request
    let trusted = true
    let dropBody = false
    for (let redirects = 0; ; redirects++) {
      const headers = await this.#headers(request, url, trusted, dropBody, cancellation)
      const raw = await this.#exchange(url, method, headers, body, cancellation)
      if (raw.status === 401 && typeof headers['authorization'] === 'string') {
        this.#tokens?.refused(headers['authorization'])
      }
      const location = this.#settings.follow_redirects ? redirectTo(raw, url) : undefined
      if (location === undefined) return { response: finish(request, url, raw), wire: raw.body }
      // Read to its end, which is near, so that the connection can be used again; at the latest the request's end is its.
      raw.body.on('error', () => {}).resume()
      cancellation.onRelease(() => raw.body.destroy())
      if (redirects === redirectsMax) throw new RequestError(`stopped after ${redirectsMax} redirects`, 'failed')
      trusted &&= sameServer(first, location)
      // 307 and 308 repeat the request; the others ask for what is there (RFC 9110, 15.4).
      if (raw.status < 307 && method !== 'GET' && method !== 'HEAD') {
        method = 'GET'
        body = undefined
        dropBody = true
      }
      url = location
    }
  }

  async #headers(
    request: HttpRequest,
    url: URL,
    trusted: boolean,
    dropBody: boolean,
    cancellation: Cancellation,
  ): Promise<Headers> {
    const headers: Headers = { 'user-agent': this.#options.userAgent }
    if (request.acceptEncoding) headers['accept-encoding'] = 'gzip'
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      const lower = name.toLowerCase()
      if (!trusted && (lower === 'authorization' || lower === 'cookie')) continue
      if (dropBody && lower.startsWith('content-')) continue
      headers[lower] = typeof value === 'string' ? value : [...value]
    }
    if (!trusted) return headers
    for (const [name, values] of this.#settings.http_headers) {
      const lower = name.toLowerCase()
      const before = headers[lower] ?? []
      headers[lower] = [...(typeof before === 'string' ? [before] : before), ...values.map((v) => v.reveal())]
    }
    headers['authorization'] ??= userInfo(url) ?? ''
    if (headers['authorization'] === '') {
      const authorization = await cancellation.race(this.#authorization())
      if (authorization === undefined) delete headers['authorization']
      else headers['authorization'] = authorization
    }
    return headers
  }

  async #authorization(): Promise<string | undefined> {
    const s = this.#settings
    const from = (text: { reveal(): string } | undefined, file: string): string =>
      file === '' ? (text?.reveal() ?? '') : readCredential(file)
    if (s.basic_auth) return basic(s.basic_auth.username, from(s.basic_auth.password, s.basic_auth.password_file))
    if (s.authorization) {
      const type = s.authorization.type.trim() || 'Bearer'
      return `${type} ${from(s.authorization.credentials, s.authorization.credentials_file)}`
    }
    if (this.#tokens) return this.#tokens.header()
    const token = from(s.bearer_token, s.bearer_token_file)
    return token === '' ? undefined : `Bearer ${token}`
  }

  async #exchange(
    url: URL,
    method: string,
    headers: Headers,
    body: Body | undefined,
    cancellation: Cancellation,
  ): Promise<Raw> {
    // A kept connection may have been closed by the server just when it is used again: then once more, on another one.
    for (let attempt = 0; ; attempt++) {
      if (cancellation.error) throw cancellation.error
      if (this.#connections.usesTls(url) && this.#tls.refresh()) {
        this.#options.log.debug('TLS files changed; connections are made anew')
        this.#connections.retire()
      }
      const route = await cancellation.race(this.#connections.route(url))
      try {
        return await this.#send(route, url, method, headers, body, cancellation)
      } catch (error) {
        if (attempt > 0 || cancellation.error || !(error instanceof StaleConnection)) throw error
      }
    }
  }

  #send(
    route: Route,
    url: URL,
    method: string,
    headers: Headers,
    body: Body | undefined,
    cancellation: Cancellation,
  ): Promise<Raw> {
    if (!('session' in route)) return send1(route.request, method, headers, body, cancellation)
    const { session } = route
    return send2(session, url, method, headers, body, cancellation).catch((error: unknown) => {
      // No answer at all in time: the connection may be dead without knowing.
      if (cancellation.error?.reason === 'timeout') this.#connections.forget(session)
      throw error
    })
  }

  close(): void {
    this.#closed = true
    for (const cancellation of this.#pending) cancellation.cancel('closed', 'the client was closed')
    this.#connections.close()
    this.#tokenClient?.close()
  }
}

/** Ends a request at its time limit, at the caller's wish or when the client closes; whichever comes first counts. */
class Cancellation {
  error: RequestError | undefined
  /** Stops what is under way now. */
  stop: (error: RequestError) => void = () => {}
  readonly #cancelled: Promise<never>
  #reject: (error: RequestError) => void = () => {}
  readonly #release: (() => void)[]

  constructor(request: HttpRequest, clock: Clock) {
    this.#cancelled = new Promise<never>((_, reject) => (this.#reject = reject))
    this.#cancelled.catch(() => {})
    const { signal, timeoutMs } = request
    const onAbort = (): void => this.cancel('aborted', 'the caller broke it off')
    const timer = timeoutMs
      ? clock.setTimeout(() => this.cancel('timeout', `no whole answer within ${timeoutMs} ms`), timeoutMs)
      : undefined
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#release = [() => timer?.cancel(), () => signal?.removeEventListener('abort', onAbort)]
    if (signal?.aborted) onAbort()
  }

  cancel(reason: 'timeout' | 'aborted' | 'closed', why: string): void {
    if (this.error) return
    this.error = new RequestError(why, reason)
    this.#reject(this.error)
    this.stop(this.error)
  }

  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#cancelled])
  }

  onRelease(run: () => void): void {
    this.#release.push(run)
  }

  release(): void {
    for (const run of this.#release.splice(0)) run()
  }
}

/** The connection was closed by the server before it read the request. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(reasonOf(cause), { cause })
  }
}

function bodyBytes(body: Body): number {
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.byteLength(body)
  let bytes = 0
  for (const piece of body) bytes += piece.length
  return bytes
}

function endWith(stream: Writable, body: Body | undefined): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    stream.end(body)
    return
  }
  stream.cork()
  for (const piece of body) stream.write(piece)
  stream.end()
}

function send1(
  args: ClientRequestArgs,
  method: string,
  headers: Headers,
  body: Body | undefined,
  cancellation: Cancellation,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const all: Headers = { ...headers, ...(args.headers as Headers | undefined) }
    if (body !== undefined) all['content-length'] = String(bodyBytes(body))
    const request = httpRequest({ ...args, method, headers: all })
    cancellation.stop = (error) => {
      request.destroy(error)
      reject(error) // A request that has no connection yet says nothing of its end until it gets one.
    }
    request.on('error', (error: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      reject(stale ? new StaleConnection(error) : error)
    })
    request.on('response', (response) => {
      cancellation.stop = (error) => response.destroy(error)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response })
    })
    endWith(request, body)
  })
}

/** What HTTP/2 has no place for (RFC 9113, 8.2.2). */
const connectionHeaders = ['connection', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

function send2(
  session: ClientHttp2Session,
  url: URL,
  method: string,
  headers: Headers,
  body: Body | undefined,
  cancellation: Cancellation,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const all: Headers = {
      ':method': method,
      ':scheme': 'https',
      ':authority': typeof headers['host'] === 'string' ? headers['host'] : url.host,
      ':path': pathOf(url),
      ...headers,
    }
    for (const name of connectionHeaders) delete all[name]
    if (body !== undefined) all['content-length'] = String(bodyBytes(body))
    if (session.closed || session.destroyed) {
      reject(new StaleConnection(new Error('the connection was closed')))
      return
    }
    const stream = session.request(all, { endStream: body === undefined })
    stream.once('close', () => reject(new Error('the server broke it off')))
    cancellation.stop = (error) => {
      stream.close(nghttp2Cancel)
      stream.destroy(error)
    }
    stream.on('error', (error) => {
      const refused = stream.rstCode === nghttp2RefusedStream || session.destroyed
      reject(refused ? new StaleConnection(error) : error)
    })
    stream.once('response', (response) => {
      resolve({ status: response[':status'] ?? 0, headers: response as IncomingHttpHeaders, body: stream })
    })
    if (body !== undefined) endWith(stream, body)
  })
}

function finish(request: HttpRequest, url: URL, raw: Raw): HttpResponse {
  const { status } = raw
  const parts = {
    status,
    statusText: STATUS_CODES[status] ?? '',
    url: shownUrl(url),
    headers: raw.headers,
    body: raw.body,
  }
  if (!request.acceptEncoding) return new HttpResponse(parts)
  const encoding = encodingOf(raw.headers['content-encoding'])
  if (encoding === undefined) return new HttpResponse(parts)
  const { 'content-encoding': _encoding, 'content-length': _length, ...headers } = raw.headers
  const decompressBytesMax = request.decompressBytesMax ?? decompressBytesDefault
  return new HttpResponse({ ...parts, headers, encoding, decompressBytesMax })
}

/** Error codes of HTTP/2 (RFC 9113, 7). */
const nghttp2Cancel = 8
const nghttp2RefusedStream = 7

const redirectStatus = new Set([301, 302, 303, 307, 308])

/** Where a response sends its reader, or undefined. Throws where it cannot be followed. */
function redirectTo(raw: Raw, from: URL): URL | undefined {
  if (!redirectStatus.has(raw.status) || raw.headers.location === undefined) return undefined
  const url = URL.parse(raw.headers.location, from)
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  raw.body.destroy()
  throw new RequestError('it redirects to what is no http or https URL', 'failed')
}

/** May credentials for `first` be sent to `url`? Only to the same host and port, or from http to https on the usual ports. */
function sameServer(first: URL, url: URL): boolean {
  if (first.host === url.host && first.protocol === url.protocol) return true
  const upgrade = first.protocol === 'http:' && url.protocol === 'https:' && first.port === '' && url.port === ''
  return upgrade && first.hostname === url.hostname
}

/** The client that asks for tokens: with TLS and proxy of the `oauth2` block, without authentication. */
function tokenClientSettings(settings: HttpClientSettings): HttpClientSettings {
  const { oauth2 } = settings
  return {
    ...settings,
    basic_auth: undefined,
    authorization: undefined,
    oauth2: undefined,
    bearer_token: undefined,
    bearer_token_file: '',
    tls_config: oauth2?.tls_config,
    proxy_url: oauth2?.proxy_url ?? '',
    no_proxy: oauth2?.no_proxy ?? '',
    proxy_from_environment: oauth2?.proxy_from_environment ?? false,
    proxy_connect_header: oauth2?.proxy_connect_header ?? new Map(),
    http_headers: new Map(),
  }
}
