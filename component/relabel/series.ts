// Relabels batches of series: worked out once per series and once per layout, then only columns are gathered.
import { labelsEqual, noteOf, Series, SeriesBatch, SeriesLayout, setNote, SlotFlag } from '#pdata'
import type { NativeHistogram, SlotExemplar } from '#pdata'
import { relabel } from './relabel.ts'
import type { RelabelRule } from './rule.ts'

export interface SeriesRelabellerOptions {
  /** Results worked out per generation; see `SeriesRelabeller`. 0: no such bound. */
  readonly cacheSizeMax: number
  /** Results not used for this long (up to twice as long) are forgotten. 0: never. */
  readonly cacheTtlMs?: number
  /** Monotonic milliseconds; asked only where there is a `cacheTtlMs`. */
  readonly now?: () => number
}

/** A result that is another series. The generation is brought up to date when it is used. */
class Changed {
  readonly series: Series
  generation: number
  constructor(series: Series, generation: number) {
    this.series = series
    this.generation = generation
  }
}

/** `same` and `dropped` stand for results in notes, so that most notes need no object of their own. */
class Generation {
  readonly number: number
  readonly same = { result: 'same' }
  readonly dropped = { result: 'dropped' }
  /** Results noted or used again. */
  size = 0
  /** Results worked out: the others were known to the generation before. */
  workedOut = 0
  constructor(number: number) {
    this.number = number
  }
}

/** What a layout becomes: which slots stay, and the layout of what stays. */
class Plan {
  /** Null: all of them. */
  readonly kept: Int32Array | null
  /** The same object where nothing changes; null: nothing stays. */
  readonly layout: SeriesLayout | null
  generation: number
  /** New slot by old slot, -1 where dropped; made when exemplars ask. */
  #newSlots: Int32Array | null = null
  constructor(kept: Int32Array | null, layout: SeriesLayout | null, generation: number) {
    this.kept = kept
    this.layout = layout
    this.generation = generation
  }

  newSlots(kept: Int32Array, slots: number): Int32Array {
    if (this.#newSlots === null) {
      const map = new Int32Array(slots).fill(-1)
      for (let i = 0; i < kept.length; i++) map[kept[i] as number] = i
      this.#newSlots = map
    }
    return this.#newSlots
  }
}

/**
 * Relabels batches. What becomes of a series is noted on the series, what becomes of a layout on the layout: a layout seen
 * before costs a gather of its columns (or nothing, where it stays as it is), a layout that changed by one series costs
 * one look at a note per series.
 *
 * Results live in generations. When more than `cacheSizeMax` results were worked out in one, or it is older than
 * `cacheTtlMs`, a new one begins; what the one before that holds and was not used since is forgotten. So results in use
 * stay however many they are (a bound below the working set would work them out again for every batch), churn is
 * forgotten, and there is no list to keep in order. Memory needs no bound here: notes go away with their series.
 */
export class SeriesRelabeller {
  /** Samples for which the result was known, and series for which it was worked out. */
  hits = 0
  misses = 0
  /** Samples in and out. */
  processed = 0
  written = 0
  /** Results forgotten, for want of use; those of them that a time to live was the reason for. */
  evictions = 0
  ttlEvictions = 0
  #rules: readonly RelabelRule[]
  #cacheSizeMax: number
  #cacheTtlMs: number
  readonly #now: () => number
  readonly #owner: object = {}
  #current = new Generation(2)
  #previous = new Generation(1)
  #startedMs: number

  constructor(rules: readonly RelabelRule[], options: SeriesRelabellerOptions) {
    this.#rules = rules
    this.#cacheSizeMax = options.cacheSizeMax
    this.#cacheTtlMs = options.cacheTtlMs ?? 0
    this.#now = options.now ?? (() => performance.now())
    this.#startedMs = this.#cacheTtlMs > 0 ? this.#now() : 0
  }

  /** Results that are known. */
  get size(): number {
    return this.#current.size + this.#previous.size
  }

  /** Samples that rules dropped. */
  get dropped(): number {
    return this.processed - this.written
  }

  /** Other rules and bounds from now on; results known so far are forgotten, and not counted as evictions. */
  update(rules: readonly RelabelRule[], options: Pick<SeriesRelabellerOptions, 'cacheSizeMax' | 'cacheTtlMs'>): void {
    this.#rules = rules
    const next = this.#current.number + 2
    this.#previous = new Generation(next - 1)
    this.#current = new Generation(next)
    this.bound(options)
  }

  /** Other bounds from now on, with the results known so far. */
  bound(options: Pick<SeriesRelabellerOptions, 'cacheSizeMax' | 'cacheTtlMs'>): void {
    this.#cacheSizeMax = options.cacheSizeMax
    this.#cacheTtlMs = options.cacheTtlMs ?? 0
    this.#startedMs = this.#cacheTtlMs > 0 ? this.#now() : 0
  }

