// A batch of metrics, in whichever forms it is had.
import type { ClientContext } from './client_context.ts'
import type { MetricsTree } from './otlp/tree.ts'
import type { SeriesBatch } from './series.ts'
import type { WireChunks } from './signals.ts'

/**
 * A batch of metrics. Immutable once handed on. It is made from one form: Prometheus's series, or OTLP's wire or tree.
 * OTLP's forms are computed from one another by `#pdata/otlp` (`metricsWire`, `metricsTree`, `ownMetricsTree`) and kept as
 * long as the batch. Series and OTLP are different views with different names and times: the bridges convert.
 */
export class Metrics {
  readonly #series: SeriesBatch | null
  readonly #count: number
  readonly context: ClientContext | null
  wire: WireChunks | null
  tree: MetricsTree | null
  /** Several consumers have it: none of them may change its tree. */
  shared = false

  private constructor(
    series: SeriesBatch | null,
    wire: WireChunks | null,
    tree: MetricsTree | null,
    count: number,
    context: ClientContext | null,
  ) {
    this.#series = series
    this.wire = wire
    this.tree = tree
    this.#count = count
    this.context = context
  }

  static fromSeries(series: SeriesBatch): Metrics {
    return new Metrics(series, null, null, series.count, null)
  }

  /** `count`: data points. */
  static fromWire(chunks: WireChunks, count: number, context: ClientContext | null = null): Metrics {
    return new Metrics(null, chunks, null, count, context)
  }

  /** The batch owns the tree from now on. */
  static fromTree(tree: MetricsTree, context: ClientContext | null = null): Metrics {
    let count = 0
    for (const { scopeMetrics } of tree.resourceMetrics) {
      for (const { metrics } of scopeMetrics) {
        for (const { data } of metrics) if (data.kind !== 'empty') count += data.points.length
      }
    }
    return new Metrics(null, null, tree, count, context)
  }

  get hasSeries(): boolean {
    return this.#series !== null
  }

  /** The Prometheus view. Throws where the batch came in another one: what takes it has to convert. */
  series(): SeriesBatch {
    if (this.#series === null) throw new Error('Cannot read OTLP metrics as series: a bridge has to convert them')
    return this.#series
  }

  /** Items: samples, staleness markers and histograms; data points. */
  get count(): number {
    return this.#count
  }
}
