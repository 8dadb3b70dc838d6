// Hands lines on to the next components, and again where they may be taken later.
import { ConsumeError, type Host, type LogsConsumer, type LogsPort, type Timer } from '#component'
import { Backoff } from '#lib/backoff'
import { Logs, type LogStream } from '#pdata'

const retryWait = { minMs: 100, maxMs: 10_000 }

/** Dropped because the next component said that it never takes them. */
export const refusedReason = 'refused by the next component'
/** Dropped because they were not taken before the stop, and cannot be read again. */
export const stoppedReason = 'not taken before the stop'

export interface LogDeliveryOptions {
  /** Lines that were not taken before the stop are read again after the next start: they do not count. */
  readonly readAgain?: boolean
}

/** Counts what goes through it: `in`, `dropped`, `waiting`. */
export class LogDelivery {
  readonly #host: Host
  readonly #readAgain: boolean
  #outlet: LogsConsumer
  #waiting = 0
  #stopping = false
  #deadline: Timer | undefined
  #late = false
  readonly #wakeups = new Set<() => void>()
  #idle: (() => void) | undefined

  constructor(host: Host, forwardTo: readonly LogsPort[], options: LogDeliveryOptions = {}) {
    this.#host = host
    this.#readAgain = options.readAgain ?? false
    this.#outlet = host.outlet(forwardTo)
    host.counters.observeWaiting(() => this.#waiting)
  }

  forwardTo(ports: readonly LogsPort[]): void {
    this.#outlet = this.#host.outlet(ports)
  }

  /** Lines that wait to be taken. */
  get waiting(): number {
    return this.#waiting
  }

  /** The stop is over: what was not taken by then was given up. */
  get gaveUp(): boolean {
    return this.#late
  }

  /**
   * `count` lines. Nothing when they are settled, or a promise to wait for: they were taken (true), or dropped and
   * counted, or given up at the stop (false). Never rejects.
   */
  handOn(streams: readonly LogStream[], count: number): boolean | Promise<boolean> {
    return this.handOnLogs(() => Logs.fromStreams(streams), count)
  }

  /** As `handOn`; `make` makes the batch, anew for every try: whoever takes one may change it. */
  handOnLogs(make: () => Logs, count: number): boolean | Promise<boolean> {
    if (count === 0) return true
    this.#host.counters.in += count
    try {
      const done = this.#outlet.consume(make())
      if (done === undefined) return true
      this.#waiting += count
      return this.#settle(done, make, count)
    } catch (error) {
      this.#waiting += count
      return this.#settle(Promise.reject(error as Error), make, count)
    }
  }

  async #settle(first: Promise<void>, make: () => Logs, count: number): Promise<boolean> {
    const backoff = new Backoff({ ...retryWait, random: () => this.#host.clock.random() })
    let trying = first
    for (;;) {
      try {
        await trying
        this.#done(count)
        return true
      } catch (error) {
        if (!(error instanceof ConsumeError) || !error.retryable) {
          this.#host.log.warn('Lines were refused and are dropped', { items: count, err: (error as Error).message })
          this.#drop(refusedReason, count)
          return false
        }
        if (!this.#stopping) await this.#sleep(error.retryAfterMs ?? backoff.nextMs())
        else if (!this.#late) await this.#sleep(retryWait.minMs)
      }
      if (this.#late) {
        if (this.#readAgain) {
          this.#host.counters.in -= count
          this.#done(count)
        } else this.#drop(stoppedReason, count)
        return false
      }
      trying = this.#again(make)
    }
  }

  async #again(make: () => Logs): Promise<void> {
    await this.#outlet.consume(make())
  }

  #drop(reason: string, count: number): void {
    this.#host.counters.drop(reason, count)
    this.#done(count)
  }

  #done(count: number): void {
    this.#waiting -= count
    if (this.#waiting === 0) this.#idle?.()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#wakeups.delete(wake)
        resolve()
      }
      const timer = this.#host.clock.setTimeout(wake, ms)
      this.#wakeups.add(wake)
    })
  }

  /** From now on what waits is tried again at once, until the deadline; then it is given up. To be called before `stop`. */
  stopping(deadlineMs: number): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#deadline = this.#host.clock.setTimeout(() => this.#giveUp(), deadlineMs)
    this.#wake()
  }

  #giveUp(): void {
    this.#late = true
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#wakeups) wake()
  }

  /** Done when nothing waits, at the latest at the deadline. Safe twice. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping(deadlineMs)
    if (this.#waiting > 0 && !this.#late) {
      await new Promise<void>((resolve) => {
        const timer = this.#host.clock.setTimeout(resolve, deadlineMs)
        this.#idle = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#giveUp()
    this.#deadline?.cancel()
  }
}
