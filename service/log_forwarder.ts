// Sends the process's own log lines to log receivers: `write_to` of Alloy's `logging` block.
import type { Clock, Count, Instruments, LogsPort, Timer } from '#component'
import { ConsumeError } from '#component'
import type { Plan } from '#config'
import { labelsFrom, Logs, LogStream } from '#pdata'

/** Alloy's: what queries and alerts of its users look for. */
const labels = labelsFrom([['component', 'alloy']])
/** Lines that wait; more are dropped, and counted. */
const linesMax = 10_000
/** Lines of one moment go together. */
const gatherMs = 100
const retryMs = 1000
const stopMs = 1000

export interface LogForwarderOptions {
  readonly clock: Clock
  readonly instruments: Instruments
}

/**
 * Lines of the receivers themselves, and of whatever they feed, are not sent: a backend that fails would be told of its failure
 * for ever. Nor are lines that are logged while a receiver takes others.
 */
export class LogForwarder {
  readonly #clock: Clock
  readonly #dropped: Count
  #ports: readonly LogsPort[] = []
  #downstream: ReadonlySet<string> = new Set()
  /** Those that are on their way come first. */
  #lines: string[] = []
  #timesMs: number[] = []
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  #onTheirWay = 0
  #inside = false
  #stopped = false

  constructor({ clock, instruments }: LogForwarderOptions) {
    this.#clock = clock
    this.#dropped = instruments.counter(
      'solder_log_lines_dropped_total',
      'Own log lines that did not reach the receivers of the logging block.',
    )
  }

  /** Where lines go from now on; nowhere where `ports` is empty. `plan`: who feeds whom. */
  configure(ports: readonly LogsPort[], plan: Plan | undefined): void {
    // A worker runs a part of the graph, and may have none of them.
    this.#ports = ports.filter(({ nodeId }) => plan?.nodes.has(nodeId))
    this.#downstream = downstreamOf(ports, plan)
    if (this.#ports.length === 0) this.#dropWaiting()
  }

  /** A line without its end. `nodeId`: whose it is; undefined: the process's. */
  push(line: string, nodeId: string | undefined): void {
    if (this.#ports.length === 0 || this.#inside || this.#stopped) return
    if (nodeId !== undefined && this.#downstream.has(nodeId)) return
    if (this.#lines.length >= linesMax) {
      this.#dropped.add(1)
      return
    }
    this.#lines.push(line)
    this.#timesMs.push(this.#clock.now())
    this.#later(gatherMs)
  }

  #later(ms: number): void {
    if (this.#sending) return
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined
      void this.#send()
    }, ms)
  }

  /** Lines on their way are not among them: what becomes of those is seen when they have arrived. */
  #dropWaiting(): void {
    this.#dropped.add(this.#lines.length - this.#onTheirWay)
    this.#lines.length = this.#onTheirWay
    this.#timesMs.length = this.#onTheirWay
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const { length } = this.#lines
    if (length === 0) return
    const times = BigInt64Array.from(this.#timesMs, (ms) => BigInt(Math.round(ms * 1000)) * 1000n)
    const batch = Logs.fromStreams([new LogStream(labels, times, this.#lines.slice(), null)])
    batch.shared = true
    this.#onTheirWay = length
    this.#sending = this.#deliver(batch)
    let again = false
    try {
      await this.#sending
    } catch (error) {
      again = error instanceof ConsumeError && error.retryable && !this.#stopped && this.#ports.length > 0
      if (!again) this.#dropped.add(length)
    }
    this.#sending = undefined
    this.#onTheirWay = 0
    if (!again) {
      this.#lines.splice(0, length)
      this.#timesMs.splice(0, length)
    }
    if (this.#lines.length > 0 && !this.#stopped) this.#later(again ? retryMs : gatherMs)
  }

  /** To every receiver; the first failure is thrown once all have been asked. */
  async #deliver(batch: Logs): Promise<void> {
    this.#inside = true
    const waiting: Promise<void>[] = []
    try {
      for (const port of this.#ports) waiting.push(asPromise(() => port.consume(batch)))
    } finally {
      this.#inside = false
    }
    const results = await Promise.allSettled(waiting)
    const taken = results.some(({ status }) => status === 'fulfilled')
    const failed = results.find((result) => result.status === 'rejected')
    // With one that took them, the same lines must not come again.
    if (failed && !taken) throw failed.reason
  }

  /** Hand on what waits, while the receivers still run, for a moment at most; then no more. Safe twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#cancel()
    await Promise.race([this.#last(), this.#moment()])
    this.#cancel()
  }

  async #last(): Promise<void> {
    await this.#sending?.catch(() => {})
    await this.#send()
  }

  #moment(): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = this.#clock.setTimeout(resolve, stopMs)
    })
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

async function asPromise(run: () => void | Promise<void>): Promise<void> {
  await run()
}

/** The receivers' nodes and those that they feed, directly and not. */
function downstreamOf(ports: readonly LogsPort[], plan: Plan | undefined): ReadonlySet<string> {
  const found = new Set(ports.map(({ nodeId }) => nodeId))
  for (const id of found) for (const next of plan?.nodes.get(id)?.dependsOn ?? []) found.add(next)
  return found
}
