// The sending queue of one signal, bounded as the collector's configurations say.
import { join } from 'node:path'
import { type Batch, ConsumeError, type Host, type Signal } from '#component'
import { type QueuePart, SendingQueue, type SendingQueueSettings, type SendOutcome } from '#component/sending_queue'
import { Delivery, type Loss, type OtelTransport } from './delivery.ts'
import { contextOfKeys, type Payload, partOf, payloadOf, payloadOfParts, splitPayload } from './payload.ts'
import type { OtelExporterSettings, OtelQueueSettings, OtelRetrySettings } from './settings.ts'

/** What waits in memory for one signal, at most; more goes to disk. */
const memoryBytesMax = 64 * 1024 * 1024
/** What waits on disk for one signal, at most: `queue_size` is met long before in all but odd cases. */
const diskBytesMax = 16 * 1024 * 1024 * 1024
/** A backend that fails this long is away: what waits goes to disk, so that it survives a crash. */
const spillAfterMs = 5000
/** While the backend is away, the most that is not safe on disk yet. */
const syncEveryMs = 1000

/** What the exporter does with what becomes of items. */
export interface SignalQueueEvents {
  onSent(items: number): void
  onLost(loss: Loss): void
  onHealth(problem: string | undefined): void
}

export class SignalQueue {
  readonly #signal: Signal
  readonly #host: Host
  readonly #events: SignalQueueEvents
  readonly directory: string
  readonly #queue: SendingQueue
  #settings: OtelQueueSettings
  #retry: OtelRetrySettings
  #transport: OtelTransport
  /** Requests under way, by the parts they are made of. */
  readonly #deliveries = new WeakMap<readonly QueuePart[], Delivery>()
  /** Senders that wait for room, in the order they came. */
  readonly #roomWanted: (() => void)[] = []
  #stopped = false
  /** Requests under way. */
  inFlight = 0

