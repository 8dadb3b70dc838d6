// What is known of metric families, for endpoints that are told of it apart from the samples (version 1 of the protocol).
import { type Metadata, noteOf, type SeriesLayout, setNote } from '#pdata'

/** Families kept at most: what a store would be told of one more is not worth unbounded memory. */
const familiesMax = 100_000

/**
 * Collects the metadata of the series that pass by. A layout is walked once, so that a repeated batch costs one look at a
 * note. Families not seen for two rounds are forgotten.
 */
export class MetadataCollector {
  readonly #owner = {}
  /** The metadata lists of the layouts of this round and of the one before. */
  #round = new Set<readonly Metadata[]>()
  #before = new Set<readonly Metadata[]>()
  #roundBegan = 0

  observe(layout: SeriesLayout): void {
    const known = noteOf(layout, this.#owner)
    if (known !== undefined) {
      this.#round.add(known as readonly Metadata[])
      return
    }
    const found = new Set<Metadata>()
    for (const { metadata } of layout.series) if (metadata !== null) found.add(metadata)
    const list = [...found]
    setNote(layout, this.#owner, list)
    this.#round.add(list)
  }

  /** Everything known now, one entry a family. Rounds turn at most once in `roundMs`. */
  current(nowMs: number, roundMs: number): Metadata[] {
    const byFamily = new Map<string, Metadata>()
    for (const lists of [this.#before, this.#round]) {
      for (const list of lists) {
        for (const metadata of list) {
          if (byFamily.size >= familiesMax && !byFamily.has(metadata.family)) continue
          byFamily.set(metadata.family, metadata)
        }
      }
    }
    if (nowMs - this.#roundBegan >= roundMs) {
      this.#roundBegan = nowMs
      this.#before = this.#round
      this.#round = new Set()
    }
    return [...byFamily.values()]
  }
}
