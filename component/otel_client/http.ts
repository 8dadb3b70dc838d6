// HTTP clients of the collector's configurations: settings of both faces, and the client they make.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  defaultSettings,
  defineSettings,
  duration,
  type Host,
  int,
  map,
  type Report,
  string,
} from '#component'
import { createHttpClient, type HttpClient, httpClientSettings, type HttpResponse } from '#component/http_client'
import { type ClientAuth, otelHandler } from '#component/otel_extension'
import type { ClientContext } from '#pdata'
import { compressBody, type HttpCompression, httpCompression, levelProblem } from './compression.ts'
import { CookieJar } from './cookies.ts'
import { headerPairs, type Headers, revealed, yamlAuth, yamlMiddleware } from './fields.ts'
import { alloyClientTls, otelClientTls, yamlClientTls } from './tls.ts'

const cookies = defineSettings({
  enabled: attr(bool, 'Send back the cookies that the server sets.', { default: false }),
})

const shared = {
  compression: attr(httpCompression, 'How requests are compressed.', { default: 'gzip' }),
  disable_keep_alives: attr(bool, 'A connection of its own for every request.', { default: false }),
  force_attempt_http2: attr(bool, 'Speak HTTP/2 with servers that can.', { default: true }),
  idle_conn_timeout: attr(duration, 'How long a connection without requests is kept; 0: always.', { default: '90s' }),
  max_conns_per_host: attr(int, 'Connections to the server at once; 0: no limit of its own.', { default: 0 }),
  max_idle_conns_per_host: attr(int, 'Connections kept for later; 0: no limit of its own.', { default: 0 }),
  max_idle_conns: attr(int, 'Connections kept for later, to all servers.', { default: 100 }),
  proxy_url: attr(string, "Proxy to go through; empty: the environment's.", { default: '' }),
  timeout: attr(duration, 'From a request to the end of its answer; 0: no limit.', { default: '30s' }),
}

const alloyCompression = defineSettings({ level: attr(int, 'The level, as Go counts them.', { required: true }) })
const yamlCompression = defineSettings({ level: attr(int, 'The level, as Go counts them.', { default: 0 }) })

/** The `client` block of Alloy's HTTP exporters without its endpoint. */
export const alloyHttpClientFields = {
  ...shared,
  auth: attr(otelHandler, 'Authenticates requests.'),
  headers: attr(map(string), 'Headers of every request.', { default: {} }),
  http2_ping_timeout: attr(duration, 'Accepted; dead connections are found by requests without an answer.', {
    default: '15s',
  }),
  http2_read_idle_timeout: attr(duration, 'Accepted: see `http2_ping_timeout`.', { default: '0s' }),
  read_buffer_size: attr(byteSize, 'Accepted; buffers grow as they need to.', { default: '0' }),
  write_buffer_size: attr(byteSize, 'Accepted; buffers grow as they need to.', { default: '512KiB' }),
  compression_params: block(alloyCompression, 'How hard it is compressed.'),
  cookies: block(cookies, 'Cookies of the server.'),
  tls: block(alloyClientTls, 'TLS towards the server.', { whenAbsent: 'defaults' }),
}

/** The settings of HTTP clients in the collector's YAML without their endpoint. */
export const yamlHttpClientFields = {
  ...shared,
  auth: block(yamlAuth, 'Authenticates requests.', { whenNull: 'absent' }),
  headers: attr(headerPairs, 'Headers of every request.', { default: {} }),
  http2_ping_timeout: attr(duration, 'Accepted; dead connections are found by requests without an answer.', {
    default: '0s',
  }),
  http2_read_idle_timeout: attr(duration, 'Accepted: see `http2_ping_timeout`.', { default: '0s' }),
  read_buffer_size: attr(int, 'Accepted; buffers grow as they need to.', { default: 0 }),
  write_buffer_size: attr(int, 'Accepted; buffers grow as they need to.', { default: 524288 }),
  compression_params: block(yamlCompression, 'How hard it is compressed.'),
  cookies: block(
    defineSettings({
      enabled: attr(bool, 'Send back the cookies that the server sets.', { default: true }),
    }),
    'Cookies of the server.',
    { whenNull: 'absent' },
  ),
  tls: block(yamlClientTls, 'TLS towards the server.', { whenAbsent: 'defaults' }),
  middlewares: blocks(yamlMiddleware, 'Not supported.'),
}

