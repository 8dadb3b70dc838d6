// Samples held back until their collector is done: its failure or lateness then cannot tear what others give.
import type { MetricFamily, MetricSink } from '#component'

type SampleCall = Parameters<MetricSink['sample']>
type HistogramCall = Parameters<MetricSink['histogram']>
type SummaryCall = Parameters<MetricSink['summary']>
type NativeCall = Parameters<MetricSink['nativeHistogram']>

type Held =
  | { readonly kind: 'sample'; readonly call: SampleCall }
  | { readonly kind: 'histogram'; readonly call: HistogramCall }
  | { readonly kind: 'summary'; readonly call: SummaryCall }
  | { readonly kind: 'native'; readonly call: NativeCall }

export class HeldSamples implements MetricSink {
  readonly #held: Held[] = []
  #isClosed = false

  sample(...call: SampleCall): void {
    this.#hold({ kind: 'sample', call })
  }
  histogram(...call: HistogramCall): void {
    this.#hold({ kind: 'histogram', call })
  }
  summary(...call: SummaryCall): void {
    this.#hold({ kind: 'summary', call })
  }
  nativeHistogram(...call: NativeCall): void {
    this.#hold({ kind: 'native', call })
  }

  /** Give everything to `sink`, in order. What comes later is dropped. */
  release(sink: MetricSink): void {
    this.#isClosed = true
    for (const held of this.#held) {
      switch (held.kind) {
        case 'sample':
          sink.sample(...held.call)
          break
        case 'histogram':
          sink.histogram(...held.call)
          break
        case 'summary':
          sink.summary(...held.call)
          break
        case 'native':
          sink.nativeHistogram(...held.call)
          break
      }
    }
    this.#held.length = 0
  }

  #hold(held: Held): void {
    if (!this.#isClosed) this.#held.push(held)
  }
}

/** For tests and tools: what a collector gave, as `name{label="value",…} value` lines, in order. */
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