  constructor(
    signal: Signal,
    host: Host,
    settings: OtelExporterSettings & { readonly queue: OtelQueueSettings },
    transport: OtelTransport,
    events: SignalQueueEvents,
    part: string,
  ) {
    this.#signal = signal
    this.#host = host
    this.#settings = settings.queue
    this.#retry = settings.retry
    this.#transport = transport
    this.#events = events
    this.directory = queueDirectory(signal, host, settings.queue, part)
    this.#queue = new SendingQueue(
      queueSettings(settings.retry, settings.queue, host),
      {
        send: (parts, abort) => this.#send(parts, abort),
        onSent: (parts) => this.#sent(parts),
        onDropped: (reason, items, message, parts) => this.#dropped({ reason, items, message }, parts),
        onRecovered: (items) => void (host.counters.in += items),
        onHealth: (problem) => events.onHealth(problem),
      },
      { directory: this.directory, clock: host.clock, log: host.log },
    )
  }

  get waitingItems(): number {
    return this.#queue.waitingItems
  }

  /** What waits, as `queue_size` counts. */
  get size(): number {
    switch (this.#settings.sizer) {
      case 'requests':
        return this.#queue.waitingParts
      case 'items':
        return this.#queue.waitingItems
      case 'bytes':
        return this.#queue.waitingBytes
    }
  }

  get sizeMax(): number {
    return this.#settings.sizeMax
  }

  start(): Promise<void> {
    return this.#queue.start()
  }

  /** The directory must be the same. */
  update(settings: OtelExporterSettings & { readonly queue: OtelQueueSettings }, transport: OtelTransport): void {
    this.#settings = settings.queue
    this.#retry = settings.retry
    this.#transport = transport
    this.#queue.update(queueSettings(settings.retry, settings.queue, this.#host))
    this.#wake()
  }

  /** Take a batch. Throws or rejects with `ConsumeError` where it does not fit. */
  put(batch: Batch): void | Promise<void> {
    const { batch: join, waitForResult } = this.#settings
    let payload = payloadOf(this.#signal, batch)
    if (join) payload = { ...payload, context: contextOfKeys(payload.context, join.metadataKeys) }
    const size = this.#sizeOf(payload)
    if (this.#roomWanted.length > 0 || !this.#fits(size)) {
      if (size > this.#settings.sizeMax || !this.#settings.blockOnOverflow || this.#stopped) throw this.#full(size)
      return this.#putLater(payload, size)
    }
    return this.#take(payload, waitForResult)
  }

  async #putLater(payload: Payload, size: number): Promise<void> {
    do await new Promise<void>((resolve) => this.#roomWanted.push(resolve))
    while (!this.#fits(size) && !this.#stopped)
    // Those behind may fit too.
    queueMicrotask(() => this.#wakeOne())
    await this.#take(payload, this.#settings.waitForResult)
  }

  #fits(size: number): boolean {
    return this.size + size <= this.#settings.sizeMax
  }

  #full(size: number): ConsumeError {
    const { sizeMax, sizer } = this.#settings
    if (size > sizeMax) {
      return new ConsumeError(`Cannot queue: one batch has ${size} ${sizer}, queue_size is ${sizeMax}`, {
        retryable: false,
      })
    }
    return new ConsumeError(`Cannot queue: sending queue is full: queue_size is ${sizeMax} ${sizer}`, {
      retryable: true,
    })
  }

  #sizeOf(payload: Payload): number {
    if (this.#settings.sizer === 'requests') return 1
    if (this.#settings.sizer === 'items') return payload.items
    let bytes = 0
    for (const chunk of payload.chunks) bytes += chunk.length
    return bytes
  }

  #take(payload: Payload, waitForResult: boolean): void | Promise<void> {
    const join = this.#settings.batch
    const createdMs = this.#host.clock.now()
    const limit = join && join.sizer === 'items' && join.sizeMax > 0 ? join.sizeMax : Infinity
    const pieces = payload.items > limit ? splitPayload(payload, limit) : [payload]
    const parts: QueuePart[] = []
    const results: Promise<string | undefined>[] = []
    for (const piece of pieces) {
      let settled: QueuePart['settled']
      if (waitForResult) results.push(new Promise((resolve) => (settled = resolve)))
      parts.push(partOf(piece, { mergeable: join !== undefined, createdMs, settled }))
    }
    const taken = this.#queue.put(parts)
    if (!taken && !waitForResult) return undefined
    return this.#afterPut(taken, results)
  }

  async #afterPut(taken: void | Promise<void>, results: readonly Promise<string | undefined>[]): Promise<void> {
    try {
      await taken
    } catch (cause) {
      throw new ConsumeError(`Cannot queue: ${(cause as Error).message}`, { retryable: true, cause })
    }
    const problems = (await Promise.all(results)).filter((problem) => problem !== undefined)
    const [problem] = problems
    if (problem !== undefined) throw new ConsumeError(`Cannot deliver: ${problem}`, { retryable: false })
  }

  async #send(parts: readonly QueuePart[], abort: AbortSignal): Promise<SendOutcome> {
    this.inFlight++
    try {
      return await this.#deliver(parts, abort)
    } finally {
      this.inFlight--
    }
  }

  async #deliver(parts: readonly QueuePart[], abort: AbortSignal): Promise<SendOutcome> {
    let delivery = this.#deliveries.get(parts)
    if (!delivery) {
      const payload = payloadOfParts(parts)
      if (!payload) {
        return { kind: 'rejected', reason: 'unreadable', message: `parts of an unknown kind ${parts[0]?.kind}` }
      }
      delivery = new Delivery(payload)
      this.#deliveries.set(parts, delivery)
    }
    const retry = await delivery.attempt(this.#transport, abort)
    if (!retry) {
      // `#sent` says what was lost on the way; all of it: that is the queue's to say.
      const [loss] = delivery.losses
      const whole = delivery.sent === 0 && delivery.losses.length === 1 && loss
      return whole ? { kind: 'rejected', reason: loss.reason, message: loss.message } : { kind: 'sent' }
    }
    if (this.#retry.enabled || abort.aborted) return retry
    return { kind: 'rejected', reason: 'send failed', message: retry.message }
  }

  #sent(parts: readonly QueuePart[]): void {
    const delivery = this.#deliveries.get(parts)
    this.#events.onSent(delivery?.sent ?? 0)
    for (const loss of delivery?.losses ?? []) this.#events.onLost(loss)
    this.#wakeSoon()
  }

  #dropped(loss: Loss, parts: readonly QueuePart[] | undefined): void {
    this.#wakeSoon()
    const delivery = parts && this.#deliveries.get(parts)
    let { items } = loss
    if (delivery && delivery.sent > 0) {
      // A part of the request was delivered before the rest was given up.
      this.#events.onSent(delivery.sent)
      for (const other of delivery.losses) this.#events.onLost(other)
      items = delivery.pendingItems
    }
    // A sender that waits for the result is told: it counts as refused.
    for (const part of parts ?? []) if (part.settled) items -= part.items
    if (items > 0) this.#events.onLost({ ...loss, items })
  }

  /** Once the queue has let go of what was settled. */
  #wakeSoon(): void {
    if (this.#roomWanted.length > 0) queueMicrotask(() => this.#wakeOne())
  }

  #wakeOne(): void {
    this.#roomWanted.shift()?.()
  }

  #wake(): void {
    for (const wake of this.#roomWanted.splice(0)) wake()
  }

  /** Send what the backend takes, put the rest on disk. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#queue.stop(deadlineMs)
  }

  debug(): unknown {
    const queue = this.#queue
    return {
      waiting_items: queue.waitingItems,
      waiting_requests: queue.waitingParts,
      waiting_bytes: queue.waitingBytes,
      on_disk: queue.isOnDisk,
      bytes_written_to_disk: queue.bytesWrittenToDisk,
    }
  }
}

/** Where the queue lies: with the extension, where one is named. `part`: see `OtelExporterOptions`. */
export function queueDirectory(signal: Signal, host: Host, settings: OtelQueueSettings, part: string): string {
  return join(settings.storage?.storage?.directoryFor(host.id) ?? host.dataDir, part, signal)
}

function queueSettings(retry: OtelRetrySettings, queue: OtelQueueSettings, host: Host): SendingQueueSettings {
  const { batch } = queue
  return {
    lanesMin: queue.consumers,
    lanesMax: queue.consumers,
    itemsPerRequestMax: batch?.sizeMax || Number.MAX_SAFE_INTEGER,
    itemsPerRequestMin: batch?.sizeMin ?? 0,
    requestSizer: batch?.sizer ?? 'items',
    batchWaitMs: batch?.flushMs ?? 0,
    memoryBytesMax,
    diskBytesMax,
    ageMaxMs: 0,
    spillAfterMs,
    syncEveryMs,
    backoffMinMs: retry.initialMs,
    backoffMaxMs: retry.maxMs,
    backoffMultiplier: retry.multiplier,
    backoffRandomization: retry.randomization,
    retryElapsedMaxMs: retry.elapsedMaxMs,
    durability: queue.storage ? 'always' : host.globals.durability,
  }
}
