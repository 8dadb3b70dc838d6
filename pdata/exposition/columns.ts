// What one reading of a target gave, in columns that are used again by the next.
import type { Labels, NativeHistogram, Series } from '#pdata'
import { SlotFlag } from '#pdata'

export interface ColumnsOptions {
  /** Samples after which the reading fails; 0: no limit. */
  readonly sampleLimit: number
  /** Use the timestamps in the exposition. */
  readonly honorTimestamps: boolean
  /** Series with timestamps of their own get staleness markers too. */
  readonly trackTimestampsStaleness: boolean
}

/** A limit of the settings was passed, so the reading failed as a whole. */
export class LimitError extends Error {
  override readonly name = 'LimitError'
  /** The setting. */
  readonly limit: string
  constructor(limit: string, message: string) {
    super(message)
    this.limit = limit
  }
}

export interface ReadExemplar {
  readonly slot: number
  readonly labels: Labels
  readonly value: number
  readonly timestampMs: number
}

/** An exemplar's labels may have this many characters together (OpenMetrics, section "Exemplars"). */
export const exemplarCharactersMax = 128

/** Samples further ahead than this are refused (Prometheus scrape/scrape.go, maxAheadTime). */
const aheadMsMax = 10 * 60 * 1000

/**
 * One slot per entry of the exposition, in its order. Owned by the reader: valid until the next reading begins; arrays are
 * longer than `count`. (`exemplars` and `histograms` are made anew by each reading that has some: they may be kept.)
 */
export class Columns {
  readonly #options: ColumnsOptions
  /** The series of the slots. The same array as the last time unless `changed`. */
  series: readonly Series[] = []
  /** Is the set or the order of the series another one than in the last reading that succeeded? */
  changed = false
  count = 0
  values = new Float64Array(0)
  flags = new Uint8Array(0)
  /** 1: the slot's series takes part in staleness tracking after this reading. */
  tracked = new Uint8Array(0)
  timestampsMs = new Float64Array(0)
  startsMs = new Float64Array(0)
  histograms: (NativeHistogram | null)[] = []
  exemplars: ReadExemplar[] = []
  /** Is a flag other than `value` there? */
  hasFlags = false
  hasTimestamps = false
  hasStarts = false
  hasHistograms = false
  /** Is a slot not tracked? */
  hasUntracked = false
  /** Samples that were read. */
  samplesScraped = 0
  /** Those of them whose series may be: all, unless one broke a limit and ended the reading. */
  samplesAdded = 0
  /** Series not seen before. */
  seriesAdded = 0
  duplicates = 0
  outOfBounds = 0
  #appended = 0
  #timestampMs = 0
  #timestampMsMax = 0
  /** Why the reading failed as a whole. */
  error: Error | null = null
  limitExceeded = false
  bucketLimitExceeded = false

  constructor(options: ColumnsOptions) {
    this.#options = options
  }

  begin(timestampMs: number): void {
    this.count = 0
    this.changed = false
    this.hasFlags = false
    this.hasTimestamps = false
    this.hasStarts = false
    this.hasHistograms = false
    this.hasUntracked = false
    this.samplesScraped = 0
    this.samplesAdded = 0
    this.seriesAdded = 0
    this.duplicates = 0
    this.outOfBounds = 0
    this.#appended = 0
    this.#timestampMs = timestampMs
    this.#timestampMsMax = timestampMs + aheadMsMax
    this.error = null
    this.limitExceeded = false
    this.bucketLimitExceeded = false
    if (this.exemplars.length > 0) this.exemplars = []
    if (this.histograms.length > 0) this.histograms = []
  }

  /** Make room for `slots` slots. */
  reserve(slots: number): void {
    if (slots > this.values.length) {
      const length = Math.max(slots, this.values.length * 2, 64)
      this.values = grown(this.values, length)
      const flags = new Uint8Array(length)
      flags.set(this.flags)
      this.flags = flags
      const tracked = new Uint8Array(length)
      tracked.set(this.tracked)
      this.tracked = tracked
    }
    // Few targets give timestamps: their columns are made with the first.
    if (this.hasTimestamps) this.timestampsMs = grown(this.timestampsMs, this.values.length)
    if (this.hasStarts) this.startsMs = grown(this.startsMs, this.values.length)
  }

