// Classic histograms as native ones with custom buckets, where a target's settings ask for it.
import type { MetricType } from '#pdata'
import { labelsFrom, labelValue, Series, SlotFlag } from '#pdata'
import { Columns, customBucketHistogram, parseGoFloat } from '#pdata/exposition'

/** Where the parts of one classic histogram stand. */
interface Group {
  readonly series: Series
  readonly bounds: number[]
  readonly buckets: number[]
  infinite: number
  sum: number
  count: number
}

/** Where a slot that goes out comes from: a slot that came in, or a group. */
type Origin = number | Group

const plain = { sampleLimit: 0, honorTimestamps: true, trackTimestampsStaleness: false } as const

/**
 * Stands between a reader and the ledger. What goes where is worked out anew only when the series changed; the native
 * series are the same objects from one scrape to the next.
 */
export class HistogramConverter {
  readonly #keepClassic: boolean
  readonly #out = new Columns(plain)
  #origins: Origin[] = []
  #series: Series[] = []
  #input: readonly Series[] | null = null
  /** By the old labels, so that a histogram keeps its object. */
  #groups = new Map<string, Group>()
  /** The slot that goes out, by the one that came in; for exemplars. */
  #outOf = new Int32Array(0)

  constructor(keepClassic: boolean) {
    this.#keepClassic = keepClassic
  }

  /** `typeOf`: what type was announced for a slot's series. The result is valid until the next call. */
  convert(columns: Columns, typeOf: (slot: number) => MetricType): Columns {
    const changed = columns.changed || columns.series !== this.#input
    if (changed) this.#plan(columns, typeOf)
    this.#input = columns.series
    const out = this.#out
    out.begin(0)
    out.series = this.#series
    out.changed = changed
    out.hasTimestamps = columns.hasTimestamps
    out.hasStarts = columns.hasStarts
    out.reserve(this.#origins.length)
    out.hasFlags = columns.hasFlags
    out.hasUntracked = columns.hasUntracked
    out.count = this.#origins.length
    for (let slot = 0; slot < this.#origins.length; slot++) {
      const origin = this.#origins[slot] as Origin
      if (typeof origin === 'number') this.#copy(columns, origin, slot)
      else this.#convert(columns, origin, slot)
    }
    for (const exemplar of columns.exemplars) {
      out.exemplars.push({ ...exemplar, slot: this.#outOf[exemplar.slot] as number })
    }
    const fewer = columns.count - out.count
    out.samplesScraped = columns.samplesScraped - fewer
    out.samplesAdded = columns.samplesAdded - fewer
    out.seriesAdded = Math.min(columns.seriesAdded, out.count)
    return out
  }

  #copy(columns: Columns, from: number, to: number): void {
    const out = this.#out
    out.values[to] = columns.values[from] as number
    out.flags[to] = columns.flags[from] as number
    out.tracked[to] = columns.tracked[from] as number
    if (out.hasTimestamps) out.timestampsMs[to] = columns.timestampsMs[from] as number
    if (out.hasStarts) out.startsMs[to] = columns.startsMs[from] as number
    const histogram = columns.histograms[from]
    if (histogram) {
      out.histograms[to] = histogram
      out.hasHistograms = true
    }
  }

  #convert(columns: Columns, group: Group, to: number): void {
    const out = this.#out
    const { values, flags } = columns
    const last = group.infinite >= 0 ? group.infinite : group.count
    const from = group.buckets[0] ?? last
    this.#copy(columns, from, to)
    const cumulative = group.buckets.map((slot) => values[slot] as number)
    cumulative.push(values[last] as number)
    const sum = group.sum >= 0 ? (values[group.sum] as number) : 0
    const whole = group.buckets.every((slot) => flags[slot] === SlotFlag.value)
    const histogram = whole ? customBucketHistogram(group.bounds, cumulative, sum) : undefined
    out.values[to] = 0
    out.hasFlags = true
    out.flags[to] = histogram ? SlotFlag.histogram : SlotFlag.absent
    if (!histogram) return
    out.histograms[to] = histogram
    out.hasHistograms = true
  }

  #plan(columns: Columns, typeOf: (slot: number) => MetricType): void {
    const groups = new Map<string, Group>()
    this.#origins = []
    this.#series = []
    this.#outOf = new Int32Array(columns.count)
    const places = new Map<Group, number>()
    for (let slot = 0; slot < columns.count; slot++) {
      const series = columns.series[slot] as Series
      const part = typeOf(slot) === 'histogram' && !columns.histograms[slot] ? partOf(series) : undefined
      if (part) {
        const group = this.#groupOf(groups, series, part.family)
        addPart(group, part, slot)
        let place = places.get(group)
        if (place === undefined) {
          place = this.#push(group, group.series)
          places.set(group, place)
        }
        this.#outOf[slot] = place
        if (!this.#keepClassic) continue
      }
      const place = this.#push(slot, series)
      if (!part) this.#outOf[slot] = place
    }
    for (const group of groups.values()) sortBounds(group)
    this.#groups = groups
  }

  #push(origin: Origin, series: Series): number {
    this.#origins.push(origin)
    return this.#series.push(series) - 1
  }

  #groupOf(groups: Map<string, Group>, series: Series, family: string): Group {
    const pairs: [string, string][] = []
    for (let i = 0; i < series.labels.length; i += 2) {
      const name = series.labels[i] as string
      if (name !== 'le') pairs.push([name, name === '__name__' ? family : (series.labels[i + 1] as string)])
    }
    const key = JSON.stringify(pairs)
    const known = groups.get(key)
    if (known) return known
    const before = this.#groups.get(key)?.series
    const made: Group = {
      series: before?.metadata === series.metadata ? before : new Series(labelsFrom(pairs), series.metadata),
      bounds: [],
      buckets: [],
      infinite: -1,
      sum: -1,
      count: -1,
    }
    groups.set(key, made)
    return made
  }
}

interface Part {
  readonly family: string
  readonly kind: 'bucket' | 'sum' | 'count'
  readonly bound: number
}

function partOf(series: Series): Part | undefined {
  const name = labelValue(series.labels, '__name__')
  if (name.endsWith('_sum')) return { family: name.slice(0, -4), kind: 'sum', bound: 0 }
  if (name.endsWith('_count')) return { family: name.slice(0, -6), kind: 'count', bound: 0 }
  if (!name.endsWith('_bucket')) return undefined
  for (let i = 0; i < series.labels.length; i += 2) {
    if (series.labels[i] !== 'le') continue
    const bound = parseGoFloat(series.labels[i + 1] as string)
    return bound === undefined || Number.isNaN(bound) ? undefined : { family: name.slice(0, -7), kind: 'bucket', bound }
  }
  return undefined
}

function addPart(group: Group, part: Part, slot: number): void {
  if (part.kind === 'sum') group.sum = slot
  else if (part.kind === 'count') group.count = slot
  else if (part.bound === Infinity) group.infinite = slot
  else {
    group.bounds.push(part.bound)
    group.buckets.push(slot)
  }
}

function sortBounds(group: Group): void {
  const order = [...group.bounds.keys()].sort((a, b) => (group.bounds[a] as number) - (group.bounds[b] as number))
  const bounds = order.map((i) => group.bounds[i] as number)
  const buckets = order.map((i) => group.buckets[i] as number)
  group.bounds.splice(0, bounds.length, ...bounds)
  group.buckets.splice(0, buckets.length, ...buckets)
}
