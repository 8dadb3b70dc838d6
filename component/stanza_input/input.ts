// Receives log entries over TCP and UDP, and hands them to a delivery.
import type { Socket } from 'node:net'
import { HealthState, type Host, type Timer } from '#component'
import { type Bindable, hostAndPort, RetriedBind } from '#component/listener'
import { otelServerTls } from '#component/otel_server'
import { type Datagram, PeerNames, type StreamHandler, TcpServer, UdpServer } from '#component/socket_server'
import { lineEncoding, nopEncoding } from '#component/tail'
import { type Delivery, type EntryMaker, type EntryMap, entryEncoding, entryPattern, trimmer } from '#component/stanza'
import { EntryFrames, type FrameSettings } from './frames.ts'
import type { TcpInputSettings, UdpInputSettings } from './settings.ts'

/** As much as the largest datagram. */
const datagramBytesMax = 65_536
const datagramsDefault = 100
/** Addresses whose names are kept. */
const namesMax = 1024

export interface SocketInputOptions {
  readonly host: Host
  readonly delivery: Delivery
  readonly maker: EntryMaker
  /** Framing other than by lines. */
  readonly hasLengths?: boolean
  readonly trailer?: number | undefined
}

/** One listener of either kind. */
export class SocketInput {
  readonly #options: SocketInputOptions
  readonly #kind: 'tcp' | 'udp'
  readonly #settings: TcpInputSettings | UdpInputSettings
  readonly #frames: FrameSettings
  readonly #trim: (text: string) => string
  readonly #names: PeerNames
  readonly #server: RetriedBind<(TcpServer | UdpServer) & Bindable>
  failure = 'not bound yet'

