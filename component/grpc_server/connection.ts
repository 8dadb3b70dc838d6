// One connection: its HTTP/2 session, keepalive in both directions, its age, and how it is let go.
import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '#component'

/** gRPC's keepalive of servers, in milliseconds (keepalive.md); `Infinity`: never. */
export interface KeepaliveSettings {
  /** Without calls for so long, the connection is let go. */
  readonly idleMsMax: number
  /** Let go at this age, give or take a tenth. */
  readonly ageMsMax: number
  /** How long calls may go on after that. */
  readonly ageGraceMs: number
  /** Silence after which the client is asked for a sign of life. */
  readonly pingAfterMs: number
  /** How long that sign may take. */
  readonly pingTimeoutMs: number
  /** How often a client may ping. */
  readonly clientPingMsMin: number
  /** May it ping without calls? */
  readonly clientPingsIdle: boolean
}

export interface ConnectionLimits {
  readonly streamsMax: number
  readonly keepalive: KeepaliveSettings
}

/** A window of 4 MB a call and 16 MB a connection: a large request is not held up by round trips (docs/decisions/grpc.md). */
const streamWindowBytes = 4 * 1024 * 1024
const sessionWindowBytes = 16 * 1024 * 1024
/** What a session may hold in Node: both windows and what is being written. */
const sessionMemoryMb = 32
/** Headers of one call. */
const headerPairsMax = 256
const headerBytesMax = 64 * 1024
/** Resets of streams by the client: so many at once, and so many a second after that; then the connection is closed. */
const resetsBurst = 1000
const resetsPerSecond = 100
/** A connection says its first words in this time, TLS included. */
const handshakeMs = 20_000
/** Pings that come too often before the client is turned away; and how seldom it may without calls (both grpc-go's). */
const pingStrikesMax = 2
const idlePingMsMin = 2 * 3_600_000
/** How long the goodbye's first half is given to reach the client before the second closes the door. */
const goodbyeMs = 1000
/** How long a closing connection is given to send what is left. */
const closeMs = 5000

export class GrpcConnection {
  readonly peer: string
  readonly #socket: Socket
  readonly #session: ServerHttp2Session
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #onCall: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: GrpcConnection) => void
  readonly #timers = new Set<Timer>()
  #calls = 0
  #idleTimer: Timer | undefined
  #draining = false
  #left = false
  #bytesRead = 0
  #lastPingMs = -Infinity
  #pingStrikes = 0
  /** Something was sent since the last ping: strikes are forgiven, as BDP probes follow data. */
  #sent = false

