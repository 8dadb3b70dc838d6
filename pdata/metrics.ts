// A batch of metrics, in whichever forms it is had.
import type { SeriesBatch } from './series.ts'

/**
 * A batch of metrics. Immutable once handed on. It is made from one form and gives others on demand; a form once computed
 * is kept as long as the batch. (The series form is the only one so far; OTLP's come with the gateway.)
 */
export class Metrics {
  readonly #series: SeriesBatch

  private constructor(series: SeriesBatch) {
    this.#series = series
  }

  static fromSeries(series: SeriesBatch): Metrics {
    return new Metrics(series)
  }

  /** The Prometheus view. */
  series(): SeriesBatch {
    return this.#series
  }

  /** Items: samples, staleness markers and histograms. */
  get count(): number {
    return this.#series.count
  }
}
