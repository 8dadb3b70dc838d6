// The batch processor: gathers spans, log records and data points and sends them on in larger batches.
import type {
  Batch,
  Component,
  Consumer,
  Host,
  LogsConsumer,
  MetricsConsumer,
  OtelOutput,
  Port,
  TracesConsumer,
} from '#component'
import { ConsumeError, outputPorts } from '#component'
import { Retries, RetryingPort } from '#component/retrying_port'
import type { ClientContext } from '#pdata'
import { BatchInstruments } from './instruments.ts'
import type { ShardSettings } from './shard.ts'
import { Shard } from './shard.ts'
import type { SignalOperations } from './signals.ts'
import { logsOperations, metricsOperations, tracesOperations } from './signals.ts'

export interface BatchSettings extends ShardSettings {
  /** Batches of clients that differ in these are kept apart; in lower case. */
  readonly metadataKeys: readonly string[]
  /** How many combinations of their values there may be; 0: any number. */
  readonly metadataCardinalityLimit: number
}

/**
 * How long one of several consumers may refuse a batch before it goes without it: the others must not wait for ever. A
 * single consumer is waited for without end, with back-pressure on those who send.
 */
const fanOutHoldMs = 5000

/** At the limit of combinations, one that was not met for so long makes room for a new one. */
const idleMsMin = 300_000

const lastTriesMs = 100

/**
 * Takes batches at once and owns up to them from then on: they wait here (`waiting`), are handed on, or are counted as
 * dropped under a reason. Order is kept per signal and combination of metadata.
 */
export class BatchProcessor implements Component {
  readonly traces: TracesConsumer
  readonly logs: LogsConsumer
  readonly metrics: MetricsConsumer
  readonly #host: Host
  readonly #signals: readonly SignalBatcher<never>[]
  #stopping: Promise<void> | undefined

