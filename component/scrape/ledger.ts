// Turns what a scrape read into batches over stable layouts, and marks series stale that are there no more.
import type { NativeHistogram, Series } from '#pdata'
import { Metrics, SeriesBatch, SeriesLayout, SlotFlag } from '#pdata'
import type { Columns } from '#pdata/exposition'

/**
 * One target's series and which of them would need a staleness marker. A layout has the target's series in front, then
 * the report's, then those that vanished with this layout: they hold their marker once and nothing from then on, so that
 * the layout can stay as it is.
 */
export class Ledger {
  readonly #report: readonly Series[]
  #layout: SeriesLayout
  #entries: readonly Series[] = []
  /** Of the target's series: 1, was there in the last scrape. */
  #tracked = new Uint8Array(0)
  #reported = false

  constructor(report: readonly Series[]) {
    this.#report = report
    this.#layout = new SeriesLayout(report)
  }

  /** The same memory with other report series. */
  withReport(report: readonly Series[]): Ledger {
    const made = new Ledger(report)
    made.#entries = this.#entries
    made.#tracked = this.#tracked
    made.#reported = this.#reported
    made.#layout = new SeriesLayout([...this.#entries, ...report])
    return made
  }

  /** The batches of a scrape that succeeded: one, but for series that begin to bring their own timestamps. */
  succeeded(columns: Columns, report: readonly number[], timestampMs: number): Metrics[] {
    const { count } = columns
    const changed = columns.changed || columns.series !== this.#entries
    const vanished = changed ? this.#relayout(columns) : []
    const out: Metrics[] = []
    if (!changed && columns.hasUntracked) {
      const lost = this.#lost(columns)
      if (lost.length > 0) out.push(staleBatch(lost, timestampMs))
    }
    this.#remember(columns)
    const total = this.#layout.series.length
    const values = new Float64Array(total)
    values.set(columns.values.subarray(0, count))
    for (let i = 0; i < report.length; i++) values[count + i] = report[i] as number
    let flags: Uint8Array | null = null
    if (columns.hasFlags || total > count + report.length) {
      flags = new Uint8Array(total)
      flags.set(columns.flags.subarray(0, count))
      flags.fill(vanished.length > 0 ? SlotFlag.stale : SlotFlag.absent, count + report.length)
    }
    const batch = new SeriesBatch({
      layout: this.#layout,
      values,
      flags,
      timestampMs,
      timestampsMs: columns.hasTimestamps ? column(columns.timestampsMs, count, total, timestampMs) : null,
      startsMs: columns.hasStarts ? column(columns.startsMs, count, total, 0) : null,
      exemplars: columns.exemplars.length > 0 ? columns.exemplars : null,
      histograms: columns.hasHistograms ? histogramColumn(columns, total) : null,
    })
    this.#reported = true
    out.unshift(Metrics.fromSeries(batch))
    return out
  }

