// One HTTP/2 connection to one address: made, kept alive by pings, and watched for its end.
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectSocket, isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from '#component'
import type { ClientTls } from '#component/http_client'
import { type Address, addressKey } from './target.ts'

/** A connection with its handshakes takes at most so long (gRPC's least connect deadline). */
const connectTimeoutMs = 20_000
/** What Node may hold for one session, in MB: requests are larger than its default of 10. */
const sessionMemoryMB = 256

export interface KeepaliveSettings {
  /** A ping after so long without a sign of the server. */
  readonly timeMs: number
  /** The answer must be there within. */
  readonly timeoutMs: number
  readonly withoutStream: boolean
}

export interface ConnectOptions {
  /** Absent: plain text. */
  readonly tls: ClientTls | undefined
  /** Host, with its port: for the certificate and `:authority`. */
  readonly authority: string
  readonly keepalive: KeepaliveSettings | undefined
  readonly clock: Clock
  /** Breaks off connections that are being made. */
  readonly closed: AbortSignal
}

export class Connection {
  readonly key: string
  readonly session: ClientHttp2Session
  /** No new call goes here. */
  ended = false
  /** Calls under way. */
  #calls = 0
  #pingTimer: Timer | undefined
  readonly #keepalive: KeepaliveSettings | undefined
  readonly #clock: Clock

  constructor(key: string, session: ClientHttp2Session, options: ConnectOptions, onEnd: () => void) {
    this.key = key
    this.session = session
    this.#keepalive = options.keepalive
    this.#clock = options.clock
    const end = (): void => {
      if (this.ended) return
      this.ended = true
      this.#pingTimer?.cancel()
      onEnd()
    }
    session.on('error', () => session.destroy())
    session.on('goaway', () => {
      end()
      session.close()
    })
    session.on('close', () => {
      end()
      this.#pingTimer?.cancel()
    })
    session.unref()
    this.#schedulePing()
  }

  begin(): void {
    this.#calls++
  }

  done(): void {
    this.#calls--
  }

  #schedulePing(): void {
    const keepalive = this.#keepalive
    if (!keepalive || keepalive.timeMs <= 0) return
    this.#pingTimer = this.#clock.setTimeout(() => this.#ping(keepalive), keepalive.timeMs)
  }

  #ping(keepalive: KeepaliveSettings): void {
    if (this.session.closed || this.session.destroyed) return
    if (this.#calls === 0 && !keepalive.withoutStream) {
      this.#schedulePing()
      return
    }
    this.#pingTimer = this.#clock.setTimeout(() => {
      this.session.destroy(new Error('the server does not answer pings'))
    }, keepalive.timeoutMs)
    try {
      this.session.ping((error) => {
        this.#pingTimer?.cancel()
        if (!error) this.#schedulePing()
      })
    } catch {
      this.#pingTimer.cancel() // closed in the meantime
    }
  }

  /** Calls under way end; with `now` they are broken off. */
  close(now: boolean): void {
    this.ended = true
    this.#pingTimer?.cancel()
    if (now) this.session.destroy()
    else this.session.close()
  }
}

/** Connect to `address`: fulfilled once the server has said that it speaks HTTP/2. */
export function openConnection(address: Address, options: ConnectOptions, onEnd: () => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket =
      address.kind === 'unix'
        ? connectSocket({ path: address.path })
        : connectSocket({ host: address.host, port: address.port, noDelay: true })
    let session: ClientHttp2Session | undefined
    const onClosed = (): void => fail(new Error('the client is closed'))
    const fail = (error: Error): void => {
      timer.cancel()
      options.closed.removeEventListener('abort', onClosed)
      reject(error)
      session?.destroy()
      socket.destroy()
    }
    const timer = options.clock.setTimeout(
      () => fail(new Error(`no connection within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
    options.closed.addEventListener('abort', onClosed, { once: true })
    socket.once('error', fail)
    socket.once('close', () => fail(new Error('the connection was closed while it was made')))
    socket.once('connect', () => {
      secured(socket, options).then((ready) => {
        // A server that refuses the client's certificate says so after the handshake, and the session does not notice.
        ready.on('error', fail)
        ready.once('close', () => session?.destroy())
        session = connectHttp2(`${options.tls ? 'https' : 'http'}://${hostOf(options.authority)}`, {
          createConnection: () => ready,
          maxSessionMemory: sessionMemoryMB,
        })
        session.once('error', fail)
        const closed = (): void => fail(new Error('the server closed the connection while it was made'))
        session.once('close', closed)
        session.once('remoteSettings', () => {
          timer.cancel()
          options.closed.removeEventListener('abort', onClosed)
          socket.off('error', fail)
          socket.on('error', () => {}) // the session says so too
          session?.off('error', fail).off('close', closed)
          resolve(new Connection(addressKey(address), session as ClientHttp2Session, options, onEnd))
        })
      }, fail)
    })
  })
}

/** `host` or `[v6]`, for the URL that Node wants to have; the calls say their authority themselves. */
function hostOf(authority: string): string {
  const host = authority.replace(/:\d+$/, '')
  return isIP(host) === 6 ? `[${host}]` : host
}

async function secured(socket: Socket, { tls, authority }: ConnectOptions): Promise<Socket> {
  if (!tls) return socket
  tls.refresh()
  const name = authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return new Promise((resolve, reject) => {
    const secure: TLSSocket = tls.connect(socket, name, ['h2'])
    secure.once('error', reject)
    secure.once('close', () => reject(new Error('the connection was closed in the TLS handshake')))
    secure.once('secureConnect', () => {
      secure.off('error', reject)
      resolve(secure)
    })
  })
}
