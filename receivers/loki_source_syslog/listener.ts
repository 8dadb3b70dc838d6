// One listener: messages of its connections or datagrams, made into lines and handed on.
import type { Clock, Host, Timer } from '#component'
import { type Bindable, hostAndPort, RetriedBind, type ServerTlsSettings } from '#component/listener'
import type { LogDelivery } from '#component/log_source'
import type { RelabelRules } from '#component/relabel'
import { type Datagram, PeerNames, type StreamHandler, TcpServer, UdpServer } from '#component/socket_server'
import { type FrameOptions, SyslogFrames } from '#component/syslog'
import type { ListenerSettings } from './component.ts'
import { type Sender, SyslogLines } from './lines.ts'

/** The longest message that ends with a newline. Alloy has no bound there; `max_message_length` raises it. */
const lineBytesMin = 1024 * 1024
/** As much as the system's buffer would keep while the next components take their time. */
const udpQueueBytesMin = 1024 * 1024
const idleDefaultMs = 120_000
const lengthDefault = 8192

export interface ListenerOptions {
  readonly host: Host
  readonly delivery: LogDelivery
  readonly settings: ListenerSettings
  readonly rules: RelabelRules | undefined
  /** Lines were taken. */
  taken(lines: number): void
  empty(messages: number): void
  fault(faults: number, why: string): void
  relabelled(lines: number): void
  overflowed(): void
  bound(): void
}

export class SyslogListener {
  readonly #options: ListenerOptions
  readonly #server: RetriedBind<(TcpServer | UdpServer) & Bindable>
  readonly #names: PeerNames
  /** Why it does not listen; '': it does. */
  failure = 'not bound yet'
  #lines: SyslogLines
  #settings: ListenerSettings
  #rules: RelabelRules | undefined
  readonly #udpFrames: SyslogFrames
  #udpSender: Sender = { address: '', name: '' }

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#rules = options.rules
    const { clock, log } = options.host
    this.#lines = new SyslogLines(options.settings, options.rules)
    this.#udpFrames = this.#framesOf(() => this.#udpSender)
    this.#names = new PeerNames({ clock, sizeMax: Math.max(options.settings.udp_host_cache_size, 1) })
    const tried = (failure: string): void => {
      this.failure = failure
      if (failure === '') {
        const { address, protocol } = this.#settings
        log.info('Receiving syslog', { address, protocol, port: this.port })
      }
      options.bound()
    }
    this.#server = new RetriedBind({ clock, log, tried }, () => this.#makeServer())
  }

  get settings(): ListenerSettings {
    return this.#settings
  }

  get port(): number {
    return this.#server.bound?.port ?? 0
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** Other labels and rules for what comes from now on. Where it listens, and how messages are framed, stays. */
  update(settings: ListenerSettings, rules: RelabelRules | undefined): void {
    // What was made into lines already has the labels of before.
    void this.#handOn()
    this.#settings = settings
    this.#rules = rules
    this.#lines = new SyslogLines(settings, rules)
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#names.stop()
    await this.#server.stop(deadlineMs)
  }

  debug(): unknown {
    const { address, protocol } = this.#settings
    const bound = this.#server.bound
    const connections = bound instanceof TcpServer ? { connections: bound.connections } : {}
    return { listen_address: address, protocol, port: this.port, ready: this.failure === '', ...connections }
  }

  #makeServer(): TcpServer | UdpServer {
    const s = this.#settings
    const { clock, log } = this.#options.host
    // Checked with the settings.
    const { host, port } = hostAndPort(s.address) ?? { host: '', port: 0 }
    const address = { host: host === 'localhost' ? '127.0.0.1' : host, port }
    if (s.protocol === 'udp') {
      const queueBytesMax = udpQueueBytesMin + Math.max(s.udp_queue_size, 0) * messageBytesMax(s)
      return new UdpServer(
        { address, queueBytesMax },
        { clock, log, datagrams: (batch) => this.#datagrams(batch), dropped: () => this.#options.overflowed() },
      )
    }
    const settings = { address, connectionsMax: 0, idleTimeoutMs: s.idle_timeout || idleDefaultMs, tls: tlsOf(s) }
    return new TcpServer(settings, { clock, log, accept: (peer) => this.#accept(peer) })
  }

  /** Names are asked for only where a rule could make use of them. */
  #senderOf(address: string): Sender | Promise<Sender> {
    if (this.#rules === undefined) return { address, name: '' }
    const name = this.#names.nameOf(address)
    return typeof name === 'string' ? { address, name } : name.then((found) => ({ address, name: found }))
  }

  #framesOf(sender: () => Sender): SyslogFrames {
    const { clock } = this.#options.host
    return new SyslogFrames(frameOptions(this.#settings), {
      frame: (bytes, start, end) => this.#lines.add(bytes, start, end, sender(), clock.now()),
      fault: (why) => this.#lines.fault(why),
    })
  }

  async #accept(peer: string): Promise<StreamHandler> {
    const sender = await this.#senderOf(peer)
    return new Stream(
      this.#options.host.clock,
      this.#framesOf(() => sender),
      this.#settings.continuation_timeout,
      () => this.#handOn(),
    )
  }

  async #datagrams(batch: readonly Datagram[]): Promise<void> {
    const most = messageBytesMax(this.#settings)
    // Asked for together: no name that takes long holds up the others for longer.
    const asked = batch.map(({ peer }) => this.#senderOf(peer))
    const isKnown = (sender: Sender | Promise<Sender>): sender is Sender => !(sender instanceof Promise)
    const senders = asked.every(isKnown) ? asked : await Promise.all(asked.map(async (sender) => sender))
    for (const [i, { bytes }] of batch.entries()) {
      this.#udpSender = senders[i] as Sender
      const frames = this.#udpFrames
      // What is longer is cut, as the system would cut it.
      frames.push(bytes.length > most ? bytes.subarray(0, most) : bytes)
      frames.finish()
    }
    await this.#handOn()
  }

  /** What was made of the bytes that came. True once it is settled. */
  #handOn(): true | Promise<true> {
    const { counts, gathered, lastFault } = this.#lines
    const { delivery, host, taken } = this.#options
    if (counts.faults > 0) this.#options.fault(counts.faults, lastFault)
    if (counts.empty > 0) this.#options.empty(counts.empty)
    if (counts.relabelled > 0) this.#options.relabelled(counts.relabelled)
    counts.faults = 0
    counts.empty = 0
    counts.relabelled = 0
    const { count } = gathered
    if (count === 0) return true
    const done = delivery.handOn(gathered.take(host.clock.now()), count)
    if (typeof done === 'boolean') {
      if (done) taken(count)
      return true
    }
    return done.then((were) => {
      if (were) taken(count)
      return true
    })
  }
}

