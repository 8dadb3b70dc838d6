// The common exporter: a queue for each signal, or senders that wait; retries, health, accounting and metrics.
import { type Batch, ConsumeError, type Count, HealthState, type Host, type Signal } from '#component'
import { Delivery, type Loss, type OtelTransport } from './delivery.ts'
import { payloadOf } from './payload.ts'
import type { OtelExporterSettings } from './settings.ts'
import { queueDirectory, SignalQueue } from './signal_queue.ts'

const allSignals: readonly Signal[] = ['traces', 'metrics', 'logs']
/** What own metrics call the items. */
const itemNames = { traces: 'spans', metrics: 'metric_points', logs: 'log_records' } as const

/** Time for a queue that a reload makes anew to send what it holds; the rest goes over on disk. */
const replacedDeadlineMs = 5000

export interface OtelExporterOptions {
  readonly host: Host
  readonly settings: OtelExporterSettings
  readonly transport: OtelTransport
  /** What own metrics call the exporter: `otlp_grpc`. */
  readonly type: string
  /** The backend, for messages. */
  readonly where: string
  /** One of several exporters of one node: its name among them. The node looks after health and what waits. */
  readonly part?: { readonly name: string; onHealth(problem: string | undefined): void }
}

interface SignalCounts {
  readonly sent: Count
  readonly failed: Count
  readonly refused: Count
}

export class OtelExporter {
  readonly #host: Host
  readonly #type: string
  readonly #part: OtelExporterOptions['part']
  #where: string
  #settings: OtelExporterSettings
  #transport: OtelTransport
  readonly #queues = new Map<Signal, SignalQueue>()
  readonly #counts: Readonly<Record<Signal, SignalCounts>>
  readonly #problems = new Map<Signal, string>()
  /** Items of senders that wait without a queue. */
  #direct = 0
  /** Called when no sender waits any more. */
  #directDone: () => void = () => {}
  #aborter = new AbortController()
  #started = false
  #lastError: string | undefined

