// Metrics of this process as text, for whoever asks over HTTP.
import type { MetricFamily, MetricSink } from '#component'
import type { NativeHistogram } from '#pdata'
import { formatGoFloat, formatOpenMetricsFloat, TextFormat, textContentTypes, TextWriter } from '#pdata/exposition'

/** The `Content-Type` of what a `TextSink` writes by default. */
export const textContentType: string = textContentTypes.text

interface Line {
  readonly suffix: string
  readonly extraName: string
  readonly extra: number
  readonly value: number
}

interface Metric {
  /** Label values in the order of the family's sorted label names. */
  readonly values: readonly string[]
  readonly lines: readonly Line[]
}

interface Family {
  readonly family: MetricFamily
  /** Where in the family's `labelNames` the sorted names stand. */
  readonly order: readonly number[]
  readonly names: readonly string[]
  readonly metrics: Metric[]
}

/** Collects samples and writes them sorted: families by name, their metrics by label values, as client_golang does. */
export class TextSink implements MetricSink {
  readonly #format: TextFormat
  readonly #families = new Map<string, Family>()

  constructor(format: TextFormat = TextFormat.text) {
    this.#format = format
  }

  sample(family: MetricFamily, value: number, ...labelValues: string[]): void {
    const counter = this.#format === TextFormat.openmetrics && family.type === 'counter'
    this.#add(family, labelValues, [{ suffix: counter ? '_total' : '', extraName: '', extra: 0, value }])
  }

  histogram(
    family: MetricFamily,
    count: number,
    sum: number,
    bounds: readonly number[],
    cumulativeCounts: readonly number[],
    ...labelValues: string[]
  ): void {
    const lines: Line[] = bounds.map((bound, i) => bucket(bound, cumulativeCounts[i] ?? 0))
    if (bounds.at(-1) !== Infinity) lines.push(bucket(Infinity, count))
    this.#add(family, labelValues, [...lines, ...sumAndCount(sum, count)])
  }

  summary(
    family: MetricFamily,
    count: number,
    sum: number,
    quantiles: readonly number[],
    values: readonly number[],
    ...labelValues: string[]
  ): void {
    const lines: Line[] = quantiles.map((quantile, i) => {
      return { suffix: '', extraName: 'quantile', extra: quantile, value: values[i] ?? NaN }
    })
    this.#add(family, labelValues, [...lines, ...sumAndCount(sum, count)])
  }

  /** Text has no place for its buckets: it is shown as a histogram of one. */
  nativeHistogram(family: MetricFamily, histogram: NativeHistogram, ...labelValues: string[]): void {
    const lines = [bucket(Infinity, histogram.count), ...sumAndCount(histogram.sum, histogram.count)]
    this.#add(family, labelValues, lines)
  }

  #add(family: MetricFamily, labelValues: readonly string[], lines: readonly Line[]): void {
    const known = this.#families.get(family.name) ?? this.#addFamily(family)
    known.metrics.push({ values: known.order.map((i) => labelValues[i] ?? ''), lines })
  }

  #addFamily(family: MetricFamily): Family {
    const order = family.labelNames.map((_, i) => i)
    order.sort((a, b) => ((family.labelNames[a] as string) < (family.labelNames[b] as string) ? -1 : 1))
    const made: Family = { family, order, names: order.map((i) => family.labelNames[i] as string), metrics: [] }
    this.#families.set(family.name, made)
    return made
  }

  text(): string {
    const writer = new TextWriter(this.#format)
    const open = this.#format === TextFormat.openmetrics
    const families = [...this.#families.values()].sort((a, b) => (a.family.name < b.family.name ? -1 : 1))
    for (const { family, names, metrics } of families) {
      const shown = open && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name
      writer.family(shown, family.type, family.help)
      metrics.sort(byValues)
      for (const metric of metrics) {
        for (const { suffix, extraName, extra, value } of metric.lines) {
          const extraText = extraName === '' ? '' : open ? formatOpenMetricsFloat(extra) : formatGoFloat(extra)
          writer.sample(shown + suffix, names, metric.values, extraName, extraText, value)
        }
      }
    }
    return writer.text()
  }
}

function byValues(a: Metric, b: Metric): number {
  for (let i = 0; i < a.values.length; i++) {
    const x = a.values[i] as string
    const y = b.values[i] as string
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}

function bucket(bound: number, value: number): Line {
  return { suffix: '_bucket', extraName: 'le', extra: bound, value }
}

function sumAndCount(sum: number, count: number): Line[] {
  return [
    { suffix: '_sum', extraName: '', extra: 0, value: sum },
    { suffix: '_count', extraName: '', extra: 0, value: count },
  ]
}
