// Hands on what comes out of operators, again and again where the next component cannot take it now, and counts it all.
import {
  attr,
  bool,
  type Clock,
  ConsumeError,
  defineSettings,
  duration,
  type Host,
  type LogsConsumer,
  type LogsPort,
  type SettingsOf,
  type Timer,
} from '#component'
import { Backoff } from '#lib/backoff'
import { type Entry, logsOf } from './entry.ts'
import { flushIntervalMs, type OperatorSettings, Pipeline, type PipelineOutput } from './pipeline.ts'

export const retrySettings = defineSettings(
  {
    enabled: attr(bool, 'Try again as these settings say; otherwise for as long as it takes.', { default: false }),
    initial_interval: attr(duration, 'The wait before the first try.', { default: '1s' }),
    max_interval: attr(duration, 'The longest wait.', { default: '30s' }),
    max_elapsed_time: attr(duration, 'After so long entries are dropped; 0: never.', { default: '5m' }),
  },
  {
    check({ initial_interval: first, max_interval: most, max_elapsed_time: all }, report) {
      if (first <= 0) report('initial_interval must be positive', ['initial_interval'])
      if (most < first) report('max_interval must not be less than initial_interval', ['max_interval'])
      if (all < 0) report('max_elapsed_time must not be negative', ['max_elapsed_time'])
    },
  },
)
export type RetrySettings = SettingsOf<typeof retrySettings>

/** Where waits are not set. */
const waitDefault = { minMs: 100, maxMs: 10_000 }

export interface DeliverySettings {
  readonly operators: readonly OperatorSettings[]
  readonly retry: RetrySettings
  /** What is not taken before the stop comes again; otherwise it is dropped, and counted so. */
  readonly comesAgain: boolean
}

export class Delivery {
  readonly #host: Host
  readonly #clock: Clock
  readonly #outlet: LogsConsumer
  readonly #pipeline: Pipeline
  readonly #retry: RetrySettings
  readonly #comesAgain: boolean
  readonly #wakeups = new Set<() => void>()
  #waiting = 0
  #timer: Timer | undefined
  #flushing: Promise<void> | undefined
  #deadline: Timer | undefined
  #hurried = false
  #stopping = false

  constructor(host: Host, settings: DeliverySettings, ports: readonly LogsPort[]) {
    this.#host = host
    this.#clock = host.clock
    this.#outlet = host.outlet(ports)
    this.#retry = settings.retry
    this.#comesAgain = settings.comesAgain
    this.#pipeline = new Pipeline(settings.operators, host)
    for (const id of this.#pipeline.errors.keys()) {
      host.instruments.observedCounter(
        'solder_stanza_operator_errors_total',
        'Entries that an operator could not work on.',
        () => this.#pipeline.errors.get(id) ?? 0,
        { operator: id },
      )
    }
  }

  /** Entries inside: held by operators, and not taken yet. */
  get waiting(): number {
    return this.#waiting + this.#pipeline.held
  }

  /**
   * Run entries that are counted as in already through the operators, and hand them on. Rejects with a retryable
   * `ConsumeError` only where it stops meanwhile and they come again: the caller must not count what it was `given` as in then (what of it did not
   * become an entry counts as dropped).
   */
  take(entries: readonly Entry[], given: number = entries.length): void | Promise<void> {
    const output = this.#pipeline.run(entries)
    this.#count(output)
    if (this.#pipeline.held > 0) this.#flushLater()
    return this.#deliver(output.entries, given)
  }

  #count({ dropped, extra }: PipelineOutput): void {
    const { counters } = this.#host
    counters.in += extra
    for (const [reason, items] of dropped) counters.drop(reason, items)
  }

  /** `given` entries became these. */
  #deliver(entries: readonly Entry[], given: number): void | Promise<void> {
    if (entries.length === 0) return undefined
    try {
      const done = this.#outlet.consume(logsOf(entries))
      return done ? done.catch((error: unknown) => this.#again(error as Error, entries, given)) : undefined
    } catch (error) {
      return this.#again(error as Error, entries, given)
    }
  }

