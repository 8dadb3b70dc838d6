// What a collector gave, as text: for tests.
import type { MetricFamily, MetricSink } from '#component'

/** Lines `name{label="value",…} value`, in the order given, labels in the family's order, empty ones left out. */
export class SampleLines implements MetricSink {
  readonly lines: string[] = []
  readonly families = new Map<string, MetricFamily>()

  sample(family: MetricFamily, value: number, ...labelValues: string[]): void {
    this.families.set(family.name, family)
    this.lines.push(`${family.name}${labelText(family, labelValues)} ${value}`)
  }
  histogram(
    family: MetricFamily,
    count: number,
    sum: number,
    bounds: readonly number[],
    cumulativeCounts: readonly number[],
    ...labelValues: string[]
  ): void {
    this.families.set(family.name, family)
    const buckets = bounds.map((bound, i) => `${bound}:${cumulativeCounts[i]}`).join(' ')
    this.lines.push(`${family.name}${labelText(family, labelValues)} count=${count} sum=${sum} ${buckets}`)
  }
  summary(
    family: MetricFamily,
    count: number,
    sum: number,
    quantiles: readonly number[],
    values: readonly number[],
    ...labelValues: string[]
  ): void {
    this.families.set(family.name, family)
    const parts = quantiles.map((quantile, i) => `${quantile}:${values[i]}`).join(' ')
    this.lines.push(`${family.name}${labelText(family, labelValues)} count=${count} sum=${sum} ${parts}`)
  }
  nativeHistogram(): void {
    throw new Error('Cannot show a native histogram: no collector has one')
  }
}

function labelText(family: MetricFamily, values: readonly string[]): string {
  if (values.length !== family.labelNames.length) {
    throw new Error(`Cannot show ${family.name}: ${values.length} label values for ${family.labelNames.length} names`)
  }
  const pairs = family.labelNames.flatMap((name, i) => (values[i] === '' ? [] : [`${name}="${values[i]}"`]))
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
