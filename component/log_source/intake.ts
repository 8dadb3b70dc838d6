// Takes the lines of requests: what the next component says is the answer to the one who sent them.
import type { Count, Host, LogsConsumer, LogsPort } from '#component'
import { Logs, type LogStream } from '#pdata'

export class LogIntake {
  readonly #host: Host
  readonly #taken: Count
  #outlet: LogsConsumer

  /** `taken` counts the lines that were taken. */
  constructor(host: Host, forwardTo: readonly LogsPort[], taken: Count) {
    this.#host = host
    this.#taken = taken
    this.#outlet = host.outlet(forwardTo)
  }

  forwardTo(ports: readonly LogsPort[]): void {
    this.#outlet = this.#host.outlet(ports)
  }

  /** `count` lines. Rejects with what the next component rejects with: they count as refused then. */
  async take(streams: readonly LogStream[], count: number): Promise<void> {
    if (count === 0) return
    const { counters } = this.#host
    counters.in += count
    try {
      await this.#outlet.consume(Logs.fromStreams(streams))
      this.#taken.add(count)
    } catch (error) {
      counters.refused += count
      throw error
    }
  }

  drop(reason: string, count: number): void {
    this.#host.counters.in += count
    this.#host.counters.drop(reason, count)
  }
}