  /** `batch` after the rules; the same object where nothing changes, null where nothing stays. */
  apply(batch: SeriesBatch): SeriesBatch | null {
    if (this.#cacheTtlMs > 0) this.#expire()
    else if (this.#cacheSizeMax > 0 && this.#current.workedOut > this.#cacheSizeMax) this.#nextGeneration()
    const layout = batch.layout
    const noted = noteOf(layout, this.#owner) as Plan | undefined
    let plan = noted
    if (plan === undefined || plan.generation !== this.#current.number) plan = this.#plan(layout, noted)
    else this.hits += batch.count
    this.processed += batch.count
    const out = this.#gather(batch, plan)
    if (out !== null) this.written += out.count
    return out
  }

  #expire(): void {
    const now = this.#now()
    if (now - this.#startedMs < this.#cacheTtlMs) return
    const before = this.evictions
    // Nothing came for two periods: what is current was not used for one of them.
    if (now - this.#startedMs >= 2 * this.#cacheTtlMs) this.#nextGeneration()
    this.#nextGeneration()
    this.ttlEvictions += this.evictions - before
    this.#startedMs = now
  }

  #nextGeneration(): void {
    this.evictions += this.#previous.size
    this.#previous = this.#current
    this.#current = new Generation(this.#previous.number + 1)
  }

  /** Work `layout` out from the notes on its series. `before` is used again where it comes out the same. */
  #plan(layout: SeriesLayout, before: Plan | undefined): Plan {
    const series = layout.series
    const results: Series[] = []
    const kept = new Int32Array(series.length)
    let changed = false
    for (let i = 0; i < series.length; i++) {
      const result = this.#result(series[i] as Series)
      if (result === null) continue
      if (result !== series[i]) changed = true
      kept[results.length] = i
      results.push(result)
    }
    const keptAll = results.length === series.length
    let out: SeriesLayout | null = null
    if (keptAll && !changed) out = layout
    else if (results.length > 0) {
      out = before?.layout && sameSeries(before.layout.series, results) ? before.layout : new SeriesLayout(results)
    }
    if (
      before !== undefined &&
      out === before.layout &&
      sameSlots(before.kept, keptAll ? null : kept, results.length)
    ) {
      before.generation = this.#current.number
      return before
    }
    const plan = new Plan(keptAll ? null : kept.slice(0, results.length), out, this.#current.number)
    setNote(layout, this.#owner, plan)
    return plan
  }

  /** What becomes of `series`; null: dropped. */
  #result(series: Series): Series | null {
    const current = this.#current
    const previous = this.#previous
    const note = noteOf(series, this.#owner)
    if (note === current.dropped || note === current.same) {
      this.hits++
      return note === current.same ? series : null
    }
    if (note === previous.dropped || note === previous.same) {
      this.hits++
      previous.size--
      current.size++
      setNote(series, this.#owner, note === previous.same ? current.same : current.dropped)
      return note === previous.same ? series : null
    }
    const known = note instanceof Changed ? note : undefined
    if (known !== undefined && known.generation >= previous.number) {
      this.hits++
      if (known.generation === previous.number) {
        previous.size--
        current.size++
        known.generation = current.number
      }
      return known.series
    }
    this.misses++
    current.size++
    current.workedOut++
    const labels = relabel(series.labels, this.#rules)
    if (labels === null || labels.length === 0) {
      setNote(series, this.#owner, current.dropped)
      return null
    }
    if (labels === series.labels) {
      setNote(series, this.#owner, current.same)
      return series
    }
    // What others noted on the series of an older result stays of use.
    const again = known !== undefined && labelsEqual(known.series.labels, labels)
    const result = again ? known.series : new Series(labels, series.metadata)
    setNote(series, this.#owner, new Changed(result, current.number))
    return result
  }

  #gather(batch: SeriesBatch, plan: Plan): SeriesBatch | null {
    const { layout, kept } = plan
    if (layout === null || batch.count === 0) return null
    if (kept === null) return layout === batch.layout ? batch : new SeriesBatch({ ...batch, layout })
    const n = kept.length
    const values = gatherFloats(batch.values, kept)
    let flags: Uint8Array | null = null
    if (batch.flags !== null) {
      flags = new Uint8Array(n)
      let any = 0
      let present = false
      for (let i = 0; i < n; i++) {
        const flag = batch.flags[kept[i] as number] as number
        flags[i] = flag
        any |= flag
        if (flag !== SlotFlag.absent) present = true
      }
      if (!present) return null
      if (any === 0) flags = null
    }
    let exemplars: SlotExemplar[] | null = null
    if (batch.exemplars !== null) {
      const newSlots = plan.newSlots(kept, batch.values.length)
      for (const exemplar of batch.exemplars) {
        const slot = newSlots[exemplar.slot] as number
        if (slot >= 0) (exemplars ??= []).push({ ...exemplar, slot })
      }
    }
    let histograms: (NativeHistogram | null)[] | null = null
    if (batch.histograms !== null) {
      const all = batch.histograms
      const some = Array.from(kept, (slot) => all[slot] ?? null)
      if (some.some((histogram) => histogram !== null)) histograms = some
    }
    return new SeriesBatch({
      layout,
      values,
      flags,
      timestampMs: batch.timestampMs,
      timestampsMs: batch.timestampsMs && gatherFloats(batch.timestampsMs, kept),
      startsMs: batch.startsMs && gatherFloats(batch.startsMs, kept),
      exemplars,
      histograms,
    })
  }
}

function gatherFloats(from: Float64Array, slots: Int32Array): Float64Array {
  const out = new Float64Array(slots.length)
  for (let i = 0; i < slots.length; i++) out[i] = from[slots[i] as number] as number
  return out
}

function sameSeries(a: readonly Series[], b: readonly Series[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function sameSlots(before: Int32Array | null, kept: Int32Array | null, n: number): boolean {
  if (before === null || kept === null) return before === kept
  if (before.length !== n) return false
  for (let i = 0; i < n; i++) if (before[i] !== kept[i]) return false
  return true
}
