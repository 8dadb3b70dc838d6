// Hands batches to one consumer, again and again while it refuses them for now.
import type { Batch, Clock, Port, Signal, Timer } from '#component'
import { ConsumeError } from '#component'
import { Backoff } from '#lib/backoff'

const retryMsMin = 100
const retryMsMax = 5000

/** What the ports of one processor share. */
export class Retries {
  readonly clock: Clock
  /** How long one batch is tried; the time without end is `Infinity`. */
  readonly holdMs: number
  /** Called when the first of the ports begins to refuse. */
  readonly onHolding: () => void
  /** How many batches wait for another try. */
  holding = 0
  #closed = false
  readonly #sleepers = new Set<() => void>()

  constructor(clock: Clock, holdMs: number, onHolding: () => void) {
    this.clock = clock
    this.holdMs = holdMs
    this.onHolding = onHolding
  }

  get closed(): boolean {
    return this.#closed
  }

  /** No more tries: what waits for one fails now. */
  close(): void {
    this.#closed = true
    for (const wake of this.#sleepers) wake()
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer: Timer = this.clock.setTimeout(wake, ms)
      this.#sleepers.add(wake)
    })
  }
}

/**
 * A port that fails only for good: a retryable refusal is waited out, for at most `holdMs` per batch. A consumer that did not
 * recover within that time gets one try per batch from then on until it takes one, so that it does not hold up others.
 */
export class RetryingPort<B extends Batch> implements Port<B> {
  readonly nodeId: string
  readonly signal: Signal
  readonly #port: Port<B>
  readonly #retries: Retries
  #gaveUp = false

  constructor(port: Port<B>, retries: Retries) {
    this.nodeId = port.nodeId
    this.signal = port.signal
    this.#port = port
    this.#retries = retries
  }

  consume(batch: B): void | Promise<void> {
    let done: void | Promise<void>
    try {
      done = this.#port.consume(batch)
    } catch (error) {
      return this.#again(batch, error)
    }
    if (!done) {
      this.#gaveUp = false
      return undefined
    }
    return done.then(
      () => {
        this.#gaveUp = false
      },
      (error: unknown) => this.#again(batch, error),
    )
  }

  async #again(batch: B, refusal: unknown): Promise<void> {
    const retries = this.#retries
    if (!isForNow(refusal) || retries.closed || this.#gaveUp) throw refusal
    const { clock } = retries
    const until = clock.monotonic() + retries.holdMs
    const backoff = new Backoff({ minMs: retryMsMin, maxMs: retryMsMax, random: () => clock.random() })
    let error: ConsumeError = refusal
    if (retries.holding++ === 0) retries.onHolding()
    try {
      for (;;) {
        const waitMs = Math.max(backoff.nextMs(), error.retryAfterMs ?? 0)
        await retries.sleep(Math.min(waitMs, until - clock.monotonic()))
        try {
          // At the end of the time, and when everything stops, there is one last try.
          await this.#port.consume(batch)
          return
        } catch (next) {
          if (!isForNow(next) || retries.closed) throw next
          if (clock.monotonic() >= until) {
            this.#gaveUp = true
            throw next
          }
          error = next
        }
      }
    } finally {
      retries.holding--
    }
  }
}

function isForNow(error: unknown): error is ConsumeError {
  return error instanceof ConsumeError && error.retryable
}
