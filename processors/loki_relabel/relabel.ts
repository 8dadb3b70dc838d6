// Relabels batches of lines on their way, stream by stream, and keeps the counts of it.
import { Capsule, type Component, ConsumeError, type Host, type LogsConsumer } from '#component'
import { relabel, RelabelRules } from '#component/relabel'
import { type Labels, Logs, LogStream } from '#pdata'
import type { LokiRelabelSettings } from './component.ts'

/** What rules drop is counted under this reason. */
export const droppedReason = 'relabelled'

export class LokiRelabel implements Component<LokiRelabelSettings>, LogsConsumer {
  readonly logs: LogsConsumer
  readonly #host: Host
  /** Results by label set, least recently used first; null: dropped. */
  readonly #results: Map<string, Labels | null>
  #resultsMax: number
  #rules: RelabelRules
  #next: LogsConsumer
  /** Lines that rules dropped from batches of which the rest is still on its way. */
  #dropping: number
  #processed: number
  #written: number
  #hits: number
  #misses: number

  constructor(host: Host, settings: LokiRelabelSettings) {
    this.logs = this
    this.#host = host
    this.#results = new Map()
    this.#resultsMax = settings.max_cache_size
    this.#rules = new RelabelRules(settings.rule)
    this.#next = host.outlet(settings.forward_to)
    this.#dropping = 0
    this.#processed = 0
    this.#written = 0
    this.#hits = 0
    this.#misses = 0
    host.counters.observeWaiting(() => this.#dropping)
    this.#instrument()
    this.#export()
  }

  update(settings: LokiRelabelSettings): void {
    const rules = new RelabelRules(settings.rule).unlessEqual(this.#rules)
    if (rules !== this.#rules) this.#results.clear()
    this.#rules = rules
    this.#resultsMax = settings.max_cache_size
    this.#forget()
    this.#next = this.#host.outlet(settings.forward_to)
    this.#export()
  }

  /**
   * Rules are applied at once; what is left of the batch goes on. A batch that the next consumer refuses is refused as a
   * whole, what rules would have dropped included.
   */
  consume(batch: Logs): void | Promise<void> {
    if (batch.streams === null) {
      throw new ConsumeError('Cannot take OTLP logs: a bridge has to make streams of them', { retryable: false })
    }
    const after = this.#apply(batch, batch.streams)
    this.#processed += batch.count
    const dropped = batch.count - after.count
    if (after.count > 0) {
      const done = this.#next.consume(after)
      if (done) return this.#settle(done, dropped, after.count)
      this.#written += after.count
    }
    this.#host.counters.drop(droppedReason, dropped)
    return undefined
  }

  async #settle(done: Promise<void>, dropped: number, count: number): Promise<void> {
    this.#dropping += dropped
    try {
      await done
      this.#host.counters.drop(droppedReason, dropped)
      this.#written += count
    } finally {
      this.#dropping -= dropped
    }
  }

  /** The same batch where nothing changes. */
  #apply(batch: Logs, streams: readonly LogStream[]): Logs {
    const out: LogStream[] = []
    let isChanged = false
    for (const stream of streams) {
      const labels = this.#relabel(stream.labels, stream.lines.length)
      if (labels === stream.labels) out.push(stream)
      else {
        isChanged = true
        if (labels !== null) out.push(new LogStream(labels, stream.timestampsNs, stream.lines, stream.metadata))
      }
    }
    return isChanged ? Logs.fromStreams(out, batch.context) : batch
  }

  /** Counted by line, as if each were looked up. */
  #relabel(labels: Labels, lines: number): Labels | null {
    const key = JSON.stringify(labels)
    const known = this.#results.get(key)
    if (known !== undefined) {
      this.#hits += lines
      this.#results.delete(key)
      this.#results.set(key, known)
      return known
    }
    this.#misses++
    this.#hits += Math.max(0, lines - 1)
    const after = relabel(labels, this.#rules.rules)
    // A line without labels cannot be stored: dropped, as in Alloy.
    const result = after === null || after.length === 0 ? null : after
    this.#results.set(key, result)
    this.#forget()
    return result
  }

  #forget(): void {
    for (const key of this.#results.keys()) {
      if (this.#results.size <= this.#resultsMax) return
      this.#results.delete(key)
    }
  }

  stop(): void {}

  debug(): unknown {
    return { cache_size: this.#results.size, cache_hits: this.#hits, cache_misses: this.#misses }
  }

  #export(): void {
    this.#host.setExports({ rules: new Capsule('RelabelRules', this.#rules) })
  }

  #instrument(): void {
    const { instruments } = this.#host
    const counter = (name: string, help: string, read: () => number): void =>
      instruments.observedCounter(`loki_relabel_${name}`, help, read)
    counter('entries_processed', 'Total number of log entries processed', () => this.#processed)
    counter('entries_written', 'Total number of log entries forwarded', () => this.#written)
    counter('cache_misses', 'Total number of cache misses', () => this.#misses)
    counter('cache_hits', 'Total number of cache hits', () => this.#hits)
    instruments.gauge('loki_relabel_cache_size', 'Total size of relabel cache', () => this.#results.size)
  }
}