  constructor(
    socket: Socket,
    peer: string,
    limits: ConnectionLimits,
    clock: Clock,
    onCall: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: GrpcConnection) => void,
    onClose: (connection: GrpcConnection) => void,
  ) {
    this.peer = peer
    this.#socket = socket
    this.#clock = clock
    this.#limits = limits
    this.#onCall = onCall
    const session = performServerHandshake(socket, {
      settings: {
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams: limits.streamsMax,
        maxHeaderListSize: headerBytesMax,
        enablePush: false,
      },
      maxSessionMemory: sessionMemoryMb,
      maxHeaderListPairs: headerPairsMax,
      streamResetBurst: resetsBurst,
      streamResetRate: resetsPerSecond,
    } as Parameters<typeof performServerHandshake>[1])
    this.#session = session
    session.setLocalWindowSize(sessionWindowBytes)
    const handshake = this.#after(handshakeMs, () => this.destroy())
    session.once('remoteSettings', () => handshake.cancel())
    session.on('stream', (stream, headers) => this.#stream(stream, headers))
    session.on('ping', () => this.#clientPing())
    session.on('error', () => {}) // `close` follows; a client's garbage is its own affair.
    session.on('close', () => {
      for (const timer of this.#timers) timer.cancel()
      this.#timers.clear()
      this.#idleTimer?.cancel()
      socket.destroy()
      onClose(this)
    })
    this.#watch()
  }

  /** Calls under way. */
  get calls(): number {
    return this.#calls
  }

  #after(ms: number, run: () => void): Timer {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  #watch(): void {
    const { keepalive } = this.#limits
    if (keepalive.ageMsMax < timerMsMax) {
      const jitter = 0.9 + this.#clock.random() * 0.2
      this.#after(keepalive.ageMsMax * jitter, () => this.#aged())
    }
    this.#idle()
    if (keepalive.pingAfterMs < timerMsMax) this.#keepalive()
  }

  #aged(): void {
    this.drain('max_age')
    const { ageGraceMs } = this.#limits.keepalive
    if (ageGraceMs < timerMsMax) this.#after(ageGraceMs, () => this.destroy())
  }

  #idle(): void {
    const { idleMsMax } = this.#limits.keepalive
    if (idleMsMax < timerMsMax) this.#idleTimer = this.#clock.setTimeout(() => this.drain('max_idle'), idleMsMax)
  }

  /** Ping where nothing was heard for a while; no answer in time: the connection is dead. */
  #keepalive(): void {
    const { pingAfterMs, pingTimeoutMs } = this.#limits.keepalive
    this.#after(pingAfterMs, () => {
      const read = this.#socket.bytesRead
      if (read !== this.#bytesRead) {
        this.#bytesRead = read
        this.#keepalive()
        return
      }
      const dead = this.#after(pingTimeoutMs, () => {
        if (this.#socket.bytesRead === read) this.destroy()
        else this.#keepalive()
      })
      this.#session.ping((error) => {
        if (error) return
        dead.cancel()
        this.#timers.delete(dead)
        this.#bytesRead = this.#socket.bytesRead
        this.#keepalive()
      })
    })
  }

  #clientPing(): void {
    const { clientPingMsMin, clientPingsIdle } = this.#limits.keepalive
    const now = this.#clock.monotonic()
    const since = now - this.#lastPingMs
    this.#lastPingMs = now
    if (this.#sent) {
      this.#sent = false
      this.#pingStrikes = 0
      return
    }
    const least = this.#calls === 0 && !clientPingsIdle ? idlePingMsMin : clientPingMsMin
    if (since >= least) return
    if (++this.#pingStrikes <= pingStrikesMax) return
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
    this.#after(0, () => this.#session.destroy())
  }

  #stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.#calls++
    this.#idleTimer?.cancel()
    stream.once('close', () => {
      this.#sent = true
      if (--this.#calls > 0 || this.#session.destroyed) return
      if (this.#draining) this.#leave()
      else this.#idle()
    })
    this.#onCall(stream, headers, this)
  }

  /**
   * Let the client go: it is told to make its next calls elsewhere, calls under way end. In two halves (RFC 9113, 6.8):
   * calls that it sends before it hears of it are still taken. Safe twice.
   */
  drain(reason: string): void {
    if (this.#draining || this.#session.destroyed) return
    this.#draining = true
    this.#idleTimer?.cancel()
    if (this.#calls === 0) {
      // Both ends of nghttp2 stop reading once a goodbye is said and nothing is under way: no ping would be answered.
      this.#session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from(reason))
      this.#leave()
      return
    }
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1, Buffer.from(reason))
    this.#after(goodbyeMs, () => this.#leave())
    // The client answers this ping after it has read the goodbye, and after all that it sent before.
    this.#session.ping((error) => error || this.#leave())
  }

  /** Take no more calls; ends once those under way have. */
  #leave(): void {
    if (this.#left || this.#session.destroyed) return
    this.#left = true
    this.#session.close()
    const timer = this.#clock.setTimeout(() => this.#calls === 0 && this.destroy(), closeMs)
    this.#socket.once('close', () => timer.cancel())
  }

  /** Close now: calls break off. */
  destroy(): void {
    if (this.#session.destroyed) return
    this.#session.destroy()
    // A client that does not read keeps the last frames from going out.
    const timer = this.#clock.setTimeout(() => this.#socket.destroy(), closeMs)
    this.#socket.once('close', () => timer.cancel())
  }
}

/** Node's timers hold 31 bits of milliseconds: what is longer than 24 days never comes. */
const timerMsMax = 0x7fffffff
