// The listeners of one component, their metrics, and changes of them while they run.
import { type Component, type Count, HealthState, type Host } from '#component'
import { LogDelivery, relabelledReason } from '#component/log_source'
import type { ListenerSettings, LokiSourceSyslogSettings } from './component.ts'
import { SyslogListener } from './listener.ts'

/** Datagrams that found no room while the next components took their time. */
const overflowReason = 'datagram queue full'
/** Streams may be damaged many times a second; a line in the log says so once in a while. */
const faultLogMs = 10_000

export class LokiSourceSyslog implements Component<LokiSourceSyslogSettings> {
  readonly #host: Host
  #settings: LokiSourceSyslogSettings
  readonly #delivery: LogDelivery
  #listeners: SyslogListener[] = []
  readonly #entries: Count
  readonly #empty: Count
  readonly #faults: Count
  #faultLogged = -Infinity
  #started = false

  constructor(host: Host, settings: LokiSourceSyslogSettings) {
    this.#host = host
    this.#settings = settings
    this.#delivery = new LogDelivery(host, settings.forward_to)
    const count = (name: string, help: string): Count =>
      host.instruments.counter(`loki_source_syslog_${name}_total`, help)
    this.#entries = count('entries', 'Total number of successful entries sent to the syslog target')
    this.#empty = count('empty_messages', 'Total number of empty messages received from syslog')
    this.#faults = count('parsing_errors', 'Total number of parsing errors while receiving syslog messages')
    this.#listeners = settings.listener.map((one) => this.#make(one))
  }

  #make(settings: ListenerSettings): SyslogListener {
    const { counters } = this.#host
    return new SyslogListener({
      host: this.#host,
      delivery: this.#delivery,
      settings,
      rules: this.#settings.relabel_rules,
      taken: (lines) => this.#entries.add(lines),
      empty: (messages) => this.#empty.add(messages),
      fault: (faults, why) => this.#fault(faults, why),
      relabelled: (lines) => {
        counters.in += lines
        counters.drop(relabelledReason, lines)
      },
      overflowed: () => {
        counters.in++
        counters.drop(overflowReason, 1)
      },
      bound: () => this.#reportHealth(),
    })
  }

  #fault(faults: number, why: string): void {
    this.#faults.add(faults)
    const now = this.#host.clock.monotonic()
    if (now < this.#faultLogged + faultLogMs) return
    this.#faultLogged = now
    this.#host.log.warn('Received what is no syslog message', { err: why, total: this.#faults.value })
  }

  /** The ports that are listened on, in the order of the listeners. */
  get ports(): number[] {
    return this.#listeners.map(({ port }) => port)
  }

  async start(): Promise<void> {
    this.#started = true
    await Promise.all(this.#listeners.map((listener) => listener.start()))
  }

  #reportHealth(): void {
    const failure = this.#listeners.map((listener) => listener.failure).find((text) => text !== '')
    if (failure === undefined) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, failure)
  }

  /** Listeners whose address, protocol and TLS stay keep their connections. */
  async update(settings: LokiSourceSyslogSettings): Promise<void> {
    this.#settings = settings
    this.#delivery.forwardTo(settings.forward_to)
    const before = [...this.#listeners]
    const fresh: SyslogListener[] = []
    this.#listeners = settings.listener.map((one) => {
      const at = before.findIndex((listener) => serverKey(listener.settings) === serverKey(one))
      const kept = at < 0 ? undefined : before.splice(at, 1)[0]
      if (kept) {
        kept.update(one, settings.relabel_rules)
        return kept
      }
      const made = this.#make(one)
      fresh.push(made)
      return made
    })
    await Promise.all(before.map((listener) => listener.stop(updateDeadlineMs)))
    if (!this.#started) return
    await Promise.all(fresh.map((listener) => listener.start()))
    this.#reportHealth()
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#delivery.stopping(deadlineMs)
    await Promise.all(this.#listeners.map((listener) => listener.stop(deadlineMs)))
    await this.#delivery.stop(deadlineMs)
  }

  debug(): unknown {
    return { listeners: this.#listeners.map((listener) => listener.debug()) }
  }
}

/** What is being handed on has so long to be taken when a listener goes. */
const updateDeadlineMs = 5000

/** What a running listener cannot change: all but what is made of its messages. */
function serverKey(s: ListenerSettings): string {
  const { labels: _, label_structured_data: __, tls_config: tls, ...rest } = s
  return JSON.stringify([rest, tls && { ...tls, key_pem: tls.key_pem?.reveal() }])
}
