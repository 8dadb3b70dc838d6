// Samples held back until their collector is done: its failure or lateness then cannot tear what others give.
import type { MetricSink } from '#component'

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
