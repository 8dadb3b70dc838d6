// Attributes that are looked up again and again while they are made.
import type { AnyValue, Attributes } from '#pdata/otlp'

/** From so many on a scan takes longer than a Map. */
const scannedMax = 16

/**
 * Finds by key in linear time altogether: how many there are is the sender's choice. Nobody else may add to the list or take
 * from it meanwhile. Of several of one key the first counts.
 */
export class AttributeIndex {
  readonly #entries: Attributes
  #byKey: Map<string, number> | null = null

  constructor(entries: Attributes) {
    this.#entries = entries
  }

  #find(key: string): number {
    const entries = this.#entries
    if (this.#byKey !== null) return this.#byKey.get(key) ?? -1
    if (entries.length > scannedMax) {
      const byKey = new Map<string, number>()
      for (let i = entries.length - 1; i >= 0; i--) byKey.set((entries[i] as Attributes[number]).key, i)
      this.#byKey = byKey
      return byKey.get(key) ?? -1
    }
    for (let i = 0; i < entries.length; i++) if (entries[i]?.key === key) return i
    return -1
  }

  has(key: string): boolean {
    return this.#find(key) >= 0
  }

  get(key: string): AnyValue | undefined {
    return this.#entries[this.#find(key)]?.value
  }

  /** In its place, or behind all others. */
  set(key: string, value: AnyValue): void {
    const entries = this.#entries
    const entry = entries[this.#find(key)]
    if (entry !== undefined) entry.value = value
    else {
      this.#byKey?.set(key, entries.length)
      entries.push({ key, value })
    }
  }
}
