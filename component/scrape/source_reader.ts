// Reads a source inside the process into columns, without text: the same samples in the same order cost a comparison each.
import type { MetricFamily, MetricSink } from '#component'
import type { Labels, MetricType, NativeHistogram } from '#pdata'
import { Metadata, Series } from '#pdata'
import type { SeriesCacheOptions } from '#pdata/exposition'
import { Columns, formatOpenMetricsFloat } from '#pdata/exposition'

const noNumbers: readonly number[] = []
const infinite: readonly number[] = [Infinity]

/** One float, several series with sum and count, or one native histogram. */
type Form = 'float' | 'points' | 'native'

/** What one call of the sink gave: a family's metric, one or more series. */
class Metric {
  readonly family: MetricFamily
  readonly labelValues: readonly string[]
  /** Upper bounds or quantiles: the series besides sum and count. */
  readonly points: readonly number[]
  readonly form: Form
  readonly slot: number
  readonly slots: number
  /** The slot of the first metric with the same name and labels in the collection; its own unless given twice. */
  readonly first: number

  constructor(
    family: MetricFamily,
    labelValues: readonly string[],
    points: readonly number[],
    form: Form,
    place: Place,
  ) {
    this.family = family
    this.labelValues = labelValues
    this.points = points
    this.form = form
    this.slot = place.slot
    this.slots = place.slots
    this.first = place.first
  }

  is(family: MetricFamily, labelValues: readonly string[], points: readonly number[], form: Form): boolean {
    if (this.family !== family || this.form !== form) return false
    const mine = this.labelValues
    if (mine.length !== labelValues.length || this.points.length !== points.length) return false
    for (let i = 0; i < mine.length; i++) if (mine[i] !== labelValues[i]) return false
    for (let i = 0; i < points.length; i++) if (this.points[i] !== points[i]) return false
    return true
  }
}

interface Place {
  readonly slot: number
  readonly slots: number
  readonly first: number
}

interface Building {
  readonly metrics: Metric[]
  readonly series: Series[]
  readonly byKey: Map<string, Metric>
  readonly old: ReadonlyMap<string, Metric>
}

/**
 * One target's memory, as `SeriesCache` is for expositions. Give it to `MetricSource.collect` between `begin` and `finish`;
 * what is put into it at other times (by a source that goes on after its time limit) is ignored.
 */
export class SourceReader implements MetricSink {
  readonly columns: Columns
  readonly #options: SeriesCacheOptions
  #metrics: Metric[] = []
  #series: Series[] = []
  #next = 0
  /** What a changed collection makes; null as long as everything is as it was. */
  #building: Building | null = null
  #known = new Set<string>()
  #metadata = new Map<MetricFamily, Metadata>()
  #reading = false
  /** The last metric that was not there before. */
  #added: Metric | null = null
  /** Where `typeOf` stands: the slot asked for last, and its metric. */
  #typeAt = 0
  #typeMetric = 0

  constructor(options: SeriesCacheOptions) {
    this.#options = options
    this.columns = new Columns(options)
  }