/** One TCP connection. */
class Stream implements StreamHandler {
  readonly #clock: Clock
  readonly #frames: SyslogFrames
  /** A whole message waits so long for a line that goes on with it. */
  readonly #holdMs: number
  readonly #handOn: () => true | Promise<true>
  #timer: Timer | undefined

  constructor(clock: Clock, frames: SyslogFrames, holdMs: number, handOn: () => true | Promise<true>) {
    this.#clock = clock
    this.#frames = frames
    this.#holdMs = holdMs
    this.#handOn = handOn
  }

  data(chunk: Buffer): boolean | Promise<boolean> {
    this.#timer?.cancel()
    const more = this.#frames.push(chunk)
    const done = this.#handOn()
    if (done !== true) return done.then(() => this.#wait(more))
    return this.#wait(more)
  }

  /** A message that is held waits from when those before it are taken: until then nothing is read, whatever has come. */
  #wait(more: boolean): boolean {
    if (this.#frames.holds) this.#timer = this.#clock.setTimeout(() => this.#flush(), this.#holdMs)
    return more
  }

  #flush(): void {
    this.#frames.flush()
    void this.#handOn()
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    this.#frames.finish()
    await this.#handOn()
  }
}

function messageBytesMax({ max_message_length: length }: ListenerSettings): number {
  return length > 0 ? length : lengthDefault
}

function frameOptions(s: ListenerSettings): FrameOptions {
  const octetsMax = messageBytesMax(s)
  const lineBytesMax = Math.max(octetsMax, lineBytesMin)
  if (s.syslog_format !== 'raw') return { octetsMax, lineBytesMax }
  const trailer = s.raw_format_options?.use_null_terminator_delimiter ? 0 : 10
  return { octetsMax: lineBytesMax, lineBytesMax, trailer, raw: true }
}

function tlsOf({ tls_config: tls }: ListenerSettings): ServerTlsSettings | undefined {
  if (!tls) return undefined
  const certificate = tls.cert_pem !== '' || tls.cert_file !== ''
  if (!certificate) return undefined
  const hasAuthority = tls.ca_pem !== '' || tls.ca_file !== ''
  return {
    certPem: tls.cert_pem,
    certFile: tls.cert_file,
    keyPem: tls.key_pem?.reveal() ?? '',
    keyFile: tls.key_file,
    clientCaPem: tls.ca_pem,
    clientCaFile: tls.ca_file,
    clientAuth: hasAuthority ? 'RequireAndVerifyClientCert' : 'NoClientCert',
    cipherSuites: [],
    curves: [],
    minVersion: tls.min_version,
    maxVersion: '',
  }
}
