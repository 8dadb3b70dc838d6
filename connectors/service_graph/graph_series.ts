// Counts and durations of requests, by the services that they connect.
import {
  ExplicitHistogram,
  ExponentialHistogram,
  madeMetric,
  madeResource,
  nanosOf,
  overflowMark,
} from '#component/aggregation'
import type { Attributes, Metric, MetricsTree } from '#pdata/otlp'
import { cloneAttributes, Temporality } from '#pdata/otlp'
import type { Edge } from './edge_store.ts'

/** Series that were not updated for this long are forgotten: upstream's constant. */
const staleMs = 15 * 60_000

/** No other series has it: theirs are lists. */
const overflowKey = ''

type Histogram = ExplicitHistogram | ExponentialHistogram

class GraphSeries {
  readonly attributes: Attributes
  readonly client: Histogram
  readonly server: Histogram
  total = 0
  failed = 0
  updatedMs = 0
  constructor(attributes: Attributes, client: Histogram, server: Histogram) {
    this.attributes = attributes
    this.client = client
    this.server = server
  }
}

export interface GraphHistogram {
  /** Seconds. */
  readonly bounds: readonly number[]
  /** Exponential buckets of one sign; 0: explicit ones. */
  readonly bucketsMax: number
}

export class GraphMetrics {
  readonly #histogram: GraphHistogram
  readonly #series = new Map<string, GraphSeries>()
  readonly #seriesMax: number
  readonly #startMs: number

  /** `seriesMax`: more go into one that is marked; 0: no bound. */
  constructor(histogram: GraphHistogram, seriesMax: number, startMs: number) {
    this.#histogram = histogram
    this.#seriesMax = seriesMax
    this.#startMs = startMs
  }

  get size(): number {
    return this.#series.size
  }

  /** Count a request. `virtualNode`: the side that was made up, for the label; undefined: no label. `nowMs`: monotonic. */
  add(edge: Edge, virtualNode: string | undefined, nowMs: number): void {
    const key = JSON.stringify([
      edge.client,
      edge.server,
      edge.connection,
      edge.isFailed,
      virtualNode ?? null,
      ...[...edge.dimensions].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ])
    const series =
      this.#series.get(key) ??
      (this.#seriesMax > 0 && this.#series.size >= this.#seriesMax
        ? (this.#series.get(overflowKey) ?? this.#newSeries(overflowKey, [overflowMark]))
        : this.#newSeries(key, attributesOf(edge, virtualNode)))
    series.total++
    if (edge.isFailed) series.failed++
    series.client.observe(edge.clientSeconds, 1)
    series.server.observe(edge.serverSeconds, 1)
    series.updatedMs = nowMs
  }

  #newSeries(key: string, attributes: Attributes): GraphSeries {
    const series = new GraphSeries(attributes, this.#made(), this.#made())
    this.#series.set(key, series)
    return series
  }

  #made(): Histogram {
    const { bounds, bucketsMax } = this.#histogram
    return bucketsMax > 0 ? new ExponentialHistogram(bucketsMax) : new ExplicitHistogram(bounds)
  }

  forgetStale(nowMs: number): void {
    for (const [key, series] of this.#series) if (series.updatedMs + staleMs < nowMs) this.#series.delete(key)
  }

  /** The metrics as they stand; an empty tree where there are none. */
  toTree(timeMs: number): MetricsTree {
    const all = [...this.#series.values()]
    if (all.length === 0) return { resourceMetrics: [] }
    const start = nanosOf(this.#startMs)
    const time = nanosOf(timeMs)
    const failed = all.filter((series) => series.failed > 0)
    const sum = (name: string, some: readonly GraphSeries[], valueOf: (series: GraphSeries) => number): Metric =>
      madeMetric(name, {
        kind: 'sum',
        points: some.map((series) => ({
          attributes: cloneAttributes(series.attributes),
          startTimeUnixNano: start,
          timeUnixNano: time,
          value: BigInt(valueOf(series)),
          exemplars: [],
          flags: 0,
          unknown: null,
        })),
        temporality: Temporality.cumulative,
        isMonotonic: true,
        unknown: null,
      })
    const metrics = [
      sum('traces_service_graph_request_total', all, ({ total }) => total),
      ...(failed.length === 0
        ? []
        : [sum('traces_service_graph_request_failed_total', failed, (series) => series.failed)]),
      durations('traces_service_graph_request_server', all, ({ server }) => server, start, time),
      durations('traces_service_graph_request_client', all, ({ client }) => client, start, time),
    ]
    return { resourceMetrics: [madeResource([], 'traces_service_graph', metrics)] }
  }
}

function durations(
  name: string,
  all: readonly GraphSeries[],
  histogramOf: (series: GraphSeries) => Histogram,
  start: bigint,
  time: bigint,
): Metric {
  const temporality = Temporality.cumulative
  const explicit = []
  const exponential = []
  for (const series of all) {
    const histogram = histogramOf(series)
    const attributes = cloneAttributes(series.attributes)
    if (histogram instanceof ExplicitHistogram) explicit.push(histogram.point(attributes, start, time))
    else exponential.push(histogram.point(attributes, start, time))
  }
  return exponential.length > 0
    ? madeMetric(
        name,
        { kind: 'exponential_histogram', points: exponential, temporality, unknown: null },
        { unit: 's' },
      )
    : madeMetric(name, { kind: 'histogram', points: explicit, temporality, unknown: null }, { unit: 's' })
}

function attributesOf(edge: Edge, virtualNode: string | undefined): Attributes {
  const attributes: Attributes = [
    { key: 'client', value: edge.client },
    { key: 'server', value: edge.server },
    { key: 'connection_type', value: edge.connection },
    { key: 'failed', value: edge.isFailed },
  ]
  for (const [key, value] of edge.dimensions) attributes.push({ key, value })
  if (virtualNode !== undefined) attributes.push({ key: 'virtual_node', value: virtualNode })
  return attributes
}