  constructor(host: Host, settings: BatchSettings, output: OtelOutput) {
    const ports = outputPorts(output)
    const instruments = new BatchInstruments(host.instruments, () =>
      this.#signals.reduce((sum, signal) => sum + signal.cardinality, 0),
    )
    const traces = new SignalBatcher(host, settings, tracesOperations, ports.traces, instruments)
    const logs = new SignalBatcher(host, settings, logsOperations, ports.logs, instruments)
    const metrics = new SignalBatcher(host, settings, metricsOperations, ports.metrics, instruments)
    this.traces = traces
    this.logs = logs
    this.metrics = metrics
    this.#host = host
    this.#signals = [traces, logs, metrics] as unknown as readonly SignalBatcher<never>[]
    host.counters.observeWaiting(() => this.#signals.reduce((sum, signal) => sum + signal.items, 0))
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  async #stop(deadlineMs: number): Promise<void> {
    const flushed = Promise.all(this.#signals.map((signal) => signal.flush()))
    let give = (): void => {}
    const tooLate = new Promise<void>((resolve) => (give = resolve))
    const timer = this.#host.clock.setTimeout(give, deadlineMs)
    await Promise.race([flushed, tooLate])
    timer.cancel()
    for (const signal of this.#signals) signal.abandon()
    // What waited for another try has its last one now; a consumer that does not answer is not waited for.
    const lastTries = new Promise<void>((resolve) => (give = resolve))
    const grace = this.#host.clock.setTimeout(give, lastTriesMs)
    await Promise.race([flushed, lastTries])
    grace.cancel()
  }

  debug(): unknown {
    return { waiting_items: this.#host.counters.waiting }
  }
}

class SignalBatcher<B extends Batch> implements Consumer<B> {
  readonly #host: Host
  readonly #settings: BatchSettings
  readonly #operations: SignalOperations<B>
  readonly #instruments: BatchInstruments
  readonly #next: Consumer<B>
  readonly #retries: Retries
  /** By the values of the metadata keys. */
  readonly #shards = new Map<string, Shard<B>>()
  #isStopped = false
  #lastFailureMs = Number.NEGATIVE_INFINITY

  constructor(
    host: Host,
    settings: BatchSettings,
    operations: SignalOperations<B>,
    ports: readonly Port<B>[],
    instruments: BatchInstruments,
  ) {
    this.#host = host
    this.#settings = settings
    this.#operations = operations
    this.#instruments = instruments
    this.#retries = new Retries(host.clock, ports.length > 1 ? fanOutHoldMs : Number.POSITIVE_INFINITY, () => {
      for (const shard of this.#shards.values()) shard.release()
    })
    this.#next = host.outlet(ports.map((port) => new RetryingPort(port, this.#retries)))
  }

  get cardinality(): number {
    return this.#shards.size
  }

  get items(): number {
    let items = 0
    for (const shard of this.#shards.values()) items += shard.items
    return items
  }

  consume(batch: B): void | Promise<void> {
    if (this.#isStopped) throw new ConsumeError('Cannot take a batch: the processor has stopped', { retryable: true })
    if (batch.wire === null && batch.tree === null) {
      throw new ConsumeError('Cannot batch telemetry that is not OTLP: a bridge has to convert it', {
        retryable: false,
      })
    }
    if (batch.count === 0) return undefined
    return this.#shardFor(batch.context).consume(batch)
  }

  /** Send everything that waits, and take no more. */
  async flush(): Promise<void> {
    this.#isStopped = true
    await Promise.all([...this.#shards.values()].map((shard) => shard.flush()))
  }

  /** Count what could not be handed on in time. */
  abandon(): void {
    this.#retries.close()
    for (const shard of this.#shards.values()) {
      this.#host.counters.drop('not handed on before the stop', shard.abandon())
    }
  }

  #shardFor(context: ClientContext | null): Shard<B> {
    const { metadataKeys, metadataCardinalityLimit: limit } = this.#settings
    const key = metadataKeys.length === 0 ? '' : keyOf(metadataKeys, context)
    const known = this.#shards.get(key)
    if (known !== undefined) return known
    if (metadataKeys.length > 0 && limit > 0 && this.#shards.size >= limit && !this.#evict()) {
      const message = `Cannot take a batch: there are more combinations of metadata than metadata_cardinality_limit: current value is ${limit}`
      throw new ConsumeError(message, { retryable: false })
    }
    const shard = new Shard(
      this.#settings,
      this.#operations,
      metadataKeys.length === 0 ? null : contextOf(metadataKeys, context),
      this.#next,
      {
        isHolding: () => this.#retries.holding > 0,
        sent: (batch, trigger) => this.#instruments.sent(batch.count, this.#operations.bytes(batch), trigger),
        failed: (items, error) => this.#failed(items, error),
      },
      this.#host.clock,
    )
    this.#shards.set(key, shard)
    return shard
  }

  /** Forget one combination that was not met for long. Upstream keeps them all, and then refuses new ones for ever. */
  #evict(): boolean {
    const before = this.#host.clock.monotonic() - idleMsMin
    for (const [key, shard] of this.#shards) {
      if (shard.isIdle && shard.idleSinceMs <= before) return this.#shards.delete(key)
    }
    return false
  }

  #failed(items: number, error: unknown): void {
    const isForNow = error instanceof ConsumeError && error.retryable
    this.#host.counters.drop(isForNow ? 'refused by the next component' : 'failed in the next component', items)
    const nowMs = this.#host.clock.monotonic()
    if (nowMs - this.#lastFailureMs < failureLogMs) return
    this.#lastFailureMs = nowMs
    this.#host.log.warn('Cannot hand on a batch: its items are dropped', { items, err: (error as Error).message })
  }
}

/** Failures are logged at most so often. */
const failureLogMs = 10_000

/** The values of `keys`, told apart whatever they contain. */
function keyOf(keys: readonly string[], context: ClientContext | null): string {
  return JSON.stringify(keys.map((key) => context?.metadata.get(key) ?? []))
}

/** What a merged batch keeps of its clients: what they have in common, the chosen metadata. */
function contextOf(keys: readonly string[], context: ClientContext | null): ClientContext {
  const metadata = new Map(keys.map((key) => [key, context?.metadata.get(key) ?? []] as const))
  return { metadata, auth: null, peer: '' }
}