  async #again(failure: Error, entries: readonly Entry[], given: number): Promise<void> {
    const { counters, log } = this.#host
    const items = entries.length
    const startMs = this.#clock.monotonic()
    const backoff = this.#backoff()
    for (let error = failure; ;) {
      const waitMs = this.#waitAfter(error, startMs, backoff)
      if (waitMs === undefined) {
        counters.drop('refused by the next component', items)
        log.warn('Entries were refused and are dropped', { items, err: error.message })
        return
      }
      this.#waiting += items
      await this.#sleep(waitMs)
      this.#waiting -= items
      if (this.#stopping && !this.#comesAgain) {
        counters.drop('not delivered before the stop', items)
        return
      }
      if (this.#stopping) {
        // The caller takes back what it counted as in; only these `items` of it are not counted elsewhere.
        counters.in += given - items
        throw new ConsumeError('stopped before the entries were taken', { retryable: true })
      }
      try {
        await this.#outlet.consume(logsOf(entries))
        return
      } catch (next) {
        error = next as Error
      }
    }
  }

  #backoff(): Backoff {
    const { enabled, initial_interval: minMs, max_interval: maxMs } = this.#retry
    return new Backoff({ ...(enabled ? { minMs, maxMs } : waitDefault), random: () => this.#clock.random() })
  }

  /** Undefined: not again. */
  #waitAfter(error: Error, startMs: number, backoff: Backoff): number | undefined {
    if (!(error instanceof ConsumeError) || !error.retryable) return undefined
    const waitMs = error.retryAfterMs ?? backoff.nextMs()
    const { enabled, max_elapsed_time: mostMs } = this.#retry
    const elapsedMs = this.#clock.monotonic() - startMs + waitMs
    return enabled && mostMs > 0 && elapsedMs > mostMs ? undefined : waitMs
  }

  /** Ends early when this stops. */
  #sleep(ms: number): Promise<void> {
    if (this.#stopping) return Promise.resolve()
    const waitMs = this.#hurried ? Math.min(ms, waitDefault.minMs) : ms
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#wakeups.delete(wake)
        resolve()
      }
      const timer = this.#clock.setTimeout(wake, waitMs)
      this.#wakeups.add(wake)
    })
  }

  #flushLater(): void {
    if (this.#timer !== undefined || this.#stopping) return
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      this.#flushing = this.#flush(false).finally(() => {
        this.#flushing = undefined
        if (this.#pipeline.held > 0) this.#flushLater()
      })
    }, flushIntervalMs)
  }

  async #flush(all: boolean): Promise<void> {
    const output = this.#pipeline.flush(all)
    this.#count(output)
    const items = output.entries.length
    try {
      await this.#deliver(output.entries, items)
    } catch (error) {
      if (!(error instanceof ConsumeError)) throw error
      this.#host.counters.drop('not delivered before the stop', items)
    }
  }

  /** What waits is tried again at once, until two thirds of the deadline have passed. To be called before `stop`. */
  stopping(deadlineMs: number): void {
    if (this.#hurried || this.#stopping) return
    this.#hurried = true
    this.#deadline = this.#clock.setTimeout(() => this.giveUp(), (deadlineMs * 2) / 3)
    for (const wake of this.#wakeups) wake()
  }

  /** Wait for nothing any more: what is not taken at once is not taken. */
  giveUp(): void {
    this.#stopping = true
    this.#deadline?.cancel()
    this.#timer?.cancel()
    this.#timer = undefined
    for (const wake of this.#wakeups) wake()
  }

  /** Hand on what operators hold. Safe twice. */
  async stop(): Promise<void> {
    if (!this.#hurried) this.giveUp()
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#flushing
    await this.#flush(true)
    this.giveUp()
  }
}
