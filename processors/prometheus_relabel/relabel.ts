// Relabels batches of metrics on their way and keeps the counts of it.
import type { Component, Distribution, Host, MetricsConsumer } from '#component'
import { Capsule } from '#component'
import { RelabelRules, SeriesRelabeller } from '#component/relabel'
import { Metrics } from '#pdata'
import type { PrometheusRelabelSettings } from './component.ts'

/** Alloy's buckets of the time that the next consumers take, in seconds. */
const latencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What rules drop is counted under this reason. */
export const droppedReason = 'relabelled'

export class PrometheusRelabel implements Component<PrometheusRelabelSettings>, MetricsConsumer {
  readonly metrics: MetricsConsumer
  readonly #host: Host
  readonly #relabeller: SeriesRelabeller
  readonly #latency: Distribution
  #rules: RelabelRules
  #next: MetricsConsumer
  /** Samples that rules dropped from batches of which the rest is still on its way. */
  #dropping: number

  constructor(host: Host, settings: PrometheusRelabelSettings) {
    this.metrics = this
    this.#host = host
    this.#rules = new RelabelRules(settings.rule)
    this.#relabeller = new SeriesRelabeller(this.#rules.rules, {
      cacheSizeMax: settings.max_cache_size,
      cacheTtlMs: settings.cache_ttl,
      now: () => host.clock.monotonic(),
    })
    this.#latency = host.instruments.histogram(
      'prometheus_fanout_latency',
      'Write latency for sending to direct and indirect components',
      latencyBounds,
    )
    this.#next = host.outlet(settings.forward_to)
    this.#dropping = 0
    host.counters.observeWaiting(() => this.#dropping)
    this.#instrument()
    this.#export()
  }

  update(settings: PrometheusRelabelSettings): void {
    const rules = new RelabelRules(settings.rule).unlessEqual(this.#rules)
    const bounds = { cacheSizeMax: settings.max_cache_size, cacheTtlMs: settings.cache_ttl }
    if (rules !== this.#rules) this.#relabeller.update(rules.rules, bounds)
    else this.#relabeller.bound(bounds)
    this.#rules = rules
    this.#next = this.#host.outlet(settings.forward_to)
    this.#export()
  }

  /**
   * Rules are applied at once; what is left of the batch goes on. A batch that the next consumer refuses is refused as a
   * whole, what rules would have dropped included.
   */
  consume(batch: Metrics): void | Promise<void> {
    const before = batch.series()
    const after = this.#relabeller.apply(before)
    const dropped = before.count - (after === null ? 0 : after.count)
    if (after !== null) {
      const startedMs = this.#host.clock.monotonic()
      const done = this.#next.consume(after === before ? batch : Metrics.fromSeries(after))
      if (done) return this.#settle(done, dropped, startedMs)
      this.#latency.observe((this.#host.clock.monotonic() - startedMs) / 1000)
    }
    this.#host.counters.drop(droppedReason, dropped)
    return undefined
  }

  async #settle(done: Promise<void>, dropped: number, startedMs: number): Promise<void> {
    this.#dropping += dropped
    try {
      await done
      this.#host.counters.drop(droppedReason, dropped)
      this.#latency.observe((this.#host.clock.monotonic() - startedMs) / 1000)
    } finally {
      this.#dropping -= dropped
    }
  }

  stop(): void {}

  debug(): unknown {
    const { size, hits, misses } = this.#relabeller
    return { cache_size: size, cache_hits: hits, cache_misses: misses }
  }

  #export(): void {
    this.#host.setExports({ rules: new Capsule('RelabelRules', this.#rules) })
  }

  /** Under the names that Alloy's reference gives, and those that its code registers (with a prefix). */
  #instrument(): void {
    const { instruments } = this.#host
    const relabeller = this.#relabeller
    for (const prefix of ['prometheus_relabel_', 'alloy_prometheus_relabel_']) {
      const counter = (name: string, help: string, read: () => number): void =>
        instruments.observedCounter(prefix + name, help, read)
      counter('metrics_processed', 'Total number of metrics processed', () => relabeller.processed)
      counter('metrics_written', 'Total number of metrics written', () => relabeller.written)
      counter('cache_hits', 'Total number of cache hits', () => relabeller.hits)
      counter('cache_misses', 'Total number of cache misses', () => relabeller.misses)
      counter('cache_deletes', 'Total number of cache deletes', () => relabeller.evictions)
      counter(
        'cache_ttl_evictions',
        'Results forgotten since they were not used for cache_ttl.',
        () => relabeller.ttlEvictions,
      )
      instruments.gauge(`${prefix}cache_size`, 'Total size of relabel cache.', () => relabeller.size)
    }
    const { counters } = this.#host
    const forwarded = 'Total number of samples sent to downstream components.'
    instruments.observedCounter('prometheus_forwarded_samples_total', forwarded, () => counters.out)
  }
}
