// Metrics that this process produces itself (the unix exporter, own telemetry), read without a socket and without text.
import type { MetricType, NativeHistogram } from '#pdata'

/** A metric family's fixed description. Make one per family, once, and use the same object for every sample. */
export class MetricFamily {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  /** In the order in which samples give their values. Need not be sorted. */
  readonly labelNames: readonly string[]
  constructor(name: string, type: MetricType, help: string, labelNames: readonly string[] = []) {
    this.name = name
    this.type = type
    this.help = help
    this.labelNames = labelNames
  }
}

/** Where a source puts its samples. Nothing given is kept by reference but the family. */
export interface MetricSink {
  /** A counter, gauge or untyped sample. `labelValues` parallel to the family's `labelNames`; empty ones are left out. */
  sample(family: MetricFamily, value: number, ...labelValues: string[]): void
  /** A classic histogram: cumulative counts per upper bound, `+Inf` last and equal to `count`. */
  histogram(
    family: MetricFamily,
    count: number,
    sum: number,
    bounds: readonly number[],
    cumulativeCounts: readonly number[],
    ...labelValues: string[]
  ): void
  /** A summary; `quantiles` and `values` parallel. */
  summary(
    family: MetricFamily,
    count: number,
    sum: number,
    quantiles: readonly number[],
    values: readonly number[],
    ...labelValues: string[]
  ): void
  nativeHistogram(family: MetricFamily, histogram: NativeHistogram, ...labelValues: string[]): void
}

/** Something to scrape inside the process. */
export interface MetricSource {
  /**
   * Put every current sample into `sink`. A failing part is reported by the source's own series (as node_exporter's
   * `node_scrape_collector_success`); only when nothing can be had does it throw, and the scrape fails.
   * `signal` is aborted at the scrape's timeout.
   */
  collect(sink: MetricSink, signal: AbortSignal): void | Promise<void>
}