  readonly traces = { consume: (batch: Batch) => this.#consume('traces', batch) }
  readonly metrics = { consume: (batch: Batch) => this.#consume('metrics', batch) }
  readonly logs = { consume: (batch: Batch) => this.#consume('logs', batch) }

  constructor({ host, settings, transport, type, where, part }: OtelExporterOptions) {
    this.#host = host
    this.#part = part
    this.#type = type
    this.#where = where
    this.#settings = settings
    this.#transport = transport
    const counts = (signal: Signal): SignalCounts => {
      const items = itemNames[signal]
      const count = (name: string, help: string): Count =>
        host.instruments.counter(`otelcol_exporter_${name}_${items}_total`, help, { exporter: this.#exporter })
      return {
        sent: count('sent', `Number of ${items} successfully sent to destination.`),
        failed: count('send_failed', `Number of ${items} in failed attempts to send to destination.`),
        refused: count('enqueue_failed', `Number of ${items} failed to be added to the sending queue.`),
      }
    }
    this.#counts = { traces: counts('traces'), metrics: counts('metrics'), logs: counts('logs') }
  }

  get #exporter(): string {
    return `${this.#type}/${this.#host.id}${this.#part ? `/${this.#part.name}` : ''}`
  }

  get waitingItems(): number {
    let items = this.#direct
    for (const queue of this.#queues.values()) items += queue.waitingItems
    return items
  }

  async start(): Promise<void> {
    this.#started = true
    if (!this.#part) this.#host.counters.observeWaiting(() => this.waitingItems)
    for (const signal of allSignals) {
      await this.#openQueue(signal)
      const attributes = { exporter: this.#exporter, data_type: signal }
      const { instruments } = this.#host
      instruments.gauge(
        'otelcol_exporter_queue_size',
        'Current size of the retry queue (in batches)',
        () => this.#queues.get(signal)?.size,
        attributes,
      )
      instruments.gauge(
        'otelcol_exporter_in_flight_requests',
        'Number of requests that are being sent.',
        () => this.#queues.get(signal)?.inFlight,
        attributes,
      )
      instruments.gauge(
        'otelcol_exporter_queue_capacity',
        'Fixed capacity of the retry queue (in batches)',
        () => this.#queues.get(signal)?.sizeMax,
        attributes,
      )
    }
    this.#tellHealth()
  }

  async #openQueue(signal: Signal): Promise<void> {
    const { queue } = this.#settings
    if (!queue) return
    const events = {
      onSent: (items: number) => this.#sent(signal, items),
      onLost: (loss: Loss) => this.#lost(signal, loss),
      onHealth: (problem: string | undefined) => this.#health(signal, problem),
    }
    const all = { ...this.#settings, queue }
    const opened = new SignalQueue(signal, this.#host, all, this.#transport, events, this.#part?.name ?? '')
    this.#queues.set(signal, opened)
    await opened.start()
  }

  /** Take new settings; what waits goes on waiting. The transport before is closed once nothing needs it. */
  async update(settings: OtelExporterSettings, transport: OtelTransport, where: string): Promise<void> {
    const before = this.#transport
    this.#settings = settings
    this.#transport = transport
    this.#where = where
    for (const signal of this.#started ? allSignals : []) {
      const running = this.#queues.get(signal)
      const { queue } = settings
      if (running && queue && running.directory === queueDirectory(signal, this.#host, queue, this.#part?.name ?? '')) {
        running.update({ ...settings, queue }, transport)
        continue
      }
      // What a queue that goes away cannot deliver stays in its directory, counted as waiting no more: it is refused there.
      await running?.stop(replacedDeadlineMs)
      this.#queues.delete(signal)
      if (running) this.#host.counters.drop('left on disk by a changed queue', running.waitingItems)
      await this.#openQueue(signal)
    }
    before.close()
  }

  #consume(signal: Signal, batch: Batch): void | Promise<void> {
    if (batch.count === 0) return undefined
    if (!this.#settings.queue) return this.#sendNow(signal, batch)
    const queue = this.#queues.get(signal)
    if (!queue) throw new ConsumeError('Cannot queue: the exporter does not run', { retryable: true })
    try {
      const taken = queue.put(batch)
      return taken && taken.catch((error: unknown) => this.#refused(signal, batch, error))
    } catch (error) {
      return this.#refused(signal, batch, error)
    }
  }

  #refused(signal: Signal, batch: Batch, error: unknown): never {
    this.#counts[signal].refused.add(batch.count)
    throw error
  }

  /** Deliver while the sender waits. */
  async #sendNow(signal: Signal, batch: Batch): Promise<void> {
    const { retry } = this.#settings
    const { clock } = this.#host
    const delivery = new Delivery(payloadOf(signal, batch))
    const firstMs = clock.monotonic()
    let intervalMs = retry.initialMs
    this.#direct += batch.count
    try {
      for (;;) {
        const again = await delivery.attempt(this.#transport, this.#aborter.signal)
        this.#health(signal, again?.message)
        if (!again) break
        const moved = 1 - retry.randomization + 2 * retry.randomization * clock.random()
        const waitMs = Math.max(intervalMs * moved, again.retryAfterMs ?? 0)
        const late = retry.elapsedMaxMs > 0 && clock.monotonic() + waitMs - firstMs > retry.elapsedMaxMs
        if (!retry.enabled || late || this.#aborter.signal.aborted) {
          this.#giveUp(signal, delivery, again.message, retry.enabled, again.retryAfterMs)
          return
        }
        intervalMs = Math.min(intervalMs * retry.multiplier, retry.maxMs)
        await this.#sleep(waitMs)
      }
      this.#settle(signal, delivery)
    } finally {
      this.#direct -= batch.count
      if (this.#direct === 0) this.#directDone()
    }
  }

  /** Tell the sender, unless a part of the request was delivered: then the rest is dropped. */
  #giveUp(signal: Signal, delivery: Delivery, message: string, retried: boolean, retryAfterMs?: number): void {
    if (delivery.sent > 0 || delivery.losses.length > 0) {
      const reason = retried ? 'retries exhausted' : 'send failed'
      delivery.losses.push({ reason, items: delivery.pendingItems, message })
      this.#settle(signal, delivery)
      return
    }
    this.#counts[signal].failed.add(delivery.pendingItems)
    throw new ConsumeError(`Cannot deliver to ${this.#where}: ${message}`, {
      retryable: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }

  #settle(signal: Signal, delivery: Delivery): void {
    const [loss] = delivery.losses
    if (loss && delivery.sent === 0 && delivery.losses.length === 1) {
      this.#counts[signal].failed.add(loss.items)
      throw new ConsumeError(`Cannot deliver to ${this.#where}: ${loss.message}`, { retryable: false })
    }
    this.#sent(signal, delivery.sent)
    for (const other of delivery.losses) this.#lost(signal, other)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#aborter
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#host.clock.setTimeout(end, ms)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end)
    })
  }

  #sent(signal: Signal, items: number): void {
    this.#host.counters.out += items
    this.#counts[signal].sent.add(items)
  }

  #lost(signal: Signal, { reason, items, message }: Loss): void {
    this.#host.counters.drop(reason, items)
    this.#counts[signal].failed.add(items)
    const fields = { url: this.#where, signal, reason, count: items, err: message }
    this.#host.log.error('Telemetry was dropped', fields)
  }

  #health(signal: Signal, problem: string | undefined): void {
    if (this.#problems.get(signal) === problem) return
    if (problem === undefined) this.#problems.delete(signal)
    else this.#problems.set(signal, problem)
    if (problem !== undefined) this.#lastError = problem
    this.#tellHealth()
  }

  #tellHealth(): void {
    const problems = [...new Set(this.#problems.values())]
    if (this.#part) this.#part.onHealth(problems.length === 0 ? undefined : `${this.#where}: ${problems.join('; ')}`)
    else if (problems.length === 0) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, `${this.#where}: ${problems.join('; ')}`)
  }

  async stop(deadlineMs: number): Promise<void> {
    // Senders that wait have two thirds of the time too.
    const timer = this.#host.clock.setTimeout(() => this.#aborter.abort(), (deadlineMs * 2) / 3)
    const direct = new Promise<void>((resolve) => {
      if (this.#direct === 0) resolve()
      else this.#directDone = resolve
    })
    await Promise.all([direct, ...[...this.#queues.values()].map((queue) => queue.stop(deadlineMs))])
    timer.cancel()
    this.#aborter.abort()
    this.#transport.close()
  }

  debug(): unknown {
    return {
      endpoint: this.#where,
      queues: Object.fromEntries([...this.#queues].map(([signal, queue]) => [signal, queue.debug()])),
      last_error: this.#lastError ?? null,
    }
  }
}
