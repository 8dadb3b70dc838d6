// Gathers batches of one signal and one client's metadata, and sends them on together, one after the other.
import type { Batch, Clock, Consumer, Timer } from '#component'
import { ConsumeError } from '#component'
import type { ClientContext } from '#pdata'
import type { SignalOperations } from './signals.ts'

export interface ShardSettings {
  readonly timeoutMs: number
  /** Items that are sent without waiting for the timeout; 0: at once, whatever there is. */
  readonly sendBatchSize: number
  /** Larger batches are split; 0: never. */
  readonly sendBatchMaxSize: number
}

/** What a shard tells of. */
export interface ShardEvents<B extends Batch> {
  /** Does the next consumer refuse for now? Then what comes above the bound is refused too. */
  isHolding(): boolean
  sent(batch: B, trigger: 'size' | 'timeout'): void
  /** The items are lost, and have to be counted. */
  failed(items: number, error: unknown): void
}

/** Shards hold up to twice what they send at once, and at least this. */
const heldItemsMin = 8192

export class Shard<B extends Batch> {
  readonly #settings: ShardSettings
  readonly #operations: SignalOperations<B>
  readonly #context: ClientContext | null
  readonly #next: Consumer<B>
  readonly #events: ShardEvents<B>
  readonly #clock: Clock
  readonly #heldMax: number
  /** In the order in which they came. */
  #pending: B[] = []
  #items = 0
  /** Items that were there when the time was up: they go, however few. */
  #flushing = 0
  #timer: Timer | undefined
  #sending = false
  readonly #waitingForRoom: (() => void)[] = []
  #idleSinceMs: number
  #whenIdle: (() => void)[] = []

  constructor(
    settings: ShardSettings,
    operations: SignalOperations<B>,
    context: ClientContext | null,
    next: Consumer<B>,
    events: ShardEvents<B>,
    clock: Clock,
  ) {
    this.#settings = settings
    this.#operations = operations
    this.#context = context
    this.#next = next
    this.#events = events
    this.#clock = clock
    this.#heldMax = Math.max(2 * Math.max(settings.sendBatchSize, settings.sendBatchMaxSize), heldItemsMin)
    this.#idleSinceMs = clock.monotonic()
  }

  /** Items that wait here. Those that are being handed on are the outlet's. */
  get items(): number {
    return this.#items
  }

  get isIdle(): boolean {
    return this.#items === 0 && !this.#sending
  }

  get idleSinceMs(): number {
    return this.#idleSinceMs
  }

  /**
   * Take a batch. It is taken at once; the promise only slows the caller down while the next consumer is slow. Throws a
   * retryable `ConsumeError` while the next consumer refuses and as much is held here as may be.
   */
  consume(batch: B): void | Promise<void> {
    if (this.#items >= this.#heldMax && this.#events.isHolding()) {
      const message = `Cannot take a batch: the next component refuses, and ${this.#items} items wait already`
      throw new ConsumeError(message, { retryable: true })
    }
    this.#pending.push(batch)
    this.#items += batch.count
    this.#drain()
    if (this.#items < this.#heldMax || this.#events.isHolding()) return undefined
    return new Promise((resolve) => void this.#waitingForRoom.push(resolve))
  }

  /** Those who were slowed down go on: what they brought was taken. */
  release(): void {
    for (const resolve of this.#waitingForRoom.splice(0)) resolve()
  }

  /** Send everything; fulfilled once nothing is left. */
  flush(): Promise<void> {
    this.#flushing = this.#items
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
      this.#drain()
    })
  }

  /** Give up what waits here. Returns how many items that were. */
  abandon(): number {
    const items = this.#items
    this.#pending = []
    this.#items = 0
    this.#flushing = 0
    this.#timer?.cancel()
    this.#timer = undefined
    this.release()
    return items
  }

  #isImmediate(): boolean {
    return this.#settings.timeoutMs <= 0 || this.#settings.sendBatchSize === 0
  }

  #drain(): void {
    while (!this.#sending && this.#items > 0) {
      const isFull = this.#isImmediate() || this.#items >= this.#settings.sendBatchSize
      if (!isFull && this.#flushing <= 0) break
      this.#timer?.cancel()
      this.#timer = undefined
      const done = this.#send(isFull ? 'size' : 'timeout')
      if (!done) continue
      this.#sending = true
      void done.then(() => {
        this.#sending = false
        this.#drain()
      })
    }
    if (this.#items < this.#heldMax) this.release()
    if (this.#sending) return
    if (this.#items > 0) {
      this.#timer ??= this.#clock.setTimeout(() => this.#timeUp(), this.#settings.timeoutMs)
      return
    }
    this.#idleSinceMs = this.#clock.monotonic()
    this.#flushing = 0
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #timeUp(): void {
    this.#timer = undefined
    this.#flushing = this.#items
    this.#drain()
  }

  /** Hand on one batch. Never fails: what cannot be handed on is reported. */
  #send(trigger: 'size' | 'timeout'): void | Promise<void> {
    const parts = this.#take()
    let items = 0
    for (const part of parts) items += part.count
    this.#items -= items
    this.#flushing -= items
    try {
      const batch = this.#operations.merge(parts, this.#context)
      // It may be handed on again after a refusal: nobody may change it on the way.
      batch.shared = true
      const done = this.#next.consume(batch)
      if (!done) return this.#events.sent(batch, trigger)
      return done.then(
        () => this.#events.sent(batch, trigger),
        (error: unknown) => this.#events.failed(items, error),
      )
    } catch (error) {
      return this.#events.failed(items, error)
    }
  }

  /**
   * What goes next: as many whole batches as fit below the maximum, and a part of one only where they would be few: half
   * of the maximum, or what is too small to be sent.
   */
  #take(): B[] {
    const { sendBatchMaxSize: itemsMax, sendBatchSize } = this.#settings
    const pending = this.#pending
    if (itemsMax === 0 || this.#items <= itemsMax) {
      this.#pending = []
      return pending
    }
    let items = 0
    let whole = 0
    while (items + (pending[whole] as B).count <= itemsMax) items += (pending[whole++] as B).count
    const isEnough = items > 0 && (items >= sendBatchSize || items * 2 >= itemsMax)
    const taken = pending.splice(0, whole)
    if (isEnough) return taken
    const [first, ...rest] = this.#operations.split(pending[0] as B, itemsMax - items)
    pending.splice(0, 1, ...rest)
    if (first !== undefined) taken.push(first)
    return taken
  }
}
