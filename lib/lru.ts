// A map of bounded size that forgets what was not asked for longest.

/** With a size of 0 it holds nothing. */
export class Lru<K, V> {
  #sizeMax: number
  /** The least recently used first. */
  readonly #entries = new Map<K, V>()

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#entries.size
  }

  /** What is too much for the new size is forgotten. */
  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= Math.max(0, sizeMax)) break
      this.#entries.delete(key)
    }
  }

  /** Asking makes it the most recently used. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: K, value: V): void {
    if (this.#sizeMax <= 0) return
    this.#entries.delete(key)
    if (this.#entries.size >= this.#sizeMax) this.#entries.delete(this.#entries.keys().next().value as K)
    this.#entries.set(key, value)
  }
}