  private constructor(
    kind: 'tcp' | 'udp',
    settings: TcpInputSettings | UdpInputSettings,
    options: SocketInputOptions,
    make: (input: SocketInput) => TcpServer | UdpServer,
  ) {
    this.#options = options
    this.#kind = kind
    this.#settings = settings
    this.#trim = settings.one_log_per_packet ? (text) => text : trimmer(settings)
    const encoding = entryEncoding(settings.encoding)
    this.#frames = {
      encoding: encoding === nopEncoding ? lineEncoding('utf-8') : encoding,
      pattern: entryPattern(settings.multiline),
      isWhole: settings.one_log_per_packet || encoding === nopEncoding,
      bytesMax: 'max_log_size' in settings ? settings.max_log_size : datagramBytesMax,
      hasLengths: kind === 'tcp' && options.hasLengths === true,
      trailer: options.trailer,
    }
    const { clock, log } = options.host
    this.#names = new PeerNames({ clock, sizeMax: namesMax })
    const tried = (failure: string): void => {
      this.failure = failure
      const state = failure === '' ? HealthState.healthy : HealthState.unhealthy
      options.host.setHealth(state, failure === '' ? 'started component' : failure)
      if (failure === '')
        log.info('Receiving entries', { address: settings.listen_address, protocol: kind, port: this.port })
    }
    this.#server = new RetriedBind({ clock, log, tried }, () => make(this))
  }

  static tcp(settings: TcpInputSettings, options: SocketInputOptions): SocketInput {
    const { clock, log } = options.host
    return new SocketInput('tcp', settings, options, (input) => {
      const server = {
        address: addressOf(settings.listen_address),
        connectionsMax: settings.max_connections,
        idleTimeoutMs: settings.connection_idle_timeout,
        tls: settings.tls && otelServerTls(settings.tls),
      }
      return new TcpServer(server, { clock, log, accept: (peer, socket) => input.#accept(peer, socket) })
    })
  }

  static udp(settings: UdpInputSettings, options: SocketInputOptions): SocketInput {
    const { clock, log, counters } = options.host
    return new SocketInput('udp', settings, options, (input) => {
      const queued = settings.async?.max_queue_length ?? datagramsDefault
      const address = addressOf(settings.listen_address)
      return new UdpServer(
        { address, queueBytesMax: Math.max(queued, 1) * datagramBytesMax },
        {
          clock,
          log,
          datagrams: (batch) => input.#datagrams(batch),
          dropped: () => {
            counters.in++
            counters.drop('no room for a datagram', 1)
          },
        },
      )
    })
  }

  get port(): number {
    return this.#server.bound?.port ?? 0
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#names.stop()
    await this.#server.stop(deadlineMs)
  }

  debug(): unknown {
    return {
      listen_address: this.#settings.listen_address,
      protocol: this.#kind,
      port: this.port,
      failure: this.failure,
    }
  }

  async #accept(peer: string, socket: Socket): Promise<StreamHandler> {
    const attributes = await this.#attributes(peer, socket.remotePort ?? 0, {
      ip: plainAddress(socket.localAddress ?? ''),
      port: socket.localPort ?? 0,
    })
    const flushMs = 'force_flush_period' in this.#settings ? this.#settings.force_flush_period : 0
    return new Stream(new EntryFrames(this.#frames), this.#options.host, flushMs, (texts) =>
      this.#take(texts, attributes),
    )
  }

  async #datagrams(batch: readonly Datagram[]): Promise<void> {
    const { host: local } = addressOf(this.#settings.listen_address)
    const own = { ip: local === '' ? '::' : local, port: this.port }
    // Names are looked up together: one that takes long holds up no other for longer.
    const all = this.#settings.add_attributes
      ? await Promise.all(batch.map(({ peer, peerPort }) => this.#attributes(peer, peerPort, own)))
      : undefined
    for (const [i, { bytes }] of batch.entries()) {
      const attributes = all?.[i] ?? {}
      const frames = new EntryFrames(this.#frames)
      let end = bytes.length
      while (end > 0 && (bytes[end - 1] as number) < 32) end--
      const texts = frames.push(bytes.subarray(0, end))
      texts.push(...frames.finish())
      await this.#take(texts, attributes)
    }
  }

  async #attributes(
    peer: string,
    peerPort: number,
    local: { readonly ip: string; readonly port: number },
  ): Promise<EntryMap> {
    if (!this.#settings.add_attributes) return {}
    const name = async (address: string): Promise<string> =>
      (await this.#names.nameOf(address)).split(',')[0] || address
    return {
      'net.transport': this.#kind === 'tcp' ? 'IP.TCP' : 'IP.UDP',
      'net.peer.ip': peer,
      'net.peer.port': String(peerPort),
      'net.peer.name': await name(peer),
      'net.host.ip': local.ip,
      'net.host.port': String(local.port),
      'net.host.name': await name(local.ip),
    }
  }

  #take(texts: readonly string[], attributes: EntryMap): void | Promise<void> {
    const { host, maker, delivery } = this.#options
    const observedNs = BigInt(Math.trunc(host.clock.now() * 1000)) * 1000n
    if (texts.length === 0) return undefined
    // Empty lines are entries, as they are upstream.
    const entries = texts.map((text) => maker.make(this.#trim(text), attributes, observedNs))
    host.counters.in += entries.length
    return delivery.take(entries)
  }
}

/** Checked with the settings. */
function addressOf(address: string): { readonly host: string; readonly port: number } {
  const { host, port } = hostAndPort(address) ?? { host: '', port: 0 }
  return { host: host === 'localhost' ? '127.0.0.1' : host, port }
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** One TCP connection. */
class Stream implements StreamHandler {
  readonly #frames: EntryFrames
  readonly #host: Host
  /** 0: only what the end of the connection leaves is an entry without being whole. */
  readonly #flushMs: number
  readonly #take: (texts: readonly string[]) => void | Promise<void>
  #timer: Timer | undefined

  constructor(
    frames: EntryFrames,
    host: Host,
    flushMs: number,
    take: (texts: readonly string[]) => void | Promise<void>,
  ) {
    this.#frames = frames
    this.#host = host
    this.#flushMs = flushMs
    this.#take = take
  }

  data(chunk: Buffer): boolean | Promise<boolean> {
    this.#timer?.cancel()
    this.#timer = undefined
    const texts = this.#frames.push(chunk)
    const done = texts.length === 0 ? undefined : this.#take(texts)
    if (done) return done.then(() => this.#wait())
    return this.#wait()
  }

  /** The time without bytes begins once these are taken: before that nothing is read, whatever has come. */
  #wait(): true {
    if (this.#flushMs > 0 && this.#frames.holds) {
      this.#timer = this.#host.clock.setTimeout(() => void this.#late(), this.#flushMs)
    }
    return true
  }

  async #late(): Promise<void> {
    try {
      await this.#flush()
    } catch (error) {
      this.#host.log.error('Cannot take what is left of a stream', { err: (error as Error).message })
    }
  }

  async #flush(): Promise<void> {
    this.#timer = undefined
    const texts = this.#frames.finish()
    if (texts.length > 0) await this.#take(texts)
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    await this.#flush()
  }
}