  /** The layout for series that are other ones than before. Returns those that vanished. */
  #relayout(columns: Columns): Series[] {
    const vanished: Series[] = []
    const now = new Set<Series>()
    for (let i = 0; i < columns.count; i++) if (columns.tracked[i] === 1) now.add(columns.series[i] as Series)
    let fresh: Set<string> | null = null
    const before = new Set(this.#entries)
    for (let i = 0; i < this.#entries.length; i++) {
      const series = this.#entries[i] as Series
      if (this.#tracked[i] !== 1 || now.has(series)) continue
      // The same labels in a new object (other metadata) are the same series.
      fresh ??= new Set([...now].filter((s) => !before.has(s)).map((s) => JSON.stringify(s.labels)))
      if (fresh.size === 0 || !fresh.has(JSON.stringify(series.labels))) vanished.push(series)
    }
    this.#entries = columns.series
    this.#layout = new SeriesLayout([...columns.series, ...this.#report, ...vanished])
    return vanished
  }

  /** Series that were tracked and are not any more, though still there. */
  #lost(columns: Columns): Series[] {
    const lost: Series[] = []
    for (let i = 0; i < columns.count; i++) {
      if (this.#tracked[i] === 1 && columns.tracked[i] !== 1) lost.push(columns.series[i] as Series)
    }
    return lost
  }

  #remember(columns: Columns): void {
    if (this.#tracked.length !== columns.count) this.#tracked = new Uint8Array(columns.count)
    this.#tracked.set(columns.tracked.subarray(0, columns.count))
  }

  /**
   * The batch of a scrape that failed: markers for every series but those that were read before the failure, which stay
   * unmarked until a scrape does not read them (so Prometheus does it, scrape/scrape.go, scrapeAndReport). What is marked
   * already is not marked again when such a scrape has read it.
   */
  failed(columns: Columns | null, report: readonly number[], timestampMs: number): Metrics[] {
    const read = columns && columns.count > 0 ? new Set<Series>() : null
    if (columns && read) {
      for (let i = 0; i < columns.count; i++) if (columns.tracked[i] === 1) read.add(columns.series[i] as Series)
    }
    const count = this.#entries.length
    const total = this.#layout.series.length
    const values = new Float64Array(total)
    const flags = new Uint8Array(total).fill(SlotFlag.absent)
    for (let i = 0; i < count; i++) {
      const seen = read?.has(this.#entries[i] as Series) ?? false
      if (this.#tracked[i] !== 1 || seen) continue
      flags[i] = SlotFlag.stale
      this.#tracked[i] = 0
    }
    for (let i = 0; i < report.length; i++) {
      values[count + i] = report[i] as number
      flags[count + i] = SlotFlag.value
    }
    this.#reported = true
    return [Metrics.fromSeries(plainBatch(this.#layout, values, flags, timestampMs))]
  }

  /**
   * The target is gone: markers for everything, the report's series included. Those that `successor`, another loop's
   * memory, has too are left to it; all of them as long as it has none.
   */
  ended(timestampMs: number, successor?: Ledger): Metrics[] {
    if (!this.#reported || (successor !== undefined && !successor.#reported)) return []
    const present = successor === undefined ? [] : successor.#present()
    const goesOn = new Set(present.map((series) => JSON.stringify(series.labels)))
    const ends = (series: Series): boolean => !goesOn.has(JSON.stringify(series.labels))
    const { series } = this.#layout
    const flags = new Uint8Array(series.length).fill(SlotFlag.absent)
    const count = this.#entries.length
    for (let i = 0; i < count + this.#report.length; i++) {
      if ((i >= count || this.#tracked[i] === 1) && ends(series[i] as Series)) flags[i] = SlotFlag.stale
    }
    this.#tracked.fill(0)
    this.#reported = false
    if (!flags.includes(SlotFlag.stale)) return []
    return [Metrics.fromSeries(plainBatch(this.#layout, new Float64Array(series.length), flags, timestampMs))]
  }

  #present(): Series[] {
    return [...this.#entries.filter((_, i) => this.#tracked[i] === 1), ...this.#report]
  }
}

function plainBatch(
  layout: SeriesLayout,
  values: Float64Array,
  flags: Uint8Array | null,
  timestampMs: number,
): SeriesBatch {
  return new SeriesBatch({
    layout,
    values,
    flags,
    timestampMs,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
  })
}

function staleBatch(series: readonly Series[], timestampMs: number): Metrics {
  const flags = new Uint8Array(series.length).fill(SlotFlag.stale)
  const layout = new SeriesLayout(series)
  return Metrics.fromSeries(plainBatch(layout, new Float64Array(series.length), flags, timestampMs))
}

function column(from: Float64Array, count: number, total: number, rest: number): Float64Array {
  const out = new Float64Array(total).fill(rest, count)
  out.set(from.subarray(0, count))
  return out
}

function histogramColumn(columns: Columns, total: number): (NativeHistogram | null)[] {
  return Array.from({ length: total }, (_, i) => columns.histograms[i] ?? null)
}
