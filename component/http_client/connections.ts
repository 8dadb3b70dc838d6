// Connections to servers, straight or through a proxy, kept and used again, with HTTP/2 where the server has it.
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Clock } from '#component'
import { RequestError } from './errors.ts'
import { bareHost, isSocks, openTunnel, portOf, type ProxyChoice, proxyHeaders, unescaped } from './proxy.ts'
import { openSocksTunnel, type SocksTarget } from './socks.ts'
import type { ProxySettings } from './settings.ts'
import type { ClientTls } from './tls.ts'

/** A connection, its tunnel and its TLS handshake take at most so long (Go's dialer: 30 s). */
const connectTimeoutMs = 30_000
/** Idle connections are closed after five minutes: longer than any sane scrape interval (as Prometheus does). */
const idleTimeoutMs = 300_000
/** At once, to one server and to all. More requests wait their turn. */
const socketsPerHostMax = 128
const socketsMax = 1024
/** Servers whose protocol is remembered. */
const originsMax = 4096

type Connect = (options: RouteOptions) => Promise<Socket>
interface RouteOptions {
  readonly url: URL
}

/** An agent that leaves it to `open` how a connection comes about. */
class RouteAgent extends Agent {
  readonly #open: Connect

  constructor(protocol: 'http:' | 'https:', open: Connect, limits: ConnectionLimits) {
    const options: AgentOptions & { defaultPort: number } = {
      keepAlive: limits.keepAlive ?? true,
      timeout: limits.idleTimeoutMs ?? idleTimeoutMs,
      maxSockets: limits.perHostMax || socketsPerHostMax,
      maxTotalSockets: socketsMax,
      maxFreeSockets: socketsPerHostMax,
      scheduling: 'lifo',
      defaultPort: protocol === 'https:' ? 443 : 80,
    }
    super(options)
    Object.assign(this, { protocol, defaultPort: options.defaultPort })
    this.#open = open
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const route = options as unknown as RouteOptions
    this.#open(route).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    )
    return undefined
  }

  retire(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    this.maxFreeSockets = 0
  }
}

/** What differs from the usual. */
export interface ConnectionLimits {
  /** False: every request has a connection of its own. */
  readonly keepAlive?: boolean
  readonly idleTimeoutMs?: number
  /** Connections to one server at once; 0: the usual bound. */
  readonly perHostMax?: number
}

export interface ConnectionsOptions {
  readonly limits?: ConnectionLimits | undefined
  readonly tls: ClientTls
  readonly proxy: ProxyChoice
  readonly proxySettings: ProxySettings
  readonly http2: boolean
  readonly clock: Clock
}

/** What a request needs to travel: an HTTP/2 session, or options for `http.request`. */
export type Route = { readonly session: ClientHttp2Session } | { readonly request: ClientRequestArgs }

type Origin = { session?: ClientHttp2Session; http1?: true; probing?: Promise<void>; spare?: Socket | undefined }

