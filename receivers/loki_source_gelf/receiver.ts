// Datagrams of GELF messages as lines: put together, decompressed, labelled, handed on.
import { type Component, type Count, HealthState, type Host } from '#component'
import { hostAndPort, RetriedBind } from '#component/listener'
import { GatheredLines, LabelSets, LogDelivery, relabelledReason, sourceLabels } from '#component/log_source'
import { type Datagram, UdpServer } from '#component/socket_server'
import { severityLevels } from '#component/syslog'
import { inflated } from '#lib/inflate'
import type { Labels } from '#pdata'
import { ChunkedMessages } from './chunks.ts'
import type { LokiSourceGelfSettings } from './component.ts'
import { type GelfMessage, readGelf } from './message.ts'

/** A message once it is put together and decompressed; Loki takes less of a line. */
const messageBytesMax = 8 * 1024 * 1024
const queueBytesMax = 4 * 1024 * 1024
/** Datagrams that unpack to a thousand times their size must not all be in memory at once. */
const gatheredCharsMax = 4 * 1024 * 1024
const addressDefault = ':12201'
const overflowReason = 'datagram queue full'
const faultLogMs = 10_000

export class LokiSourceGelf implements Component<LokiSourceGelfSettings> {
  readonly #host: Host
  #settings: LokiSourceGelfSettings
  readonly #delivery: LogDelivery
  readonly #gathered = new GatheredLines()
  readonly #chunks: ChunkedMessages
  readonly #entries: Count
  readonly #errors: Count
  #sets = new LabelSets()
  #server: RetriedBind<UdpServer>
  #faultLogged = -Infinity
  #started = false

  constructor(host: Host, settings: LokiSourceGelfSettings) {
    this.#host = host
    this.#settings = settings
    this.#delivery = new LogDelivery(host, settings.forward_to)
    this.#chunks = new ChunkedMessages(host.clock)
    const { instruments } = host
    this.#entries = instruments.counter(
      'gelf_target_entries_total',
      'Total number of successful entries sent to the gelf target',
    )
    this.#errors = instruments.counter(
      'gelf_target_parsing_errors_total',
      'Total number of parsing errors while receiving gelf messages',
    )
    instruments.observedCounter(
      'solder_gelf_lost_chunked_messages_total',
      'Messages of which not all chunks came in time.',
      () => this.#chunks.lost,
    )
    this.#server = this.#makeServer()
  }

  #makeServer(): RetriedBind<UdpServer> {
    const { clock, log, counters } = this.#host
    // Checked with the settings.
    const address = hostAndPort(this.#settings.listen_address || addressDefault) ?? { host: '', port: 0 }
    const tried = (failure: string): void => {
      if (failure === '') this.#host.setHealth(HealthState.healthy, 'started component')
      else this.#host.setHealth(HealthState.unhealthy, failure)
    }
    const dropped = (): void => {
      counters.in++
      counters.drop(overflowReason, 1)
    }
    const datagrams = (batch: readonly Datagram[]): Promise<void> => this.#take(batch)
    return new RetriedBind(
      { clock, log, tried },
      () => new UdpServer({ address, queueBytesMax }, { clock, log, datagrams, dropped }),
    )
  }

  async start(): Promise<void> {
    this.#started = true
    await this.#server.start()
  }

  /** The port that is listened on. */
  get port(): number {
    return this.#server.bound?.port ?? 0
  }

  async #take(batch: readonly Datagram[]): Promise<void> {
    let chars = 0
    for (const { bytes, peer } of batch) {
      try {
        const whole = ChunkedMessages.isChunk(bytes) ? this.#chunks.add(bytes, peer) : bytes
        if (whole !== undefined) {
          const text = (await plain(whole)).toString('utf8')
          chars += text.length
          this.#add(readGelf(text))
        }
      } catch (error) {
        this.#fault((error as Error).message)
      }
      if (chars < gatheredCharsMax) continue
      chars = 0
      await this.#handOn()
    }
    await this.#handOn()
  }

  async #handOn(): Promise<void> {
    const { count } = this.#gathered
    if (count === 0) return
    if (await this.#delivery.handOn(this.#gathered.take(this.#host.clock.now()), count)) this.#entries.add(count)
  }

  #add(message: GelfMessage): void {
    const labels = this.#labels(message)
    if (labels === null) {
      this.#host.counters.in++
      this.#host.counters.drop(relabelledReason, 1)
      return
    }
    const isTimed = this.#settings.use_incoming_timestamp && message.timestamp !== 0
    this.#gathered.add(labels, message.line, isTimed ? nanoseconds(message.timestamp) : null)
  }

  #labels({ level, host, version, facility }: GelfMessage): Labels | null {
    const key = `${level}\0${host}\0${version}\0${facility}`
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    const pairs: [string, string][] = [
      ['__gelf_message_level', severityLevels[level] ?? ''],
      ['__gelf_message_host', host],
      ['__gelf_message_version', version],
      ['__gelf_message_facility', facility],
    ]
    return this.#sets.set(key, sourceLabels(pairs, this.#settings.relabel_rules))
  }

  #fault(why: string): void {
    this.#errors.add(1)
    const now = this.#host.clock.monotonic()
    if (now < this.#faultLogged + faultLogMs) return
    this.#faultLogged = now
    this.#host.log.warn('Received what is no GELF message', { err: why, total: this.#errors.value })
  }

  /** Another address is bound in the place of the one that is. */
  async update(settings: LokiSourceGelfSettings): Promise<void> {
    const before = this.#settings
    this.#settings = settings
    this.#delivery.forwardTo(settings.forward_to)
    this.#sets = new LabelSets()
    if (settings.listen_address === before.listen_address) return
    await this.#server.stop(updateDeadlineMs)
    this.#server = this.#makeServer()
    if (this.#started) await this.#server.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#delivery.stopping(deadlineMs)
    await this.#server.stop(deadlineMs)
    await this.#delivery.stop(deadlineMs)
  }

  debug(): unknown {
    return { port: this.port, waiting: this.#delivery.waiting, incomplete_messages: this.#chunks.pending }
  }
}

/** What is being handed on has so long to be taken when the address changes. */
const updateDeadlineMs = 5000

/** The message without its compression: gzip, zlib, or none. */
async function plain(bytes: Buffer): Promise<Buffer> {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const isZlib = bytes.length > 1 && bytes[0] === 0x78 && bytes.readUInt16BE(0) % 31 === 0
  if (!isGzip && !isZlib) return bytes
  const out = await inflated(bytes, isGzip ? 'gzip' : 'zlib', messageBytesMax)
  return Buffer.from(out.buffer, out.byteOffset, out.length)
}

/** As Go does it: what the number holds below a nanosecond is cut off. */
function nanoseconds(seconds: number): bigint {
  const ns = BigInt(Math.trunc(seconds * 1e9))
  return BigInt.asIntN(64, ns) === ns ? ns : 0n
}