  begin(timestampMs: number): void {
    this.columns.begin(timestampMs)
    this.columns.reserve(this.#series.length)
    this.#next = 0
    this.#building = null
    this.#added = null
    this.#reading = true
  }

  /** The collection is over; `error`: it failed. */
  finish(error: Error | null): Columns {
    const { columns } = this
    this.#reading = false
    columns.error ??= error
    if (columns.error === null && !this.#building && this.#next < this.#metrics.length) this.#diverge()
    columns.finish()
    const building = this.#building
    columns.series = building ? building.series : this.#series
    if (building && columns.error === null) {
      this.#metrics = building.metrics
      this.#series = building.series
      columns.changed = true
      this.#known.clear()
    } else if (building && this.#known.size < this.#metrics.length + 1000) {
      for (const key of building.byKey.keys()) this.#known.add(key)
    }
    this.#building = null
    return columns
  }

  /** The type of the series at `slot` of the last collection that succeeded. */
  typeOf(slot: number): MetricType {
    // Asked for every slot of a new layout, in order.
    if (slot < this.#typeAt) this.#typeMetric = 0
    this.#typeAt = slot
    for (;;) {
      const metric = this.#metrics[this.#typeMetric]
      if (!metric) return 'unknown'
      if (slot < metric.slot + metric.slots) return metric.family.type
      this.#typeMetric++
    }
  }

  sample(family: MetricFamily, value: number, ...labelValues: string[]): void {
    const metric = this.#metric(family, labelValues, noNumbers, 'float')
    if (metric) this.#put(metric, 0, value, null)
  }

  histogram(
    family: MetricFamily,
    count: number,
    sum: number,
    bounds: readonly number[],
    cumulativeCounts: readonly number[],
    ...labelValues: string[]
  ): void {
    const metric = this.#metric(family, labelValues, bounds, 'points')
    if (!metric) return
    for (let i = 0; i < bounds.length; i++) this.#put(metric, i, cumulativeCounts[i] ?? 0, null)
    this.#put(metric, bounds.length, sum, null)
    this.#put(metric, bounds.length + 1, count, null)
  }

  summary(
    family: MetricFamily,
    count: number,
    sum: number,
    quantiles: readonly number[],
    values: readonly number[],
    ...labelValues: string[]
  ): void {
    const metric = this.#metric(family, labelValues, quantiles, 'points')
    if (!metric) return
    for (let i = 0; i < quantiles.length; i++) this.#put(metric, i, values[i] ?? NaN, null)
    this.#put(metric, quantiles.length, sum, null)
    this.#put(metric, quantiles.length + 1, count, null)
  }

  /** Where native histograms are not wanted, its sum and count go on. */
  nativeHistogram(family: MetricFamily, histogram: NativeHistogram, ...labelValues: string[]): void {
    const native = this.#options.nativeHistograms
    const metric = this.#metric(family, labelValues, native ? noNumbers : infinite, native ? 'native' : 'points')
    if (!metric) return
    if (native) this.#put(metric, 0, 0, histogram)
    else {
      this.#put(metric, 0, histogram.count, null)
      this.#put(metric, 1, histogram.sum, null)
      this.#put(metric, 2, histogram.count, null)
    }
  }

  #put(metric: Metric, i: number, value: number, histogram: NativeHistogram | null): void {
    const fresh = this.#added
    const stands = this.columns.add(metric.first + i, value, undefined, histogram)
    if (fresh === metric && stands && !this.columns.limitExceeded) this.columns.seriesAdded++
  }

  #metric(
    family: MetricFamily,
    labelValues: readonly string[],
    points: readonly number[],
    form: Form,
  ): Metric | undefined {
    if (!this.#reading || this.columns.error !== null) return undefined
    if (!this.#building) {
      const expected = this.#metrics[this.#next]
      if (expected?.is(family, labelValues, points, form)) {
        this.#next++
        return expected
      }
      this.#diverge()
    }
    try {
      return this.#place(family, labelValues, points, form)
    } catch (error) {
      this.columns.samplesScraped++
      this.columns.error = error instanceof Error ? error : new Error(String(error))
      return undefined
    }
  }

  #diverge(): void {
    const old = new Map<string, Metric>()
    for (const metric of this.#metrics) if (metric.slot === metric.first) old.set(keyOf(metric), metric)
    const metrics = this.#metrics.slice(0, this.#next)
    const byKey = new Map<string, Metric>()
    for (const metric of metrics) if (metric.slot === metric.first) byKey.set(keyOf(metric), metric)
    this.#building = { metrics, series: this.#series.slice(0, this.columns.count), byKey, old }
  }

  #place(family: MetricFamily, labelValues: readonly string[], points: readonly number[], form: Form): Metric {
    const building = this.#building as Building
    const slot = building.series.length
    const slots = form === 'points' ? points.length + 2 : 1
    const wanted = { family, labelValues, points, form }
    const key = keyOf(wanted)
    const twin = building.byKey.get(key)
    if (twin) {
      const metric = new Metric(family, labelValues, points, form, { slot, slots, first: twin.slot })
      for (let i = 0; i < slots; i++) building.series.push(building.series[twin.slot + i] as Series)
      building.metrics.push(metric)
      this.#added = null
      return metric
    }
    const metric = new Metric(family, labelValues.slice(), points.slice(), form, { slot, slots, first: slot })
    const old = building.old.get(key)
    const made = old ? this.#series.slice(old.slot, old.slot + slots) : this.#seriesOf(metric)
    this.#added = old || this.#known.has(key) ? null : metric
    for (const series of made) building.series.push(series)
    building.byKey.set(key, metric)
    building.metrics.push(metric)
    return metric
  }

  #seriesOf(metric: Metric): Series[] {
    const { family, labelValues, points } = metric
    const base: string[] = []
    for (let i = 0; i < family.labelNames.length; i++) base.push(family.labelNames[i] as string, labelValues[i] ?? '')
    const metadata = this.#metadataOf(family)
    const make = (name: string, ...extra: string[]): Series => {
      const labels: Labels = this.#options.makeLabels(['__name__', name, ...base, ...this.#typeLabel(family), ...extra])
      return new Series(labels, metadata)
    }
    const { name } = family
    if (metric.form !== 'points') return [make(name)]
    const summary = family.type === 'summary'
    const pointSeries = points.map((point) => {
      const text = formatOpenMetricsFloat(point)
      return summary ? make(name, 'quantile', text) : make(`${name}_bucket`, 'le', text)
    })
    return [...pointSeries, make(`${name}_sum`), make(`${name}_count`)]
  }

  #typeLabel(family: MetricFamily): string[] {
    return this.#options.typeAndUnitLabels && family.type !== 'unknown' ? ['__type__', family.type] : []
  }

  #metadataOf(family: MetricFamily): Metadata | null {
    if (!this.#options.keepMetadata) return null
    const known = this.#metadata.get(family)
    if (known) return known
    const made = new Metadata(family.name, family.type, family.help, '')
    this.#metadata.set(family, made)
    return made
  }
}

function keyOf(metric: Pick<Metric, 'family' | 'labelValues' | 'points' | 'form'>): string {
  return JSON.stringify([
    metric.family.name,
    metric.family.type,
    metric.form,
    metric.labelValues,
    metric.points.map(String),
  ])
}