export class Connections {
  readonly #options: ConnectionsOptions
  #plain: RouteAgent
  #secure: RouteAgent
  readonly #open = new Set<Socket>()
  readonly #origins = new Map<string, Origin>()
  #closed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#plain = this.#plainAgent()
    this.#secure = this.#secureAgent()
  }

  #plainAgent(): RouteAgent {
    return new RouteAgent('http:', ({ url }) => this.#connectPlain(url), this.#options.limits ?? {})
  }

  #secureAgent(): RouteAgent {
    return new RouteAgent('https:', ({ url }) => this.#connectHttp1(url), this.#options.limits ?? {})
  }

  /** Is there TLS on the way to `url`, to the server or to a proxy? */
  usesTls(url: URL): boolean {
    return url.protocol === 'https:' || this.#options.proxy(url)?.protocol === 'https:'
  }

  /** How a request to `url` travels. May connect first, to learn the server's protocol. */
  async route(url: URL): Promise<Route> {
    if (url.protocol === 'http:') return { request: this.#plainRequest(url) }
    if (this.#options.http2) {
      const origin = await this.#probed(url)
      if (origin.session) return { session: origin.session }
    }
    return { request: { ...target(url), agent: this.#secure, path: pathOf(url), url } as ClientRequestArgs }
  }

  #plainRequest(url: URL): ClientRequestArgs {
    const proxy = this.#options.proxy(url)
    const common = { agent: this.#plain, url }
    if (!proxy || isSocks(proxy)) return { ...target(url), ...common, path: pathOf(url) } as ClientRequestArgs
    const headers = { ...proxyHeaders(proxy, this.#options.proxySettings, false), host: url.host }
    const path = `http://${url.host}${pathOf(url)}`
    return { ...target(proxy), protocol: 'http:', ...common, path, headers } as unknown as ClientRequestArgs
  }

  /** What is known of the server of `url`, after asking it where nothing is. */
  async #probed(url: URL): Promise<Origin> {
    const key = url.host
    let origin = this.#origins.get(key)
    if (origin?.session && (origin.session.closed || origin.session.destroyed)) origin = undefined
    if (!origin) {
      origin = {}
      this.#origins.delete(key)
      this.#origins.set(key, origin)
      if (this.#origins.size > originsMax) this.#forgetOldest()
    }
    if (origin.session || origin.http1) return origin
    origin.probing ??= this.#probe(url, origin)
    try {
      await origin.probing
    } catch (error) {
      if (this.#origins.get(key) === origin) this.#origins.delete(key)
      throw error
    }
    return origin
  }

  #forgetOldest(): void {
    for (const [key, origin] of this.#origins) {
      if (origin.session || origin.probing) continue
      this.#origins.delete(key)
      return
    }
  }

  async #probe(url: URL, origin: Origin): Promise<void> {
    const socket = await this.#connectSecure(url, ['h2', 'http/1.1'])
    if (socket.alpnProtocol !== 'h2') {
      origin.http1 = true
      origin.spare = socket
      socket.once('close', () => (origin.spare = undefined))
      delete origin.probing
      return
    }
    // Loaded when a server has it: it is 1 MB that most configurations never need.
    const { connect: connectHttp2 } = await import('node:http2')
    const session = connectHttp2(url.origin, { createConnection: () => socket })
    session.setTimeout(this.#options.limits?.idleTimeoutMs ?? idleTimeoutMs, () => session.close())
    session.on('error', () => session.destroy())
    session.on('goaway', () => session.close())
    session.on('close', () => {
      if (this.#origins.get(url.host) === origin) this.#origins.delete(url.host)
    })
    session.unref()
    origin.session = session
    delete origin.probing
  }

  /** No new request goes over this session: it seems dead. */
  forget(session: ClientHttp2Session): void {
    for (const [key, origin] of this.#origins) if (origin.session === session) this.#origins.delete(key)
    session.close()
  }

  #connectPlain(url: URL): Promise<Socket> {
    const proxy = this.#options.proxy(url)
    return this.#bounded(proxy ?? url, async (socket) => {
      if (proxy && isSocks(proxy)) return openSocksTunnel(socket, socksTarget(proxy, url))
      return proxy?.protocol === 'https:' ? this.#handshake(socket, bareHost(proxy), ['http/1.1']) : socket
    })
  }

  #connectHttp1(url: URL): Promise<Socket> {
    const origin = this.#origins.get(url.host)
    const spare = origin?.spare
    if (spare && !spare.destroyed) {
      origin.spare = undefined
      return Promise.resolve(spare)
    }
    return this.#connectSecure(url, ['http/1.1'])
  }

  #connectSecure(url: URL, protocols: readonly string[]): Promise<TLSSocket> {
    const proxy = this.#options.proxy(url)
    return this.#bounded(proxy ?? url, async (tcp) => {
      let socket = tcp
      if (proxy && isSocks(proxy)) socket = await openSocksTunnel(socket, socksTarget(proxy, url))
      else if (proxy) {
        if (proxy.protocol === 'https:') socket = await this.#handshake(socket, bareHost(proxy), ['http/1.1'])
        const headers = proxyHeaders(proxy, this.#options.proxySettings, true)
        socket = await openTunnel(socket, `${url.hostname}:${portOf(url)}`, headers)
      }
      return this.#handshake(socket, bareHost(url), protocols)
    })
  }

  /** Connect to where `url` points (its name is looked up now) and do the rest, both within the time for connecting. */
  #bounded<S extends Socket>(url: URL, finish: (socket: Socket) => Promise<S>): Promise<S> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new RequestError('the client is closed', 'closed'))
        return
      }
      const tcp = connectTcp({ host: bareHost(url), port: Number(portOf(url)), noDelay: true })
      this.#open.add(tcp)
      tcp.once('close', () => {
        this.#open.delete(tcp)
        reject(new RequestError('the connection was closed while it was made', 'failed'))
      })
      const timer = this.#options.clock.setTimeout(() => {
        fail(new RequestError(`no connection within ${connectTimeoutMs} ms`, 'timeout'))
      }, connectTimeoutMs)
      const fail = (error: Error): void => {
        timer.cancel()
        tcp.destroy()
        reject(error)
      }
      tcp.once('error', fail)
      tcp.once('connect', () => {
        finish(tcp).then((socket) => {
          timer.cancel()
          // From here on whoever uses the connection listens.
          tcp.off('error', fail)
          if (socket !== tcp) tcp.on('error', () => socket.destroy())
          resolve(socket)
        }, fail)
      })
    })
  }

  #handshake(socket: Socket, host: string, protocols: readonly string[]): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const secure = this.#options.tls.connect(socket, host, protocols)
      secure.once('error', reject)
      secure.once('close', () => reject(new RequestError('the connection was closed in the TLS handshake', 'failed')))
      secure.once('secureConnect', () => {
        secure.off('error', reject)
        resolve(secure)
      })
    })
  }

  /** No new request goes over the connections there are: idle ones are closed, those in use end with their requests. */
  retire(): void {
    this.#plain.retire()
    this.#secure.retire()
    this.#plain = this.#plainAgent()
    this.#secure = this.#secureAgent()
    for (const origin of this.#origins.values()) {
      origin.session?.close()
      origin.spare?.destroy()
    }
    this.#origins.clear()
  }

  close(): void {
    this.#closed = true
    this.#plain.destroy()
    this.#secure.destroy()
    for (const origin of this.#origins.values()) origin.session?.destroy()
    for (const socket of this.#open) socket.destroy()
    this.#origins.clear()
  }
}

function socksTarget(proxy: URL, url: URL): SocksTarget {
  const [user, password] = [unescaped(proxy.username), unescaped(proxy.password)]
  return { host: bareHost(url), port: Number(portOf(url)), user, password }
}

function target(url: URL): { protocol: string; host: string; port: string } {
  return { protocol: url.protocol, host: bareHost(url), port: portOf(url) }
}

export function pathOf(url: URL): string {
  return url.pathname + url.search
}