interface Written {
  readonly compression: HttpCompression
  readonly compression_params: { readonly level: number } | undefined
  readonly disable_keep_alives: boolean
  readonly force_attempt_http2: boolean
  readonly idle_conn_timeout: number
  readonly max_conns_per_host: number
  readonly proxy_url: string
  readonly timeout: number
  readonly headers: Headers | ReadonlyMap<string, string>
  readonly cookies: { readonly enabled: boolean } | undefined
  readonly tls: Parameters<typeof otelClientTls>[0]
  readonly auth:
    | { readonly clientAuth?: ClientAuth }
    | { readonly authenticator: { readonly clientAuth?: ClientAuth } }
    | undefined
}

/** What an HTTP client is made from, whichever face wrote it. */
export interface OtelHttpClientSettings {
  readonly compression: HttpCompression
  readonly compressionLevel: number | undefined
  readonly keepAlive: boolean
  readonly http2: boolean
  readonly idleTimeoutMs: number
  readonly connectionsMax: number
  readonly proxyUrl: string
  readonly timeoutMs: number
  readonly headers: ReadonlyMap<string, string>
  readonly cookies: boolean
  readonly tls: ReturnType<typeof otelClientTls>
  readonly auth: ClientAuth | undefined
}

/** From decoded `alloyHttpClientFields` or `yamlHttpClientFields`. */
export function otelHttpClient(s: Written): OtelHttpClientSettings {
  return {
    compression: s.compression,
    compressionLevel: s.compression_params?.level,
    keepAlive: !s.disable_keep_alives,
    http2: s.force_attempt_http2,
    idleTimeoutMs: s.idle_conn_timeout,
    connectionsMax: s.max_conns_per_host,
    proxyUrl: s.proxy_url,
    timeoutMs: s.timeout,
    headers: revealed(s.headers),
    cookies: s.cookies?.enabled ?? false,
    tls: otelClientTls(s.tls),
    auth: s.auth && ('authenticator' in s.auth ? s.auth.authenticator.clientAuth : s.auth.clientAuth),
  }
}

/** Reports what does not go together. */
export function checkOtelHttpClient(s: Written, report: Report, path: readonly string[] = []): void {
  const problem = levelProblem(s.compression, s.compression_params?.level ?? 0)
  if (problem !== undefined) report(problem, [...path, 'compression_params', 'level'])
  if (s.proxy_url !== '' && !/^(https?|socks5h?):$/.test(URL.parse(s.proxy_url)?.protocol ?? '')) {
    report('Cannot use the proxy: its URL must begin with http://, https:// or socks5://', [...path, 'proxy_url'])
  }
}

export interface OtelPost {
  readonly url: string
  readonly contentType: string
  /** In pieces: one body. */
  readonly body: readonly Uint8Array[]
  readonly context: ClientContext | null
  readonly signal?: AbortSignal
}

/** POSTs bodies, compressed and authenticated. */
export class OtelHttpClient {
  readonly #settings: OtelHttpClientSettings
  readonly #client: HttpClient
  readonly #jar: CookieJar | undefined

  constructor(settings: OtelHttpClientSettings, host: Host) {
    this.#settings = settings
    this.#jar = settings.cookies ? new CookieJar() : undefined
    this.#client = createHttpClient(
      {
        ...defaultSettings(httpClientSettings),
        tls_config: settings.tls.settings,
        proxy_url: settings.proxyUrl,
        proxy_from_environment: settings.proxyUrl === '',
        enable_http2: settings.http2,
      },
      {
        userAgent: host.globals.userAgent,
        log: host.log,
        clock: host.clock,
        connections: {
          keepAlive: settings.keepAlive,
          idleTimeoutMs: settings.idleTimeoutMs,
          perHostMax: settings.connectionsMax,
        },
      },
    )
  }

  /** Rejects with `RequestError`, or with what the authenticator says. */
  async post(request: OtelPost): Promise<HttpResponse> {
    const s = this.#settings
    const { body, encoding } = await compressBody(request.body, s.compression, s.compressionLevel)
    const plain = Object.fromEntries([...s.headers].map(([name, value]) => [name.toLowerCase(), value]))
    const headers: Record<string, string> = {
      'content-type': request.contentType,
      ...(s.auth ? await s.auth.headers(request.context, plain) : plain),
    }
    if (encoding !== undefined) headers['content-encoding'] = encoding
    const cookie = this.#jar?.header()
    if (cookie) headers['cookie'] = cookie
    const response = await this.#client.request({
      method: 'POST',
      url: request.url,
      headers,
      body,
      timeoutMs: s.timeoutMs,
      ...(request.signal ? { signal: request.signal } : {}),
    })
    this.#jar?.keep(response.headers['set-cookie'])
    return response
  }

  close(): void {
    this.#client.close()
  }
}
