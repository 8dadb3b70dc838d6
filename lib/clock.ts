// Time and chance: the system's, and one that tests turn by hand.

/** A timer that was set; cancelling it twice, or after it went off, does nothing. */
export interface Timer {
  cancel(): void
}

/** Structurally the clock that components are given. */
export interface Clock {
  /** Milliseconds since the epoch, fractions included. */
  now(): number
  /** Monotonic milliseconds. */
  monotonic(): number
  setTimeout(run: () => void, ms: number): Timer
  /** A number in [0, 1). */
  random(): number
}

/** The longest delay that Node's timers take; a longer one would go off at once. */
const delayMsMax = 2 ** 31 - 1

/** The system's clock. Its timers keep the process alive: whoever sets one cancels it when stopped. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), delayMsMax))
    return { cancel: () => clearTimeout(timer) }
  },
  random: Math.random,
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** A clock for tests: it stands still until `advance`, and its chance is a fixed sequence. */
export class ManualClock implements Clock {
  #nowMs: number
  #monotonicMs = 0
  #order = 0
  #randomState = 1
  readonly #waiting = new Set<Waiting>()

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  setTimeout(run: () => void, ms: number): Timer {
    const entry: Waiting = { at: this.#monotonicMs + Math.max(ms, 0), order: this.#order++, run }
    this.#waiting.add(entry)
    return { cancel: () => void this.#waiting.delete(entry) }
  }

  /** Park and Miller's generator: repeatable, good enough for jitter. */
  random(): number {
    this.#randomState = (this.#randomState * 48_271) % 2_147_483_647
    return this.#randomState / 2_147_483_647
  }

  /** Timers that have not gone off. */
  get pending(): number {
    return this.#waiting.size
  }

  /**
   * Move on by `ms`, running the timers that fall due in their order, those set meanwhile included. Between two timers
   * the microtasks and one turn of the event loop run, so that promises settle as they would in real time.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonicMs + ms
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      let next: Waiting | undefined
      for (const entry of this.#waiting) {
        if (
          entry.at <= end &&
          (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order))
        )
          next = entry
      }
      if (next === undefined) break
      this.#waiting.delete(next)
      this.#moveTo(next.at)
      next.run()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#moveTo(end)
    await new Promise((resolve) => setImmediate(resolve))
  }

  #moveTo(monotonicMs: number): void {
    this.#nowMs += monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
  }
}