  /** The first `slots` slots hold plain samples at the scrape's time, in `values` already. */
  plainUpTo(slots: number): void {
    this.flags.fill(SlotFlag.value, this.count, slots)
    this.tracked.fill(1, this.count, slots)
    if (this.hasTimestamps) this.timestampsMs.fill(this.#timestampMs, this.count, slots)
    if (this.hasStarts) this.startsMs.fill(0, this.count, slots)
    this.#appended += slots - this.count
    this.samplesScraped += slots - this.count
    this.samplesAdded += slots - this.count
    this.count = slots
  }

  /**
   * The sample of the next slot. `first`: the slot of the same series' first sample in this reading, or the slot itself.
   * Returns whether the sample stands.
   */
  add(first: number, value: number, timestampMs: number | undefined, histogram: NativeHistogram | null): boolean {
    const slot = this.count
    this.reserve(slot + 1)
    this.count = slot + 1
    this.values[slot] = value
    this.flags[slot] = SlotFlag.value
    this.tracked[slot] = 0
    if (this.hasStarts) this.startsMs[slot] = 0
    this.samplesScraped++
    this.samplesAdded++
    const given = this.#options.honorTimestamps ? timestampMs : undefined
    this.#setTimestamp(slot, given)
    if (histogram) this.#setHistogram(slot, histogram)
    if (first !== slot && given === undefined) {
      this.duplicates++
      this.#absent(slot)
      return false
    }
    if (given !== undefined && given > this.#timestampMsMax) {
      this.outOfBounds++
      this.#absent(slot)
      return false
    }
    this.#appended++
    const { sampleLimit } = this.#options
    if (sampleLimit > 0 && this.#appended > sampleLimit) {
      this.limitExceeded = true
      this.#absent(slot)
      return false
    }
    if (given === undefined || this.#options.trackTimestampsStaleness) this.tracked[first] = 1
    if (this.tracked[slot] === 0) this.hasUntracked = true
    return true
  }

  #absent(slot: number): void {
    this.flags[slot] = SlotFlag.absent
    this.hasFlags = true
    this.hasUntracked = true
  }

  /** A slot that holds something else than a sample. */
  addAbsent(): void {
    const slot = this.count
    this.reserve(slot + 1)
    this.count = slot + 1
    this.values[slot] = 0
    this.tracked[slot] = 0
    if (this.hasStarts) this.startsMs[slot] = 0
    this.#setTimestamp(slot, undefined)
    this.#absent(slot)
  }

  #setTimestamp(slot: number, given: number | undefined): void {
    if (given !== undefined && !this.hasTimestamps) {
      this.hasTimestamps = true
      this.timestampsMs = grown(this.timestampsMs, this.values.length)
      this.timestampsMs.fill(this.#timestampMs, 0, slot)
    }
    if (this.hasTimestamps) this.timestampsMs[slot] = given ?? this.#timestampMs
  }

  #setHistogram(slot: number, histogram: NativeHistogram): void {
    this.hasHistograms = true
    this.hasFlags = true
    this.flags[slot] = SlotFlag.histogram
    this.histograms[slot] = histogram
  }

  setStart(slot: number, startMs: number): void {
    if (!this.hasStarts) {
      this.hasStarts = true
      this.startsMs = grown(this.startsMs, this.values.length)
      this.startsMs.fill(0, 0, this.count)
    }
    this.startsMs[slot] = startMs
  }

  /** An exemplar of the last slot. One without a timestamp gets its sample's; one with too long labels is left out. */
  addExemplar(labels: Labels, value: number, timestampMs: number | undefined): void {
    const slot = this.count - 1
    let characters = 0
    for (const text of labels) for (const _ of text) characters++
    if (characters > exemplarCharactersMax) return
    const own = this.hasTimestamps ? (this.timestampsMs[slot] as number) : this.#timestampMs
    this.exemplars.push({ slot, labels, value, timestampMs: timestampMs ?? own })
  }

  /** Call when all was read: says that a limit was passed. */
  finish(): void {
    const { sampleLimit } = this.#options
    if (sampleLimit > 0 && this.#appended > sampleLimit) this.limitExceeded = true
    if (this.error !== null) return
    if (this.limitExceeded) this.error = new LimitError('sample_limit', 'sample limit exceeded')
    else if (this.bucketLimitExceeded) {
      this.error = new LimitError('native_histogram_bucket_limit', 'histogram bucket limit exceeded')
    }
  }
}

function grown(from: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (from.length >= length) return from
  const to = new Float64Array(length)
  to.set(from)
  return to
}
