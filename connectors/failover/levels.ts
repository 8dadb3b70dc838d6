// Which level is sent to, and when a better one is tried again.
import { type Batch, ConsumeError, type Consumer, type Host, type Signal } from '#component'

/**
 * A batch goes to the level in use; where that refuses, to the next one, which is in use from then on. Once per interval
 * one batch is offered to the better levels first. What all of them refuse is refused.
 */
export class Levels<B extends Batch> implements Consumer<B> {
  readonly #host: Host
  readonly #signal: Signal
  readonly #levels: readonly Consumer<B>[]
  readonly #retryMs: number
  #level = 0
  #triedAt = 0
  #isTrying = false

  /** `levels`: the best first. `retryMs` 0: better levels are never tried again. */
  constructor(host: Host, signal: Signal, levels: readonly Consumer<B>[], retryMs: number) {
    this.#host = host
    this.#signal = signal
    this.#levels = levels
    this.#retryMs = retryMs
  }

  /** The level in use, from 0. */
  get level(): number {
    return this.#level
  }

  consume(batch: B): void | Promise<void> {
    if (this.#levels.length === 0) {
      throw new ConsumeError(`Cannot send ${this.#signal}: no level has pipelines of them`, { retryable: false })
    }
    // A level that refuses may have begun to change what it got.
    if (this.#levels.length > 1) batch.shared = true
    if (this.#isTimeToTry()) return this.#tryBetter(batch)
    return this.#from(this.#level, batch)
  }

  #isTimeToTry(): boolean {
    if (this.#level === 0 || this.#retryMs === 0 || this.#isTrying) return false
    return this.#host.clock.monotonic() - this.#triedAt >= this.#retryMs
  }

  async #tryBetter(batch: B): Promise<void> {
    this.#isTrying = true
    try {
      await this.#from(0, batch)
    } finally {
      this.#isTrying = false
      this.#triedAt = this.#host.clock.monotonic()
    }
  }

  /** Offer the batch to this level and then to those behind it. */
  #from(first: number, batch: B): void | Promise<void> {
    for (let level = first; ; level++) {
      try {
        const done = (this.#levels[level] as Consumer<B>).consume(batch)
        if (done) return this.#wait(done, level, batch)
        this.#use(level)
        return undefined
      } catch (error) {
        if (level + 1 >= this.#levels.length) throw error
      }
    }
  }

  async #wait(done: Promise<void>, level: number, batch: B): Promise<void> {
    try {
      await done
      this.#use(level)
    } catch (error) {
      if (level + 1 >= this.#levels.length) throw error
      await this.#from(level + 1, batch)
    }
  }

  /** Batches are on their way at the same time: an older success of a level left behind changes nothing. */
  #use(level: number): void {
    if (level === this.#level || (level < this.#level && !this.#isTrying)) return
    if (level > this.#level) this.#triedAt = this.#host.clock.monotonic()
    this.#level = level
    const fields = { signal: this.#signal, level: level + 1 }
    if (level === 0) this.#host.log.info('Sending to the best level again', fields)
    else this.#host.log.warn('Sending to another level: the one before refused', fields)
  }
}
