// Sends what a connector aggregated: in regular intervals, one batch at a time, and once more at the stop.
import type { Consumer, Host, Timer } from '#component'
import { Metrics } from '#pdata'
import type { MetricsTree } from '#pdata/otlp'

/**
 * `collect` gives the metrics as they stand, or an empty tree where there are none; it is not called again before what it
 * gave was taken or refused, so that a slow consumer delays the next sending instead of piling up trees. The data points
 * count as in when they are made (what they were made of counts as out), then as out, or as dropped (`send failed`).
 */
export class MetricsEmitter {
  readonly #host: Host
  readonly #next: Consumer<Metrics>
  readonly #intervalMs: number
  readonly #collect: () => MetricsTree
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  #isStopped = false
  /** Asked to send while a batch was on its way. */
  #isDue = false

  /** `intervalMs` 0 or less: nothing is sent but by `flush`. */
  constructor(host: Host, next: Consumer<Metrics>, intervalMs: number, collect: () => MetricsTree) {
    this.#host = host
    this.#next = next
    this.#intervalMs = intervalMs
    this.#collect = collect
  }

  start(): void {
    if (this.#intervalMs <= 0) return
    this.#timer = this.#host.clock.setTimeout(() => {
      this.start()
      this.flush()
    }, this.#intervalMs)
  }

  /** Send now, or as soon as an earlier batch that is still on its way has arrived. */
  flush(): void {
    if (this.#sending) {
      this.#isDue = true
      return
    }
    this.#isDue = false
    const tree = this.#collect()
    if (tree.resourceMetrics.length === 0) return
    const batch = Metrics.fromTree(tree)
    if (batch.count === 0) return
    const { counters } = this.#host
    counters.in += batch.count
    try {
      const done = this.#next.consume(batch)
      if (done) this.#sending = this.#wait(done, batch.count)
    } catch (error) {
      this.#failed(error, batch.count)
    }
  }

  async #wait(done: Promise<void>, items: number): Promise<void> {
    try {
      await done
    } catch (error) {
      this.#failed(error, items)
    } finally {
      this.#sending = undefined
    }
    if (this.#isDue) this.flush()
  }

  #failed(error: unknown, items: number): void {
    this.#host.counters.drop('send failed', items)
    this.#host.log.error('Cannot send aggregated metrics', { error: String(error), dropped: items })
  }

  /**
   * No more in intervals; sends what there is, and waits until it was taken: without an interval `flush` has said all there
   * is. `again`: asked afterwards whether there is more to send at once.
   */
  async stop(again?: () => boolean): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isStopped) return
    this.#isStopped = true
    await this.#settled()
    if (this.#intervalMs > 0) this.flush()
    await this.#settled()
    if (again?.() !== true) return
    this.flush()
    await this.#settled()
  }

  async #settled(): Promise<void> {
    while (this.#sending) await this.#sending
  }
}
