// Waiting times between tries of something that keeps failing.

export interface BackoffOptions {
  /** The first wait, before jitter. */
  readonly minMs: number
  /** No wait is longer. */
  readonly maxMs: number
  /** A number in [0, 1): the clock's. */
  random(): number
}

/**
 * Waits that double from `minMs` to `maxMs`. Each is drawn from the upper half of its range, so that many clients that
 * failed together do not come back together.
 */
export class Backoff {
  readonly #options: BackoffOptions
  #baseMs: number

  constructor(options: BackoffOptions) {
    this.#options = options
    this.#baseMs = options.minMs
  }

  /** How long to wait before the next try, in milliseconds. */
  nextMs(): number {
    const baseMs = Math.min(this.#baseMs, this.#options.maxMs)
    this.#baseMs = Math.min(baseMs * 2, this.#options.maxMs)
    return baseMs * (0.5 + this.#options.random() / 2)
  }

  /** It went well: the next failure waits `minMs` again. */
  reset(): void {
    this.#baseMs = this.#options.minMs
  }
}
