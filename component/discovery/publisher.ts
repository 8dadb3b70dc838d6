// How discovery components export targets: not too often, and refreshed at an interval.
import { type Clock, HealthState, type Host, type Target, type Timer, valuesEqual } from '#component'

/** After the first, exports change at most so often, as Prometheus's and Alloy's discoveries do. */
export const updateIntervalMs = 5000

/** Exports `targets` of one component: the first at once, later ones at most every 5 seconds, the latest of them then. */
export class TargetPublisher {
  readonly #host: Pick<Host, 'clock' | 'setExports'>
  #published: readonly Target[]
  #latest: readonly Target[]
  #lastMs = -Infinity
  #timer: Timer | undefined

  /** Exports `initial` (an empty list, where nothing is known yet) and does not count it as an update. */
  constructor(host: Pick<Host, 'clock' | 'setExports'>, initial: readonly Target[] = []) {
    this.#host = host
    this.#published = initial
    this.#latest = initial
    host.setExports({ targets: initial })
  }

  get targets(): readonly Target[] {
    return this.#latest
  }

  publish(targets: readonly Target[]): void {
    this.#latest = targets
    if (this.#timer) return
    if (valuesEqual(this.#published, targets)) return
    const waitMs = this.#lastMs + updateIntervalMs - this.#host.clock.monotonic()
    if (waitMs <= 0) this.#send()
    else {
      this.#timer = this.#host.clock.setTimeout(() => {
        this.#timer = undefined
        if (!valuesEqual(this.#published, this.#latest)) this.#send()
      }, waitMs)
    }
  }

  #send(): void {
    this.#lastMs = this.#host.clock.monotonic()
    this.#published = this.#latest
    this.#host.setExports({ targets: this.#latest })
  }

  /** What waits to be exported is exported by the next `publish`. Safe twice. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

/**
 * Calls `refresh` now and then every `intervalMs`, one at a time. A failure keeps the targets there are, is logged once
 * until it changes, and makes the component unhealthy until it goes well again.
 */
export class Refresher {
  readonly #host: Pick<Host, 'clock' | 'log' | 'setHealth'>
  readonly #refresh: (signal: AbortSignal) => Promise<void>
  readonly #clock: Clock
  readonly #intervalMs: number
  #timer: Timer | undefined
  #abort: AbortController | undefined
  #lastError = ''

  constructor(
    host: Pick<Host, 'clock' | 'log' | 'setHealth'>,
    intervalMs: number,
    refresh: (signal: AbortSignal) => Promise<void>,
  ) {
    this.#host = host
    this.#clock = host.clock
    this.#intervalMs = intervalMs
    this.#refresh = refresh
  }

  start(): void {
    if (this.#abort) return
    this.#abort = new AbortController()
    void this.#round(this.#abort.signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonic()
    try {
      await this.#refresh(signal)
      if (signal.aborted) return
      this.#lastError = ''
      this.#host.setHealth(HealthState.healthy, 'refreshed targets')
    } catch (error) {
      if (signal.aborted) return
      const { message } = error as Error
      if (message !== this.#lastError)
        this.#host.log.error('Cannot refresh targets; the last ones stay', { err: message })
      this.#lastError = message
      this.#host.setHealth(HealthState.unhealthy, message)
    }
    const waitMs = Math.max(startMs + this.#intervalMs - this.#clock.monotonic(), 0)
    this.#timer = this.#clock.setTimeout(() => void this.#round(signal), waitMs)
  }

  /** Ends the round under way without its result. Safe twice. */
  stop(): void {
    this.#abort?.abort()
    this.#abort = undefined
    this.#timer?.cancel()
  }
}
