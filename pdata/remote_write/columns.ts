// Columns that grow while a request is decoded, and the batch they become.
import type { Labels, NativeHistogram, Series, SlotExemplar } from '../series.ts'
import { SeriesBatch, SlotFlag } from '../series.ts'
import type { SeriesInterner } from './interner.ts'

export class ColumnBuilder {
  readonly series: Series[] = []
  count = 0
  #values = new Float64Array(256)
  #flags = new Uint8Array(256)
  #timestampsMs = new Float64Array(256)
  #startsMs: Float64Array<ArrayBuffer> | null = null
  #hasFlags = false
  #hasOwnTimestamps = false
  readonly #exemplars: SlotExemplar[] = []
  #histograms: (NativeHistogram | null)[] | null = null

  /** Add a slot; gives its number. */
  add(series: Series, flag: number, value: number, timestampMs: number, startMs: number): number {
    const slot = this.count
    if (slot === this.#values.length) this.#grow()
    this.series.push(series)
    this.#values[slot] = value
    this.#flags[slot] = flag
    this.#timestampsMs[slot] = timestampMs
    if (flag !== SlotFlag.value) this.#hasFlags = true
    if (timestampMs !== this.#timestampsMs[0]) this.#hasOwnTimestamps = true
    if (startMs !== 0) {
      this.#startsMs ??= new Float64Array(this.#values.length)
      this.#startsMs[slot] = startMs
    }
    this.#histograms?.push(null)
    this.count = slot + 1
    return slot
  }

  addHistogram(series: Series, histogram: NativeHistogram, timestampMs: number, startMs: number): number {
    const slot = this.add(series, SlotFlag.histogram, 0, timestampMs, startMs)
    this.#histograms ??= Array.from({ length: this.count }, () => null)
    this.#histograms[slot] = histogram
    return slot
  }

  addExemplar(slot: number, labels: Labels, value: number, timestampMs: number): void {
    this.#exemplars.push({ slot, labels, value, timestampMs })
  }

  #grow(): void {
    const capacity = this.#values.length * 2
    const flags = new Uint8Array(capacity)
    flags.set(this.#flags)
    this.#flags = flags
    this.#values = grown(this.#values, capacity)
    this.#timestampsMs = grown(this.#timestampsMs, capacity)
    if (this.#startsMs !== null) this.#startsMs = grown(this.#startsMs, capacity)
  }

  /** The batch of all slots, or null when there is none. Its layout is the interner's for these series. */
  finish(interner: SeriesInterner): SeriesBatch | null {
    if (this.count === 0) return null
    const count = this.count
    return new SeriesBatch({
      layout: interner.layoutOf(this.series),
      values: this.#values.slice(0, count),
      flags: this.#hasFlags ? this.#flags.slice(0, count) : null,
      timestampMs: this.#timestampsMs[0] as number,
      timestampsMs: this.#hasOwnTimestamps ? this.#timestampsMs.slice(0, count) : null,
      startsMs: this.#startsMs === null ? null : this.#startsMs.slice(0, count),
      exemplars: this.#exemplars.length === 0 ? null : this.#exemplars,
      histograms: this.#histograms,
    })
  }
}

function grown(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity)
  larger.set(column)
  return larger
}
