// The latest sample of every series, until it expires.
import {
  type Labels,
  labelsFrom,
  labelsText,
  type Metadata,
  type NativeHistogram,
  type Series,
  type SeriesBatch,
  type SlotExemplar,
  SlotFlag,
} from '#pdata'

export interface Kept {
  readonly labels: Labels
  metadata: Metadata | null
  value: number
  /** Not null: a native histogram stands in place of the value. */
  histogram: NativeHistogram | null
  timestampMs: number
  updatedMs: number
  /** The last one that came. */
  exemplar: SlotExemplar | null
}

/** What a series is kept under; worked out once for each. */
interface Place {
  readonly key: string
  readonly labels: Labels
}

export class LatestSamples {
  readonly #constant: readonly (readonly [string, string])[]
  readonly #places = new WeakMap<Series, Place>()
  readonly #kept = new Map<string, Kept>()

  /** `constant`: labels of every series, where it has none of the name. */
  constructor(constant: ReadonlyMap<string, string>) {
    this.#constant = [...constant]
  }

  get size(): number {
    return this.#kept.size
  }

  /** A sample older than the one that is kept is left out; a staleness marker takes the series away. */
  take(batch: SeriesBatch, nowMs: number): void {
    batch.layout.series.forEach((series, slot) => {
      const flag = batch.flags?.[slot] ?? SlotFlag.value
      if (flag === SlotFlag.absent) return
      const { key, labels } = this.#placeOf(series)
      if (flag === SlotFlag.stale) {
        this.#kept.delete(key)
        return
      }
      const timestampMs = batch.timestampsMs?.[slot] ?? batch.timestampMs
      const value = batch.values[slot] as number
      const histogram = flag === SlotFlag.histogram ? (batch.histograms?.[slot] ?? null) : null
      const { metadata } = series
      const kept = this.#kept.get(key)
      if (kept === undefined) {
        this.#kept.set(key, { labels, metadata, value, histogram, timestampMs, updatedMs: nowMs, exemplar: null })
      } else if (timestampMs >= kept.timestampMs) {
        Object.assign(kept, { metadata, value, histogram, timestampMs, updatedMs: nowMs })
      }
    })
    this.#keepExemplars(batch)
  }

  #keepExemplars(batch: SeriesBatch): void {
    for (const exemplar of batch.exemplars ?? []) {
      const series = batch.layout.series[exemplar.slot]
      const kept = series && this.#kept.get(this.#placeOf(series).key)
      if (kept) kept.exemplar = exemplar
    }
  }

  #placeOf(series: Series): Place {
    let place = this.#places.get(series)
    if (place === undefined) {
      const own: (readonly [string, string])[] = [...this.#constant]
      for (let i = 0; i < series.labels.length; i += 2) own.push([series.labels[i]!, series.labels[i + 1]!])
      const labels = labelsFrom(own)
      place = { key: labelsText(labels), labels }
      this.#places.set(series, place)
    }
    return place
  }

  expire(beforeMs: number): void {
    for (const [key, { updatedMs }] of this.#kept) if (updatedMs < beforeMs) this.#kept.delete(key)
  }

  entries(): Iterable<Kept> {
    return this.#kept.values()
  }
}
