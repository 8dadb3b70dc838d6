// Thins out messages that repeat, as zap's sampler does (go.uber.org/zap, zapcore/sampler.go).

/** Messages that are counted at once; when there are more, counting begins anew, as it does with every tick. */
const messagesMax = 4096

interface SamplerClock {
  /** Milliseconds. */
  monotonic(): number
}

export interface SamplerSettings {
  /** How long messages count as repeated. */
  readonly tickMs: number
  /** Of equal messages in a tick, so many pass. */
  readonly initial: number
  /** Then each so-manieth; 0: none. */
  readonly thereafter: number
}

export class Sampler {
  readonly #settings: SamplerSettings
  readonly #clock: SamplerClock
  readonly #counts = new Map<string, { n: number; untilMs: number }>()

  constructor(settings: SamplerSettings, clock: SamplerClock) {
    this.#settings = settings
    this.#clock = clock
  }

  passes(message: string): boolean {
    const { tickMs, initial, thereafter } = this.#settings
    if (thereafter === 1) return true
    const nowMs = this.#clock.monotonic()
    let count = this.#counts.get(message)
    if (!count || nowMs >= count.untilMs) {
      if (this.#counts.size >= messagesMax) this.#counts.clear()
      count = { n: 0, untilMs: nowMs + tickMs }
      this.#counts.set(message, count)
    }
    const n = ++count.n
    return n <= initial || (thereafter > 0 && (n - initial) % thereafter === 0)
  }
}
